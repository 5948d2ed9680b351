"""Nested structures of lists, tuples, named tuples and dicts.

A structure flattens to its leaves (dict values in the order of sorted keys) and a
hashable description of the rest. None is a leaf. A rebuilt dict has its keys in the
order that it had them in.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

Spec = Hashable
LEAF: Spec = "*"
# What `keras.tree` goes into, beside named tuples. The engine takes subclasses too.
CONTAINERS: set[type] = {list, tuple, dict, OrderedDict, defaultdict, deque}


class _Keys(tuple[Any, ...]):
    """The sorted keys of a dict, with what does not count when specs are compared."""

    order: tuple[Any, ...]  # the keys as they stood
    kind: type[dict[Any, Any]]
    factory: Any  # of a defaultdict


_PLAIN = (dict, OrderedDict, defaultdict)  # one structure, as for Keras


def _keys(structure: dict[Any, Any]) -> tuple[Any, ...]:
    order = tuple(structure)
    try:
        keys = tuple(sorted(order))
    except TypeError:  # keys of mixed types keep their own order
        keys = order
    if keys == order and type(structure) is dict:
        return keys
    made = _Keys(keys)
    made.order, made.kind = order, type(structure)
    made.factory = getattr(structure, "default_factory", None)
    return made


def _flatten_into(structure: Any, leaves: list[Any]) -> Spec:
    kind: Any = type(structure)
    if kind is tuple or kind is list:
        return (kind, *[_flatten_into(item, leaves) for item in structure])
    if isinstance(structure, dict):
        keys = _keys(structure)
        kind = dict if kind in _PLAIN else kind
        return (kind, keys, *[_flatten_into(structure[k], leaves) for k in keys])
    if isinstance(structure, (tuple, list)):
        return (kind, *[_flatten_into(item, leaves) for item in structure])
    leaves.append(structure)
    return LEAF


def flatten_spec(structure: object) -> tuple[list[Any], Spec]:
    """The leaves, and a hashable description that `unflatten` takes."""
    leaves: list[Any] = []
    spec = _flatten_into(structure, leaves)
    return leaves, spec


def flatten(structure: object) -> list[Any]:
    """The leaves in order.

    >>> flatten({"b": (1, 2), "a": [3]})
    [3, 1, 2]
    """
    leaves: list[Any] = []
    _flatten_into(structure, leaves)
    return leaves


def _build(spec: Any, leaves: Iterator[Any]) -> Any:
    if spec == LEAF:
        return next(leaves)
    kind = spec[0]
    if issubclass(kind, dict):
        items = {k: _build(s, leaves) for k, s in zip(spec[1], spec[2:], strict=True)}
        return _rebuild_dict(spec[1], items)
    parts = [_build(s, leaves) for s in spec[1:]]
    if kind is list:
        return parts
    if kind is tuple:
        return tuple(parts)
    return kind(*parts) if hasattr(kind, "_fields") else kind(parts)


def _rebuild_dict(keys: tuple[Any, ...], items: dict[Any, Any]) -> dict[str, Any]:
    if not isinstance(keys, _Keys):
        return items
    items = {k: items[k] for k in keys.order}
    if issubclass(keys.kind, defaultdict):
        return keys.kind(keys.factory, items)
    return items if keys.kind is dict else keys.kind(items)


def unflatten(spec: Spec, leaves: Sequence[Any]) -> Any:
    """The structure that `flatten_spec` described, with these leaves."""
    return _build(spec, iter(leaves))


def map_structure(function: Callable[..., Any], *structures: object) -> Any:
    """`function` on corresponding leaves; the first structure's form is kept.

    Raises:
        ValueError: If the structures differ.
    """
    first, spec = flatten_spec(structures[0])
    columns = [first]
    for other in structures[1:]:
        leaves, other_spec = flatten_spec(other)
        if other_spec != spec:
            raise ValueError(
                f"map_structure: structures differ: {describe(structures[0])} and "
                f"{describe(other)}."
            )
        columns.append(leaves)
    return unflatten(spec, [function(*row) for row in zip(*columns, strict=True)])


def is_nested(value: object) -> bool:
    """Whether `value` is a list, tuple or dict."""
    return isinstance(value, (list, tuple, dict))


def describe(structure: object) -> str:
    """A short text of the structure for error messages."""
    return str(map_structure(lambda leaf: type(leaf).__name__, structure))
