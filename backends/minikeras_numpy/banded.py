"""Sums of neighbours along an axis: products with the entries of a band alone."""

from __future__ import annotations

import numpy as np

from minikeras.extend import Band
from minikeras_numpy.common import Array, Table, arrays


def table(xp: object) -> Table:
    """The kernels of this family; on others than NumPy the composition serves."""
    return {"banded": arrays(np, banded)} if xp is np else {}


def banded(x: Array, *, band: Band, axis: int) -> Array:
    """Tap by tap, in order."""
    wide = (band.size, *(1,) * (x.ndim - axis - 1))
    shape = (*x.shape[:axis], band.size, *x.shape[axis + 1 :])
    total = np.zeros(shape, x.dtype) if not band.taps else None
    room = np.empty(shape, x.dtype)
    for tap in range(band.taps):
        share = band.weights[:, tap].reshape(wide).astype(x.dtype)
        np.take(x, band.starts + tap, axis=axis, out=room, mode="clip")
        if total is None:
            total = room * share
        else:
            np.multiply(room, share, out=room)
            total += room
    return total
