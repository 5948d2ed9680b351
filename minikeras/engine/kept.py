"""Which compiled programs are kept: those used last, up to a limit of bytes.

Each new shape or dtype compiles a program. `make_room` is called when one was made and
drops those that waited longest, of all functions in the process; a dropped one is
compiled again when its shapes come back. The few used last always stay, whatever they
take: a model needs its training step and its prediction in turn.
"""

from __future__ import annotations

import functools
import os
import types
from collections.abc import Iterable
from typing import Any, Protocol

from minikeras.engine import arenas
from minikeras.engine.living import Living

LEAST = 8
_NODE_BYTES = 6000  # what Python objects take for a node, about
_LEAST_BYTES, _MOST_BYTES = 1 << 28, 1 << 32


class Entry(Protocol):
    """A kept program.

    Attributes:
        used: When it ran last, by `Function`'s clock.
        nbytes: What it holds beside its arena.
    """

    used: int

    @property
    def nbytes(self) -> int: ...


class Owner(Protocol):
    """Who keeps programs, by signature."""

    entries: dict[Any, Any]


owners: Living[Owner] = Living()


@functools.cache
def limit() -> int:
    """Bytes for all programs: `MINIKERAS_PROGRAM_MEMORY` in MiB, else a part of memory.

    Raises:
        ValueError: If the variable is not a whole number of MiB.
    """
    chosen = os.environ.get("MINIKERAS_PROGRAM_MEMORY", "")
    if chosen:
        if not (chosen.isascii() and chosen.isdigit()):
            raise ValueError(
                f"MINIKERAS_PROGRAM_MEMORY is {chosen!r}; expected a whole number of MiB."
            )
        return int(chosen) << 20
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        memory = 0
    return min(max(memory // 16, _LEAST_BYTES), _MOST_BYTES)


def make_room() -> None:
    """Drop the programs that were used longest ago, until the rest fits."""
    everything = [
        (entry.used, owner, key, entry)
        for owner in owners
        for key, entry in list(owner.entries.items())
    ]
    everything.sort(key=lambda item: item[0], reverse=True)
    room = limit() - sum(entry.nbytes for _, _, _, entry in everything[:-1])
    while len(everything) > LEAST and room < arenas.total_bytes():
        _, owner, key, entry = everything.pop()
        room += entry.nbytes
        owner.entries.pop(key, None)
        del entry


def held_bytes(roots: Iterable[Any], skipped: Iterable[Any], nodes: int) -> int:
    """Bytes of the arrays that prepared steps reach, and of so many nodes."""
    seen = {id(x) for x in skipped}
    stack, total = list(roots), nodes * _NODE_BYTES
    while stack:
        value = stack.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if hasattr(value, "nbytes") and hasattr(value, "dtype"):
            base = getattr(value, "base", None)
            if base is None:  # a view owns nothing: what it shows is counted once
                total += value.nbytes
            else:
                stack.append(base)
        elif isinstance(value, types.FunctionType):
            stack.extend(_cells(value))
        elif isinstance(value, (list, tuple, set, frozenset)):
            stack.extend(value)
        elif isinstance(value, dict):
            stack.extend(value.values())
        elif isinstance(value, functools.partial):
            stack.extend((value.func, value.args, value.keywords))
        elif isinstance(value, types.MethodType):
            stack.append(value.__self__)
        # Objects of other libraries are not walked: from modules and backends everything
        # can be reached.
        elif type(value).__module__.startswith("minikeras"):
            stack.extend(getattr(value, "__dict__", {}).values())
            for kind in type(value).__mro__:
                names = kind.__dict__.get("__slots__", ())
                stack.extend(getattr(value, n, None) for n in names if n[:2] != "__")
    return total


def _cells(function: types.FunctionType) -> list[Any]:
    """What a closure closes over."""
    found = []
    for cell in function.__closure__ or ():
        try:
            found.append(cell.cell_contents)
        except ValueError:  # not yet set
            continue
    return found + list(function.__defaults__ or ())
