"""Muon: orthogonal steps for matrices."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any, Unpack

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.optimizers.legacy import OldNames
from minikeras.optimizers.optimizer import Optimizer
from minikeras.types import LearningRate
from minikeras.variable import Variable


class Muon(Optimizer):
    """Momentum made orthogonal, for matrices; AdamW for every other variable.

    All singular values of a matrix's step become about 1, by Newton-Schulz steps
    `X = a * X + (b * A + c * A @ A) @ X` with `A = X @ X.T`.

    Args:
        learning_rate: Number, schedule, or function without arguments.
        adam_beta_1: `beta_1` of the AdamW part.
        adam_beta_2: `beta_2` of the AdamW part.
        adam_weight_decay: Weight decay of the AdamW part.
        epsilon: Keeps divisions finite.
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
        exclude_layers: Texts; variables whose path holds one go to AdamW.
        exclude_embeddings: Send embeddings to AdamW.
        muon_a: First coefficient of the Newton-Schulz step.
        muon_b: Second coefficient.
        muon_c: Third coefficient.
        adam_lr_ratio: Rate of the AdamW part over that of Muon's.
        momentum: Decay of the momentum.
        ns_steps: Newton-Schulz steps.
        nesterov: Look ahead along the momentum.
        rms_rate: Scale steps to this root mean square; None: not at all.

    Example:

    >>> v = keras.Variable([1.0])
    >>> keras.optimizers.Muon(0.1).apply([[0.5]], [v])
    >>> v.numpy().tolist()
    [0.9]

    Reference: Jordan et al. (2024), Muon; Liu et al. (2025), Muon is Scalable for LLM
    Training, equation 4, for the scale.
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-07,
        weight_decay: float | None = 0.004,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        exclude_layers: Sequence[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.775,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
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
        self.adam_beta_1 = adam_beta_1
        self.adam_beta_2 = adam_beta_2
        self.adam_weight_decay = adam_weight_decay
        self.epsilon = epsilon
        self.exclude_layers = list(exclude_layers or [])
        self.exclude_embeddings = exclude_embeddings
        self.muon_a = muon_a
        self.muon_b = muon_b
        self.muon_c = muon_c
        self.adam_lr_ratio = adam_lr_ratio
        self.momentum = momentum
        self.ns_steps = ns_steps
        self.nesterov = nesterov
        self.rms_rate = rms_rate

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the state for these variables."""
        if self.built:
            return
        super().build(variables)
        self._momentums: list[Any] = []
        self._velocities: list[Any] = []
        for variable in variables:
            names = ["momentum"]
            if self._should_use_adamw(variable):
                names.append("velocity")
            made = self.add_optimizer_variables([variable], names)
            self._momentums.append(made[0][0])
            self._velocities.append(made[1][0] if len(made) > 1 else None)

    def _should_use_adamw(self, variable: Variable) -> bool:
        """Whether a variable is no matrix, or is excluded."""
        if variable.ndim != 2:
            return True
        if self.exclude_embeddings and "embedding" in variable.path.lower():
            return True
        return any(re.search(text, variable.path) for text in self.exclude_layers)

    def _apply_weight_decay(self, variables: Sequence[Variable]) -> None:
        learning_rate = self.learning_rate
        for variable in variables:
            adam = self._should_use_adamw(variable)
            decay = self.adam_weight_decay if adam else self.weight_decay
            if decay is not None and self._use_weight_decay(variable):
                rate = ops.cast(learning_rate, variable.dtype)
                variable.assign(variable - variable * decay * rate)

    def update_step(
        self, gradient: Tensor, variable: Variable, learning_rate: Tensor
    ) -> None:
        """Muon's step for a matrix, AdamW's for any other variable."""
        learning_rate = ops.cast(learning_rate, variable.dtype)
        if self._should_use_adamw(variable):
            self._adamw_step(gradient, variable, learning_rate * self.adam_lr_ratio)
            return
        momentum = self._momentums[self._get_variable_index(variable)]
        self.assign(momentum, momentum * self.momentum + gradient)
        direction = (
            gradient + self.momentum * momentum if self.nesterov else momentum.value
        )
        step = self.zeropower_via_newtonschulz5(direction, self.ns_steps)
        self.assign_sub(variable, self.lr_adjust(step * learning_rate))

    def lr_adjust(self, x: Tensor) -> Any:
        """A step of singular values 1, scaled to the root mean square `rms_rate`.

        Args:
            x: Matrix `(rows, columns)`, or several: `(..., rows, columns)`.

        Returns:
            `x * sqrt(max(rows, columns)) * rms_rate`; `x` where `rms_rate` is None. A
            matrix with r singular values of 1 has the root mean square `sqrt(r / size)`.
        """
        if self.rms_rate is None:
            return x
        if len(x.shape) < 2:
            raise ValueError(
                f"Muon.lr_adjust: x has shape {tuple(x.shape)}; expected a matrix."
            )
        return x * (math.sqrt(max(x.shape[-2:])) * self.rms_rate)

    def transpose_last_axis(self, X: Tensor) -> Tensor:
        """`X` with its last two axes exchanged."""
        return ops.swapaxes(X, -1, -2)

    def zeropower_via_newtonschulz5(self, x: Tensor, steps: int) -> Tensor:
        """The matrix with its singular values brought near to 1.

        Args:
            x: Matrix `(rows, columns)`, or several: `(..., rows, columns)`.
            steps: How many Newton-Schulz steps.

        Raises:
            ValueError: If `x` is no matrix.
        """
        if len(x.shape) < 2:
            raise ValueError(
                "Muon.zeropower_via_newtonschulz5: x has shape "
                f"{tuple(x.shape)}; expected a matrix."
            )
        wide = x.shape[-2] <= x.shape[-1]
        if not wide:
            x = self.transpose_last_axis(x)
        norm = ops.sqrt(ops.sum(ops.square(x), axis=(-2, -1), keepdims=True))
        x = x / (norm + self.epsilon)
        for _ in range(steps):
            gram = ops.matmul(x, self.transpose_last_axis(x))
            mixed = self.muon_b * gram + self.muon_c * ops.matmul(gram, gram)
            x = self.muon_a * x + ops.matmul(mixed, x)
        return x if wide else self.transpose_last_axis(x)

    def _adamw_step(
        self, gradient: Tensor, variable: Variable, learning_rate: object
    ) -> None:
        index = self._get_variable_index(variable)
        step = ops.cast(self.iterations + 1, variable.dtype)
        power_1 = ops.power(ops.cast(self.adam_beta_1, variable.dtype), step)
        power_2 = ops.power(ops.cast(self.adam_beta_2, variable.dtype), step)
        alpha = learning_rate * ops.sqrt(1.0 - power_2) / (1.0 - power_1)
        momentum, velocity = self._momentums[index], self._velocities[index]
        self.assign_add(momentum, (gradient - momentum) * (1 - self.adam_beta_1))
        self.assign_add(
            velocity, (ops.square(gradient) - velocity) * (1 - self.adam_beta_2)
        )
        self.assign_sub(
            variable, momentum * alpha / (ops.sqrt(velocity) + self.epsilon)
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "adam_beta_1": self.adam_beta_1,
            "adam_beta_2": self.adam_beta_2,
            "adam_weight_decay": self.adam_weight_decay,
            "epsilon": self.epsilon,
            "exclude_layers": self.exclude_layers,
            "exclude_embeddings": self.exclude_embeddings,
            "muon_a": self.muon_a,
            "muon_b": self.muon_b,
            "muon_c": self.muon_c,
            "adam_lr_ratio": self.adam_lr_ratio,
            "momentum": self.momentum,
            "ns_steps": self.ns_steps,
            "nesterov": self.nesterov,
            "rms_rate": self.rms_rate,
        }
