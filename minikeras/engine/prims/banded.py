"""Products with banded matrices: each new element along an axis is a sum of neighbours.

Images of another size are such products, of a band for the height and one for the width. A
row because no composition does it in one pass: as a product of whole matrices 32 pictures
of 224x224x3 take 22 ms to become 128x128, by the kernel 2.3 ms; and a matrix with zeros
makes of one NaN a line of NaN.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.engine.aval import Aval, ShapeError
from minikeras.engine.primitive import Context, primitive
from minikeras.engine.prims.create import zeros
from minikeras.engine.prims.elementwise import add, mul
from minikeras.engine.prims.helpers import agree, check_axis, check_dtype
from minikeras.engine.prims.index import take
from minikeras.engine.tensor import from_numpy

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor


class Band:
    """The entries of a matrix `(n, size)` that are not 0: in each column one run of rows.

    Runs are of one length.

    Attributes:
        n: Rows: elements there are.
        starts: `(size,)`, the first row of each column's run.
        weights: `(size, taps)`, the runs.

    >>> band = Band.of(np.array([[1.0, 0.5, 0.0], [0.0, 0.5, 1.0]]))
    >>> band.starts.tolist(), band.weights.tolist()
    ([0, 0, 0], [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
    """

    def __init__(
        self, n: int, starts: np.ndarray[Any, Any], weights: np.ndarray[Any, Any]
    ) -> None:
        self.n = n
        self.starts = np.ascontiguousarray(starts, np.int64)
        self.weights = np.ascontiguousarray(weights, np.float64)
        # By content, so that calls with equal bands are equal calls, wherever the bands
        # were made.
        self._key = n, self.starts.tobytes(), self.weights.tobytes()

    @classmethod
    def of(cls, matrix: np.ndarray[Any, Any]) -> Band:
        """The band of a matrix `(n, size)`."""
        n, size = matrix.shape
        if not n:
            return cls(n, np.zeros(size), np.zeros((size, 0)))
        filled = matrix != 0
        some = filled.any(0)
        first = np.where(some, filled.argmax(0), 0)
        last = np.where(some, n - 1 - filled[::-1].argmax(0), first)
        taps = int((last - first).max(initial=0)) + 1
        # Runs of full length must not leave the matrix; the weights before `first` are
        # its zeros.
        starts = np.minimum(first, n - taps)
        rows = starts[:, None] + np.arange(taps)
        return cls(n, starts, matrix[rows, np.arange(size)[:, None]])

    @property
    def size(self) -> int:
        """Columns: elements that are made."""
        return len(self.starts)

    @property
    def taps(self) -> int:
        """How many elements one is made of."""
        return int(self.weights.shape[1])

    def matrix(self) -> np.ndarray[Any, Any]:
        """All of it, `(n, size)`."""
        made = np.zeros((self.n, self.size))
        rows = self.starts[:, None] + np.arange(self.taps)
        made[rows, np.arange(self.size)[:, None]] = self.weights
        return made

    @cached_property
    def transposed(self) -> Band:
        """The band of the transposed matrix."""
        return Band.of(self.matrix().T)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Band) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        return f"Band({self.n} to {self.size} of {self.taps})"


def _infer(x: Aval, *, band: Band, axis: int) -> Aval:
    check_dtype("banded", "x", x, "float")
    check_axis("banded", axis, x.ndim)
    if not agree(x.shape[axis], band.n):
        raise ShapeError(
            f"banded: axis {axis} of shape {x.shape}; expected {band.n} elements there."
        )
    return Aval((*x.shape[:axis], band.size, *x.shape[axis + 1 :]), x.dtype)


def _vjp(ctx: Context, g: Tensor) -> tuple[Any]:
    static = ctx.static
    return (banded(g, band=static["band"].transposed, axis=static["axis"]),)


def _by_gathers(x: Tensor, *, band: Band, axis: int) -> Tensor:
    wide = (band.size, *(1,) * (x.ndim - axis - 1))
    total: Any = None
    for tap in range(band.taps):
        rows = from_numpy((band.starts + tap).astype("int32"))
        share = from_numpy(band.weights[:, tap].reshape(wide), x.dtype)
        part = mul(take(x, rows, axis=axis), share)
        total = part if total is None else add(total, part)
    if total is None:  # there are no elements: sums of none
        return zeros((*x.shape[:axis], band.size, *x.shape[axis + 1 :]), x.dtype)
    made: Tensor = total
    return made


banded = primitive(
    "banded", kind="opaque", infer=_infer, vjp=_vjp, composition=_by_gathers
)
