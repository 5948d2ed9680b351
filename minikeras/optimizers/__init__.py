"""Optimizers: what turns gradients into new values of the variables."""

from __future__ import annotations

import inspect
from typing import Any, cast

from minikeras.optimizers import schedules
from minikeras.optimizers.adadelta import Adadelta
from minikeras.optimizers.adafactor import Adafactor
from minikeras.optimizers.adagrad import Adagrad
from minikeras.optimizers.adam import Adam, AdamW
from minikeras.optimizers.adamax import Adamax
from minikeras.optimizers.ftrl import Ftrl
from minikeras.optimizers.lamb import Lamb
from minikeras.optimizers.lion import Lion
from minikeras.optimizers.loss_scale import LossScaleOptimizer
from minikeras.optimizers.multi import MultiOptimizer, OptimizerMap
from minikeras.optimizers.muon import Muon
from minikeras.optimizers.nadam import Nadam
from minikeras.optimizers.optimizer import Optimizer
from minikeras.optimizers.rmsprop import RMSprop
from minikeras.optimizers.schedule_free import ScheduleFreeAdamW
from minikeras.optimizers.sgd import SGD
from minikeras.saving.identifiers import unknown
from minikeras.saving.registry import get_registered_object
from minikeras.saving.serialization import (
    deserialize_keras_object,
    serialize_keras_object,
)
from minikeras.types import Identifier


def __dir__() -> list[str]:
    return __all__


__all__ = [
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "LossScaleOptimizer",
    "MultiOptimizer",
    "Muon",
    "Nadam",
    "Optimizer",
    "OptimizerMap",
    "RMSprop",
    "SGD",
    "ScheduleFreeAdamW",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]

# Keras takes the names of optimizers in any case.
_NAMES: dict[str, Any] = {
    name.lower(): globals()[name] for name in __all__ if name[0].isupper()
}


def serialize(optimizer: Optimizer) -> Any:
    """The config of an optimizer, a JSON-ready dict without its state.

    Args:
        optimizer: The optimizer.

    Returns:
        What `deserialize` takes.

    Example:

    >>> keras.optimizers.serialize(keras.optimizers.Adam())["class_name"]
    'Adam'
    """
    return serialize_keras_object(optimizer)


def deserialize(config: object, custom_objects: dict[str, Any] | None = None) -> Any:
    """The optimizer of a config.

    Args:
        config: What `serialize` gave; class names in any case.
        custom_objects: Names of classes that are not part of the package.

    Returns:
        An `Optimizer`.

    Example:

    >>> config = keras.optimizers.serialize(keras.optimizers.SGD(momentum=0.5))
    >>> keras.optimizers.deserialize(config).momentum
    0.5
    """
    if isinstance(config, dict) and str(config.get("class_name")).lower() in _NAMES:
        config = {**config, "class_name": config["class_name"].lower()}
    return deserialize_keras_object(
        config, custom_objects=custom_objects, module_objects=_NAMES
    )


def get(identifier: Identifier) -> Any:
    """The optimizer that `identifier` means.

    Args:
        identifier: Name in any case (`"adam"`), config, optimizer or class of one; or
            None.

    Returns:
        An `Optimizer`, or None.

    Raises:
        ValueError: If it means none.

    Example:

    >>> keras.optimizers.get("RMSProp").rho
    0.9
    """
    if identifier is None:
        return None
    found = identifier
    if isinstance(identifier, str):
        known = identifier.lower() in _NAMES or get_registered_object(identifier)
        if known:
            found = deserialize({"class_name": identifier, "config": {}})
    elif isinstance(identifier, dict):
        found = deserialize(identifier)
    elif inspect.isclass(identifier) and issubclass(identifier, Optimizer):
        found = cast(Any, identifier)()
    if isinstance(found, Optimizer):
        return found
    wanted = " is no optimizer; expected an optimizer, a config or a name."
    raise unknown(identifier, "optimizers", wanted, _NAMES)
