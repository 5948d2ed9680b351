"""Constraints on weights: `keras.constraints`, by class, name or config."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minikeras.constraints.projections import (
    Constraint,
    MaxNorm,
    MinMaxNorm,
    NonNeg,
    UnitNorm,
)
from minikeras.saving.identifiers import called, instance_of
from minikeras.saving.serialization import (
    deserialize_keras_object,
    serialize_keras_object,
)

if TYPE_CHECKING:
    from minikeras.types import Identifier


max_norm = MaxNorm
min_max_norm = MinMaxNorm
non_neg = NonNeg
unit_norm = UnitNorm

_BY_NAME: dict[str, Any] = {
    "Constraint": Constraint,
    "MaxNorm": MaxNorm,
    "MinMaxNorm": MinMaxNorm,
    "NonNeg": NonNeg,
    "UnitNorm": UnitNorm,
    "constraint": Constraint,
    "max_norm": MaxNorm,
    "min_max_norm": MinMaxNorm,
    "non_neg": NonNeg,
    "unit_norm": UnitNorm,
}


def serialize(constraint: Identifier) -> dict[str, Any]:
    """The config of a constraint.

    Args:
        constraint: `Constraint` object or function.

    Returns:
        Dict that `deserialize` takes.

    Example:

    >>> keras.constraints.serialize(keras.constraints.UnitNorm(1))["config"]
    {'axis': 1}
    """
    return serialize_keras_object(constraint)


def deserialize(config: object, custom_objects: dict[str, Any] | None = None) -> Any:
    """The constraint that a config describes.

    Args:
        config: Dict that `serialize` gave, or a name.
        custom_objects: Names of classes or functions that are not registered.

    Returns:
        `Constraint` object or function.

    Raises:
        ValueError: If the name is not known.

    Example:

    >>> config = keras.constraints.serialize(keras.constraints.UnitNorm(1))
    >>> keras.constraints.deserialize(config).axis
    1
    """
    return deserialize_keras_object(
        config, module_objects=_BY_NAME, custom_objects=custom_objects
    )


def get(identifier: object) -> Any:
    """The constraint that an argument names.

    Args:
        identifier: Name, config, class, object, function, or None.

    Returns:
        `Constraint` object or function; None for None.

    Raises:
        ValueError: If it names none.

    Example:

    >>> type(keras.constraints.get("non_neg")).__name__
    'NonNeg'
    """
    if identifier is None:
        return None
    found = instance_of(identifier, deserialize)
    wanted = (
        "; expected a name such as 'max_norm', a config, a Constraint or a function of a "
        "weight."
    )
    return called(found, identifier, "constraints", wanted, _BY_NAME)


def __dir__() -> list[str]:
    return __all__


__all__ = [
    "Constraint",
    "MaxNorm",
    "MinMaxNorm",
    "NonNeg",
    "UnitNorm",
    "deserialize",
    "get",
    "max_norm",
    "min_max_norm",
    "non_neg",
    "serialize",
    "unit_norm",
]
