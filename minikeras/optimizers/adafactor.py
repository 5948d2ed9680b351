"""Adafactor: mean squares kept as row and column means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.optimizers.legacy import OldNames
from minikeras.optimizers.optimizer import Optimizer
from minikeras.types import ArrayLike, LearningRate
from minikeras.variable import Variable


class Adafactor(Optimizer):
    """Mean squares of matrices kept as the means of rows and columns.

    So its state is small. With `relative_step` the learning rate is an upper bound of
    `1 / sqrt(t)`.

    Args:
        learning_rate: Number, schedule, or function without arguments.
        beta_2_decay: Power of `t` by which the decay of the means goes to 1.
        epsilon_1: Added to squares.
        epsilon_2: Least size of a variable that steps are relative to.
        clip_threshold: Largest root mean square of a step.
        relative_step: Let the rate fall as `1 / sqrt(t)`.
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
    >>> keras.optimizers.Adafactor(0.1).apply([[0.5]], [v])
    >>> v.numpy().tolist()
    [0.9]

    Reference: Shazeer and Stern (2018), algorithms 4 and 5.
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 0.001,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
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
        self.beta_2_decay = beta_2_decay
        self.epsilon_1 = epsilon_1
        self.epsilon_2 = epsilon_2
        self.clip_threshold = clip_threshold
        self.relative_step = relative_step

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the state for these variables."""
        if self.built:
            return
        super().build(variables)
        self._r: list[Variable] = []
        self._c: list[Variable] = []
        self._v: list[Variable] = []
        for variable in variables:
            self._add_state(variable)

    def _add_state(self, variable: Variable) -> None:
        # Vectors have no rows and columns; scalars stand in, so that the order of the
        # variables, which state files go by, is one for all ranks.
        shape, dtype = variable.shape, variable.state.aval.dtype
        if len(shape) < 2:
            for stand_ins in (self._r, self._c):
                made = self.add_variable((), dtype="int32", name=variable.name)
                stand_ins.append(self._keep_beside(made))
        else:
            rows, columns = shape[:-1], (*shape[:-2], shape[-1])
            self._r.append(self.add_variable(rows, dtype=dtype, name=variable.name))
            self._c.append(self.add_variable(columns, dtype=dtype, name=variable.name))
        self._v.append(self.add_variable_from_reference(variable, "velocity"))

    def update_step(
        self, gradient: Tensor, variable: Variable, learning_rate: Tensor
    ) -> None:
        """Clipped step relative to the size of the variable."""
        learning_rate = ops.cast(learning_rate, variable.dtype)
        step = ops.cast(self.iterations + 1, variable.dtype)
        rho = (
            ops.minimum(learning_rate, 1.0 / ops.sqrt(step))
            if self.relative_step
            else (learning_rate)
        )
        alpha = ops.maximum(self.epsilon_2, _rms(variable)) * rho
        decay = 1.0 - ops.power(step, self.beta_2_decay)
        squares = ops.square(gradient) + self.epsilon_1
        direction = gradient * ops.rsqrt(self._mean_squares(variable, squares, decay))
        direction = direction / ops.maximum(1.0, _rms(direction) / self.clip_threshold)
        self.assign_sub(variable, alpha * direction)

    def _mean_squares(
        self, variable: Variable, squares: Tensor, decay: Tensor
    ) -> Variable:
        """The means of squares after this step, for matrices from rows and columns."""
        index = self._get_variable_index(variable)
        rows, columns, full = self._r[index], self._c[index], self._v[index]
        if variable.ndim < 2:
            self.assign(full, decay * full + (1.0 - decay) * squares)
            return full
        self.assign(rows, decay * rows + (1.0 - decay) * ops.mean(squares, axis=-1))
        self.assign(
            columns, decay * columns + (1.0 - decay) * ops.mean(squares, axis=-2)
        )
        share = rows / ops.mean(rows, axis=-1, keepdims=True)
        self.assign(full, ops.expand_dims(share, -1) * ops.expand_dims(columns, -2))
        return full

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "beta_2_decay": self.beta_2_decay,
            "epsilon_1": self.epsilon_1,
            "epsilon_2": self.epsilon_2,
            "clip_threshold": self.clip_threshold,
            "relative_step": self.relative_step,
        }


def _rms(x: ArrayLike) -> Tensor:
    """Root of the mean of the squares."""
    return ops.sqrt(ops.mean(ops.square(x)))
