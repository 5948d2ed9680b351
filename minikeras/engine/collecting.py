"""The garbage collector rests while a step is traced, and while a model is loaded or saved.

Either makes hundreds of thousands of objects that all live on, as graph, plan and
kernels, or as layers; the collector would look through them again and again, for up to a
fourth of the time, and more of it the more there are.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_resting: set[int] = set()
_ours = False  # whether it was one of us who switched it off


class Rest:
    """Until `end` the collector makes no rounds of its own.

    It ends with its last reference too, which an interrupt before `end` drops. A collector
    that the user has switched off stays off.

    >>> import gc
    >>> rest = Rest()
    >>> gc.isenabled()
    False
    >>> rest.end()
    >>> gc.isenabled()
    True
    """

    __slots__ = ()

    def __init__(self) -> None:
        global _ours
        _resting.add(id(self))
        if gc.isenabled():
            _ours = True
            gc.disable()

    def end(self) -> None:
        """Let the collector go on, if this is the last one."""
        global _ours
        _resting.discard(id(self))
        if _ours and not _resting:
            _ours = False
            gc.enable()
        self.__class__ = _Ended  # type: ignore[assignment]  # Python calls no `__del__` then

    def __del__(self) -> None:
        self.end()


@contextmanager
def resting() -> Iterator[None]:
    """A block in which the collector makes no rounds of its own."""
    rest = Rest()
    try:
        yield
    finally:
        rest.end()


class _Ended:
    """What a `Rest` is after its end: Python swallows a Ctrl-C that meets a `__del__`."""

    __slots__ = ()
