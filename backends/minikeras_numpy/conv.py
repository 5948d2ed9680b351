"""Convolution: windows gathered into a matrix, block by block, and matrix products.

A block is a few batch entries, so that its matrix stays in the cache and memory does
not grow with the batch. The three directions share one plan and its workspace; a
lowered step keeps the plan, so that it allocates once.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from minikeras_numpy.common import Array, Table, quiet, work_dtype
from minikeras_numpy.products import multiply, multiply_turned, sums_at_once
from minikeras_numpy.windows import Geometry, Ints, copy_runs, interior, taps, view

_TAP_CHANNELS = 16  # fewer make the product of one tap narrow, and its runs short
_BLOCK = 1 << 19  # elements of a block's matrix; measured, 2 to 4 MB is best
_SHORT = 4  # elements of a line of a window that are not worth a copy of their own


class Conv:
    """The three directions of a convolution, and their workspace."""

    def __init__(self, xp: Any, geometry: Geometry, dtype: np.dtype[Any]) -> None:
        self.xp = xp
        self.geometry = geometry
        self.work = work_dtype(dtype)
        self.dtype = dtype
        self.batch, self.spatial, self.cin = geometry[:3]
        self.kernel, self.depth, self.cout = (
            geometry.window,
            geometry.depth,
            geometry.filters,
        )
        groups = self.groups = geometry.groups
        strides = self.strides = geometry.strides
        dilation = self.dilation = geometry.dilation
        padding, self.out = geometry.padding, geometry.out
        self.inner = interior(padding, self.spatial)
        self.padded = geometry.padded
        self.wide = tuple(
            n + lo + hi for n, (lo, hi) in zip(self.spatial, padding, strict=True)
        )
        self.places = list(taps(self.kernel, self.out, strides, dilation))
        self.positions = math.prod(self.out)
        self.reach = math.prod(self.kernel)
        self.pointwise = self.reach == 1 and set(strides) == {1} and not self.padded
        self.by_channel = groups > 1 and self.depth == 1
        width = self.reach * self.cin
        self.step = max(1, min(self.batch, _BLOCK // max(1, self.positions * width)))
        self._kept: dict[str, Array] = {}
        self._turned: Conv | None = None

    def _buffer(self, name: str, shape: Ints, fill: int | None = None) -> Array:
        """Workspace of this name and shape, made on first use."""
        size = math.prod(shape)
        have = self._kept.get(name)
        if have is None or have.size < size:
            have = self._kept[name] = self.xp.empty(size, dtype=self.work)
            if fill is not None:
                have[...] = fill
        return have[:size].reshape(shape)

    def _blocks(self) -> list[slice]:
        starts = range(0, self.batch, self.step)
        return [slice(a, min(a + self.step, self.batch)) for a in starts]

    def _widened(self, x: Array) -> Array:
        """A block of x in the working dtype with its border of zeros."""
        if not self.padded:
            if x.dtype == self.work:
                return x
            wide = self._buffer("wide", x.shape)
            wide[...] = x
            return wide
        # The border is written once: blocks only differ in the interior.
        wide = self._buffer("wide", (self.step, *self.wide, self.cin), 0)
        wide = wide[: x.shape[0]]
        wide[self.inner] = x
        return wide

    def _columns(self, x: Array) -> Array:
        """The windows of a block as (groups, rows, reach * depth), or 2-d for one group."""
        rows = x.shape[0] * self.positions
        if self.pointwise and self.groups == 1 and x.dtype == self.work:
            return x.reshape(rows, self.cin)
        x = self._widened(x)
        shape = (x.shape[0], *self.out, *self.kernel, self.cin)
        if self.groups > 1:
            seen = view(self.xp, x, self.kernel, self.out, self.strides, self.dilation)
            seen = seen.reshape(*seen.shape[:-1], self.groups, self.depth)
            axes = tuple(range(seen.ndim))
            columns = self._buffer("columns", (self.groups, *shape[:-1], self.depth))
            columns[...] = seen.transpose(axes[-2], *axes[:-2], axes[-1])
            return columns.reshape(self.groups, rows, self.reach * self.depth)
        columns = self._buffer("columns", shape)
        self._gather(x, columns)
        return columns.reshape(rows, self.reach * self.cin)

    def _gather(self, x: Array, columns: Array) -> None:
        """The windows of x, (batch, *out, *kernel, channels)."""
        run = self.kernel[-1] * self.cin
        if run <= _SHORT:
            for tap, place in self.places:
                columns[(slice(None),) * (1 + len(self.out)) + tap] = x[place]
            return
        seen = view(self.xp, x, self.kernel, self.out, self.strides, self.dilation)
        whole = x.strides[-2:] == (self.cin * x.itemsize, x.itemsize)
        if self.dilation[-1] == 1 and self.xp is np and whole:
            # A line of the window is one run of x.
            shape = (*seen.shape[:-2], run)
            seen = as_strided(seen, shape, (*seen.strides[:-2], seen.strides[-1]))
            columns = columns.reshape(shape)
        copy_runs(self.xp, columns, seen)

    def _matrix(self, w: Array) -> Array:
        """w as (reach * depth, cout), or (groups, reach * depth, cout // groups)."""
        w = w.astype(self.work, copy=False).reshape(self.reach * self.depth, self.cout)
        if self.groups == 1:
            return w
        split = w.reshape(w.shape[0], self.groups, self.cout // self.groups)
        return self.xp.ascontiguousarray(split.transpose(1, 0, 2))

    def _grouped(self, dy: Array) -> Array:
        """A block of dy as (rows, cout), or (groups, rows, cout // groups)."""
        rows = dy.shape[0] * self.positions
        flat = dy.reshape(rows, self.cout).astype(self.work, copy=False)
        if self.groups == 1:
            return flat
        split = flat.reshape(rows, self.groups, self.cout // self.groups)
        grouped = self._buffer("dy", (self.groups, rows, self.cout // self.groups))
        grouped[...] = split.transpose(1, 0, 2)
        return grouped

    def forward(self, x: Array, w: Array, out: Array) -> Array:
        """y = conv(x, w) into `out`, C-contiguous."""
        if self.by_channel:
            return self._forward_by_channel(x, w, out)
        matrix = self._matrix(w)
        for block in self._blocks():
            columns = self._columns(x[block])
            part = out[block]
            rows = part.shape[0] * self.positions
            if self.groups == 1 and out.dtype == self.work:
                multiply(self.xp, columns, matrix, part.reshape(rows, self.cout))
                continue
            shape = (*matrix.shape[:-2], rows, matrix.shape[-1])
            result = self.xp.matmul(columns, matrix, out=self._buffer("y", shape))
            if self.groups > 1:
                part = part.reshape(rows, self.groups, -1)
                part[...] = result.transpose(1, 0, 2)
            else:
                part.reshape(rows, self.cout)[...] = result
        return out

    def filter_grad(self, x: Array, dy: Array, out: Array) -> Array:
        """The gradient of the kernel into `out`."""
        if self.by_channel:
            return self._filter_grad_by_channel(x, dy, out)
        depth = self.reach * self.depth
        shape: Ints = (depth, self.cout)
        if self.groups > 1:
            shape = (self.groups, depth, self.cout // self.groups)
        total = self._buffer("dw", shape)
        total[...] = 0
        part = self._buffer("dw part", shape)
        for block in self._blocks():
            columns = self._columns(x[block])
            grouped = self._grouped(dy[block])
            if self.groups == 1:
                count = sums_at_once(self.xp, len(columns), *shape)
                sums = self._buffer("sums", (count, *shape))
                multiply_turned(self.xp, columns, grouped, sums, part)
            else:
                self.xp.matmul(columns.swapaxes(-1, -2), grouped, out=part)
            total += part
        if self.groups > 1:
            total = total.transpose(1, 0, 2)
        out[...] = total.reshape(out.shape)
        return out

    def input_grad(self, dy: Array, w: Array, out: Array) -> Array:
        """The gradient of the input into `out`: products, added back tap by tap."""
        if self.by_channel:
            return self._input_grad_by_channel(dy, w, out)
        if self._turns():
            return self._input_grad_by_windows(dy, w, out)
        if self.groups == 1 and self.strides[-1] == 1 and self.cin > 1:
            return self._input_grad_by_tap(dy, w, out)
        matrix = self._matrix(w).swapaxes(-1, -2)
        for block in self._blocks():
            count = block.stop - block.start
            rows = count * self.positions
            grouped = self._grouped(dy[block])
            shape = (*grouped.shape[:-1], matrix.shape[-1])
            columns = self.xp.matmul(
                grouped, matrix, out=self._buffer("columns", shape)
            )
            if self.pointwise and self.groups == 1:
                out[block] = columns.reshape(out[block].shape)
                continue
            if self.groups > 1:
                columns = columns.reshape(self.groups, rows, self.reach, self.depth)
                columns = columns.transpose(1, 2, 0, 3)
            columns = columns.reshape(count, *self.out, *self.kernel, self.cin)
            wide = self._buffer("dx", (count, *self.wide, self.cin))
            wide[...] = 0
            for tap, place in self.places:
                wide[place] += columns[(slice(None),) * (1 + len(self.out)) + tap]
            out[block] = wide[self.inner] if self.padded else wide
        return out

    def _turns(self) -> bool:
        """Whether the gradient is better a convolution of dy with the turned kernel.

        Then windows of dy are copied, where products for each tap would be added back,
        which takes twice as long for as many, and longer where runs are short.
        """
        if self.groups > 1 or set(self.strides) != {1} or self.pointwise:
            return False
        gathered = math.prod(self.spatial) * self.cout
        worth = 5 / 4 if self.cin >= _TAP_CHANNELS else 6
        return gathered <= self.positions * self.cin * worth and all(
            d * (k - 1) >= max(ends)
            for k, d, ends in zip(
                self.kernel, self.dilation, self.geometry.padding, strict=True
            )
        )

    def _input_grad_by_windows(self, dy: Array, w: Array, out: Array) -> Array:
        plan = self._turned
        if plan is None:
            borders = tuple(
                (d * (k - 1) - low, d * (k - 1) - high)
                for k, d, (low, high) in zip(
                    self.kernel, self.dilation, self.geometry.padding, strict=True
                )
            )
            turned = self.geometry._replace(
                spatial=self.out,
                channels=self.cout,
                filters=self.cin,
                padding=borders,
            )
            plan = self._turned = Conv(self.xp, turned, self.dtype)
        flipped = w[(slice(None, None, -1),) * len(self.kernel)].swapaxes(-1, -2)
        kernel = plan._buffer("w", flipped.shape)
        kernel[...] = flipped
        return plan.forward(dy, kernel, out)

    def _input_grad_by_tap(self, dy: Array, w: Array, out: Array) -> Array:
        """The same with a product for each tap.

        Where windows are one apart, a row of them is added to a row of inputs in one run.
        """
        matrices = self._matrix(w).reshape(self.reach, self.cin, self.cout)
        matrices = matrices.swapaxes(-1, -2)
        for block in self._blocks():
            count = block.stop - block.start
            flat = self._grouped(dy[block])
            shape = (self.reach, flat.shape[0], self.cin)
            parts = self.xp.matmul(flat, matrices, out=self._buffer("columns", shape))
            if self.pointwise:
                out[block] = parts.reshape(out[block].shape)
                continue
            parts = parts.reshape(self.reach, count, *self.out, self.cin)
            wide = self._buffer("dx", (count, *self.wide, self.cin))
            wide[...] = 0
            for part, (_, place) in zip(parts, self.places, strict=True):
                wide[place] += part
            out[block] = wide[self.inner] if self.padded else wide
        return out

    # One channel per group (depthwise): multiply and add, tap by tap.

    def _per_channel(self, w: Array) -> Array:
        """w as (*kernel, cin, multiplier)."""
        w = w.astype(self.work, copy=False)
        return w.reshape(*self.kernel, self.cin, self.cout // self.cin)

    def _forward_by_channel(self, x: Array, w: Array, out: Array) -> Array:
        w = self._per_channel(w)
        for block in self._blocks():
            wide = self._widened(x[block])
            shape = (wide.shape[0], *self.out, *w.shape[-2:])
            total = self._buffer("y", shape)
            product = self._buffer("y part", shape)
            total[...] = 0
            for tap, place in self.places:
                self.xp.multiply(wide[place][..., None], w[tap], out=product)
                total += product
            out[block] = total.reshape(*shape[:-2], self.cout)
        return out

    def _filter_grad_by_channel(self, x: Array, dy: Array, out: Array) -> Array:
        shape = (*self.kernel, self.cin, self.cout // self.cin)
        total = self._buffer("dw", shape)
        total[...] = 0
        for block in self._blocks():
            wide = self._widened(x[block])
            g = dy[block].astype(self.work, copy=False)
            g = g.reshape(-1, self.cin, shape[-1])
            for tap, place in self.places:
                seen = wide[place].reshape(-1, self.cin)
                total[tap] += self.xp.einsum("rc,rcm->cm", seen, g)
        out[...] = total.reshape(out.shape)
        return out

    def _input_grad_by_channel(self, dy: Array, w: Array, out: Array) -> Array:
        w = self._per_channel(w)
        for block in self._blocks():
            g = dy[block].astype(self.work, copy=False)
            g = g.reshape(*g.shape[:-1], *w.shape[-2:])
            wide = self._buffer("dx", (g.shape[0], *self.wide, self.cin))
            wide[...] = 0
            for tap, place in self.places:
                wide[place] += (g * w[tap]).sum(axis=-1)
            out[block] = wide[self.inner] if self.padded else wide
        return out


def table(xp: Any) -> Table:
    """The kernels of this family over the namespace `xp`."""

    def conv(x: Array, w: Array, **how: Any) -> Array:
        plan = Conv(xp, Geometry.of_conv(x.shape, w.shape, how), x.dtype)
        out = xp.empty((plan.batch, *plan.out, plan.cout), dtype=x.dtype)
        return plan.forward(x, w, out)

    def conv_input_grad(dy: Array, w: Array, *, input_shape: Ints, **how: Any) -> Array:
        plan = Conv(xp, Geometry.of_conv(input_shape, w.shape, how), dy.dtype)
        return plan.input_grad(dy, w, xp.empty(input_shape, dtype=dy.dtype))

    def conv_filter_grad(
        x: Array, dy: Array, *, kernel_shape: Ints, **how: Any
    ) -> Array:
        plan = Conv(xp, Geometry.of_conv(x.shape, kernel_shape, how), x.dtype)
        return plan.filter_grad(x, dy, xp.empty(kernel_shape, dtype=x.dtype))

    own: Table = {
        "conv": conv,
        "conv_input_grad": conv_input_grad,
        "conv_filter_grad": conv_filter_grad,
    }
    return {name: quiet(kernel) for name, kernel in own.items()}
