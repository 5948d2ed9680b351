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


def number_firsts(config: Config) -> None:
    """Give the first config of each object that stands in Keras's file twice its number.

    Keras numbers an object when it meets it again, in both of its configs. Where the first
    one stands inside another object's config, that is a copy by then, and stays without.
    """
    if not any(_KEY in part for part in _dicts(config)):
        return
    first: dict[Any, dict[str, Any]] = {}
    without: dict[Any, list[dict[str, Any]]] = {}
    for part, listed in _in_order(config):
        number, key = part.get(_KEY), _kind_and_name(part)
        if not isinstance(number, int):
            if key is not None:
                without.setdefault(key, []).append(part)
        elif number in first:
            _number_alike(first[number], part)
        else:
            earlier = [] if listed or key is None else without.get(key, [])
            same = [
                p
                for p in earlier
                if _KEY not in p and _alike(p["config"], part["config"])
            ]
            first[number] = part
            if len(same) == 1:
                same[0][_KEY] = number
                _number_alike(same[0], part)


def _in_order(config: Config) -> Iterator[tuple[dict[str, Any], bool]]:
    """The objects' configs in the order of the text, and whether they are in a list of layers
    and first there with a number: such a config is the object's own, not a copy."""
    counts: Counter[Any] = Counter(
        part[_KEY] for part in _dicts(config) if isinstance(part.get(_KEY), int)
    )
    waiting: list[tuple[Any, bool]] = [(config, False)]
    while waiting:
        value, listed = waiting.pop()
        if isinstance(value, dict):
            if "class_name" in value:
                yield value, listed and counts[value.get(_KEY)] > 1
            inner = [(v, k == "layers") for k, v in value.items()]
        elif isinstance(value, (list, tuple)):
            inner = [(v, listed) for v in value]
        else:
            continue
        waiting.extend(reversed(inner))


def _kind_and_name(part: dict[str, Any]) -> tuple[str, str] | None:
    """The class and the name of a named object; values, such as initializers, have no name."""
    inner = part.get("config")
    name = inner.get("name") if isinstance(inner, dict) else None
    kind = part.get("class_name")
    return (kind, name) if isinstance(name, str) and isinstance(kind, str) else None


def _number_alike(first: dict[str, Any], again: dict[str, Any]) -> None:
    """Number the parts of an object's first config as those of its second are numbered."""
    waiting: list[tuple[Any, Any]] = [(first, again)]
    while waiting:
        old, new = waiting.pop()
        if isinstance(old, dict) and isinstance(new, dict):
            if isinstance(new.get(_KEY), int) and "class_name" in old:
                old.setdefault(_KEY, new[_KEY])
            waiting.extend((old[k], new[k]) for k in old.keys() & new.keys())
        elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
            waiting.extend(zip(old, new))


def _alike(one: object, other: object) -> bool:
    """Whether two configs say the same, numbers of objects aside."""
    waiting = [(one, other)]
    while waiting:
        a, b = waiting.pop()
        if isinstance(a, dict) and isinstance(b, dict):
            if (a.keys() ^ b.keys()) - {_KEY}:
                return False
            waiting.extend((a[k], b[k]) for k in a.keys() & b.keys() if k != _KEY)
        elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
            waiting.extend(zip(a, b))
        elif a != b:
            return False
    return True


def _dicts(config: Config) -> Iterator[dict[str, Any]]:
    waiting: list[Any] = [config] if isinstance(config, (dict, list, tuple)) else []
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
            value = value.values()
        # Most of what is in a config is plain.
        waiting += [part for part in value if isinstance(part, (dict, list, tuple))]


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
