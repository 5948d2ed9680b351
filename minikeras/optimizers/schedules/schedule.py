"""LearningRateSchedule: a learning rate that depends on the step."""

from __future__ import annotations

from typing import Any, Self

from minikeras.engine.tensor import Tensor
from minikeras.types import ArrayLike


class LearningRateSchedule:
    """Base class of schedules; a subclass writes `__call__(step)` and `get_config()`.

    Example:

    >>> class Halving(keras.optimizers.schedules.LearningRateSchedule):
    ...     def __call__(self, step):
    ...         return keras.ops.power(0.5, keras.ops.cast(step, "float32"))
    >>> float(keras.optimizers.SGD(Halving()).learning_rate)
    1.0
    """

    def __call__(self, step: ArrayLike) -> Tensor:
        """The learning rate of a step, counted from 0."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__(step).")

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs to make the same schedule again."""
        raise NotImplementedError(f"{type(self).__name__} must define get_config().")

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The schedule that `get_config` described."""
        return cls(**config)
