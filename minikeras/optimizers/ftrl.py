"""FTRL: follow the regularized leader."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from minikeras import initializers, ops
from minikeras.engine.tensor import Tensor
from minikeras.optimizers.legacy import OldNames
from minikeras.optimizers.optimizer import Optimizer
from minikeras.types import LearningRate
from minikeras.variable import Variable


class Ftrl(Optimizer):
    """Follow the regularized leader: sparse weights through L1.

    Args:
        learning_rate: Number, schedule, or function without arguments.
        learning_rate_power: How the rate falls with the sum of squares, at most 0.
        initial_accumulator_value: First value of the sums of squares.
        l1_regularization_strength: Weight of the L1 penalty.
        l2_regularization_strength: Weight of the L2 penalty.
        l2_shrinkage_regularization_strength: Weight of an L2 penalty on the gradient only.
        beta: Added to the roots of the sums of squares.
        weight_decay: Each step takes `weight_decay * learning_rate * variable` away.
        clipnorm: Longest norm of each gradient.
        clipvalue: Largest size of each entry of a gradient.
        global_clipnorm: Longest norm of all gradients together.
        use_ema: Keep moving averages of the variables; see `Optimizer`.
        ema_momentum: Share of the old average in the new one.
        ema_overwrite_frequency: Replace the variables by them every that many steps.
        loss_scale_factor: Factor that the loss was scaled by; divides the gradients.
        gradient_accumulation_steps: Update once for that many calls, with the mean.
        name: Name of the optimizer.

    Raises:
        ValueError: If a number is out of range.

    Example:

    >>> v = keras.Variable([1.0])
    >>> keras.optimizers.Ftrl(0.1).apply([[0.5]], [v])
    >>> v.numpy().tolist()
    [0.38]

    Reference: McMahan et al. (2013), algorithm 1.
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
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
        _check(
            initial_accumulator_value=initial_accumulator_value,
            learning_rate_power=-learning_rate_power,
            l1_regularization_strength=l1_regularization_strength,
            l2_regularization_strength=l2_regularization_strength,
            l2_shrinkage_regularization_strength=l2_shrinkage_regularization_strength,
        )
        super().__init__(
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            clipnorm=clipnorm,
            clipvalue=clipvalue,
            global_clipnorm=global_clipnorm,
            use_ema=use_ema,
            ema_momentum=ema_momentum,
            ema_overwrite_frequency=ema_overwrite_frequency,
            loss_scale_factor=loss_scale_factor,
            gradient_accumulation_steps=gradient_accumulation_steps,
            name=name,
            **kwargs,
        )
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.beta = beta

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the state for these variables."""
        if self.built:
            return
        super().build(variables)
        first = initializers.Constant(self.initial_accumulator_value)
        columns = self.add_optimizer_variables(
            variables, ["accumulator", "linear"], [first, "zeros"]
        )
        self._sums, self._linears = columns

    def update_step(
        self, gradient: Tensor, variable: Variable, learning_rate: Tensor
    ) -> None:
        """The closed form of the leader, per coordinate."""
        learning_rate = ops.cast(learning_rate, variable.dtype)
        index = self._get_variable_index(variable)
        total, linear = self._sums[index], self._linears[index]
        l1, power = self.l1_regularization_strength, -self.learning_rate_power
        l2 = self.l2_regularization_strength + self.beta / (2.0 * learning_rate)
        shrunk = gradient + 2.0 * self.l2_shrinkage_regularization_strength * variable
        grown = total + ops.square(gradient)
        new, old = ops.power(grown, power), ops.power(total, power)
        self.assign_add(linear, shrunk - (new - old) / learning_rate * variable)
        quadratic = new / learning_rate + 2.0 * l2
        self.assign(variable, (ops.clip(linear, -l1, l1) - linear) / quadratic)
        self.assign(total, grown)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "learning_rate_power": self.learning_rate_power,
            "initial_accumulator_value": self.initial_accumulator_value,
            "l1_regularization_strength": self.l1_regularization_strength,
            "l2_regularization_strength": self.l2_regularization_strength,
            "l2_shrinkage_regularization_strength": self.l2_shrinkage_regularization_strength,
            "beta": self.beta,
        }


def _check(**numbers: float) -> None:
    for name, value in numbers.items():
        if value < 0:
            expected = "<= 0" if name == "learning_rate_power" else ">= 0"
            got = -value if name == "learning_rate_power" else value
            raise ValueError(f"Ftrl: {name}={got!r}; expected a number {expected}.")
