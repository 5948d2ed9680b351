"""Nested structures: `keras.tree`.

A structure is a list, tuple, named tuple or dict that holds other structures or leaves.
Dicts are gone through in the order of their keys, and None is a leaf.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from minikeras.engine import tree as _tree

__all__ = [
    "MAP_TO_NONE",
    "assert_same_paths",
    "assert_same_structure",
    "flatten",
    "flatten_with_path",
    "is_nested",
    "lists_to_tuples",
    "map_shape_structure",
    "map_structure",
    "map_structure_up_to",
    "pack_sequence_as",
    "traverse",
]

Path = tuple[Any, ...]


class MAP_TO_NONE:
    """What a function given to `traverse` returns to put None in a leaf's place."""


def is_nested(structure: Any) -> bool:
    """Whether `structure` is a list, tuple or dict.

    Args:
        structure: Any object.

    Example:

    >>> import minikeras as keras
    >>> keras.tree.is_nested([1, 2]), keras.tree.is_nested(1)
    (True, False)
    """
    return _tree.is_nested(structure)


def flatten(structure: Any) -> list[Any]:
    """The leaves of a structure, in order.

    Args:
        structure: Structure, or a leaf.

    Returns:
        List of the leaves.

    Example:

    >>> import minikeras as keras
    >>> keras.tree.flatten({"b": (1, 2), "a": [3]})
    [3, 1, 2]
    """
    return _tree.flatten(structure)


def flatten_with_path(structure: Any) -> list[tuple[Path, Any]]:
    """The leaves of a structure with the keys and indices that lead to them.

    Args:
        structure: Structure, or a leaf.

    Returns:
        List of pairs of a path, a tuple, and a leaf.

    Example:

    >>> import minikeras as keras
    >>> keras.tree.flatten_with_path({"a": [1, 2], "b": 3})
    [(('a', 0), 1), (('a', 1), 2), (('b',), 3)]
    """
    return list(_walk(structure, ()))


