"""Convolution: windows gathered into a matrix, block by block, and matrix products.

A block is a few batch entries, so that its matrix stays in the cache and memory does
not grow with the batch. The three directions share one plan and its workspace; a
lowered step keeps the plan, so that it allocates once. Where BLAS would take one thread,
blocks are shared out to several, each with a workspace of its own: a `lane`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from minikeras_numpy.common import Array, Table, quiet, work_dtype
from minikeras_numpy.products import (
    multiply,
    multiply_turned,
    rows_at_once,
    sums_at_once,
)
from minikeras_numpy.sharing import lanes, share
from minikeras_numpy.windows import Geometry, Ints, copy_runs, interior, taps, view
from minikeras_numpy.workspace import LARGEST, borrowed

_TAP_CHANNELS = 16  # fewer make the product of one tap narrow, and its runs short
# Elements of a block's matrix: fewer cost calls, more leave the caches.
_BLOCK = 1 << 20
_PIECES = 8  # blocks at least of what is shared out
_SHARED = 1 << 25  # multiply-adds that are worth waking another thread
_SHORT = 4  # elements of a line of a window that are not worth a copy of their own


class Conv:
    """The three directions of a convolution, and their workspace.

    `lasting`: whether it runs again and again. Then the first run makes the workspace of all
    threads that may ever help.
    """

    def __init__(
        self,
        xp: Any,
        geometry: Geometry,
        dtype: np.dtype[Any],
        lasting: bool = False,
    ) -> None:
        self.xp = xp
        self.lasting = lasting
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
        self._lent: Array | None = None
        self._turned: Conv | None = None
        self._lanes: dict[int, Conv] = {}
        self.shared = self._is_shared()
        if self.shared:  # blocks enough for all threads to end at about the same time
            self.step = min(self.step, -(-self.batch // _PIECES))

    def _is_shared(self) -> bool:
        """Whether blocks are shared out: BLAS takes one thread for each, or has none."""
        work = self.batch * self.positions * self.reach * self.depth * self.cout
        if self.xp is not np or self.batch == 1:
            return False
        if self.by_channel:
            return work >= _SHARED // 16
        small = rows_at_once(np, self.reach * self.depth, self.cout) > 0
        return self.groups == 1 and small and work >= _SHARED

    def _lane(self, lane: int) -> Conv:
        """This plan with the workspace of a thread that helps."""
        if lane == 0:
            return self
        plan = self._lanes.get(lane)
        if plan is None:
            plan = self._lanes[lane] = Conv(self.xp, self.geometry, self.dtype)
        return plan

    def _each(self, work: Callable[[Conv, int, slice], None]) -> None:
        """`work(lane, number, block)` for each block."""
        starts = range(0, self.batch, self.step)
        blocks = [slice(at, min(at + self.step, self.batch)) for at in starts]
        need = self.step * self.positions * self.reach * self.cin * self.work.itemsize
        if self.xp is not np or self.by_channel or need > LARGEST:
            need = 0

        def on(lane: int, number: int) -> None:
            plan = self._lane(lane)
            if not need:
                work(plan, number, blocks[number])
                return
            with borrowed(need) as memory:
                plan._lent = memory.view(self.work)
                try:
                    work(plan, number, blocks[number])
                finally:
                    plan._lent = None

        if self.lasting and self.shared and not self._lanes:
            for lane in range(1, lanes()):
                on(lane, 0)
        share(len(blocks), on, self.shared)

    def _buffer(self, name: str, shape: Ints, fill: int | None = None) -> Array:
        """Workspace of this name and shape, made on first use."""
        size = math.prod(shape)
        if name == "columns" and self._lent is not None:
            return self._lent[:size].reshape(shape)
        have = self._kept.get(name)
        if have is None or have.size < size:
            have = self._kept[name] = self.xp.empty(size, dtype=self.work)
            if fill is not None:
                have[...] = fill
        return have[:size].reshape(shape)

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
        if self.xp is not np or len(self.kernel) == 1:
            copy_runs(self.xp, columns, seen)
            return
        # Line by line of the window: NumPy's innermost loop then goes over a line of places.
        lines = (slice(None),) * (1 + len(self.out))
        for line in np.ndindex(self.kernel[:-1]):
            copy_runs(self.xp, columns[lines + line], seen[lines + line])

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

        def work(lane: Conv, number: int, block: slice) -> None:
            lane._forward_block(x[block], matrix, out[block])

        self._each(work)
        return out

    def _forward_block(self, x: Array, matrix: Array, out: Array) -> None:
        columns = self._columns(x)
        rows = out.shape[0] * self.positions
        if self.groups == 1 and out.dtype == self.work:
            multiply(self.xp, columns, matrix, out.reshape(rows, self.cout))
            return
        shape = (*matrix.shape[:-2], rows, matrix.shape[-1])
        result = self.xp.matmul(columns, matrix, out=self._buffer("y", shape))
        if self.groups > 1:
            out = out.reshape(rows, self.groups, -1)
            out[...] = result.transpose(1, 0, 2)
        else:
            out.reshape(rows, self.cout)[...] = result

    def filter_grad(self, x: Array, dy: Array, out: Array) -> Array:
        """The gradient of the kernel into `out`."""
        if self.by_channel:
            return self._filter_grad_by_channel(x, dy, out)
        depth = self.reach * self.depth
        shape: Ints = (depth, self.cout)
        if self.groups > 1:
            shape = (self.groups, depth, self.cout // self.groups)
        total = self._sums_of_blocks(
            shape,
            lambda lane, block, part: lane._filter_block(x[block], dy[block], part),
        )
        if self.groups > 1:
            total = total.transpose(1, 0, 2)
        out[...] = total.reshape(out.shape)
        return out

    def _filter_block(self, x: Array, dy: Array, part: Array) -> None:
        columns = self._columns(x)
        grouped = self._grouped(dy)
        if self.groups > 1:
            self.xp.matmul(columns.swapaxes(-1, -2), grouped, out=part)
            return
        count = sums_at_once(self.xp, len(columns), *part.shape)
        if self.xp is not np:
            sums = self._buffer("sums", (count, *part.shape))
            multiply_turned(self.xp, columns, grouped, sums, part)
            return
        with borrowed(count * part.size * self.work.itemsize) as memory:
            sums = memory.view(self.work).reshape(count, *part.shape)
            multiply_turned(self.xp, columns, grouped, sums, part)

    def _sums_of_blocks(
        self, shape: Ints, work: Callable[[Conv, slice, Array], None]
    ) -> Array:
        """The sum of what `work(lane, block, part)` leaves in `part`, in order."""
        total = self._buffer("dw", shape)
        total[...] = 0
        if self.shared:
            count = -(-self.batch // self.step)
            parts = self._buffer("dw parts", (count, *shape))
            self._each(lambda lane, number, block: work(lane, block, parts[number]))
            for part in parts:
                total += part
            return total
        part = self._buffer("dw part", shape)

        def add(lane: Conv, number: int, block: slice) -> None:
            nonlocal total
            work(lane, block, part)
            total += part

        self._each(add)
        return total

    def input_grad(self, dy: Array, w: Array, out: Array) -> Array:
        """The gradient of the input into `out`: products, added back tap by tap."""
        if self.by_channel:
            return self._input_grad_by_channel(dy, w, out)
        if self._turns():
            return self._input_grad_by_windows(dy, w, out)
        if self.groups == 1 and self.strides[-1] == 1 and self.cin > 1:
            return self._input_grad_by_tap(dy, w, out)
        matrix = self._matrix(w).swapaxes(-1, -2)

        def work(lane: Conv, number: int, block: slice) -> None:
            lane._input_block(dy[block], matrix, out[block])

        self._each(work)
        return out

    def _input_block(self, dy: Array, matrix: Array, out: Array) -> None:
        count = len(dy)
        grouped = self._grouped(dy)
        shape = (*grouped.shape[:-1], matrix.shape[-1])
        columns = self._buffer("columns", shape)
        if self.groups == 1:
            multiply(self.xp, grouped, matrix, columns)
        else:
            self.xp.matmul(grouped, matrix, out=columns)
        if self.pointwise and self.groups == 1:
            out[...] = columns.reshape(out.shape)
            return
        if self.groups > 1:
            rows = count * self.positions
            columns = columns.reshape(self.groups, rows, self.reach, self.depth)
            columns = columns.transpose(1, 2, 0, 3)
        columns = columns.reshape(count, *self.out, *self.kernel, self.cin)
        places = (slice(None),) * (1 + len(self.out))
        self._add_back(out, (columns[places + tap] for tap, _ in self.places))

    def _add_back(self, out: Array, parts: Iterable[Array]) -> None:
        """The sum of the parts, each at its place in the window, into a block of `out`."""
        whole = not self.padded and out.dtype == self.work
        wide = out if whole else self._buffer("dx", (len(out), *self.wide, self.cin))
        wide[...] = 0
        for part, (_, place) in zip(parts, self.places, strict=True):
            wide[place] += part
        if not whole:
            out[...] = wide[self.inner] if self.padded else wide

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
            plan = self._turned = Conv(self.xp, turned, self.dtype, self.lasting)
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

        def work(lane: Conv, number: int, block: slice) -> None:
            lane._taps_block(dy[block], matrices, out[block])

        self._each(work)
        return out

    def _taps_block(self, dy: Array, matrices: Array, out: Array) -> None:
        flat = self._grouped(dy)
        shape = (self.reach, flat.shape[0], self.cin)
        parts = self._buffer("columns", shape)
        for matrix, part in zip(matrices, parts, strict=True):
            multiply(self.xp, flat, matrix, part)
        if self.pointwise:
            out[...] = parts.reshape(out.shape)
            return
        self._add_back(out, parts.reshape(self.reach, len(dy), *self.out, self.cin))

    # One channel per group (depthwise): multiply and add, tap by tap.

    def _per_channel(self, w: Array) -> Array:
        """w as (*kernel, cin, multiplier)."""
        w = w.astype(self.work, copy=False)
        return w.reshape(*self.kernel, self.cin, self.cout // self.cin)

    def _forward_by_channel(self, x: Array, w: Array, out: Array) -> Array:
        w = self._per_channel(w)

        def work(lane: Conv, number: int, block: slice) -> None:
            wide = lane._widened(x[block])
            shape = (wide.shape[0], *self.out, *w.shape[-2:])
            total = lane._buffer("y", shape)
            product = lane._buffer("y part", shape)
            total[...] = 0
            for tap, place in self.places:
                self.xp.multiply(wide[place][..., None], w[tap], out=product)
                total += product
            out[block] = total.reshape(*shape[:-2], self.cout)

        self._each(work)
        return out

    def _filter_grad_by_channel(self, x: Array, dy: Array, out: Array) -> Array:
        shape = (*self.kernel, self.cin, self.cout // self.cin)

        def work(lane: Conv, block: slice, part: Array) -> None:
            wide = lane._widened(x[block])
            g = dy[block].astype(self.work, copy=False)
            g = g.reshape(-1, self.cin, shape[-1])
            for tap, place in self.places:
                seen = wide[place].reshape(-1, self.cin)
                part[tap] = self.xp.einsum("rc,rcm->cm", seen, g)

        out[...] = self._sums_of_blocks(shape, work).reshape(out.shape)
        return out

    def _input_grad_by_channel(self, dy: Array, w: Array, out: Array) -> Array:
        w = self._per_channel(w)

        def work(lane: Conv, number: int, block: slice) -> None:
            g = dy[block].astype(self.work, copy=False)
            g = g.reshape(*g.shape[:-1], *w.shape[-2:])
            lane._add_back(
                out[block], ((g * w[tap]).sum(axis=-1) for tap, _ in self.places)
            )

        self._each(work)
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
