"""NumPy's floating point warnings off, once for many kernels.

An infinity or NaN is a result like any other here, on every backend. To switch the
warnings off costs a kernel more than a small addition does; so a call of a model does
it once, and kernels ask `is_quiet` first.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context, ContextVar, Token
from typing import Any, ParamSpec, TypeVar

import numpy as np

P = ParamSpec("P")
R = TypeVar("R")

_quiet: ContextVar[bool] = ContextVar("minikeras_quiet", default=False)
is_quiet = _quiet.get


class quiet:
    """A block without floating point warnings.

    >>> with quiet():
    ...     bool(np.float32(1) / np.float32(0) == np.inf), is_quiet()
    (True, True)
    """

    __slots__ = ("_state", "_token")

    def __init__(self) -> None:
        self._state = np.errstate(all="ignore")

    def __enter__(self) -> None:
        self._state.__enter__()
        self._token: Token[bool] = _quiet.set(True)

    def __exit__(self, *error: Any) -> None:
        _quiet.reset(self._token)
        self._state.__exit__(*error)


def _silence() -> None:
    np.seterr(all="ignore")
    _quiet.set(True)


_silent = Context()  # NumPy keeps its switches in the context too
_silent.run(_silence)
silence = _silent.copy  # a context without warnings: `silence().run(function, ...)`


def quietly(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a function of arrays without floating point warnings.

    It runs in a context of its own, which costs a fourth of switching the warnings off
    and on again, and leaves nothing switched off where an interrupt comes in between.

    >>> quietly(np.divide, np.float32(1), np.float32(0))
    np.float32(inf)
    """
    if _quiet.get():
        return function(*args, **kwargs)
    return silence().run(function, *args, **kwargs)
