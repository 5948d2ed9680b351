"""Names: automatic ones for layers and variables, and the scopes that make paths."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from minikeras.engine.interpret import Release

_MOST_ARGUMENTS = 8
_LONGEST_NAME = 100  # of those that are compared with others, which takes its square
_counts: dict[str, int] = {}
_scopes: ContextVar[tuple[name_scope, ...]] = ContextVar(
    "minikeras_name_scopes", default=()
)


def to_snake_case(name: str) -> str:
    """`"MaxPooling2D"` becomes `"max_pooling2d"`, as Keras names layers."""
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def nearest(name: object, known: Iterable[str]) -> str:
    """For a message: the known names that are most like this one, or three of them."""
    spelt = {k.lower(): k for k in sorted(known)}
    return did_you_mean(name, spelt.values()) or (
        f"Names are, for example, {', '.join(repr(k) for k in list(spelt.values())[:3])}."
    )


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """For a message: the known names that are most like this one; "" where none is."""
    import difflib  # only where a name is wrong

    if not isinstance(name, str) or len(name) > _LONGEST_NAME:
        return ""
    spelt = {k.lower(): k for k in sorted(known)}
    close = difflib.get_close_matches(name.lower(), spelt, 3, 0.6)
    return (
        f"Did you mean {' or '.join(repr(spelt[k]) for k in close)}?" if close else ""
    )


def unknown_arguments(
    cls: type, given: Mapping[str, object], more: Iterable[str] = ()
) -> str:
    """For a message: arguments that a constructor lacks, and what may have been meant."""
    import inspect  # only where a name is wrong

    known = dict.fromkeys(more)
    for base in cls.__mro__:  # a subclass hands on to its base what it does not know
        init: Any = base.__dict__.get("__init__")
        if inspect.isfunction(init):
            known |= {
                name: None
                for name, parameter in inspect.signature(init).parameters.items()
                if name != "self" and not parameter.kind.name.startswith("VAR_")
            }
    few = dict(list(given.items())[:_MOST_ARGUMENTS])
    said = f"{cls.__name__}: unknown arguments {shown(few)}."
    meant = [did_you_mean(name, known) for name in list(given)[:_MOST_ARGUMENTS]]
    if any(meant):
        return " ".join([said, *filter(None, dict.fromkeys(meant))])
    first, rest = list(known)[:_MOST_ARGUMENTS], len(known) - _MOST_ARGUMENTS
    more_of_them = f" and {rest} more (see help)" if rest > 0 else ""
    return f"{said} Known are {', '.join(first)}{more_of_them}."


def shown(value: object, limit: int = 120) -> str:
    """For a message: a value as Python writes it, arrays by their shape, cut where long."""
    text = repr(_without_arrays(value))
    return text if len(text) <= limit else f"{text[:limit]}..."


class _Words(str):
    """A text that stands for a value, written without quotes."""

    __slots__ = ()
    __repr__ = str.__str__


def _without_arrays(value: Any) -> Any:
    if type(value) in (list, tuple):
        few = [_without_arrays(part) for part in value[:8]]
        few += [_Words("...")] if len(value) > 8 else []
        return type(value)(few)
    if type(value) is dict and len(value) > 8:
        return {**dict(list(value.items())[:8]), _Words("..."): _Words("...")}
    if hasattr(value, "__array__") and hasattr(value, "shape") and value.shape:
        return _Words(f"<{type(value).__name__} {tuple(value.shape)} {value.dtype}>")
    return value


_LONGEST_LINE = 2_000


def printable(line: str) -> str:
    """A line with what a terminal would obey written as an escape, cut where very long."""
    cut = line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}..."
    if cut.isprintable():
        return cut
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in cut)


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
            f"{owner}: name={shown(name)}; expected a non-empty string without '/'."
        )
    return name


_OPTIONS = {"caller", "deduplicate", "override_parent"}


class name_scope:
    """Block in which variables get `name/` in their path.

    Args:
        name: Without `/`; an empty one adds nothing.
        **kwargs: `caller`, `deduplicate` and `override_parent` are taken, for code that
            gives them to Keras, and ignored.

    Raises:
        TypeError: If there are other keyword arguments.
        ValueError: If the name is no string or has a `/`.

    Example:

    >>> with keras.name_scope("tower"):
    ...     keras.Variable(0.0, name="gain").path
    'tower/gain'
    """

    def __init__(self, name: str, **kwargs: object) -> None:
        if set(kwargs) - _OPTIONS:
            unknown = sorted(set(kwargs) - _OPTIONS)
            raise TypeError(f"name_scope: unknown arguments {unknown}.")
        self.name = name if name == "" else check_name(name, "name_scope")
        # Held while the scope is open. To release it is one instruction, which an
        # interrupt comes before or after; what has ended is left out from then on.
        self._lock: Any = threading.RLock()

    def __enter__(self) -> name_scope:
        outside = _open()
        self._lock.acquire()
        try:
            _scopes.set((*outside, self))
            return self
        except BaseException:
            self._lock.release()
            raise

    if TYPE_CHECKING:

        def __exit__(self, *exception: object) -> None: ...

    else:
        __exit__ = Release()


def _open() -> tuple[name_scope, ...]:
    """The scopes that have begun and not ended, the outermost first."""
    found: list[name_scope] = []
    for scope in _scopes.get():
        times = sum(s is scope for s in found)
        if _depth(scope._lock, times) > times:
            found.append(scope)
    return tuple(found)


def _depth(lock: Any, times: int) -> int:
    """How often this thread holds a lock; only whether, where it was not met before."""
    if not times or not lock._is_owned():
        return int(lock._is_owned())
    state = lock._release_save()  # as conditions do: there is no other way to ask
    lock._acquire_restore(state)
    return int(state[0])


def scoped(name: str) -> str:
    """The path of `name` in the current scopes."""
    return "/".join([s.name for s in _open() if s.name] + [name])
