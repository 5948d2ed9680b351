"""Adamax: Adam by the largest gradient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.optimizers.legacy import OldNames
from minikeras.optimizers.optimizer import Optimizer
from minikeras.types import LearningRate
from minikeras.variable import Variable


class Adamax(Optimizer):
    """Adam with the largest recent gradient in place of the mean square.

    `u = max(beta_2 * u, |g|)`, `v -= lr / (1 - beta_1 ** t) * m / (u + epsilon)`.

    Args:
        learning_rate: Number, schedule, or function without arguments.
        beta_1: Decay of the mean of the gradients.
        beta_2: Decay of the largest gradient.
        epsilon: Keeps the division finite.
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

    Example:

    >>> v = keras.Variable([1.0])
    >>> keras.optimizers.Adamax(0.1).apply([[0.5]], [v])
    >>> v.numpy().tolist()
    [0.900]

    Reference: Kingma and Ba (2014), algorithm 2.
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-07,
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
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the state for these variables."""
        if self.built:
            return
        super().build(variables)
        names = ["momentum", "norm"]
        self._m, self._u = self.add_optimizer_variables(variables, names)

    def update_step(
        self, gradient: Tensor, variable: Variable, learning_rate: Tensor
    ) -> None:
        """Mean of the gradients over their largest recent size."""
        learning_rate = ops.cast(learning_rate, variable.dtype)
        index = self._get_variable_index(variable)
        step = ops.cast(self.iterations + 1, variable.dtype)
        power = ops.power(ops.cast(self.beta_1, variable.dtype), step)
        mean, size = self._m[index], self._u[index]
        self.assign_add(mean, (gradient - mean) * (1 - self.beta_1))
        self.assign(size, ops.maximum(self.beta_2 * size, ops.abs(gradient)))
        self.assign_sub(
            variable, learning_rate * mean / ((1 - power) * (size + self.epsilon))
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
        }
