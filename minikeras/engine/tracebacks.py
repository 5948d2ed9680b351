"""Tracebacks without our own frames: what is left are the lines of the user.

Every line of the user's stays, of other packages too. Of ours the innermost one stays
where the error was raised there, to say where it comes from.
"""

from __future__ import annotations

import types

_OURS = frozenset(
    (
        "minikeras",
        *("minikeras_numpy", "minikeras_kernels", "minikeras_numba", "minikeras_cupy"),
    )
)
_BETWEEN = frozenset(("contextlib", "functools"))  # ours, where called by us

_filtering = True


def set_filtering(on: bool) -> None:
    """Whether our frames are left out."""
    global _filtering
    _filtering = on


def filtering() -> bool:
    """Whether our frames are left out."""
    return _filtering


def shorten(error: BaseException) -> None:
    """Take our frames out of the traceback of an error, and of those it came from.

    To be called in an `except` block that ends with `raise`, which adds none.
    """
    if not _filtering:
        return
    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        one = pending.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        one.__traceback__ = _shortened(one.__traceback__)
        pending += [one.__cause__, one.__context__]


def _shortened(trace: types.TracebackType | None) -> types.TracebackType | None:
    kept: list[types.TracebackType] = []
    ours = False
    while trace is not None:
        module = trace.tb_frame.f_globals.get("__name__", "").partition(".")[0]
        ours = module in _OURS or (ours and module in _BETWEEN)
        if not ours or trace.tb_next is None:
            kept.append(trace)
        trace = trace.tb_next
    result: types.TracebackType | None = None
    for one in reversed(kept):
        result = types.TracebackType(result, one.tb_frame, one.tb_lasti, one.tb_lineno)
    return result
