"""Plain values of any structure as JSON and arrays beside it, and back.

Numbers keep their bits: floats go through `repr`, NumPy's numbers and arrays are kept as
arrays. What is neither plain nor an array is left out.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minikeras.engine.tensor import Tensor
from minikeras.variable import Variable

_PLAIN = (str, bool, int, float, type(None))


class Arrays:
    """Arrays that a structure refers to by number."""

    def __init__(self, found: list[Any] | None = None) -> None:
        self.found: list[Any] = [] if found is None else found

    def add(self, array: object) -> int:
        """The number of a new array."""
        self.found.append(np.array(array))
        return len(self.found) - 1


class _LeftOut(Exception):
    """Something that cannot be kept."""


def remember(value: object, arrays: Arrays) -> Any:
    """A value as JSON's types, with its arrays put into `arrays`.

    Args:
        value: Plain values, arrays, tensors, in lists, tuples and dicts. In a dict, what
            cannot be kept is left out.
        arrays: Where the arrays go.

    Returns:
        What `take_back` takes.
    """
    try:
        return _kept(value, arrays)
    except _LeftOut:
        return None


def _kept(value: object, arrays: Arrays) -> Any:
    if type(value) in _PLAIN:
        return value
    if isinstance(value, (np.ndarray, np.generic)):
        if value.dtype.kind not in "biufcV":
            raise _LeftOut
        kind = "array" if isinstance(value, np.ndarray) else "number"
        return {kind: arrays.add(value)}
    if isinstance(value, (Tensor, Variable)):
        return {"array": arrays.add(value.numpy())}
    if isinstance(value, (list, tuple)):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [_kept(v, arrays) for v in value]}
    if isinstance(value, dict):
        pairs = []
        for key, inner in value.items():
            if type(key) not in _PLAIN:
                continue
            try:
                pairs.append([key, _kept(inner, arrays)])
            except _LeftOut:
                continue
        return {"dict": pairs}
    raise _LeftOut


def take_back(kept: object, arrays: Arrays) -> Any:
    """The value that `remember` was given."""
    if not isinstance(kept, dict):
        return kept
    ((kind, inner),) = kept.items()
    match kind:
        case "array":
            return arrays.found[inner]
        case "number":
            return arrays.found[inner][()]
        case "list":
            return [take_back(v, arrays) for v in inner]
        case "tuple":
            return tuple(take_back(v, arrays) for v in inner)
        case "dict":
            return {key: take_back(v, arrays) for key, v in inner}
    raise ValueError(f"unknown kind of value {kind!r} in a backup.")
