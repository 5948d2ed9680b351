"""Arrays that stay where they are: a batch of rows is read when it is needed.

Memory maps, open HDF5 datasets (and what looks like them) and sparse matrices of SciPy
can be much greater than memory once they are dense float32 arrays, so only the rows of
a batch are ever made.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minikeras.engine import dtypes
from minikeras.training.data.mapped import Array, pages_of


class Rows:
    """Rows of a source, read on demand; sliced like an array without reading.

    Args:
        source: What holds them.
        read: `read(source, rows)` gives the rows of a slice or of an index array.
        start: The first row, and
        stop: the one after the last; None for all.

    Attributes:
        shape: `(rows, ...)`.
        dtype: The dtype of what `read` gives: float64 becomes `floatx()`.
    """

    def __init__(
        self,
        source: Any,
        read: Callable[[Any, Any], Array],
        start: int = 0,
        stop: int | None = None,
    ) -> None:
        self._source, self._read = source, read
        self._start = start
        stop = source.shape[0] if stop is None else stop
        self.shape: tuple[int, ...] = (stop - start, *source.shape[1:])
        dtype = np.dtype(source.dtype)
        if dtype.kind == "f" and dtype.itemsize == 8:
            dtype = dtypes.numpy_dtype(dtypes.floatx())
        self.dtype = dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, where: slice) -> Rows:
        """The rows of a slice, still unread."""
        start, stop, _ = where.indices(len(self))
        start, stop = self._start + start, self._start + max(start, stop)
        return Rows(self._source, self._read, start, stop)

    def read(self, start: int, stop: int) -> Array:
        """Neighbouring rows as an array of one's own or a view of the source."""
        where = slice(self._start + start, self._start + stop)
        return self._finished(self._read(self._source, where))

    def take(self, rows: Array) -> Array:
        """The rows of these numbers."""
        return self._finished(self._read(self._source, rows + self._start))

    def _finished(self, array: Array) -> Array:
        return np.asarray(array).astype(self.dtype, copy=False)


def gathered(source: Array | Rows, rows: Array, target: Array | None = None) -> Array:
    """The rows of these numbers, in a new array or in `target`.

    An array that is not contiguous, such as some columns of a table, is indexed:
    `numpy.take` copies the whole of it first, each time.
    """
    if isinstance(source, Rows):
        return source.take(rows)
    if target is None:
        return source[rows]
    if source.flags.c_contiguous:
        # "clip" writes straight into the target; the indices are in range anyway.
        np.take(source, rows, axis=0, out=target, mode="clip")
    else:
        target[...] = source[rows]
    return target


def rows_of(value: Any) -> Rows | None:
    """`Rows` of a source that should not be read as a whole; None for anything else."""
    if isinstance(value, np.ndarray):
        if not value.ndim or not is_mapped(value):
            return None
        pages = pages_of(value)
        return Rows(value, _numpy_rows if pages is None else pages.read)
    if is_sparse(value):
        return Rows(value.tocsr(), _dense_rows)
    if is_file_array(value):
        return Rows(value, _file_rows)
    return None


def is_mapped(array: Array) -> bool:
    """Whether an array's memory is a file: a `numpy.memmap` or a view of one."""
    base: Any = array
    while isinstance(base, np.ndarray):
        if isinstance(base, np.memmap):
            return True
        base = base.base
    return isinstance(base, mmap.mmap)


def is_sparse(value: Any) -> bool:
    """Whether it is a sparse matrix or array of SciPy."""
    return hasattr(value, "tocsr") and hasattr(value, "toarray") and value.ndim == 2


def is_file_array(value: object) -> bool:
    """Whether it looks like a dataset of h5py or zarr: chunked, typed, on disk."""
    return (
        hasattr(value, "chunks")
        and hasattr(value, "dtype")
        and bool(getattr(value, "shape", ()))
        and not hasattr(value, "__array_priority__")
        and hasattr(value, "__setitem__")
    )


def _numpy_rows(source: Array, where: np.ndarray[Any, Any] | slice) -> Array:
    return np.asarray(source[where])


def _dense_rows(source: Any, where: object) -> Array:
    dense: Array = source[where].toarray()
    return dense


def _file_rows(source: Any, where: Sequence[Any]) -> Array:
    if isinstance(where, slice):
        return np.asarray(source[where])
    # HDF5 wants increasing row numbers, each once.
    unique, back = np.unique(where, return_inverse=True)
    return np.asarray(source[unique])[back]
