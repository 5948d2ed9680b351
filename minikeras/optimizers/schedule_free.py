"""ScheduleFreeAdamW: AdamW without a schedule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.optimizers.legacy import OldNames
from minikeras.optimizers.optimizer import Optimizer
from minikeras.types import LearningRate
from minikeras.variable import Variable


class ScheduleFreeAdamW(Optimizer):
    """AdamW that needs no schedule: it averages as it goes.

    Gradients are taken at `y`, a mix of the fast iterate `z`, which AdamW moves, and
    of the mean `x` of all `z`: `x += (z - x) / t`, `y = beta_1 * x + (1 - beta_1) * z`.
    The variables hold `y`.

    Args:
        learning_rate: Number, schedule, or function without arguments.
        beta_1: Share of the mean in `y`.
        beta_2: Decay of the mean of their squares.
        epsilon: Keeps the division finite.
        warmup_steps: Over how many steps the rate rises to its value.
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
    >>> keras.optimizers.ScheduleFreeAdamW(0.1).apply([[0.5]], [v])
    >>> v.numpy().tolist()
    [0.9]

    Reference: Defazio et al. (2024), The Road Less Scheduled, algorithm 1.
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.0025,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-08,
        warmup_steps: int = 0,
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
        self.warmup_steps = warmup_steps

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the state for these variables."""
        if self.built:
            return
        super().build(variables)
        names = ["momentum", "velocity"]
        columns = self.add_optimizer_variables(variables, names)
        self._fast, self._velocities = columns
        for fast, variable in zip(self._fast, variables):
            if fast is not None:
                fast.assign(variable.value)

    def update_step(
        self, gradient: Tensor, variable: Variable, learning_rate: Tensor
    ) -> None:
        """Move `z` by AdamW, the mean `x` towards it, and `y` between them."""
        learning_rate = ops.cast(learning_rate, variable.dtype)
        index = self._get_variable_index(variable)
        step = ops.cast(self.iterations + 1, variable.dtype)
        if self.warmup_steps:
            learning_rate = learning_rate * ops.minimum(
                1.0, step / float(self.warmup_steps)
            )
        fast, velocity = self._fast[index], self._velocities[index]
        self.assign_add(velocity, (ops.square(gradient) - velocity) * (1 - self.beta_2))
        power = ops.power(ops.cast(self.beta_2, variable.dtype), step)
        size = ops.sqrt(velocity / (1.0 - power)) + self.epsilon
        mean = (variable - (1.0 - self.beta_1) * fast) / self.beta_1
        self.assign_sub(fast, learning_rate * gradient / size)
        mean = mean + (fast - mean) / step
        self.assign(variable, self.beta_1 * mean + (1.0 - self.beta_1) * fast)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            "warmup_steps": self.warmup_steps,
        }
