"""Optimizer: what turns gradients into new values of the variables.

Everything in a step is an op on variables, the learning rate and the count of
steps included; constants are Python numbers. So one trained step is one graph,
which the compiler fuses: no optimizer has a kernel of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Self, Unpack

from minikeras import naming, ops, settings
from minikeras.engine import ranks
from minikeras.engine.interpret import base, current, scope
from minikeras.engine.tensor import Tensor
from minikeras.engine.undisturbed import undisturbed
from minikeras.metrics.stateless import with_values
from minikeras.ops import collective
from minikeras.optimizers import legacy
from minikeras.optimizers.arguments import (
    Pairing,
    check_clipping,
    check_momentum,
    check_steps,
)
from minikeras.optimizers.averaging import MovingAverage
from minikeras.optimizers.building import undone_if_it_fails
from minikeras.optimizers.clipping import clip_gradients
from minikeras.optimizers.compiled import compiled_update
from minikeras.optimizers.effects import assign_if
from minikeras.optimizers.legacy import OldNames
from minikeras.optimizers.schedules.schedule import LearningRateSchedule
from minikeras.optimizers.slots import Slots
from minikeras.optimizers.weight_decay import WeightDecay
from minikeras.saving.serialization import (
    deserialize_keras_object,
    serialize_keras_object,
)
from minikeras.types import LearningRate
from minikeras.variable import Variable


class Optimizer(Slots, Pairing, MovingAverage, WeightDecay):
    """Base class of optimizers.

    A subclass writes `build(variables)`, where it makes its own variables with
    `add_optimizer_variables`, and `update_step(gradient, variable, learning_rate)`.

    Args:
        learning_rate: Number, `LearningRateSchedule`, or a function without arguments.
        weight_decay: Each step takes `weight_decay * learning_rate * variable` away.
        clipnorm: Longest norm of each gradient.
        clipvalue: Largest size of each entry of a gradient.
        global_clipnorm: Longest norm of all gradients together.
        use_ema: Keep exponential moving averages of the variables, which replace them
            at the end of training.
        ema_momentum: Share of the old average in the new one.
        ema_overwrite_frequency: Also replace them every that many steps.
        loss_scale_factor: Factor that the loss was scaled by; divides the gradients.
        gradient_accumulation_steps: Update once for that many calls, with the mean.
        name: Default: the class's name in snake case.
        **kwargs: `lr` and `decay`, the names of older Keras.

    Raises:
        ValueError: If an argument is unknown or out of range, or two ways of clipping
            are asked for.

    Example:

    >>> class Plain(keras.optimizers.Optimizer):
    ...     def update_step(self, gradient, variable, learning_rate):
    ...         self.assign_sub(variable, gradient * learning_rate)
    >>> v = keras.Variable([1.0, 2.0])
    >>> Plain(learning_rate=0.5).apply([[1.0, 1.0]], [v])
    >>> v.numpy().tolist()
    [0.5, 1.5]
    """

    _saved_in_parts = True  # for `saving.walk`

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in cls.__dict__:
            cls.build = undone_if_it_fails(cls.__dict__["build"])  # type: ignore[method-assign]  # wrapped once for each class

    def __init__(
        self,
        learning_rate: LearningRate,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Unpack[OldNames],
    ) -> None:
        self._variables: list[Variable] = []
        learning_rate = legacy.translate(learning_rate, kwargs)
        owner = type(self).__name__
        if kwargs:
            raise ValueError(naming.unknown_arguments(type(self), kwargs))
        check_clipping(owner, clipnorm, clipvalue, global_clipnorm)
        check_steps(
            owner, "gradient_accumulation_steps", gradient_accumulation_steps, 2
        )
        if use_ema:
            check_momentum(owner, "ema_momentum", ema_momentum)
            check_steps(owner, "ema_overwrite_frequency", ema_overwrite_frequency, 1)
        self.name = naming.auto_name(owner) if name is None else name
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.global_clipnorm = global_clipnorm
        self.clipvalue = clipvalue
        self.use_ema = use_ema
        self.ema_momentum = ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self.built = False
        self._trainable_variables: list[Variable] = []
        self._index: dict[Variable, int] = {}
        self._accumulated_gradients: list[Variable] = []
        self._excluded: list[Variable] = []
        self._excluded_names: re.Pattern[str] | None = None
        self._iterations = self.add_variable((), dtype="int32", name="iteration")
        self._learning_rate = self._rate_from(learning_rate)

    def _rate_from(self, learning_rate: object) -> Any:
        if isinstance(learning_rate, LearningRateSchedule):
            return learning_rate
        if isinstance(learning_rate, (int, float)) and type(learning_rate) is not bool:
            rate = self.add_variable((), dtype=settings.floatx(), name="learning_rate")
            rate.assign(float(learning_rate))
            return rate
        if callable(learning_rate):
            return learning_rate
        raise ValueError(
            f"{type(self).__name__}: learning_rate={naming.shown(learning_rate)}; "
            "expected a number, a "
            "LearningRateSchedule, or a function without arguments."
        )

    # Settings that change while training.

    @property
    def iterations(self) -> Tensor | Variable:
        """How many updates were made; a variable, or a tensor when accumulating."""
        if self.gradient_accumulation_steps:
            return ops.floor_divide(self._iterations, self.gradient_accumulation_steps)
        return self._iterations

    @property
    def learning_rate(self) -> Any:
        """The current rate: the variable, or what the schedule gives for this step."""
        rate = self._learning_rate
        if isinstance(rate, LearningRateSchedule):
            return rate(self._iterations)
        return rate if isinstance(rate, Variable) else rate()

    @learning_rate.setter
    def learning_rate(self, learning_rate: LearningRate) -> None:
        old = self._learning_rate
        if isinstance(learning_rate, LearningRateSchedule) or (
            callable(learning_rate) and not hasattr(learning_rate, "shape")
        ):
            if isinstance(old, Variable):
                self._variables = [v for v in self._variables if v is not old]
            self._learning_rate = learning_rate
        elif isinstance(old, Variable):
            old.assign(learning_rate)
        else:
            raise TypeError(
                f"optimizer {self.name!r}: its learning rate is {old!r}, so it cannot be set "
                "to a number. Make the optimizer with a number as learning_rate."
            )

    @property
    def lr(self) -> Any:
        """The learning rate, under its name in older Keras."""
        return self.learning_rate

    @lr.setter
    def lr(self, learning_rate: LearningRate) -> None:
        self.learning_rate = learning_rate

    # Variables.

    @undone_if_it_fails
    def build(self, variables: Sequence[Variable]) -> None:
        """Make the state for these variables.

        Args:
            variables: Those that `apply` will be called with.
        """
        variables = list(variables)
        self._build_averages(variables)
        if self.gradient_accumulation_steps:
            self._accumulated_gradients = [
                self.add_variable_from_reference(v, "gradient_accumulator")
                for v in variables
            ]
        self._index = {v: i for i, v in enumerate(variables)}
        self._trainable_variables = variables
        self.built = True

    def _get_variable_index(self, variable: Variable) -> int:
        return self._index[variable]

    # The step.

    def assign(self, variable: Variable, value: object) -> None:
        """Replace a variable's value; `update_step` may call it."""
        variable.assign(value)

    def assign_add(self, variable: Variable, value: object) -> None:
        """Add to a variable's value; `update_step` may call it."""
        variable.assign_add(value)

    def assign_sub(self, variable: Variable, value: object) -> None:
        """Subtract from a variable's value; `update_step` may call it."""
        variable.assign_sub(value)

    def update_step(
        self, gradient: Tensor, variable: Variable, learning_rate: Tensor
    ) -> None:
        """Change one variable by its gradient; a subclass writes this."""
        raise NotImplementedError(
            f"{type(self).__name__} must define update_step(gradient, variable, "
            "learning_rate)."
        )

    def apply_gradients(
        self, grads_and_vars: Iterable[tuple[Any, Variable]]
    ) -> Variable:
        """One step from pairs of gradient and variable.

        Args:
            grads_and_vars: The pairs.

        Returns:
            The count of steps.

        Raises:
            ValueError: If there are none, or no gradient among them.
        """
        pairs = list(grads_and_vars)
        if not pairs:
            raise ValueError(
                f"optimizer {self.name!r}: apply_gradients got no pairs; expected "
                "zip(gradients, variables)."
            )
        self.apply([g for g, _ in pairs], [v for _, v in pairs])
        return self._iterations

    def apply(
        self,
        grads: Sequence[Any],
        trainable_variables: Sequence[Variable] | None = None,
    ) -> None:
        """One step.

        Args:
            grads: One gradient for each variable; None leaves a variable as it is.
            trainable_variables: The variables; default: those of `build`.

        Raises:
            ValueError: If a variable is unknown, a shape does not fit, or every
                gradient is None. Nothing has changed then.
        """
        grads = list(grads)
        if not grads:
            return
        variables = self._variables_for(grads, trainable_variables)
        grads, variables = self._without_none(grads, variables)
        if ranks.several() and not ranks.reduced():
            with ranks.gradients_reduced():
                self._apply(
                    collective.gradients([ops.convert_to_tensor(g) for g in grads]),
                    variables,
                )
        elif current() is base():
            update = compiled_update(self, grads, variables)
            if update is None:
                undisturbed(self._apply, grads, variables)
            else:
                update(grads)
        else:
            self._apply(grads, variables)

    def _apply(self, grads: list[Any], variables: list[Variable]) -> None:
        """One step with the gradients of all ranks."""
        with scope(self.name):
            grads, updated = self._overwrite_directly(grads, variables)
            if self.loss_scale_factor is not None:
                grads = [g / self.loss_scale_factor for g in grads]
            if updated:
                self._backend_apply_gradients(grads, updated)
            for variable in updated:
                if variable.constraint is not None:
                    variable.assign(variable.constraint(variable.value))
            self._iterations.assign_add(1)

    def _overwrite_directly(
        self, grads: list[Any], variables: list[Variable]
    ) -> tuple[list[Any], list[Variable]]:
        """Assign gradients that are values; give back the others.

        Where gradients are accumulated, it is the last of them, at the time of the update.
        """
        rest = []
        for gradient, variable in zip(grads, variables):
            if variable.overwrite_with_gradient:
                steps = self.gradient_accumulation_steps
                if steps:
                    last = ops.equal(ops.mod(self._iterations + 1, steps), 0)
                    gradient = ops.where(last, gradient, variable.value)
                variable.assign(gradient)
            else:
                rest.append((gradient, variable))
        return [g for g, _ in rest], [v for _, v in rest]

    def _backend_apply_gradients(
        self, grads: list[Any], variables: list[Variable]
    ) -> None:
        """Accumulate, clip, decay, update, average."""
        steps = self.gradient_accumulation_steps
        if not steps:
            self._update(grads, variables)
        else:
            held = [
                self._accumulated_gradients[self._get_variable_index(v)]
                for v in variables
            ]
            last = ops.equal(ops.mod(self._iterations + 1, steps), 0)

            def update() -> None:
                means = [(g + a) / steps for g, a in zip(grads, held)]
                self._update(means, variables)

            state = [v for v in self._variables if v is not self._iterations]
            assign_if(last, [*variables, *state], update)
            for gradient, total in zip(grads, held):
                kept = ops.where(last, ops.zeros_like(gradient), total + gradient)
                total.assign(kept)
        self._update_averages(variables)

    def _update(self, grads: list[Any], variables: list[Variable]) -> None:
        grads = self._clip_gradients(grads)
        learning_rate = self.learning_rate
        self._apply_weight_decay(variables)
        self._backend_update_step(grads, variables, learning_rate)

    def _clip_gradients(self, grads: Sequence[Any]) -> list[Any]:
        """The gradients after `clipnorm`, `global_clipnorm` or `clipvalue`; None stays."""
        found = [ops.convert_to_tensor(g) for g in grads if g is not None]
        if found:
            found = clip_gradients(
                found, self.clipnorm, self.global_clipnorm, self.clipvalue
            )
        clipped = iter(found)
        return [None if g is None else next(clipped) for g in grads]

    def _backend_update_step(
        self, grads: list[Any], trainable_variables: list[Variable], learning_rate: Any
    ) -> None:
        for gradient, variable in zip(grads, trainable_variables):
            self.update_step(gradient, variable, learning_rate)

    def stateless_apply(
        self,
        optimizer_variables: Sequence[Any],
        grads: Sequence[Any],
        trainable_variables: Sequence[Any],
    ) -> tuple[list[Any], list[Any]]:
        """One step as a pure function of values; no variable changes.

        Args:
            optimizer_variables: Values of `variables`, in order.
            grads: The gradients.
            trainable_variables: Values of the model's variables, in order.

        Returns:
            New values of the model's variables, and of the optimizer's.

        Raises:
            ValueError: If the optimizer is not built, or lengths differ.
        """
        if not self.built:
            raise ValueError(
                f"optimizer {self.name!r}: stateless_apply needs build(variables) first."
            )
        own, models = self.variables, self._trainable_variables

        def run() -> tuple[list[Any], list[Any]]:
            self.apply(grads)
            return [v.value for v in models], [v.value for v in own]

        values = [*trainable_variables, *optimizer_variables]
        return with_values([*models, *own], values, run)

    def scale_loss(self, loss: Tensor) -> Tensor:
        """The loss times `loss_scale_factor`; take its gradient instead of the loss's."""
        if self.loss_scale_factor is None:
            return loss
        return loss * self.loss_scale_factor

    # Configs.

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs to make the same optimizer again, without its state."""
        rate = self._learning_rate
        stored = (
            float(rate) if isinstance(rate, Variable) else serialize_keras_object(rate)
        )
        return {
            "name": self.name,
            "learning_rate": stored,
            "weight_decay": self.weight_decay,
            "clipnorm": self.clipnorm,
            "global_clipnorm": self.global_clipnorm,
            "clipvalue": self.clipvalue,
            "use_ema": self.use_ema,
            "ema_momentum": self.ema_momentum,
            "ema_overwrite_frequency": self.ema_overwrite_frequency,
            "loss_scale_factor": self.loss_scale_factor,
            "gradient_accumulation_steps": self.gradient_accumulation_steps,
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> Self:
        """The optimizer that `get_config` described."""
        config = dict(config)
        if isinstance(config.get("learning_rate"), dict):
            config["learning_rate"] = deserialize_keras_object(
                config["learning_rate"], custom_objects=custom_objects
            )
        return cls(**config)
