"""Walking a model for what is saved: its parts, by the paths that Keras gives them.

A part's path is the names of the attributes that lead to it. The public names come in
alphabetical order, then the private ones; a Sequential or Functional model starts with
its `layers`. Things in a list, tuple, set or dict are named by their class, numbered
per container (`blocks/dense`, `blocks/dense_1`); containers in containers are called
`container`. Each part counts where it is met first.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from functools import cache
from typing import Any

from minikeras import naming

_CONTAINERS = (list, tuple, set, dict)


def walk(
    root: object,
    nested: bool = True,
    skipped: Iterable[Any] = (),
    again: Container[int] = (),
) -> Iterator[tuple[str, Any]]:
    """Each part of a model with its path, the model itself (path `""`) first.

    A part is an object of a class with `_saved_in_parts`: layers, models, optimizers,
    metrics, losses.

    Args:
        root: The model.
        nested: Whether containers in containers are walked; early Keras 3 did not.
        skipped: Parts that are left out, with all that is in them.
        again: The `id`s of parts that are given under their other paths, too.
    """
    # The objects are kept, so that no number is used again.
    seen: dict[int, Any] = {id(part): part for part in skipped}
    stack: list[Iterator[tuple[str, Any]]] = [iter([("", root)])]
    while stack:
        for path, value in stack[-1]:
            if id(value) in seen and id(value) not in again:
                continue
            if is_part(value):
                seen[id(value)] = value
                yield path, value
                stack.append(_attributes(value, path))
                break
            if isinstance(value, _CONTAINERS):
                seen[id(value)] = value
                if value:
                    stack.append(_members(value, path, nested))
                    break
        else:
            stack.pop()


def is_part(value: object) -> bool:
    """Whether `value` is of a class whose objects are saved part by part."""
    return getattr(type(value), "_saved_in_parts", None) is not None


def _attributes(part: object, path: str) -> Iterator[tuple[str, Any]]:
    cls = type(part)
    renamed: dict[str, str] = getattr(cls, "_saved_as", {})
    first = getattr(cls, "_saved_first", None)
    if first is not None:
        yield _join(path, first), getattr(part, first)
    names = {renamed.get(n, n): n for n in _names(part)}
    for shown in sorted(names, key=lambda n: "~" + n if n.startswith("_") else n):
        found, value = _look(part, cls, names[shown])
        if found:
            yield _join(path, shown), value


def _names(part: object) -> set[str]:
    cls: Any = type(part)
    skipped = _base_names(cls)
    # Most are numbers, texts and the like, which lead nowhere.
    own = {
        name
        for name, value in part.__dict__.items()
        if name not in skipped and (isinstance(value, _CONTAINERS) or is_part(value))
    }
    return own | _computed_names(cls)


def _look(part: object, cls: type, name: str) -> tuple[bool, Any]:
    if name in part.__dict__:
        return True, part.__dict__[name]
    try:
        return True, getattr(part, name)
    except Exception:  # a property may need what is not there yet
        return False, None


@cache
def _base_names(cls: type) -> frozenset[str]:
    """What the base classes of this package have: bookkeeping, not parts."""
    names: set[str] = set()
    for base in cls.__mro__:
        names.update(base.__dict__.get("_not_saved", ()))
        if "_saved_in_parts" in base.__dict__:
            names.update(dir(base))
    return frozenset(names)


@cache
def _computed_names(cls: type) -> frozenset[str]:
    """Names of a class that may lead to parts: all but methods and plain values."""
    names = set()
    for base in cls.__mro__:
        for name, value in base.__dict__.items():
            if name.startswith("__"):
                continue
            computed = hasattr(type(value), "__get__") and not callable(value)
            if computed or isinstance(value, _CONTAINERS) or is_part(value):
                names.add(name)
    return frozenset(names) - _base_names(cls)


def _members(container: Any, path: str, nested: bool) -> Iterator[tuple[str, Any]]:
    values = container.values() if isinstance(container, dict) else container
    counts: dict[str, int] = {}
    for value in list(values):
        if is_part(value):
            name = _snake_case(type(value).__name__)
        elif nested and isinstance(value, _CONTAINERS):
            name = "container"
        else:
            continue
        count = counts.get(name, 0)
        counts[name] = count + 1
        yield _join(path, f"{name}_{count}" if count else name), value


_snake_case = cache(naming.to_snake_case)


def _join(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name