def _children(structure: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(structure, dict):
        keys = list(structure)
        try:
            keys = sorted(keys)
        except TypeError:  # keys of mixed types keep their own order
            pass
        return iter([(key, structure[key]) for key in keys])
    return iter(enumerate(structure))


def _walk(structure: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if not is_nested(structure):
        yield path, structure
        return
    for key, child in _children(structure):
        yield from _walk(child, (*path, key))


def _rebuilt(structure: Any, parts: Sequence[Any]) -> Any:
    """A container like `structure` with other children, given in order."""
    if isinstance(structure, dict):
        made = dict(zip((key for key, _ in _children(structure)), parts, strict=True))
        ordered = {key: made[key] for key in structure}
        return ordered if type(structure) is dict else type(structure)(ordered)
    if hasattr(structure, "_fields"):
        return type(structure)(*parts)
    return type(structure)(parts)


def map_structure(
    func: Callable[..., Any], *structures: Any, none_is_leaf: bool = True
) -> Any:
    """A function on corresponding leaves of structures.

    Args:
        func: Function of as many leaves as there are structures.
        *structures: Structures of one form.
        none_is_leaf: Whether the function is called on None too; else None stays.

    Returns:
        Structure of the results, in the form of the first.

    Raises:
        TypeError: If `func` cannot be called.
        ValueError: If there are no structures or they differ.

    Example:

    >>> import minikeras as keras
    >>> keras.tree.map_structure(lambda x, y: x + y, {"a": [1, 2]}, {"a": [3, 4]})
    {'a': [4, 6]}
    """
    if not callable(func):
        raise TypeError(f"tree.map_structure: func={func!r} cannot be called.")
    if not structures:
        raise ValueError("tree.map_structure: no structures; expected at least one.")
    if none_is_leaf:
        return _tree.map_structure(func, *structures)

    def skipping(*leaves: Any) -> Any:
        if all(leaf is None for leaf in leaves):
            return None
        return func(*leaves)

    return _tree.map_structure(skipping, *structures)


def map_structure_up_to(
    shallow_structure: Any, func: Callable[..., Any], *structures: Any
) -> Any:
    """A function on the parts of structures that stand where a shallow one has leaves.

    Args:
        shallow_structure: Structure whose leaves say how deep to go.
        func: Function of as many parts as there are structures.
        *structures: Structures that go at least as deep.

    Returns:
        Structure of the results, in the form of the shallow one.

    Raises:
        ValueError: If a structure has another form than the shallow one.

    Example:

    >>> import minikeras as keras
    >>> keras.tree.map_structure_up_to({"a": 0}, len, {"a": [1, 2, 3]})
    {'a': 3}
    """
    if not structures:
        raise ValueError(
            "tree.map_structure_up_to: no structures; expected at least one."
        )
    if not is_nested(shallow_structure):
        return func(*structures)
    keys = [key for key, _ in _children(shallow_structure)]
    for other in structures:
        same = is_nested(other) and isinstance(other, dict) == isinstance(
            shallow_structure, dict
        )
        if not same or [key for key, _ in _children(other)] != keys:
            raise ValueError(
                f"tree.map_structure_up_to: {other!r} does not have the form of "
                f"{shallow_structure!r}."
            )
    parts = [
        map_structure_up_to(child, func, *(s[key] for s in structures))
        for key, child in _children(shallow_structure)
    ]
    return _rebuilt(shallow_structure, parts)


def assert_same_structure(a: Any, b: Any, check_types: bool | None = None) -> None:
    """Check that two structures have the same form.

    Args:
        a: Structure.
        b: Structure.
        check_types: Kept for Keras's signature; types of containers are always compared.

    Raises:
        ValueError: If they differ.

    Example:

    >>> import minikeras as keras
    >>> keras.tree.assert_same_structure([1, (2, 3)], [4, (5, 6)])
    """
    first, second = _tree.flatten_spec(a)[1], _tree.flatten_spec(b)[1]
    if first != second:
        raise ValueError(
            f"tree.assert_same_structure: {_tree.describe(a)} and {_tree.describe(b)} differ."
        )


def assert_same_paths(a: Any, b: Any) -> None:
    """Check that the same keys and indices lead to the leaves of two structures.

    Args:
        a: Structure.
        b: Structure; it may have tuples where the other has lists.

    Raises:
        ValueError: If the paths differ.

    Example:

    >>> import minikeras as keras
    >>> keras.tree.assert_same_paths([0, (1, 2)], [3, [4, 5]])
    """
    first = {path for path, _ in flatten_with_path(a)}
    second = {path for path, _ in flatten_with_path(b)}
    if first != second:
        raise ValueError(
            f"tree.assert_same_paths: only in a: {sorted(first - second, key=str)}; only in b: "
            f"{sorted(second - first, key=str)}."
        )


def pack_sequence_as(structure: Any, flat_sequence: Sequence[Any]) -> Any:
    """Leaves put in the places of those of a structure.

    Args:
        structure: Structure that gives the form.
        flat_sequence: The leaves, in the order that `flatten` gives.

    Returns:
        Structure of that form.

    Raises:
        ValueError: If there are not as many leaves.

    Example:

    >>> import minikeras as keras
    >>> keras.tree.pack_sequence_as({"a": [0, 0], "b": 0}, [1, 2, 3])
    {'a': [1, 2], 'b': 3}
    """
    count = len(flatten(structure))
    leaves = list(flat_sequence)
    if len(leaves) != count:
        raise ValueError(
            f"tree.pack_sequence_as: {len(leaves)} leaves for a structure with {count}."
        )
    given = iter(leaves)
    return _tree.map_structure(lambda _: next(given), structure)


def lists_to_tuples(structure: Any) -> Any:
    """The structure with tuples in the place of lists.

    Args:
        structure: Structure.

    Returns:
        Structure of the same leaves.

    Example:

    >>> import minikeras as keras
    >>> keras.tree.lists_to_tuples([1, [2, {"a": [3]}]])
    (1, (2, {'a': (3,)}))
    """
    if not is_nested(structure):
        return structure
    parts = [lists_to_tuples(child) for _, child in _children(structure)]
    return tuple(parts) if isinstance(structure, list) else _rebuilt(structure, parts)


def _is_shape(structure: Any) -> bool:
    return isinstance(structure, (list, tuple)) and all(
        d is None or isinstance(d, int) for d in structure
    )


def map_shape_structure(func: Callable[[Any], Any], structure: Any) -> Any:
    """A function on the shapes in a structure.

    Args:
        func: Function of a shape.
        structure: Structure whose innermost tuples or lists, of integers and None, are
            shapes.

    Returns:
        Structure of the results.

    Example:

    >>> import minikeras as keras
    >>> keras.tree.map_shape_structure(len, {"a": (1, 2), "b": [(3, None), (4,)]})
    {'a': 2, 'b': [2, 1]}
    """
    if _is_shape(structure):
        return func(tuple(structure))
    if not is_nested(structure):
        raise ValueError(f"tree.map_shape_structure: {structure!r} is no shape.")
    parts = [map_shape_structure(func, child) for _, child in _children(structure)]
    return _rebuilt(structure, parts)


def traverse(func: Callable[[Any], Any], structure: Any, top_down: bool = True) -> Any:
    """A function on every part of a structure, containers too.

    Where it returns None the part is kept and, going down, its children are visited;
    anything else takes the part's place.

    Args:
        func: Function of a container or leaf; returns `MAP_TO_NONE` to put None there.
        structure: Structure.
        top_down: Whether containers come before their children.

    Returns:
        The new structure.

    Example:

    >>> import minikeras as keras
    >>> keras.tree.traverse(lambda v: sum(v) if isinstance(v, tuple) else None, [1, (2, 3)])
    [1, 5]
    """
    if top_down:
        found = func(structure)
        if found is not None:
            return None if found is MAP_TO_NONE else found
    if is_nested(structure):
        parts = [traverse(func, child, top_down) for _, child in _children(structure)]
        structure = _rebuilt(structure, parts)
    if top_down:
        return structure
    found = func(structure)
    if found is None:
        return structure
    return None if found is MAP_TO_NONE else found
