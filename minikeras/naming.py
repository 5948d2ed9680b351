"""Names: automatic ones for layers and variables, and the scopes that make paths."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_counts: dict[str, int] = {}
_scopes: ContextVar[tuple[str, ...]] = ContextVar("minikeras_name_scopes", default=())


def to_snake_case(name: str) -> str:
    """`"MaxPooling2D"` becomes `"max_pooling2d"`, as Keras names layers."""
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def auto_name(prefix: str) -> str:
    """`prefix`, then `prefix_1`, `prefix_2` and so on."""
    prefix = to_snake_case(prefix)
    count = _counts.get(prefix, 0)
    _counts[prefix] = count + 1
    return prefix if not count else f"{prefix}_{count}"


def count_up(prefix: str) -> int:
    """How often a number was asked for under this prefix, from 1."""
    _counts[f"uid {prefix}"] = _counts.get(f"uid {prefix}", 0) + 1
    return _counts[f"uid {prefix}"]


def reset() -> None:
    """Start counting anew (`clear_session`)."""
    _counts.clear()


@contextmanager
def kept_counts() -> Iterator[None]:
    """Automatic names given inside do not count."""
    before = dict(_counts)
    try:
        yield
    finally:
        _counts.clear()
        _counts.update(before)


def check_name(name: object, owner: str) -> str:
    """`name` itself, if it may name a layer or variable.

    Raises:
        ValueError: If it is no string, or holds a `/`, which separates path parts.
    """
    if not isinstance(name, str) or "/" in name or not name:
        raise ValueError(
            f"{owner}: name={name!r}; expected a non-empty string without '/'."
        )
    return name


@contextmanager
def name_scope(name: str) -> Iterator[None]:
    """Variables made inside get `name/` in their path."""
    token = _scopes.set((*_scopes.get(), name))
    try:
        yield
    finally:
        _scopes.reset(token)


def scoped(name: str) -> str:
    """The path of `name` in the current scopes."""
    return "/".join((*_scopes.get(), name))
