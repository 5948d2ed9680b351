"""Nested structures: `keras.tree`.

A structure is a list, tuple, named tuple, deque or dict (OrderedDict, defaultdict) that
holds other structures or leaves. Dicts are gone through in the order of their sorted
keys, an OrderedDict in its own; a dict that is made anew has its keys in the order it
had them in. None is a leaf, and so is a set, and an instance of another subclass of these.
The lists, dicts and sets that a layer tracks are containers too.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from minikeras.engine import tree as _tree
from minikeras.engine.warn import warn_user


def __dir__() -> list[str]:
    return __all__


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
_DICTS = (dict, OrderedDict, defaultdict)


class MAP_TO_NONE:
    """What a function given to `traverse` returns to put None in a leaf's place."""


def is_nested(structure: object) -> bool:
    """Whether `structure` is a container: list, tuple, named tuple, deque or dict.

    Args:
        structure: Any object.

    Example:

    >>> keras.tree.is_nested([1, 2]), keras.tree.is_nested(1)
    (True, False)
    """
    named = isinstance(structure, tuple) and hasattr(structure, "_fields")
    return named or type(structure) in _tree.CONTAINERS


def flatten(structure: object) -> list[Any]:
    """The leaves of a structure, in order.

    Args:
        structure: Structure, or a leaf.

    Returns:
        List of the leaves.

    Example:

    >>> keras.tree.flatten({"b": (1, 2), "a": [3]})
    [3, 1, 2]
    """
    return [leaf for _, leaf in _walk(structure, ())]


def flatten_with_path(structure: object) -> list[tuple[Path, Any]]:
    """The leaves of a structure with the keys and indices that lead to them.

    Args:
        structure: Structure, or a leaf.

    Returns:
        List of pairs of a path, a tuple, and a leaf.

    Example:

    >>> keras.tree.flatten_with_path({"a": [1, 2], "b": 3})
    [(('a', 0), 1), (('a', 1), 2), (('b',), 3)]
    """
    return list(_walk(structure, ()))


def _children(structure: Any) -> Iterable[tuple[Any, Any]]:
    if not isinstance(structure, dict):
        return enumerate(structure)
    keys = list(structure)
    if not isinstance(structure, OrderedDict):
        try:
            keys.sort()
        except TypeError:  # keys of mixed types keep their own order
            keys = list(structure)
    return [(key, structure[key]) for key in keys]


def _walk(structure: object, path: Path) -> Iterator[tuple[Path, Any]]:
    if not is_nested(structure):
        yield path, structure
        return
    for key, child in _children(structure):
        yield from _walk(child, (*path, key))


def _rebuilt(structure: Any, parts: Sequence[Any]) -> Any:
    """A container like `structure` with other children, given in order."""
    kind = type(structure)
    if isinstance(structure, dict):
        made = dict(zip((key for key, _ in _children(structure)), parts, strict=True))
        ordered = {key: made[key] for key in structure}
        if isinstance(structure, defaultdict):
            return kind(structure.default_factory, ordered)
        return ordered if kind is dict else kind(ordered)
    if isinstance(structure, deque):
        return kind(parts, structure.maxlen)
    return kind(*parts) if hasattr(structure, "_fields") else kind(parts)


def _fit(a: Any, b: Any) -> bool:
    """Whether `b` is a container of the kind, size and keys of the container `a`."""
    if type(a) in _DICTS and type(b) in _DICTS:
        return a.keys() == b.keys()
    if type(a) is not type(b):
        return False
    return a.keys() == b.keys() if isinstance(a, dict) else len(a) == len(b)


def _mapped(
    func: Callable[..., Any],
    structures: Sequence[Any],
    op: str,
    whole: bool = True,
    nones: bool = True,
    path: Path = (),
) -> Any:
    """`func` on what stands where the first structure has its leaves.

    Args:
        func: Function of as many parts as there are structures.
        structures: The structures.
        op: Name for errors.
        whole: Whether the others must have leaves there too.
        nones: Whether None is a leaf; else it stays, and must be everywhere.
        path: Where these stand in the whole.
    """
    first, *others = structures
    nested = is_nested(first)
    gone = first is None and not nones
    for other in others:
        fits = _fit(first, other) if nested else not (whole and is_nested(other))
        if not fits or (not nones and (other is None) != gone):
            place = "".join(f"[{key!r}]" for key in path) or "the top"
            raise ValueError(
                f"tree.{op}: the structures differ at {place}: {_tree.describe(first)} and "
                f"{_tree.describe(other)}; expected the same containers, sizes and keys."
            )
    if gone:
        return None
    if not nested:
        return func(*structures)
    below = [dict(_children(structure)) for structure in structures]
    parts = [
        _mapped(func, [b[key] for b in below], op, whole, nones, (*path, key))
        for key in below[0]
    ]
    return _rebuilt(first, parts)


