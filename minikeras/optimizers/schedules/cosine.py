"""Schedules along a cosine: once, or with restarts (Loshchilov and Hutter 2016)."""

from __future__ import annotations

import math
from typing import Any

from minikeras import ops, settings
from minikeras.engine.tensor import Tensor
from minikeras.optimizers.schedules.decay import check_positive
from minikeras.optimizers.schedules.schedule import LearningRateSchedule
from minikeras.types import ArrayLike


class CosineDecay(LearningRateSchedule):
    """A linear warmup, if asked for, then half a cosine down to `alpha` of its height.

    Args:
        initial_learning_rate: The rate at step 0.
        decay_steps: Length of the cosine.
        alpha: The last rate as a share of the highest.
        name: Name of the schedule.
        warmup_target: The rate that the warmup rises to; None: no warmup.
        warmup_steps: Length of the warmup.

    Raises:
        ValueError: If `decay_steps` is not above 0.

    Example:

    >>> schedule = keras.optimizers.schedules.CosineDecay(0.1, 10)
    >>> [round(float(schedule(step)), 3) for step in (0, 5, 10)]
    [0.1, 0.05, 0.0]

    Reference: Loshchilov and Hutter (2016), SGDR, equation 5.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ) -> None:
        check_positive("CosineDecay", "decay_steps", decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.alpha = alpha
        self.name = name
        self.warmup_target = warmup_target
        self.warmup_steps = warmup_steps

    def __call__(self, step: ArrayLike) -> Tensor:
        step = ops.cast(step, settings.floatx())
        if self.warmup_target is None:
            return self._cosine(step, self.initial_learning_rate)
        warmup = float(self.warmup_steps)
        rise = self.warmup_target - self.initial_learning_rate
        # With warmup_steps 0 the first branch is never chosen, but still computed.
        warm = step / max(warmup, 1.0) * rise + self.initial_learning_rate
        return ops.where(
            step < warmup, warm, self._cosine(step - warmup, self.warmup_target)
        )

    def _cosine(self, step: ArrayLike, top: object) -> Any:
        steps = float(self.decay_steps)
        part = ops.minimum(step, steps) / steps
        wave = 0.5 * (1.0 + ops.cos(math.pi * part))
        return top * ((1.0 - self.alpha) * wave + self.alpha)

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "alpha": self.alpha,
            "name": self.name,
            "warmup_target": self.warmup_target,
            "warmup_steps": self.warmup_steps,
        }


class CosineDecayRestarts(LearningRateSchedule):
    """Half cosines one after the other, each one longer and lower by a factor.

    Args:
        initial_learning_rate: The rate at step 0.
        first_decay_steps: Length of the first one.
        t_mul: Length of each over that of the one before.
        m_mul: Height of each over that of the one before.
        alpha: The last rate of each as a share of its height.
        name: Name of the schedule.

    Raises:
        ValueError: If `first_decay_steps` is not above 0.

    Example:

    >>> schedule = keras.optimizers.schedules.CosineDecayRestarts(0.1, 10, m_mul=0.5)
    >>> [round(float(schedule(step)), 3) for step in (0, 5, 10, 20)]
    [0.1, 0.05, 0.05, 0.025]

    Reference: Loshchilov and Hutter (2016), SGDR, section 3.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: int,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        check_positive("CosineDecayRestarts", "first_decay_steps", first_decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = first_decay_steps
        self._t_mul = t_mul
        self._m_mul = m_mul
        self.alpha = alpha
        self.name = name

    def __call__(self, step: ArrayLike) -> Tensor:
        part = ops.cast(step, settings.floatx()) / float(self.first_decay_steps)
        t = float(self._t_mul)
        if t == 1.0:
            restart = ops.floor(part)
            part = part - restart
        else:
            # Restart i begins at the geometric sum (1 - t ** i) / (1 - t).
            restart = ops.floor(ops.log(1.0 - part * (1.0 - t)) / math.log(t))
            begin = (1.0 - ops.power(t, restart)) / (1.0 - t)
            part = (part - begin) / ops.power(t, restart)
        height = ops.power(float(self._m_mul), restart)
        wave = 0.5 * height * (1.0 + ops.cos(math.pi * part))
        return self.initial_learning_rate * ((1.0 - self.alpha) * wave + self.alpha)

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "first_decay_steps": self.first_decay_steps,
            "t_mul": self._t_mul,
            "m_mul": self._m_mul,
            "alpha": self.alpha,
            "name": self.name,
        }
