"""The cases of `keras.ops`: one row per call, compared with keras on JAX.

A row is `case(name, *args, **kwargs)`. Arrays are given as specs, `F`, `I`, `B`, which
draw the same values everywhere; results, dtypes, gradients by every float array, symbolic
shapes and compiled results are all checked from the same row.
"""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Spec:
    """An array to draw."""

    kind: str
    shape: tuple[int, ...]
    low: float = -2.0
    high: float = 2.0
    dtype: str = "float32"

    def draw(self, seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        if self.kind == "bool":
            return rng.random(self.shape) < 0.5
        if self.kind == "int":
            return rng.integers(self.low, self.high, self.shape).astype(self.dtype)
        return rng.uniform(self.low, self.high, self.shape).astype(self.dtype)


def F(
    *shape: int, low: float = -2.0, high: float = 2.0, dtype: str = "float32"
) -> Spec:
    """Floats."""
    return Spec("float", shape, low, high, dtype)


def P(*shape: int, low: float = 0.1, high: float = 3.0) -> Spec:
    """Positive floats."""
    return Spec("float", shape, low, high)


def I(*shape: int, low: int = -5, high: int = 6, dtype: str = "int32") -> Spec:  # noqa: E743
    """Integers."""
    return Spec("int", shape, low, high, dtype)


def B(*shape: int) -> Spec:
    """Bools."""
    return Spec("bool", shape)


@dataclasses.dataclass(frozen=True)
class Fixed:
    """An array given as it is."""

    values: Any
    dtype: str = "float32"

    def draw(self, seed: int) -> np.ndarray:
        return np.array(self.values, self.dtype)


@dataclasses.dataclass
class Case:
    """One call of one op."""

    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    label: str
    grad: bool = True
    symbolic: bool = True
    staged: bool = True
    tol: float = 1e-5
    namespace: str = "ops"

    def drawn(self) -> list[np.ndarray]:
        """The arrays of the arguments, in order."""
        seed = zlib.crc32(self.label.encode())
        return [a.draw(seed + i) for i, a in enumerate(flat(self.args))]

    def call(self, function: Callable[..., Any], arrays: list[Any]) -> Any:
        """The function on the arguments, with these arrays in the place of specs."""
        given = iter(arrays)
        return function(*(fill(a, given) for a in self.args), **self.kwargs)


def is_spec(value: Any) -> bool:
    return isinstance(value, (Spec, Fixed))


def flat(value: Any) -> list[Any]:
    """The specs in nested lists and tuples."""
    if is_spec(value):
        return [value]
    if isinstance(value, (list, tuple)):
        return [s for v in value for s in flat(v)]
    return []


def fill(value: Any, given: Any) -> Any:
    if is_spec(value):
        return next(given)
    if isinstance(value, (list, tuple)) and flat(value):
        return type(value)(fill(v, given) for v in value)
    return value


CASES: list[Case] = []
_OPTIONS = ("grad", "symbolic", "staged", "tol", "namespace")


def case(name: str, *args: Any, **kwargs: Any) -> None:
    """Add a row; options of the row are told from the op's by an underscore before."""
    options = {k: kwargs.pop("_" + k) for k in _OPTIONS if "_" + k in kwargs}
    number = sum(c.name == name for c in CASES)
    CASES.append(Case(name, args, kwargs, f"{name}-{number}", **options))


def weights(shape: tuple[int, ...], number: int) -> np.ndarray:
    """What results are weighed with before they are summed, to have one gradient."""
    return np.random.default_rng(99 + number).uniform(0.5, 1.5, shape).astype("float32")


def symbolic_shapes(case: Case) -> list[tuple[tuple[int | None, ...], str]]:
    """Shapes with None as first size, and dtypes, of the arrays of a row."""
    arrays = case.drawn()
    result = []
    for a in arrays:
        batched = a.ndim > 1 and a.ndim == arrays[0].ndim
        result.append(((None, *a.shape[1:]) if batched else a.shape, a.dtype.name))
    return result
