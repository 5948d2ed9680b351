"""`K.function`, `K.gradients` and the learning phase: Keras 2's work on graphs of tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minikeras import ops, tree
from minikeras.engine.autodiff import GradientTape
from minikeras.engine.symbolic import KerasTensor, is_keras_tensor
from minikeras.engine.warn import warn_user
from minikeras.layers.base.node import Operation
from minikeras.utils.sources import get_source_inputs
from minikeras.variable import Variable


class _Gradients(Operation):
    """Derivatives of the sum of a tensor of a graph, as a step of the graph.

    Args:
        loss: The tensor.
        variables: Tensors of the same graph, and variables.
        sources: The graph's inputs.
    """

    def __init__(
        self,
        loss: KerasTensor,
        variables: list[KerasTensor | Variable],
        sources: list[KerasTensor],
    ) -> None:
        super().__init__()
        self._loss, self._variables, self._sources = loss, variables, sources

    def compute_output_spec(self, *values: object) -> list[KerasTensor]:
        return [KerasTensor(tuple(v.shape), v.dtype) for v in self._variables]

    def call(self, *values: Any) -> list[Any]:
        return [self._slope(one, list(values)) for one in self._variables]

    def _slope(self, one: KerasTensor | Variable, values: list[Any]) -> Any:
        from minikeras.models import Function

        if isinstance(one, Variable):
            forward = Function(self._sources, self._loss)
            with GradientTape() as tape:
                total = forward(values)
            return tape.gradient(total, one, unconnected_gradients="zero")
        # The graph is cut at the tensor: its value is computed, and the rest from it.
        middle = Function(self._sources, one)(values)
        rest = Function([one, *(s for s in self._sources if s is not one)], self._loss)
        others = [v for s, v in zip(self._sources, values) if s is not one]
        with GradientTape() as tape:
            tape.watch(middle)
            total = rest([middle, *others])
        return tape.gradient(total, middle, unconnected_gradients="zero")


def gradients(loss: Any, variables: Any) -> list[Any]:
    """Derivatives of the sum of `loss`, a tensor of a model's graph.

    Args:
        loss: KerasTensor, any shape.
        variables: A tensor of the same graph or a variable, or a list of them.

    Returns:
        A list of KerasTensors in the shapes of `variables`, for `K.function`; zeros where
        the loss does not depend on one.

    Raises:
        RuntimeError: If `loss` is a value: values do not remember how they were made.
    """
    if not is_keras_tensor(loss):
        raise RuntimeError(
            "K.gradients: results do not remember how they were made. Compute the loss inside "
            "`with keras.GradientTape() as tape:` and call tape.gradient(loss, variables)."
        )
    wanted = list(variables) if isinstance(variables, (list, tuple)) else [variables]
    tensors = [one for one in wanted if not isinstance(one, Variable)]
    sources = get_source_inputs([loss, *tensors])
    found: list[Any] = _Gradients(loss, wanted, sources)(*sources)
    return found


def learning_phase() -> int:
    """0: layers are told by `training=` whether they train.

    Among the inputs of `K.function` it stands for what is given there: 0 or 1.
    """
    return 0


def set_learning_phase(value: int) -> None:
    """Kept for old scripts: pass `training=` to the call instead.

    Raises:
        ValueError: If the value is neither 0 nor 1.
    """
    if value not in (0, 1):
        raise ValueError(f"set_learning_phase: got {value!r}; expected 0 or 1.")
    if value == 1:
        warn_user(
            "K.set_learning_phase(1) changes nothing: pass training=True to the call."
        )


def function(
    inputs: Sequence[Any],
    outputs: Any,
    updates: Sequence[Any] | None = None,
    name: str | None = None,
) -> Callable[..., Any]:
    """A callable from symbolic inputs to arrays of the outputs.

    Args:
        inputs: KerasTensors; `K.learning_phase()` among them takes 0 or 1, whether layers
            train. A single one needs no list.
        outputs: KerasTensor or a list of them.
        updates: Nothing, or an empty list.
        name: Of nothing; kept for old scripts.

    Raises:
        ValueError: If `updates` asks for more than the outputs.
    """
    if updates:
        raise ValueError(
            "K.function: updates cannot be run here; use a layer's variables."
        )
    from minikeras.models import Model

    several = isinstance(outputs, list | tuple)
    wanted = list(outputs) if several else [outputs]
    places = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
    given = [x for x in places if is_keras_tensor(x)]
    phases = [i for i, x in enumerate(places) if not is_keras_tensor(x)]
    model = Model(given, wanted)

    def run(*values: object) -> list[Any] | np.ndarray[Any, Any]:
        fed = values[0] if len(values) == 1 and isinstance(values[0], list) else values
        training = any(bool(fed[i]) for i in phases if i < len(fed))
        kept = [v for i, v in enumerate(fed) if i not in phases]
        found = model([ops.convert_to_tensor(v) for v in kept], training=training)
        arrays = [ops.convert_to_numpy(v) for v in tree.flatten(found)]
        return arrays if several else arrays[0]

    return run


__all__ = ["function", "gradients", "learning_phase", "set_learning_phase"]
