"""What a line of the case table is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minikeras.engine.dtypes import numpy_dtype
from minikeras.engine.primitive import PRIMITIVES, Primitive

FLOATS = ("float32", "float64", "float16", "bfloat16")
WIDE = ("float32", "float64")
COMPLEX = ("complex64", "complex128")
INTS = ("int32", "uint8", "int64")
TOLERANCE = {  # relative to the largest result
    "float64": 1e-11,
    "float32": 2e-5,
    "float16": 4e-3,
    "bfloat16": 3e-2,
    "complex64": 2e-5,
    "complex128": 1e-11,
}


@dataclass(frozen=True)
class Arg:
    """How one array is drawn.

    Attributes:
        shape: Its shape.
        low: Lower end of its values.
        high: Upper end of its values.
        dtype: Its dtype; None for the dtype of the case.
        values: Fixed values, instead of drawn ones.
    """

    shape: tuple[int, ...]
    low: float = -2.0
    high: float = 2.0
    dtype: str | None = None
    values: Any = None

    def draw(self, rng: np.random.Generator, dtype: str) -> np.ndarray[Any, Any]:
        """An array of this kind in `dtype`, unless it has a dtype of its own."""
        kind = numpy_dtype(self.dtype or dtype)
        if self.values is not None:
            with np.errstate(over="ignore"):  # what float16 cannot hold is infinite
                return np.asarray(self.values, dtype=kind).reshape(self.shape)
        if kind.name == "bool":
            return np.asarray(rng.random(self.shape) < 0.5)
        if kind.kind in "iu":
            low = max(self.low, 0) if kind.kind == "u" else self.low
            drawn = rng.integers(int(low), int(self.high) + 1, self.shape)
            return np.asarray(drawn).astype(kind)
        floats = rng.uniform(self.low, self.high, self.shape)
        if kind.kind == "c":
            floats = floats + 1j * rng.uniform(self.low, self.high, self.shape)
        return np.asarray(floats).astype(kind)


@dataclass(frozen=True)
class Case:
    """One line of the table.

    Attributes:
        name: The row.
        args: How its arrays are drawn.
        static: Its static keywords.
        dtypes: Dtypes it is tried in.
        reference: The same in plain NumPy; None where there is nothing simpler.
        smooth: Arguments that gradients are checked for.
        tolerance: Factor on `TOLERANCE`.
        label: Tells cases of one row apart.
    """

    name: str
    args: tuple[Arg, ...]
    static: dict[str, Any] = field(default_factory=dict)
    dtypes: tuple[str, ...] = WIDE
    reference: Callable[..., Any] | None = None
    smooth: tuple[int, ...] = ()
    tolerance: float = 1.0  # factor on TOLERANCE
    label: str = ""

    @property
    def row(self) -> Primitive:
        """The row of the table of primitives."""
        return PRIMITIVES[self.name]

    def __str__(self) -> str:
        shapes = "_".join("x".join(map(str, a.shape)) or "0d" for a in self.args)
        return "-".join(part for part in (self.name, shapes, self.label) if part)

    def draw(self, dtype: str, seed: int = 0) -> list[np.ndarray[Any, Any]]:
        """The arguments of a call."""
        rng = np.random.default_rng(seed)
        return [a.draw(rng, dtype) for a in self.args]


def along(
    function: Callable[..., Any], axis: int, **options: object
) -> Callable[..., Any]:
    """`function` along one axis."""
    return lambda x: function(x, axis=axis, **options)