def map_structure(
    func: Callable[..., Any], *structures: object, none_is_leaf: bool = True
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

    >>> keras.tree.map_structure(lambda x, y: x + y, {"a": [1, 2]}, {"a": [3, 4]})
    {'a': [4, 6]}
    """
    if not callable(func):
        raise TypeError(f"tree.map_structure: func={func!r} cannot be called.")
    if not structures:
        raise ValueError("tree.map_structure: no structures; expected at least one.")
    return _mapped(func, structures, "map_structure", nones=none_is_leaf)


def map_structure_up_to(
    shallow_structure: object, func: Callable[..., Any], *structures: object
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

    >>> keras.tree.map_structure_up_to({"a": 0}, len, {"a": [1, 2, 3]})
    {'a': 3}
    """
    if not structures:
        raise ValueError(
            "tree.map_structure_up_to: no structures; expected at least one."
        )
    return _mapped(
        lambda _, *parts: func(*parts),
        (shallow_structure, *structures),
        "map_structure_up_to",
        whole=False,
    )


def assert_same_structure(
    a: object, b: object, check_types: bool | None = None
) -> None:
    """Check that two structures have the same form.

    Args:
        a: Structure.
        b: Structure.
        check_types: Has no effect: types of containers are always compared, though a dict,
            an OrderedDict and a defaultdict count as the same.

    Raises:
        ValueError: If they differ.

    Example:

    >>> keras.tree.assert_same_structure([1, (2, 3)], [4, (5, 6)])
    """
    if check_types is not None:
        warn_user(
            "tree.assert_same_structure: check_types has no effect; leave it out. For a check "
            "that takes a list for a tuple there is tree.assert_same_paths.",
            DeprecationWarning,
        )
    _mapped(lambda *_: None, (a, b), "assert_same_structure")


def assert_same_paths(a: object, b: object) -> None:
    """Check that the same keys and indices lead to the leaves of two structures.

    Args:
        a: Structure.
        b: Structure; it may have tuples where the other has lists.

    Raises:
        ValueError: If the paths differ.

    Example:

    >>> keras.tree.assert_same_paths([0, (1, 2)], [3, [4, 5]])
    """
    first = {path for path, _ in flatten_with_path(a)}
    second = {path for path, _ in flatten_with_path(b)}
    if first != second:
        raise ValueError(
            f"tree.assert_same_paths: only in a: {sorted(first - second, key=str)}; only in b: "
            f"{sorted(second - first, key=str)}."
        )


def pack_sequence_as(structure: object, flat_sequence: Sequence[Any]) -> Any:
    """Leaves put in the places of those of a structure.

    Args:
        structure: Structure that gives the form.
        flat_sequence: The leaves, in the order that `flatten` gives.

    Returns:
        Structure of that form.

    Raises:
        ValueError: If there are not as many leaves.

    Example:

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
    return _mapped(lambda _: next(given), (structure,), "pack_sequence_as")


def lists_to_tuples(structure: object) -> Any:
    """The structure with tuples in the place of lists.

    Args:
        structure: Structure.

    Returns:
        Structure of the same leaves.

    Example:

    >>> keras.tree.lists_to_tuples([1, [2, {"a": [3]}]])
    (1, (2, {'a': (3,)}))
    """
    if isinstance(structure, list):  # of any subclass
        return tuple(map(lists_to_tuples, structure))
    if not is_nested(structure):
        return structure
    parts = [lists_to_tuples(child) for _, child in _children(structure)]
    return _rebuilt(structure, parts)


def _is_shape(structure: object) -> bool:
    return isinstance(structure, (list, tuple)) and all(
        d is None or isinstance(d, int) for d in structure
    )


def map_shape_structure(func: Callable[[Any], Any], structure: object) -> Any:
    """A function on the shapes in a structure.

    Args:
        func: Function of a shape, or of a leaf that is no part of one.
        structure: Structure whose innermost tuples or lists, of integers and None, are
            shapes.

    Returns:
        Structure of the results.

    Example:

    >>> keras.tree.map_shape_structure(len, {"a": (1, 2), "b": [(3, None), (4,)]})
    {'a': 2, 'b': [2, 1]}
    """
    if _is_shape(structure) or not is_nested(structure):
        return func(structure)
    parts = [map_shape_structure(func, child) for _, child in _children(structure)]
    return _rebuilt(structure, parts)


def traverse(
    func: Callable[[Any], Any], structure: object, top_down: bool = True
) -> Any:
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
