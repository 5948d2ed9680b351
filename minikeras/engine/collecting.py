"""The garbage collector rests while a step is traced.

A trace makes hundreds of thousands of objects that all live on, as graph, plan and
kernels; the collector would look through them again and again, for a fourth of the time.
"""

from __future__ import annotations

import gc

_resting: set[int] = set()
_ours = False  # whether it was one of us who switched it off


class Rest:
    """As long as one lives the collector makes no rounds of its own.

    It ends with its last reference, which an interrupt drops as a return does. A collector
    that the user has switched off stays off.

    >>> import gc
    >>> rest = Rest()
    >>> gc.isenabled()
    False
    >>> del rest
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

    def __del__(self) -> None:
        global _ours
        _resting.discard(id(self))
        if _ours and not _resting:
            _ours = False
            gc.enable()
