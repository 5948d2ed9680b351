"""Nadam: Adam with Nesterov momentum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.optimizers.legacy import OldNames
from minikeras.optimizers.optimizer import Optimizer
from minikeras.types import LearningRate
from minikeras.variable import Variable


class Nadam(Optimizer):
    """Adam with Nesterov momentum, whose decay warms up.

    Args:
        learning_rate: Number, schedule, or function without arguments.
        beta_1: Decay of the mean of the gradients.
        beta_2: Decay of the mean of their squares.
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
    >>> keras.optimizers.Nadam(0.1).apply([[0.5]], [v])
    >>> v.numpy().tolist()
    [0.9]

    Reference: Dozat (2015), Incorporating Nesterov Momentum into Adam, algorithm 2.
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
        names = ["momentum", "velocity"]
        self._momentums, self._velocities = self.add_optimizer_variables(
            variables, names
        )
        dtype = variables[0].state.aval.dtype if variables else None
        product = self.add_variable((), "ones", dtype, name="u_product")
        self._u_product = self._keep_beside(product)

    def _decays(self, dtype: str) -> tuple[Any, Any]:
        """`mu` of this step and of the next, by the warmup of Dozat's section 2."""
        step = ops.cast(self.iterations + 1, dtype)
        base = ops.cast(0.96, dtype)
        now = self.beta_1 * (1.0 - 0.5 * ops.power(base, step))
        following = self.beta_1 * (1.0 - 0.5 * ops.power(base, step + 1.0))
        return now, following

    def _backend_update_step(
        self,
        grads: list[Any],
        trainable_variables: list[Variable],
        learning_rate: object,
    ) -> None:
        # The product of all decays so far changes once a step, not once a variable.
        product = self._u_product
        self.assign(product, product * self._decays(product.dtype)[0])
        super()._backend_update_step(grads, trainable_variables, learning_rate)

    def update_step(
        self, gradient: Tensor, variable: Variable, learning_rate: Tensor
    ) -> None:
        """Adam's step, with the momentum of the next one looked ahead to."""
        learning_rate = ops.cast(learning_rate, variable.dtype)
        dtype = variable.dtype
        index = self._get_variable_index(variable)
        now, following = self._decays(dtype)
        product = ops.cast(self._u_product, dtype)
        step = ops.cast(self.iterations + 1, dtype)
        power = ops.power(ops.cast(self.beta_2, dtype), step)
        momentum, velocity = self._momentums[index], self._velocities[index]
        self.assign_add(momentum, (gradient - momentum) * (1 - self.beta_1))
        self.assign_add(velocity, (ops.square(gradient) - velocity) * (1 - self.beta_2))
        mean = following * momentum / (1.0 - product * following)
        mean = mean + (1.0 - now) * gradient / (1.0 - product)
        size = ops.sqrt(velocity / (1.0 - power)) + self.epsilon
        self.assign_sub(variable, mean * learning_rate / size)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
        }
