"""MultiOptimizer: an optimizer for each part of a model."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from minikeras import naming
from minikeras.optimizers.loss_scale import LossScaleOptimizer
from minikeras.optimizers.optimizer import Optimizer
from minikeras.saving.serialization import (
    deserialize_keras_object,
    serialize_keras_object,
)
from minikeras.variable import Variable

if TYPE_CHECKING:
    from minikeras.types import LearningRate


class OptimizerMap(MutableMapping[str, Optimizer]):
    """Optimizers by regular expressions that match whole variable paths.

    Args:
        default_optimizer: For variables that nothing matches.
        optimizer_map: Expression to optimizer.

    Raises:
        ValueError: If a key is no string, is there already, or a value is no optimizer, or
            one that has others inside.

    Example:

    >>> chosen = keras.optimizers.OptimizerMap(keras.optimizers.SGD(name="rest"))
    >>> chosen["encoder/.*"] = keras.optimizers.Adam(name="first")
    >>> chosen["encoder/kernel"].name, chosen["head/kernel"].name
    ('first', 'rest')
    """

    def __init__(
        self,
        default_optimizer: Optimizer,
        optimizer_map: dict[str, Optimizer] | None = None,
    ) -> None:
        self._default_optimizer = default_optimizer
        self._optimizer_map: dict[str, Optimizer] = {}
        for key, optimizer in (optimizer_map or {}).items():
            self[key] = optimizer

    @property
    def default_optimizer(self) -> Optimizer:
        """The optimizer of variables that nothing matches."""
        return self._default_optimizer

    def __call__(self, variable: Variable) -> Optimizer:
        """The optimizer of a variable, by its path."""
        return self[variable.path]

    def __getitem__(self, key: str) -> Optimizer:
        if key in self._optimizer_map:
            return self._optimizer_map[key]
        found = [k for k in self._optimizer_map if re.fullmatch(k, key)]
        if len(found) > 1:
            raise ValueError(
                f"OptimizerMap: {key!r} is matched by {found}; expected one expression at most."
            )
        return self._optimizer_map[found[0]] if found else self._default_optimizer

    def __setitem__(self, key: str, optimizer: Optimizer) -> None:
        if not isinstance(key, str):
            raise ValueError(f"OptimizerMap: key {key!r}; expected a string.")
        if key in self._optimizer_map:
            raise ValueError(
                f"OptimizerMap: key {key!r} is there already, with "
                f"{self._optimizer_map[key].name!r}; delete it first."
            )
        if not isinstance(optimizer, Optimizer):
            raise ValueError(
                f"OptimizerMap: {optimizer!r} for {key!r}; expected an Optimizer."
            )
        _refuse_nested(optimizer, f"OptimizerMap: {key!r}")
        self._optimizer_map[key] = optimizer

    def __delitem__(self, key: str) -> None:
        del self._optimizer_map[key]

    def __contains__(self, key: object) -> bool:
        return key in self._optimizer_map

    def __len__(self) -> int:
        return len(self._optimizer_map)

    def __iter__(self) -> Iterator[str]:
        return iter(self._optimizer_map)

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs to make the same map again."""
        return {
            "default_optimizer": serialize_keras_object(self._default_optimizer),
            "optimizer_map": serialize_keras_object(dict(self._optimizer_map)),
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> Self:
        """The map that `get_config` described."""
        return cls(
            **{
                key: deserialize_keras_object(value, custom_objects=custom_objects)
                for key, value in config.items()
            }
        )


class MultiOptimizer(Optimizer):
    """Gives each variable to one of several optimizers.

    Args:
        optimizer_map: An `OptimizerMap`, a function from a variable to its optimizer, or
            one optimizer for all.
        loss_scale_factor: Factor that the loss was scaled by; divides all gradients.
        name: Name of the optimizer.

    Raises:
        ValueError: If `optimizer_map` is none of these; in `build`, if it gives something
            else than an optimizer, or one that has others inside.

    Example:

    >>> slow = keras.optimizers.SGD(0.1)
    >>> fast = keras.optimizers.SGD(1.0)
    >>> optimizer = keras.optimizers.MultiOptimizer(
    ...     keras.optimizers.OptimizerMap(slow, {"head": fast})
    ... )
    >>> body, head = keras.Variable([1.0], name="body"), keras.Variable([1.0], name="head")
    >>> optimizer.apply([[0.5], [0.5]], [body, head])
    >>> body.numpy().tolist(), head.numpy().tolist()
    ([0.95], [0.5])
    """

    def __init__(
        self,
        optimizer_map: OptimizerMap | Callable[[Variable], Optimizer] | Optimizer,
        loss_scale_factor: float | None = None,
        name: str | None = None,
    ) -> None:
        if not isinstance(optimizer_map, Optimizer) and not callable(optimizer_map):
            raise ValueError(
                f"MultiOptimizer: optimizer_map={naming.shown(optimizer_map)}; "
                "expected an OptimizerMap or "
                "a function from a variable to its optimizer."
            )
        super().__init__(
            learning_rate=0.0, loss_scale_factor=loss_scale_factor, name=name
        )
        self.optimizer_map = optimizer_map
        self._optimizers: list[Optimizer] = []
        self._chosen: dict[Variable, Optimizer] = {}
        if isinstance(optimizer_map, OptimizerMap):
            for optimizer in (*optimizer_map.values(), optimizer_map.default_optimizer):
                self._add(optimizer)

    def _choose(self, variable: Variable) -> Optimizer:
        given = self.optimizer_map
        chosen = given if isinstance(given, Optimizer) else given(variable)
        if not isinstance(chosen, Optimizer):
            raise ValueError(
                f"MultiOptimizer: optimizer_map gives {chosen!r} for variable "
                f"{variable.path!r}; expected an Optimizer."
            )
        _refuse_nested(chosen, f"MultiOptimizer: variable {variable.path!r}")
        return chosen

    def _add(self, optimizer: Optimizer) -> None:
        if not any(o is optimizer for o in self._optimizers):
            # One factor for all, as one loss is scaled.
            optimizer.loss_scale_factor = self.loss_scale_factor
            self._optimizers.append(optimizer)

    @property
    def optimizers(self) -> list[Optimizer]:
        """The optimizers, in the order of their variables."""
        return self._optimizers[:]

    @property
    def variables(self) -> list[Variable]:
        """Its own variables, then those of each optimizer."""
        inner = [v for o in self.__dict__.get("_optimizers", ()) for v in o.variables]
        return self._variables + inner

    @property
    def unstored_variables(self) -> list[Variable]:
        """None of its own; those of its optimizers, which keep them beside themselves."""
        return [v for o in self._optimizers for v in o.unstored_variables]

    @property
    def learning_rate(self) -> Any:
        """There is none: each optimizer has its own."""
        raise AttributeError(
            f"optimizer {self.name!r}: a MultiOptimizer has no learning rate; use those of "
            "its `optimizers`."
        )

    @learning_rate.setter
    def learning_rate(self, learning_rate: LearningRate) -> None:
        raise AttributeError(
            f"optimizer {self.name!r}: a MultiOptimizer has no learning rate to set; set "
            "those of its `optimizers`."
        )

    def build(self, variables: Sequence[Variable]) -> None:
        """Choose an optimizer for each variable, and build those."""
        if self.built:
            return
        chosen = {variable: self._choose(variable) for variable in variables}
        super().build(variables)
        self._chosen = chosen
        for optimizer in chosen.values():
            self._add(optimizer)
        for optimizer in self._optimizers:
            own = [v for v in variables if self._chosen[v] is optimizer]
            if own:
                optimizer.build(own)

    def _overwrite_directly(
        self, grads: list[Any], variables: list[Variable]
    ) -> tuple[list[Any], list[Variable]]:
        """Nothing: the chosen optimizers do all of the step, this included."""
        for optimizer in self._optimizers:
            own = [i for i, v in enumerate(variables) if self._chosen[v] is optimizer]
            if own:
                optimizer.apply([grads[i] for i in own], [variables[i] for i in own])
        return [], []

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """What each optimizer does at the end of training."""
        for optimizer in self._optimizers:
            own = [v for v in var_list if self._chosen.get(v) is optimizer]
            if own:
                optimizer.finalize_variable_values(own)

    def get_config(self) -> dict[str, Any]:
        return {
            "optimizer_map": serialize_keras_object(self.optimizer_map),
            "loss_scale_factor": self.loss_scale_factor,
            "name": self.name,
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> Self:
        chosen = deserialize_keras_object(
            config["optimizer_map"], custom_objects=custom_objects
        )
        return cls(chosen, config["loss_scale_factor"], config["name"])


def _refuse_nested(optimizer: Optimizer, where: str) -> None:
    if isinstance(optimizer, (MultiOptimizer, LossScaleOptimizer)):
        raise ValueError(
            f"{where} has a {type(optimizer).__name__}; expected an optimizer without "
            "others inside. A MultiOptimizer may be inside a LossScaleOptimizer."
        )
