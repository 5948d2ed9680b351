"""Images at any places: one pass, with the arithmetic of the row's composition.

For a vector of places indices and weights are computed at once and kept; then pixel after
pixel is read at its corners. A unit is a strip of the places of one image.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from minikeras_kernels.code import Code, Op, Rel
from minikeras_kernels.signature import KernelWriter
from minikeras_kernels.target import pieces
from minikeras_kernels.values import Address, Kind, Val, const

from minikeras.extend import Node, Value, numpy_dtype
from minikeras_numba.ir.compile import compile_kernel, target
from minikeras_numba.machine.jit import host
from minikeras_numba.machine.launch import Launch, Native

_FLOATS = {"float32": Kind.F32, "float64": Kind.F64}
_BITS = {1: Kind.I8, 2: Kind.I16, 4: Kind.I32, 8: Kind.I64}
_STRIP = 1024  # places of a unit
_GRAIN = 4  # units that a thread takes at least
_WRITTEN_OUT = 8  # so many channels are written out, rather than swept
_FARTHEST = 2.0**29  # as in the composition: an int32 holds it


@dataclass(frozen=True)
class Spec:
    """What a kernel is compiled for.

    Attributes:
        axes: How many axes places have.
        order: 0 for the nearest pixel, 1 for linear interpolation.
        border: What stands beyond the border.
        channels: How many, if they are written out; 0: the table says.
        image: What a channel is.
        place: The floats that places are.
        offset: The integers that count the elements of an image.
    """

    axes: int
    order: int
    border: str
    channels: int
    image: Kind
    place: Kind
    offset: Kind


class SampledAxis(NamedTuple):
    """What the kernel knows of an axis: floats for every lane, and its stride."""

    size: Val
    last: Val
    period: Val
    share: Val  # 1 / period
    top: Val
    stride: Val


class Corner(NamedTuple):
    """A pixel beside places: where it is, whether it is real, how much it counts."""

    offset: Val
    real: Val | None
    weight: Val | None


def lower_resample(node: Node, regs: Mapping[Value, int]) -> Native:
    """A closure for any `resample`."""
    images, _, *places = (v.aval for v in node.inputs)
    order, border = node.static["order"], node.static["border"]
    batch, *sizes, channels = images.shape
    count, whole = math.prod(places[0].shape[1:]), math.prod(images.shape[1:])
    itemsize = numpy_dtype(images.dtype).itemsize
    spec = Spec(
        axes=len(places),
        order=order,
        border=border,
        channels=channels if channels <= _WRITTEN_OUT else 0,
        image=_FLOATS[images.dtype] if order else _BITS[itemsize],
        place=_FLOATS[places[0].dtype],
        offset=Kind.I32 if whole < 1 << 31 else Kind.I64,
    )
    fn = compile_kernel(
        "resample", lambda: _Writer(spec).write(), f"{spec} {host().vector_bytes}"
    )
    strips = -(-count // _STRIP)
    axes = np.array([_numbers(n, border) for n in sizes], np.float64)
    strides = [math.prod(images.shape[i + 2 :]) for i in range(len(sizes))]
    slots = [regs[v] for v in (*node.inputs, *node.outputs)]
    words = [count, strips, whole, channels, *strides, *slots]
    meta = np.concatenate([np.array(words, np.int64), axes.ravel().view(np.int64)])
    units = batch * strips if channels else 0
    return Native([Launch(fn, meta, units, _GRAIN)])


def _numbers(n: int, border: str) -> list[float]:
    """The floats of an axis; see `SampledAxis`."""
    period = {"wrap": n, "mirror": 2 * (n - 1), "reflect": 2 * n}.get(border, n)
    top = 2 * n - 1 if border == "reflect" else 2 * (n - 1)
    period = max(period, 1)
    return [n, n - 1, period, 1 / period, top]


class _Writer:
    """Writes the kernel of a spec."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.f = KernelWriter("resample", target())
        self.lanes = target().lanes(spec.place.nbytes)

    def write(self) -> Code:
        f, spec = self.f, self.spec
        self.count, strips, whole, self.channels, *rest = f.words(4 + spec.axes)
        first = 4 + spec.axes
        slots = [f.word(first + i) for i in range(spec.axes + 3)]
        kinds = [spec.image, spec.image, *(spec.place,) * spec.axes, spec.image]
        images, fill, *places, out = map(f.array, slots, kinds)
        first += spec.axes + 3
        axes = [self._axis(first + 5 * i, stride) for i, stride in enumerate(rest)]
        self.fill = f.load(fill)
        corners = 2**spec.axes if spec.order else 1
        self.offsets = [f.slot(spec.offset, 1, self.lanes) for _ in range(corners)]
        self.weights = [f.slot(spec.image, 1, self.lanes) for _ in range(corners)]
        with f.loop(f.start, f.stop) as unit:
            sample = f.bin(Op.UDIV, unit, strips)
            left = f.mul(f.bin(Op.UREM, unit, strips), _STRIP)
            right = f.bin(Op.SMIN, f.add(left, _STRIP), self.count)
            image = f.at(images, f.mul(sample, whole))
            moved = f.mul(sample, self.count)
            here = [f.at(p, moved) for p in places]
            target_row = f.at(out, f.mul(moved, self.channels))

            def step(at: Val, mask: Val | None) -> None:
                self._place(axes, [f.load(f.at(p, at), self.lanes, mask) for p in here])
                many = const(Kind.I64, self.lanes) if mask is None else f.sub(right, at)
                with f.loop(const(Kind.I64, 0), many) as lane:
                    pixel = f.at(target_row, f.mul(f.add(at, lane), self.channels))
                    self._pixel(image, lane, pixel)

            f.sweep(left, right, self.lanes, step)
        return f.code

    def _axis(self, first: int, stride: Val) -> SampledAxis:
        f, place = self.f, self.spec.place

        def number(index: int) -> Val:
            x = f.bitcast(f.word(first + index), Kind.F64)
            x = x if place is Kind.F64 else f.convert(Op.FPTRUNC, x, place)
            return f.splat(x, self.lanes)

        narrow = self.spec.offset is Kind.I32
        stride = f.convert(Op.TRUNC, stride, Kind.I32) if narrow else stride
        size, last, period, share, top = map(number, range(5))
        return SampledAxis(size, last, period, share, top, f.splat(stride, self.lanes))

    # a vector of places -----------------------------------------------------------------

    def _place(self, axes: list[SampledAxis], places: list[Val]) -> None:
        """Keep the offset and weight of each corner for a vector of places."""
        f = self.f
        sides = [self._sides(axis, p) for axis, p in zip(axes, places, strict=True)]
        for number, corner in enumerate(itertools.product(*sides)):
            offset, real, weight = corner[0]
            for side in corner[1:]:
                offset = f.add(offset, side.offset)
                if real is not None and side.real is not None:
                    real = f.bin(Op.AND, real, side.real)
                if weight is not None and side.weight is not None:
                    weight = f.fmul(weight, side.weight)
            if real is not None:
                offset = f.select(real, offset, f.like(offset, -1))
            f.store(offset, self.offsets[number])
            if weight is not None:
                f.store(self._as_image(weight), self.weights[number])

    def _as_image(self, weight: Val) -> Val:
        kind = self.spec.image
        if weight.kind is kind:
            return weight
        op = Op.FPTRUNC if kind is Kind.F32 else Op.FPEXT
        return self.f.convert(op, weight, kind)

    def _sides(self, axis: SampledAxis, place: Val) -> list[Corner]:
        """The one or two indices along an axis."""
        f = self.f
        if self.spec.order == 0:
            half = f.fadd(f.one(Op.FABS, place), f.like(place, 0.5))
            where = f.one(Op.COPYSIGN, f.one(Op.FLOOR, half), place)
            return [self._side(axis, where, None)]
        low = f.one(Op.FLOOR, place)
        upper, one = f.fsub(place, low), f.like(place, 1.0)
        return [
            self._side(axis, low, f.fsub(one, upper)),
            self._side(axis, f.fadd(low, one), upper),
        ]

    def _side(self, axis: SampledAxis, where: Val, weight: Val | None) -> Corner:
        f, spec = self.f, self.spec
        zero, real = f.like(where, 0.0), None
        if spec.border == "constant":
            above = f.fcmp(Rel.OGE, where, zero)
            real = f.bin(Op.AND, above, f.fcmp(Rel.OLT, where, axis.size))
        far = _FARTHEST
        near = f.one(Op.MINIMUM, where, f.like(where, far))
        near = f.one(Op.MAXIMUM, near, f.like(where, -far))
        known = f.select(f.fcmp(Rel.OEQ, near, near), near, zero)
        folded = f.one(Op.MINIMUM, self._folded(axis, known), axis.last)
        folded = f.one(Op.MAXIMUM, folded, zero)
        index = f.convert(Op.FPTOSI, folded, spec.offset)
        return Corner(f.bin(Op.MUL, index, axis.stride), real, weight)

    def _folded(self, axis: SampledAxis, x: Val) -> Val:
        f, border = self.f, self.spec.border
        if border in ("constant", "nearest"):
            return x
        turns = f.one(Op.FLOOR, f.fmul(x, axis.share))
        rest = f.fsub(x, f.fmul(turns, axis.period))
        if border == "wrap":
            over = f.fcmp(Rel.OGE, rest, axis.size)
            return f.select(over, f.like(x, 0.0), rest)
        return f.one(Op.MINIMUM, rest, f.fsub(axis.top, rest))

    # one pixel --------------------------------------------------------------------------

    def _pixel(self, image: Address, lane: Val, out: Address) -> None:
        """All channels of a pixel."""
        f, spec = self.f, self.spec
        corners = [self._kept(image, lane, i) for i in range(len(self.offsets))]
        if spec.channels:
            first = 0
            for width in pieces(spec.channels):
                at = const(Kind.I64, first)
                f.store(self._mixed(corners, at, width, None), f.at(out, at))
                first += width
            return

        def step(at: Val, mask: Val | None) -> None:
            lanes = target().lanes(spec.image.nbytes)
            f.store(self._mixed(corners, at, lanes, mask), f.at(out, at), mask)

        lanes = target().lanes(spec.image.nbytes)
        f.sweep(const(Kind.I64, 0), self.channels, lanes, step)

    def _kept(
        self, image: Address, lane: Val, number: int
    ) -> tuple[Address, Val | None, Val | None]:
        """A corner's pixel, whether it is real, and its weight."""
        f, spec = self.f, self.spec
        offset = f.load(f.at(self.offsets[number], lane))
        offset = (
            f.convert(Op.SEXT, offset, Kind.I64) if spec.offset is Kind.I32 else offset
        )
        real = None
        if spec.border == "constant":
            real = f.icmp(Rel.SGE, offset, 0)
            offset = f.select(real, offset, f.like(offset, 0))
        weight = f.load(f.at(self.weights[number], lane)) if spec.order else None
        return f.at(image, offset), real, weight

    def _mixed(
        self,
        corners: list[tuple[Address, Val | None, Val | None]],
        at: Val,
        lanes: int,
        mask: Val | None,
    ) -> Val:
        f = self.f
        total: Val | None = None
        for pixel, real, weight in corners:
            x = f.load(f.at(pixel, at), lanes, mask)
            if real is not None:
                x = f.select(f.splat(real, lanes), x, f.splat(self.fill, lanes))
            if weight is not None:
                x = f.fmul(x, f.splat(weight, lanes))
            total = x if total is None else f.fadd(total, x)
        assert total is not None
        return total
