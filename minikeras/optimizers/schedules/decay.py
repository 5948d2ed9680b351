"""Schedules by powers and pieces of the step: exponential, inverse, polynomial, constant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minikeras import ops, settings
from minikeras.engine.tensor import Tensor
from minikeras.optimizers.schedules.schedule import LearningRateSchedule
from minikeras.types import ArrayLike


def check_positive(owner: str, name: str, value: Any) -> None:
    """Refuse a count of steps that is not above 0."""
    if not value > 0:
        raise ValueError(f"{owner}: {name}={value!r}; expected a number above 0.")


def progress(step: ArrayLike, decay_steps: float, staircase: bool = False) -> Tensor:
    """`step / decay_steps` in `floatx()`, rounded down with `staircase`."""
    part = ops.cast(step, settings.floatx()) / float(decay_steps)
    return ops.floor(part) if staircase else part


class ExponentialDecay(LearningRateSchedule):
    """`initial_learning_rate * decay_rate ** (step / decay_steps)`.

    Args:
        initial_learning_rate: The rate at step 0.
        decay_steps: After how many steps the rate is multiplied once.
        decay_rate: What by.
        staircase: Change only at multiples of `decay_steps`.
        name: Name of the schedule.

    Raises:
        ValueError: If `decay_steps` is not above 0.

    Example:

    >>> schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    >>> float(schedule(20))
    0.025
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        check_positive("ExponentialDecay", "decay_steps", decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name

    def __call__(self, step: ArrayLike) -> Tensor:
        times = progress(step, self.decay_steps, self.staircase)
        return self.initial_learning_rate * ops.power(float(self.decay_rate), times)

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "decay_rate": self.decay_rate,
            "staircase": self.staircase,
            "name": self.name,
        }


class InverseTimeDecay(LearningRateSchedule):
    """`initial_learning_rate / (1 + decay_rate * step / decay_steps)`.

    Args:
        initial_learning_rate: The rate at step 0.
        decay_steps: The unit of time.
        decay_rate: How fast the rate falls.
        staircase: Change only at multiples of `decay_steps`.
        name: Name of the schedule.

    Raises:
        ValueError: If `decay_steps` is not above 0.

    Example:

    >>> schedule = keras.optimizers.schedules.InverseTimeDecay(0.1, 10, 1.0)
    >>> float(schedule(30))
    0.025
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        check_positive("InverseTimeDecay", "decay_steps", decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name

    def __call__(self, step: ArrayLike) -> Tensor:
        times = progress(step, self.decay_steps, self.staircase)
        return self.initial_learning_rate / (1.0 + self.decay_rate * times)

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "decay_rate": self.decay_rate,
            "staircase": self.staircase,
            "name": self.name,
        }


class PolynomialDecay(LearningRateSchedule):
    """`(initial - end) * (1 - step / decay_steps) ** power + end`, then `end`.

    Args:
        initial_learning_rate: The rate at step 0.
        decay_steps: When the end is reached.
        end_learning_rate: The last rate.
        power: Of the polynomial; 1 is a straight line.
        cycle: Start anew whenever the end is reached, each time taking
            `decay_steps` longer.
        name: Name of the schedule.

    Raises:
        ValueError: If `decay_steps` is not above 0.

    Example:

    >>> schedule = keras.optimizers.schedules.PolynomialDecay(0.1, 10, 0.0)
    >>> float(schedule(5)), float(schedule(50))
    (0.05, 0.0)
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        check_positive("PolynomialDecay", "decay_steps", decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = cycle
        self.name = name

    def __call__(self, step: ArrayLike) -> Tensor:
        step = ops.cast(step, settings.floatx())
        steps: Any = float(self.decay_steps)
        if self.cycle:
            steps = steps * ops.where(step == 0.0, 1.0, ops.ceil(step / steps))
        else:
            step = ops.minimum(step, steps)
        left = ops.power(1.0 - step / steps, float(self.power))
        return (self.initial_learning_rate - self.end_learning_rate) * left + (
            self.end_learning_rate
        )

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "end_learning_rate": self.end_learning_rate,
            "power": self.power,
            "cycle": self.cycle,
            "name": self.name,
        }


class PiecewiseConstantDecay(LearningRateSchedule):
    """`values[i]` from the step after `boundaries[i - 1]` to `boundaries[i]`.

    Args:
        boundaries: Last steps of each piece but the last, rising.
        values: The rates, one more than boundaries.
        name: Name of the schedule.

    Raises:
        ValueError: If the numbers of boundaries and values do not fit.

    Example:

    >>> schedule = keras.optimizers.schedules.PiecewiseConstantDecay([5, 8], [3.0, 2.0, 1.0])
    >>> [float(schedule(step)) for step in (0, 5, 6, 8, 9)]
    [3.0, 3.0, 2.0, 2.0, 1.0]
    """

    def __init__(
        self,
        boundaries: Sequence[float],
        values: Sequence[float],
        name: str = "PiecewiseConstant",
    ) -> None:
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                f"PiecewiseConstantDecay: {len(boundaries)} boundaries and {len(values)} "
                "values; expected one more value than boundaries."
            )
        self.boundaries = boundaries
        self.values = values
        self.name = name

    def __call__(self, step: ArrayLike) -> Tensor:
        step = ops.cast(step, settings.floatx())
        rate: Any = ops.full((), float(self.values[-1]), dtype=settings.floatx())
        for boundary, value in zip(
            reversed(self.boundaries), reversed(self.values[:-1])
        ):
            rate = ops.where(step <= float(boundary), float(value), rate)
        return rate

    def get_config(self) -> dict[str, Any]:
        return {
            "boundaries": self.boundaries,
            "values": self.values,
            "name": self.name,
        }
