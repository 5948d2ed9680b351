"""Objects that stand in a config more than once: written and made once.

Inside `shared_objects()` an object is written with a number, `shared_object_id`, which
stays where the object stands more than once; when read, equal numbers give the same
object. So a layer that is used in two places stays one layer. Values (classes with
`_is_value`, such as dtype policies) get none: equal ones are as good as the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from minikeras.types import Config

if TYPE_CHECKING:
    from minikeras.dtype_policies.policy import DTypePolicy


_KEY = "shared_object_id"


class _Known:
    """Objects met so far: by identity while writing, by number while reading."""

    def __init__(self, reading: bool) -> None:
        self.reading = reading
        self.written: dict[int, tuple[Any, int]] = {}
        self.read: dict[Any, Any] = {}


_known: ContextVar[_Known | None] = ContextVar("minikeras_shared", default=None)


@contextmanager
def shared_objects(reading: bool = False) -> Iterator[None]:
    """Block in which configs tell that objects are the same.

    Args:
        reading: Whether configs are read in it. What is written meanwhile, as by a wrapper
            that copies its layer, is given no numbers then.
    """
    token = _known.set(_Known(reading))
    try:
        yield
    finally:
        _known.reset(token)


def number_written(obj: object) -> dict[str, int]:
    """What to add to an object's config: its number, if numbers are given."""
    known = _known.get()
    if known is None or known.reading or getattr(type(obj), "_is_value", False):
        return {}
    number = known.written.setdefault(id(obj), (obj, len(known.written)))[1]
    return {_KEY: number}


def described(config: Config) -> Iterator[tuple[Any, dict[str, Any]]]:
    """The objects that were written inside this block, each with what was written of it."""
    known = _known.get()
    assert known is not None
    objects = {number: obj for obj, number in known.written.values()}
    for part in _dicts(config):
        if part.get(_KEY) in objects:
            yield objects[part[_KEY]], part


def without_single_numbers(config: Config) -> dict[str, Any]:
    """A config in which only the objects that stand in it more than once have numbers."""
    counts: Counter[int] = Counter()
    for part in _dicts(config):
        counts.update([part[_KEY]] if _KEY in part else [])
    several = {n: i for i, n in enumerate((n for n in counts if counts[n] > 1), 1)}
    done: set[int] = set()  # one dict may stand in several places
    for part in _dicts(config):
        if _KEY in part and id(part) not in done:
            done.add(id(part))
            number = several.get(part.pop(_KEY))
            if number is not None:
                part[_KEY] = number
    return config


def _dicts(config: Config) -> Iterator[dict[str, Any]]:
    waiting = [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
            waiting.extend(value.values())
        elif isinstance(value, (list, tuple)):
            waiting.extend(value)


def count_listed(config: Config) -> int:
    """How many layers stand in the lists of a config's models, and further calls of them."""
    count = 0
    for part in _dicts(config):
        layers, nodes = part.get("layers"), part.get("inbound_nodes")
        count += len(layers) if isinstance(layers, list) else 0
        count += max(len(nodes) - 1, 0) if isinstance(nodes, list) else 0
    return count


def read(config: dict[str, Any]) -> DTypePolicy | None:
    """The object that was made from a config of the same number, or None."""
    known = _known.get()
    number = config.get(_KEY)
    if known is None or not isinstance(number, int):
        return None
    return known.read.get(number)


def note_read(config: dict[str, Any], made: object) -> None:
    """Remember what was made from a config."""
    known = _known.get()
    number = config.get(_KEY)
    if known is not None and isinstance(number, int):
        known.read[number] = made
