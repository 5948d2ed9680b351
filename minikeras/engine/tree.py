"""Nested structures of lists, tuples, named tuples and dicts.

A structure flattens to its leaves (dict values in key order) and a hashable
description of the rest. None is a leaf.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

Spec = Hashable
LEAF: Spec = "*"


def _sorted_keys(structure: dict[Any, Any]) -> list[Any]:
    try:
        return sorted(structure)
    except TypeError:  # keys of mixed types keep their own order
        return list(structure)


def _flatten_into(structure: Any, leaves: list[Any]) -> Spec:
    kind: Any = type(structure)
    if kind is tuple or kind is list:
        return (kind, *[_flatten_into(item, leaves) for item in structure])
    if isinstance(structure, dict):
        keys = _sorted_keys(structure)
        return (kind, tuple(keys), *[_flatten_into(structure[k], leaves) for k in keys])
    if isinstance(structure, (tuple, list)):
        return (kind, *[_flatten_into(item, leaves) for item in structure])
    leaves.append(structure)
    return LEAF


def flatten_spec(structure: Any) -> tuple[list[Any], Spec]:
    """The leaves, and a hashable description that `unflatten` takes."""
    leaves: list[Any] = []
    spec = _flatten_into(structure, leaves)
    return leaves, spec


def flatten(structure: Any) -> list[Any]:
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
        return items if kind is dict else _rebuild_dict(kind, items)
    parts = [_build(s, leaves) for s in spec[1:]]
    if kind is list:
        return parts
    if kind is tuple:
        return tuple(parts)
    return kind(*parts) if hasattr(kind, "_fields") else kind(parts)


def _rebuild_dict(kind: type, items: dict[Any, Any]) -> Any:
    if getattr(kind, "__missing__", None) is not None:  # defaultdict and its like
        return items
    return kind(items)


def unflatten(spec: Spec, leaves: Sequence[Any]) -> Any:
    """The structure that `flatten_spec` described, with these leaves."""
    return _build(spec, iter(leaves))


def map_structure(function: Callable[..., Any], *structures: Any) -> Any:
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


def is_nested(value: Any) -> bool:
    """Whether `value` is a list, tuple or dict."""
    return isinstance(value, (list, tuple, dict))


def describe(structure: Any) -> str:
    """A short text of the structure for error messages."""
    return str(map_structure(lambda leaf: type(leaf).__name__, structure))
