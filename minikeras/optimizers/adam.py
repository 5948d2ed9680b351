"""Adam and AdamW."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.optimizers.legacy import OldNames
from minikeras.optimizers.optimizer import Optimizer
from minikeras.types import LearningRate
from minikeras.variable import Variable


class Adam(Optimizer):
    """Steps of about the learning rate, from means of gradients and of their squares.

    `m += (1 - beta_1) * (g - m)`, `s += (1 - beta_2) * (g ** 2 - s)`, and
    `v -= lr * sqrt(1 - beta_2 ** t) / (1 - beta_1 ** t) * m / (sqrt(s) + epsilon)`.

    Args:
        learning_rate: Number, schedule, or function without arguments.
        beta_1: Decay of the mean of the gradients.
        beta_2: Decay of the mean of their squares.
        epsilon: Keeps the division finite.
        amsgrad: Divide by the largest mean of squares so far.
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
    >>> keras.optimizers.Adam(0.1).apply([[0.5]], [v])
    >>> v.numpy().tolist()
    [0.900]

    Reference: Kingma and Ba (2014), algorithm 1 with the order of section 2; Reddi et al.
    (2018) for AMSGrad.
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-07,
        amsgrad: bool = False,
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
        self.amsgrad = amsgrad

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the state for these variables."""
        if self.built:
            return
        super().build(variables)
        names = ["momentum", "velocity"]
        self._momentums, self._velocities = self.add_optimizer_variables(
            variables, names
        )
        self._velocity_hats: list[Any] = []
        if self.amsgrad:
            self._velocity_hats = self.add_optimizer_variables(
                variables, "velocity_hat"
            )

    def update_step(
        self, gradient: Tensor, variable: Variable, learning_rate: Tensor
    ) -> None:
        """Both means, their bias corrected in the step size."""
        learning_rate = ops.cast(learning_rate, variable.dtype)
        index = self._get_variable_index(variable)
        step = ops.cast(self.iterations + 1, variable.dtype)
        power_1 = ops.power(ops.cast(self.beta_1, variable.dtype), step)
        power_2 = ops.power(ops.cast(self.beta_2, variable.dtype), step)
        alpha = learning_rate * ops.sqrt(1.0 - power_2) / (1.0 - power_1)
        momentum, velocity = self._momentums[index], self._velocities[index]
        self.assign_add(momentum, (gradient - momentum) * (1 - self.beta_1))
        self.assign_add(velocity, (ops.square(gradient) - velocity) * (1 - self.beta_2))
        if self.amsgrad:
            highest = self._velocity_hats[index]
            self.assign(highest, ops.maximum(highest, velocity))
            velocity = highest
        self.assign_sub(
            variable, momentum * alpha / (ops.sqrt(velocity) + self.epsilon)
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            "amsgrad": self.amsgrad,
        }


class AdamW(Adam):
    """Adam with weight decay apart from the gradient.

    Args:
        learning_rate: Number, schedule, or function without arguments.
        weight_decay: Each step takes `weight_decay * learning_rate * variable` away.
        beta_1: Decay of the mean of the gradients.
        beta_2: Decay of the mean of their squares.
        epsilon: Keeps the division finite.
        amsgrad: Divide by the largest mean of squares so far.
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
        ValueError: If `weight_decay` is None.

    Example:

    >>> v = keras.Variable([1.0])
    >>> keras.optimizers.AdamW(0.1).apply([[0.5]], [v])
    >>> v.numpy().tolist()
    [0.8996]

    Reference: Loshchilov and Hutter (2017), algorithm 2.
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-07,
        amsgrad: bool = False,
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
        if weight_decay is None:
            raise ValueError(
                "AdamW: weight_decay=None; expected a number, or use Adam."
            )
        super().__init__(
            learning_rate=learning_rate,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            amsgrad=amsgrad,
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
