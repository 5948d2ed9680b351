"""How an op is called: what its recipe is looked up by.

A key has, argument by argument, shape and dtype of a tensor or variable, type and value
of a number or name, and of lists and tuples what they hold. What else there may be
(arrays of NumPy, functions, KerasTensors) has no key: such calls are not remembered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from minikeras.engine import backend as registry
from minikeras.engine.dtypes import DType
from minikeras.engine.noting import noted
from minikeras.engine.recipes import Recipe
from minikeras.engine.tensor import Tensor
from minikeras.variable import Variable

Known = dict[Any, Recipe | int | None]
PLAIN = frozenset((int, bool, str, type(None), type(...)))
_CALLS = 2  # in the same way, before the next one is made by a recipe
_MOST_KEPT = 128  # for each op
_LONGEST = 16


def add_key(a: Any, key: list[Any], tensors: list[Tensor]) -> bool:
    """Add an argument to a key, and its tensors to those given; False where it has none."""
    kind = type(a)
    if kind is Variable:
        a = a.value
        kind = type(a)
    if kind is Tensor:
        tensors.append(a)
        key += (a.aval.shape, a.aval.dtype)
    elif kind in PLAIN:
        key += (kind, a)
    elif kind is float:
        key += (kind, a or str(a))  # 0.0 is not -0.0
    elif kind is DType:
        key += (str, a.name)
    elif kind is slice:
        parts = (a.start, a.stop, a.step)
        if not all(type(p) in (int, type(None)) for p in parts):
            return False
        key += (kind, *parts)
    elif (kind is tuple or kind is list) and len(a) <= _LONGEST:
        key += (kind, len(a))
        for item in a:
            if not add_key(item, key, tensors):
                return False
    else:
        return False
    return True


def add_keywords(kwargs: dict[str, Any], key: list[Any], tensors: list[Tensor]) -> bool:
    """The same for arguments by keyword."""
    for name, a in kwargs.items():
        key.append(name)
        if not add_key(a, key, tensors):
            return False
    return True


def _swapped(a: Any, fresh: Iterator[Tensor]) -> Any:
    """An argument with tensors of its own, in the order in which a key has them."""
    kind = type(a)
    if kind is Tensor or kind is Variable:
        return next(fresh)
    if kind is tuple or kind is list:
        return kind([_swapped(item, fresh) for item in a])
    return a


def remember(
    known: Known,
    key: tuple[Any, ...],
    seen: int,
    function: Any,
    args: Sequence[Any],
    kwargs: dict[str, Any],
    tensors: Sequence[Tensor],
) -> None:
    """Count a call, and make the recipe once it has come often enough."""
    wanted = registry.active().array_type
    if any(type(t.value) is not wanted for t in tensors):
        return  # staged, or not moved yet
    if len(known) >= _MOST_KEPT and key not in known:
        for old in list(known)[: _MOST_KEPT // 2]:
            known.pop(old, None)
    if seen + 1 < _CALLS:
        known[key] = seen + 1
        return
    # Each tensor once and without a past, also where it is given twice.
    own = [Tensor(t.value, t.aval) for t in tensors]
    fresh = iter(own)
    plain = [_swapped(a, fresh) for a in args]
    named = {name: _swapped(a, fresh) for name, a in kwargs.items()}
    known[key] = noted(partial(function, *plain, **named), own)


__all__ = ["PLAIN", "Known", "add_key", "add_keywords", "remember"]
