"""Learning rates that depend on the step."""

from __future__ import annotations

from typing import Any

from minikeras.optimizers.schedules.cosine import CosineDecay, CosineDecayRestarts
from minikeras.optimizers.schedules.decay import (
    ExponentialDecay,
    InverseTimeDecay,
    PiecewiseConstantDecay,
    PolynomialDecay,
)
from minikeras.optimizers.schedules.schedule import LearningRateSchedule
from minikeras.saving.serialization import (
    deserialize_keras_object,
    serialize_keras_object,
)


def __dir__() -> list[str]:
    return __all__


__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "deserialize",
    "serialize",
]

_NAMES = {name: globals()[name] for name in __all__[:-2]}


def serialize(learning_rate_schedule: LearningRateSchedule) -> Any:
    """The config of a schedule, a JSON-ready dict.

    Args:
        learning_rate_schedule: The schedule.

    Returns:
        What `deserialize` takes.

    Example:

    >>> s = keras.optimizers.schedules
    >>> s.serialize(s.CosineDecay(0.1, 10))["class_name"]
    'CosineDecay'
    """
    return serialize_keras_object(learning_rate_schedule)


def deserialize(config: object, custom_objects: dict[str, Any] | None = None) -> Any:
    """The schedule of a config.

    Args:
        config: What `serialize` gave.
        custom_objects: Names of classes that are not part of the package.

    Returns:
        A `LearningRateSchedule`.

    Example:

    >>> s = keras.optimizers.schedules
    >>> s.deserialize(s.serialize(s.CosineDecay(0.1, 10))).decay_steps
    10
    """
    return deserialize_keras_object(
        config, custom_objects=custom_objects, module_objects=_NAMES
    )
