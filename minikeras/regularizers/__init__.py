"""Penalties on weights: `keras.regularizers`, by class, name or config."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minikeras.regularizers.penalties import (
    L1,
    L1L2,
    L2,
    OrthogonalRegularizer,
    Regularizer,
)
from minikeras.saving.identifiers import called, instance_of
from minikeras.saving.serialization import (
    deserialize_keras_object,
    serialize_keras_object,
)

if TYPE_CHECKING:
    from minikeras.types import Identifier


l1 = L1
l2 = L2
l1_l2 = L1L2
orthogonal_regularizer = OrthogonalRegularizer

_BY_NAME: dict[str, Any] = {
    "L1": L1,
    "L1L2": L1L2,
    "L2": L2,
    "OrthogonalRegularizer": OrthogonalRegularizer,
    "Regularizer": Regularizer,
    "l1": L1,
    "l1_l2": L1L2,
    "l1l2": L1L2,
    "l2": L2,
    "orthogonal_regularizer": OrthogonalRegularizer,
    "regularizer": Regularizer,
}


def serialize(regularizer: Identifier) -> dict[str, Any]:
    """The config of a regularizer.

    Args:
        regularizer: `Regularizer` object or function.

    Returns:
        Dict that `deserialize` takes.

    Example:

    >>> keras.regularizers.serialize(keras.regularizers.L2(0.5))["config"]
    {'l2': 0.5}
    """
    return serialize_keras_object(regularizer)


def deserialize(config: object, custom_objects: dict[str, Any] | None = None) -> Any:
    """The regularizer that a config describes.

    Args:
        config: Dict that `serialize` gave, or a name.
        custom_objects: Names of classes or functions that are not registered.

    Returns:
        `Regularizer` object or function.

    Raises:
        ValueError: If the name is not known.

    Example:

    >>> config = keras.regularizers.serialize(keras.regularizers.L2(0.5))
    >>> keras.regularizers.deserialize(config).l2
    0.5
    """
    return deserialize_keras_object(
        config, module_objects=_BY_NAME, custom_objects=custom_objects
    )


def get(identifier: object) -> Any:
    """The regularizer that an argument names.

    Args:
        identifier: Name, config, class, object, function, or None.

    Returns:
        `Regularizer` object or function; None for None.

    Raises:
        ValueError: If it names none.

    Example:

    >>> keras.regularizers.get("l2").l2
    0.01
    """
    if identifier is None:
        return None
    found = instance_of(identifier, deserialize)
    wanted = "; expected a name such as 'l2', a config, a Regularizer or a function of a weight."
    return called(found, identifier, "regularizers", wanted, _BY_NAME)


def __dir__() -> list[str]:
    return __all__


__all__ = [
    "L1",
    "L1L2",
    "L2",
    "OrthogonalRegularizer",
    "Regularizer",
    "deserialize",
    "get",
    "l1",
    "l1_l2",
    "l2",
    "orthogonal_regularizer",
    "serialize",
]
