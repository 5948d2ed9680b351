"""How an op is called: what its recipe is looked up by.

A key has, argument by argument, shape and dtype of a tensor or variable, type and value
of a number or name, and of lists and tuples what they hold. What else there may be
(arrays of NumPy, functions, KerasTensors) has no key: such calls are not remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from minikeras.engine import backend as registry
from minikeras.engine.aval import Aval
from minikeras.engine.dtypes import DType
from minikeras.engine.interpret import MISS, current
from minikeras.engine.noting import constant, noted
from minikeras.engine.recipes import Recipe, follow
from minikeras.engine.tensor import Tensor
from minikeras.variable import Variable

Known = dict[Any, "Recipe | Constant | int | None"]
PLAIN = frozenset((int, bool, str, type(None), type(...)))
_CALLS = 2  # in the same way, before the next one is made by a recipe
_MOST_KEPT = 128  # for each op
_LONGEST = 16
_MOST_BYTES = 1 << 20  # of a constant that is kept, and
_ALL_BYTES = 1 << 24  # of all of them


class Constant(NamedTuple):
    """What an op makes of no tensors: whoever asks again gets the same array.

    Its like is a new tensor each time, since tapes know tensors by identity; that the
    array is the same one nobody sees, since a tensor never changes.
    """

    array: Any
    aval: Aval
    backend: registry.Backend

    def tensor(self) -> Tensor | None:
        """For a call that is made at once, on the same backend."""
        if registry._active is not self.backend or not current().eager:
            return None
        return Tensor(self.array, self.aval)


_constants: list[tuple[Known, Any, int]] = []


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
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: dict[str, Any],
    tensors: Sequence[Tensor],
) -> Any:
    """Count a call, and make the recipe once it has come often enough.

    Returns:
        The call's result, where making the recipe has made it; else `MISS`.
    """
    wanted = registry.active().array_type
    if any(type(t.value) is not wanted for t in tensors):
        return MISS  # staged, or not moved yet
    if len(known) >= _MOST_KEPT and key not in known:
        for old in list(known)[: _MOST_KEPT // 2]:
            known.pop(old, None)
    if seen + 1 < _CALLS:
        known[key] = seen + 1
        return MISS
    if not tensors:
        return _remember_constant(known, key, partial(function, *args, **kwargs))
    # Each tensor once and without a past, also where it is given twice.
    own = [Tensor(t.value, t.aval) for t in tensors]
    fresh = iter(own)
    plain = [_swapped(a, fresh) for a in args]
    named = {name: _swapped(a, fresh) for name, a in kwargs.items()}
    made = noted(partial(function, *plain, **named), own)
    if made is None:
        known[key] = None
        return MISS
    known[key] = made.recipe
    return follow(made.recipe, tensors, made.arrays)


def _remember_constant(known: Known, key: tuple[Any, ...], function: Any) -> Any:
    if not current().eager:
        return MISS
    known[key] = None
    made = constant(function)
    if made is None or not isinstance(made.value, np.ndarray):
        return MISS
    nbytes = made.aval.nbytes
    if nbytes <= _MOST_BYTES:
        _constants.append((known, key, nbytes))
        if sum(size for _, _, size in _constants) > _ALL_BYTES:
            for old, at, _ in _constants[:-1]:
                old.pop(at, None)
            del _constants[:-1]
        made.value.flags.writeable = False
        known[key] = Constant(made.value, made.aval, registry.active())
    return made


__all__ = ["PLAIN", "Constant", "Known", "add_key", "add_keywords", "remember"]
