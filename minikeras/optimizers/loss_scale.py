"""LossScaleOptimizer: a loss scale that finds its own size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from minikeras import initializers, naming, ops
from minikeras.engine import ranks
from minikeras.engine.tensor import Tensor
from minikeras.ops import collective
from minikeras.optimizers.effects import assign_if
from minikeras.optimizers.optimizer import Optimizer
from minikeras.optimizers.slots import built_by_a_wrapper
from minikeras.saving.serialization import (
    deserialize_keras_object,
    serialize_keras_object,
)
from minikeras.variable import Variable

if TYPE_CHECKING:
    from minikeras.types import LearningRate


_ON_INNER = ("weight_decay", "clipnorm", "clipvalue", "global_clipnorm", "use_ema",
             "ema_momentum", "ema_overwrite_frequency", "loss_scale_factor",
             "gradient_accumulation_steps")  # fmt: skip


class LossScaleOptimizer(Optimizer):
    """Scales the loss so that float16 gradients do not vanish.

    The scale doubles after `dynamic_growth_steps` steps with finite gradients. A step
    with a gradient that is not finite changes no variable, and halves the scale.

    Args:
        inner_optimizer: What updates the variables. A `loss_scale_factor` of its own is
            not used: the scale is found here.
        initial_scale: The first scale.
        dynamic_growth_steps: After how many good steps the scale doubles.
        name: Name of the optimizer.
        **kwargs: `dynamic=True`, which older Keras took; clipping and the like are set on
            the inner optimizer.

    Raises:
        ValueError: If another argument is given, or the inner optimizer is none.

    Example:

    >>> inner = keras.optimizers.SGD(0.5)
    >>> optimizer = keras.optimizers.LossScaleOptimizer(inner, initial_scale=4.0)
    >>> v = keras.Variable([1.0])
    >>> optimizer.apply([[2.0]], [v])
    >>> v.numpy().tolist(), float(optimizer.scale_loss(1.0))
    ([0.75], 4.0)

    Reference: Micikevicius et al. (2017), Mixed Precision Training, section 3.2.
    """

    def __init__(
        self,
        inner_optimizer: Optimizer,
        initial_scale: float = 2.0**15,
        dynamic_growth_steps: int = 2_000,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if not kwargs.pop("dynamic", True):
            raise ValueError(
                "LossScaleOptimizer: dynamic=False; expected True. For a scale that stays, "
                "give the inner optimizer a loss_scale_factor and use it alone."
            )
        for argument in _ON_INNER:
            value = kwargs.pop(argument, None)
            if value and (argument, value) != ("ema_momentum", 0.99):  # the default
                raise ValueError(
                    f"LossScaleOptimizer: {argument}={value!r}; set it on the "
                    "inner optimizer."
                )
        if not isinstance(inner_optimizer, Optimizer):
            raise ValueError(
                f"LossScaleOptimizer: inner_optimizer={naming.shown(inner_optimizer)}; expected an "
                "Optimizer."
            )
        super().__init__(learning_rate=0.0, name=name, **kwargs)
        self.inner_optimizer = inner_optimizer
        self.initial_scale = initial_scale
        self.dynamic_growth_steps = dynamic_growth_steps

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the scale, the count of good steps, and the inner optimizer's state."""
        if self.built:
            return
        self.step_counter = self.add_variable((), dtype="int32", name="step_counter")
        self.dynamic_scale = self.add_variable(
            (),
            initializers.Constant(self.initial_scale),
            dtype="float32",
            name="dynamic_scale",
        )
        with built_by_a_wrapper():
            self.inner_optimizer.build(variables)
        super().build(variables)

    @property
    def variables(self) -> list[Variable]:
        """Its own variables, then those of the inner optimizer."""
        inner = getattr(self, "inner_optimizer", None)
        return self._variables + (inner.variables if inner is not None else [])

    @property
    def unstored_variables(self) -> list[Variable]:
        """None of its own; those of the inner optimizer, which keeps them beside itself."""
        return self.inner_optimizer.unstored_variables

    @property
    def iterations(self) -> Any:
        """How many updates the inner optimizer made."""
        return self.inner_optimizer.iterations

    @property
    def learning_rate(self) -> Any:
        """The learning rate of the inner optimizer."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate: LearningRate) -> None:
        self.inner_optimizer.learning_rate = learning_rate

    def apply(
        self,
        grads: Sequence[Any],
        trainable_variables: Sequence[Variable] | None = None,
    ) -> None:
        """One step with gradients of the scaled loss.

        Args:
            grads: One gradient for each variable; None leaves a variable as it is.
            trainable_variables: The variables; default: those of `build`.

        Raises:
            ValueError: As `Optimizer.apply`.
        """
        grads = list(grads)
        if not grads:
            return
        variables = self._variables_for(grads, trainable_variables)
        grads, variables = self._without_none(grads, variables)
        if ranks.several() and not ranks.reduced():
            # Before it is known whether they are finite, which all ranks have to agree on.
            grads = collective.gradients([ops.convert_to_tensor(g) for g in grads])
        with ranks.gradients_reduced():
            self._apply_scaled(grads, variables)

    def _apply_scaled(self, grads: list[Any], variables: list[Variable]) -> None:
        """One step with the gradients of all ranks, of the scaled loss."""
        finite = self.check_finite(grads)
        scale = self.dynamic_scale.value
        smaller = [
            g if v.overwrite_with_gradient else g / ops.cast(scale, g.dtype)
            for g, v in zip(grads, variables)
        ]
        inner = self.inner_optimizer

        def step() -> None:
            factor, inner.loss_scale_factor = inner.loss_scale_factor, None
            try:
                inner.apply(smaller, variables)
            finally:
                inner.loss_scale_factor = factor

        assign_if(finite, [*variables, *inner.variables], step)
        self._rescale(finite, scale)

    def check_finite(self, grads: Sequence[Tensor]) -> Tensor:
        """Whether all numbers in all gradients are finite: a bool tensor `()`."""
        finite = ops.convert_to_tensor(True)
        for gradient in grads:
            if gradient is not None:
                finite = ops.logical_and(finite, ops.all(ops.isfinite(gradient)))
        return finite

    def _rescale(self, finite: Tensor, scale: Tensor) -> None:
        good = self.step_counter + 1
        full = ops.equal(good, self.dynamic_growth_steps)
        grown = ops.where(full, scale * 2.0, scale)
        self.dynamic_scale.assign(ops.where(finite, grown, scale / 2.0))
        zero = ops.zeros_like(good)
        self.step_counter.assign(ops.where(finite, ops.where(full, zero, good), zero))

    def scale_loss(self, loss: Tensor) -> Any:
        """The loss times the current scale."""
        if not self.built:
            return loss * self.initial_scale
        return loss * ops.cast(self.dynamic_scale, getattr(loss, "dtype", None))

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """What the inner optimizer does at the end of training."""
        self.inner_optimizer.finalize_variable_values(var_list)

    def get_config(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "inner_optimizer": serialize_keras_object(self.inner_optimizer),
            "initial_scale": self.initial_scale,
            "dynamic_growth_steps": self.dynamic_growth_steps,
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> Self:
        config = dict(config)
        inner = config.pop("inner_optimizer")
        if isinstance(inner, dict):
            inner = deserialize_keras_object(inner, custom_objects=custom_objects)
        return cls(inner, **config)
