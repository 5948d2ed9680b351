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
_ALL_BYTES = 1 << 24  # of all of them, which are so many, of so many calls looked at
_MOST_CONSTANTS, _MOST_SEEN = 24, 48


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


_constants: list[tuple[Known, Any, int]] = []  # the oldest first
_seen: dict[Any, bool] = {}  # calls without tensors, and whether the next one is kept


def add_key(a: Any, key: list[Any], tensors: list[Tensor]) -> bool:
    """Add an argument to a key, and its tensors to those given; False where it has none."""
    kind = type(a)
    # A variable counts as the tensor that it holds now; its state is read outside the
    # recipe.
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
    if not tensors:
        return _remember_constant(known, key, partial(function, *args, **kwargs))
    if len(known) >= _MOST_KEPT and key not in known:
        # The older half at once, so that this is rare; dicts keep the order of
        # insertion.
        for old in list(known)[: _MOST_KEPT // 2]:
            known.pop(old, None)
    if seen + 1 < _CALLS:
        known[key] = seen + 1
        return MISS
    # Each tensor once and without a past, also where it is given twice.
    own = [Tensor(t.value, t.aval) for t in tensors]
    fresh = iter(own)
    plain = [_swapped(a, fresh) for a in args]
    named = {name: _swapped(a, fresh) for name, a in kwargs.items()}
    made = noted(partial(function, *plain, **named), own)
    # An op that reads values or variables is not noted: None means not to try again.
    if made is None:
        known[key] = None
        return MISS
    known[key] = made.recipe
    return follow(made.recipe, tensors, made.arrays)


def _remember_constant(
    known: Known, key: tuple[Any, ...], function: Callable[..., Any]
) -> Any:
    """The result of a call without tensors that came lately, which is kept; else `MISS`."""
    if not current().eager:
        return MISS
    at = id(known), key
    before = _seen.pop(at, None)
    made = constant(function) if before else None
    array = getattr(made, "value", None)
    small = made is not None and made.aval.nbytes <= _MOST_BYTES
    if made is None or not small or not isinstance(array, np.ndarray):
        _seen[at] = before is None  # once is not yet often; and not twice in vain
        while len(_seen) > _MOST_SEEN:
            _seen.pop(next(iter(_seen)), None)
        return MISS if made is None else made
    # Several tensors will share it; whoever wrote into one would change all.
    array.flags.writeable = False
    known[key] = Constant(array, made.aval, registry.active())
    _constants.append((known, key, made.aval.nbytes))
    while (
        len(_constants) > _MOST_CONSTANTS or sum(c[2] for c in _constants) > _ALL_BYTES
    ):
        old, place, _ = _constants.pop(0)
        old.pop(place, None)
    return made


__all__ = ["PLAIN", "Constant", "Known", "add_key", "add_keywords", "remember"]
