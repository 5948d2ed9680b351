"""Constructor arguments that many layers share: initializers, sizes, data formats."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minikeras import constraints, initializers, naming, regularizers, settings
from minikeras.variable import Variable

if TYPE_CHECKING:
    from minikeras.layers.base.layer import Layer
    from minikeras.types import PartialShape

_FAMILIES: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "initializer": (initializers.get, initializers.serialize),
    "regularizer": (regularizers.get, regularizers.serialize),
    "constraint": (constraints.get, constraints.serialize),
}


class ArgumentError(TypeError, ValueError):
    """An argument of a type that cannot be: Keras raises now the one, now the other."""


def set_options(layer: Layer, **options: object) -> None:
    """Set `layer.<name>_initializer` and the like from what the user gave."""
    for key, value in options.items():
        get = _FAMILIES[key.rsplit("_", 1)[1]][0]
        setattr(layer, key, get(value))


def options_config(layer: Layer, *names: str) -> dict[str, Any]:
    """The configs of the initializer, regularizer and constraint of each named weight."""
    found = {}
    for name in names:
        for family, (_, serialize) in _FAMILIES.items():
            key = f"{name}_{family}"
            if hasattr(layer, key):
                value = getattr(layer, key)
                found[key] = None if value is None else serialize(value)
    return found


def regularizer_config(layer: Layer) -> dict[str, Any] | None:
    """The config of the penalty on the layer's output, or None."""
    penalty = layer.activity_regularizer
    return None if penalty is None else regularizers.serialize(penalty)


def weight(
    layer: Layer,
    option: str,
    shape: PartialShape,
    name: str | None = None,
    **more: Any,
) -> Variable:
    """A weight with the initializer, regularizer and constraint that `option` names."""
    made: Variable = layer.add_weight(
        name=option if name is None else name,
        shape=shape,
        initializer=getattr(layer, f"{option}_initializer"),
        regularizer=getattr(layer, f"{option}_regularizer", None),
        constraint=getattr(layer, f"{option}_constraint", None),
        **more,
    )
    return made


def sizes(
    value: Any, rank: int, name: str, owner: str, least: int = 1
) -> tuple[int, ...]:
    """One integer for each axis, out of one or several.

    Raises:
        ValueError: If there are not `rank` of them, or one is below `least`.
        ArgumentError: If they are no integers.
    """
    kind = ValueError if isinstance(value, int) else ArgumentError
    try:
        found = (
            (int(value),) * rank
            if isinstance(value, int)
            else tuple(int(v) for v in value)
        )
    except (TypeError, ValueError):
        found = ()
    if len(found) != rank or min(found) < least:
        what = "an integer" if rank == 1 else f"an integer or {rank} of them"
        raise kind(
            f"{owner}: {name}={naming.shown(value)}; expected {what}, at least {least}."
        )
    return found


def as_integer(value: Any) -> int | None:
    """`value` as an integer, None if it is none.

    Every array has `__index__`, and raises where it holds more than one integer.
    """
    try:
        return None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        return None


def positive(value: object, name: str, owner: str) -> int:
    """`value` as a positive integer.

    Raises:
        ValueError: If it is not positive.
        ArgumentError: If it is no integer.
    """
    found = as_integer(value)
    if found is None or found < 1:
        kind = ArgumentError if found is None else ValueError
        raise kind(
            f"{owner}: {name}={naming.shown(value)}; expected a positive integer."
        )
    return found


def feature_axes(value: Any, owner: str) -> Any:
    """One axis, or a list of several.

    Raises:
        ArgumentError: If there is something else than integers.
    """
    several = isinstance(value, (list, tuple))
    if not all(isinstance(a, int) for a in (value if several else [value])):
        raise ArgumentError(
            f"{owner}: axis={naming.shown(value)}; expected an integer or a list of integers."
        )
    return list(value) if several else value


def one_of(value: object, allowed: tuple[str, ...], name: str, owner: str) -> str:
    """`value` in lower case, if it is allowed.

    Raises:
        ValueError: If it is not.
    """
    found = value.lower() if isinstance(value, str) else value
    if found not in allowed:
        listing = " or ".join(repr(a) for a in allowed)
        raise ValueError(f"{owner}: {name}={naming.shown(value)}; expected {listing}.")
    return str(found)


def samples_apart(layer: Layer, training: bool | None) -> bool:
    """The `_mixes_samples` of layers that treat each sample by itself."""
    return False


def data_format(value: str | None, owner: str) -> str:
    """`value`, or the global setting; checked."""
    if value is None:
        return settings.image_data_format()
    return one_of(value, ("channels_last", "channels_first"), "data_format", owner)
