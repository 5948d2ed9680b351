"""Convolution by im2col and cuBLAS, in blocks of the batch with bounded memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from minikeras_numpy.windows import Geometry, Ints

from minikeras.extend import itemsize, numpy_dtype
from minikeras_cupy import windows
from minikeras_cupy.launch import Launcher

Array = Any
Multiply = Callable[[Array, Array, Array], None]  # out[...] = a @ b

WORKSPACE = 256 << 20  # bytes that the windows of one block may take


class Workspace:
    """Memory that all convolutions share: what runs on one stream never overlaps.

    Args:
        cp: The module cupy.
    """

    def __init__(self, cp: Any) -> None:
        self.cp = cp
        self._kept: dict[str, Array] = {}

    def array(self, name: str, shape: Ints, dtype: str) -> Array:
        """Room of this name, which grows where more is asked for."""
        nbytes = math.prod(shape) * itemsize(dtype)
        have = self._kept.get(name)
        if have is None or have.size < nbytes:
            self._kept.pop(name, None)  # before more is asked for
            have = self._kept[name] = self.cp.empty(max(nbytes, 1), dtype="uint8")
        return self.cp.ndarray(shape, numpy_dtype(dtype), memptr=have.data)

    def arrays(self) -> list[Array]:
        """What it has at present."""
        return list(self._kept.values())

    def clear(self) -> None:
        """Give all of it back."""
        self._kept.clear()


class Columns:
    """The three directions of one convolution, and their workspace.

    All arrays are C-contiguous, of `dtype`. Sums of blocks want more than 16 bits.
    """

    def __init__(
        self,
        launch: Launcher,
        workspace: Workspace,
        multiply: Multiply,
        geometry: Geometry,
        dtype: str,
    ) -> None:
        self.workspace = workspace
        self.launch, self.multiply = launch, multiply
        groups = geometry.groups
        self.geometry, self.dtype, self.groups = geometry, dtype, groups
        self.cout, self.cin = geometry.filters, geometry.channels
        self.positions = math.prod(geometry.out)
        self.reach = math.prod(geometry.window) * geometry.depth
        self.pointwise = (
            groups == 1
            and set(geometry.window) == set(geometry.strides) == {1}
            and not geometry.padded
        )
        one = max(self.positions * self.reach * groups * itemsize(dtype), 1)
        self.step = max(1, min(geometry.batch, WORKSPACE // one))

    def _buffer(self, name: str, shape: Ints) -> Array:
        return self.workspace.array(name, shape, self.dtype)

    def _blocks(self) -> Iterator[tuple[slice, Geometry]]:
        g = self.geometry
        for at in range(0, g.batch, self.step):
            count = min(self.step, g.batch - at)
            yield slice(at, at + count), g._replace(batch=count)

    def _columns(self, x: Array, part: Geometry) -> Array:
        """The windows of a block as (rows, reach), or (groups, rows, reach)."""
        rows = part.batch * self.positions
        if self.pointwise:
            return x.reshape(rows, self.cin)
        columns = self._buffer("columns", (self.groups, rows, self.reach))
        kernel = windows.im2col(part, self.dtype)
        self.launch(kernel, x, columns)
        return columns[0] if self.groups == 1 else columns

    def _split(self, name: str, matrix: Array) -> Array:
        """(n, cout) as it is, or as (groups, n, cout // groups)."""
        if self.groups == 1:
            return matrix
        n, width = matrix.shape[0], self.cout // self.groups
        parts = self._buffer(name, (self.groups, n, width))
        parts[...] = matrix.reshape(n, self.groups, width).transpose(1, 0, 2)
        return parts

    def forward(self, x: Array, w: Array, out: Array) -> None:
        """y = conv(x, w)."""
        matrix = self._split("w", w.reshape(self.reach, self.cout))
        for block, part in self._blocks():
            columns = self._columns(x[block], part)
            rows = part.batch * self.positions
            target = out[block].reshape(rows, self.cout)
            if self.groups == 1:
                self.multiply(columns, matrix, target)
                continue
            result = self._buffer("y", (*columns.shape[:2], matrix.shape[-1]))
            self.multiply(columns, matrix, result)
            merged = target.reshape(rows, self.groups, -1)
            merged[...] = result.transpose(1, 0, 2)

    def input_grad(self, dy: Array, w: Array, out: Array) -> None:
        """The gradient of x."""
        matrix = self._split("w", w.reshape(self.reach, self.cout)).swapaxes(-1, -2)
        for block, part in self._blocks():
            rows = part.batch * self.positions
            if self.pointwise:
                flat = dy[block].reshape(rows, self.cout)
                self.multiply(flat, matrix, out[block].reshape(rows, self.cin))
                continue
            grouped = self._split("dy", dy[block].reshape(rows, self.cout))
            columns = self._buffer("columns", (*grouped.shape[:-1], self.reach))
            self.multiply(grouped, matrix, columns)
            kernel = windows.col2im(part, self.dtype)
            self.launch(kernel, columns, out[block])

    def filter_grad(self, x: Array, dy: Array, out: Array) -> None:
        """The gradient of w; blocks are added in order."""
        if not self.geometry.batch * self.positions:
            out.fill(0)
            return
        flat = out.reshape(self.reach, self.cout)
        width = self.cout // self.groups
        shape: Ints = (self.reach, width)
        if self.groups > 1:
            shape = (self.groups, *shape)
        total = flat if self.groups == 1 else self._buffer("dw", shape)
        for number, (block, part) in enumerate(self._blocks()):
            rows = part.batch * self.positions
            columns = self._columns(x[block], part).swapaxes(-1, -2)
            grouped = self._split("dy", dy[block].reshape(rows, self.cout))
            target = self._buffer("dw part", shape) if number else total
            self.multiply(columns, grouped, target)
            if number:
                total += target
        if self.groups > 1:
            merged = flat.reshape(self.reach, self.groups, width)
            merged[...] = total.transpose(1, 0, 2)
