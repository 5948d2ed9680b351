"""Layers that come for one, two and three spatial axes, with one constructor for all."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any

from minikeras.layers.base.layer import Layer

_SIZES = ("pool_size", "strides", "dilation_rate")


class Ranked(Layer):
    """Base of such families: a class that says `_rank` gets the constructor for it."""

    _rank = 0

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if "_rank" in cls.__dict__ and "__init__" not in cls.__dict__:
            cls.__init__ = _for_rank(cls.__init__, cls._rank)  # type: ignore[method-assign]  # wrapped once for each class
            cls.__init__.__qualname__ = f"{cls.__name__}.__init__"


def _for_rank(init: Callable[..., Any], rank: int) -> Callable[..., Any]:
    """A copy of a constructor whose default sizes name every axis, as Keras's do."""
    given = [
        (p.name, p.default)
        for p in inspect.signature(init).parameters.values()
        if p.default is not inspect.Parameter.empty
    ]
    defaults = tuple(
        (v,) * rank if name in _SIZES and v and rank > 1 else v for name, v in given
    )
    copy = FunctionType(
        init.__code__, init.__globals__, init.__name__, defaults, init.__closure__
    )
    copy.__annotations__ = init.__annotations__
    return copy
