"""Whether a dataset goes on from where its last batch left it: it draws, or iterates."""

from __future__ import annotations

import functools
import pickle
import random as python_random
import sys
import types
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from minikeras.callbacks.random_state import RandomState
from minikeras.random import SeedGenerator

# How many objects of a dataset are looked at, and how deep.
_MOST, _DEPTH = 5000, 6
_PLAIN = (str, bytes, int, float, complex, bool, type(None), type, np.ndarray,
          np.generic, types.ModuleType)  # fmt: skip


class Drawing:
    """Sees whether making a batch moved a random generator on.

    It looks at Python's, NumPy's and Keras's own, at those of PyTorch, and at all that
    the dataset holds or its methods name. An iterator that they hold counts as well: what
    it gives next cannot be known.

    Args:
        dataset: What makes the batches.
    """

    def __init__(self, dataset: object) -> None:
        self._held = list(_held(dataset))
        self._elsewhere = bool(getattr(dataset, "use_multiprocessing", False))
        self._before = self._states()

    def seen(self) -> bool:
        """Whether something was drawn since; of what other processes do, whether it may be."""
        if any(isinstance(found, Iterator) for found in self._held):
            return True
        if self._elsewhere:
            return bool(self._held)
        return self._states() != self._before

    def _states(self) -> list[bytes]:
        plain = RandomState.now().plain()
        torch = sys.modules.get("torch")
        states = [plain, *map(_state, self._held)]
        if torch is not None:
            states.append(torch.get_rng_state().numpy())
        return [pickle.dumps(state) for state in states]


def _state(generator: object) -> Any:
    if isinstance(generator, np.random.Generator):
        return generator.bit_generator.state
    if isinstance(generator, np.random.RandomState):
        return generator.get_state(legacy=False)
    if isinstance(generator, SeedGenerator):
        return generator.state.numpy()
    if isinstance(generator, python_random.Random):
        return generator.getstate()
    return None


_GENERATORS = (np.random.Generator, np.random.RandomState, SeedGenerator,
               python_random.Random, Iterator)  # fmt: skip


def _held(dataset: object) -> Iterator[Any]:
    """The random generators and iterators that an object holds or its methods name."""
    seen: set[int] = set()
    level: list[Any] = [vars(dataset), *_methods(type(dataset))]
    kept = list(level)  # ids stay those of these objects
    for _ in range(_DEPTH):
        following: list[Any] = []
        for value in level:
            if isinstance(value, _PLAIN) or id(value) in seen:
                continue
            seen.add(id(value))
            if isinstance(value, python_random.SystemRandom):
                continue
            if isinstance(value, _GENERATORS):
                yield value
                continue
            following.extend(_parts(value))
            if len(kept) + len(following) > _MOST:
                return
        kept.extend(following)
        level = following


def _methods(kind: type) -> Iterator[Any]:
    for base in kind.__mro__:
        if base.__module__.split(".")[0] not in ("minikeras", "builtins"):
            yield from vars(base).values()


def _parts(value: object) -> Iterable[Any]:
    """What an object is made of."""
    if isinstance(value, Mapping):
        return list(value.values())
    if isinstance(value, (list, tuple, set, frozenset)):
        return list(value)
    if isinstance(value, functools.partial):
        return [value.func, *value.args, *value.keywords.values()]
    if isinstance(value, types.MethodType):
        return [value.__self__, value.__func__]
    if isinstance(value, (staticmethod, classmethod)):
        return [value.__func__]
    if isinstance(value, property):
        return [value.fget]
    if isinstance(value, types.FunctionType):
        names = value.__code__.co_names
        cells = [c.cell_contents for c in value.__closure__ or () if _filled(c)]
        known = [value.__globals__[n] for n in names if n in value.__globals__]
        return [*known, *cells, *(value.__defaults__ or ())]
    return list(getattr(value, "__dict__", {}).values())


def _filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - an empty cell raises
    except ValueError:
        return False
    return True
