"""Kernels of depthwise convolutions, vectorised over channels.

Called like a tile, `kernel(A, B, C, S, job)`: a row of positions, each with the same taps
(`Depthwise`). As in pooling, the job cuts taps that fall into the padding. For each
vector of channels the weights (or their gradients) of a small window stay in registers
while the positions go by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import NamedTuple

from minikeras_kernels.code import Code, Op, Rel
from minikeras_kernels.values import Val

from minikeras_numba.ir.compile import compile_contract
from minikeras_numba.ir.contract import Contract

Taps = tuple[int, int, int]
Visit = Callable[[Val, Val], None]


class Depthwise(NamedTuple):
    """The fields of a row of positions; moves and strides in bytes."""

    times: int  # positions
    da: int
    dc: int
    planes: int  # taps along each axis
    rows: int
    columns: int
    image_plane: int  # from tap to tap in the images
    image_row: int
    image_column: int
    weight_plane: int  # and in the weights
    weight_row: int
    weight_column: int
    channels: int


def depthwise_kernel(dtype: str, kind: str, taps: Taps | None = None) -> int:
    """The address of a kernel.

    apply: C = the sum of A's window times the weights B; A moves by da, C by dc.
    learn: C, the weights' gradient, += A's window times B; A moves by da, B by dc.
    `taps`: the job's planes, rows and columns, where the kernel is for these only.
    """

    def build() -> Code:
        emitter = _Depthwise(dtype, taps)
        return emitter.emit(emitter.apply if kind == "apply" else emitter.learn)

    return compile_contract("depthwise", build, f"depthwise {dtype} {kind} {taps}")


class _Tap(NamedTuple):
    """Byte offsets of a tap in the image and in the weights."""

    image: Val
    weight: Val


class _Depthwise:
    """Emits a kernel: channels outside, then positions and taps."""

    def __init__(self, dtype: str, fixed: Taps | None) -> None:
        self.code = Contract("depthwise", dtype, 5)
        self.fixed = fixed
        self.mask: Val | None = None

    def field(self, name: str) -> Val:
        return self.code.field(Depthwise, name)

    def emit(self, body: Callable[[Val, Val, Val], None]) -> Code:
        """`body(A, B, C)` for each vector of channels."""
        c = self.code
        names = ("times", "da", "dc", "planes", "rows", "columns")
        self.job = {name: self.field(name) for name in names}
        axes = ("plane", "row", "column")
        self.images = [self.field(f"image_{axis}") for axis in axes]
        self.weights = [self.field(f"weight_{axis}") for axis in axes]
        channels = self.field("channels")
        whole = c.bin(Op.SDIV, channels, c.const(c.lanes))
        rest = c.bin(Op.SREM, channels, c.const(c.lanes))
        step = c.const(c.lanes * c.itemsize)
        offset = c.variable(c.const(0))
        with c.repeat(whole, [(offset, step)]):
            body(*(c.add(x, c.get(offset)) for x in c.parameters[:3]))
        with c.when(c.icmp(Rel.SGT, rest, c.const(0))):
            self.mask = c.head(rest)
            body(*(c.add(x, c.get(offset)) for x in c.parameters[:3]))
        return c.code

    def fma(self, x: Val, y: Val, z: Val) -> Val:
        c = self.code
        return c.one(Op.FMA, x, y, z)

    def known(self) -> Iterator[_Tap]:
        """The taps of a small window."""
        c = self.code
        for at in product(*map(range, self.fixed or ())):
            image, weight = (
                c.add(*(c.mul(s, i) for s, i in zip(strides, at, strict=True)))
                for strides in (self.images, self.weights)
            )
            yield _Tap(image, weight)

    def each_tap(self, visit: Visit) -> None:
        """`visit(offset in the image, in the weights)` inside loops over any window."""
        c = self.code
        outer: list[Val] = [c.const(0), c.const(0)]
        self._nest(("planes", "rows", "columns"), outer, visit)

    def _nest(self, names: tuple[str, ...], at: list[Val], visit: Visit) -> None:
        c = self.code
        if not names:
            visit(*at)
            return
        level = 3 - len(names)
        slots = [c.variable(x) for x in at]
        moves = zip(slots, (self.images[level], self.weights[level]), strict=True)
        with c.repeat(self.job[names[0]], list(moves)):
            self._nest(names[1:], [c.get(s) for s in slots], visit)

    def apply(self, a: Val, b: Val, out: Val) -> None:
        c = self.code
        taps = list(self.known()) if self.fixed else []
        weights = [c.vload(c.add(b, tap.weight), self.mask) for tap in taps]
        x, y = (c.variable(p) for p in (a, out))
        with c.repeat(self.job["times"], [(x, self.job["da"]), (y, self.job["dc"])]):
            total = c.variable(c.number(0.0))
            c.put(total, c.number(0.0))

            def add(image: Val, weight: Val) -> None:
                value = c.vload(c.add(c.get(x), image), self.mask)
                c.put(total, self.fma(value, weight, c.get(total)))

            if self.fixed:
                for tap, weight in zip(taps, weights, strict=True):
                    add(tap.image, weight)
            else:
                self.each_tap(
                    lambda image, weight: add(
                        image, c.vload(c.add(b, weight), self.mask)
                    )
                )
            c.vstore(c.get(total), c.get(y), self.mask)

    def learn(self, a: Val, b: Val, out: Val) -> None:
        if self.fixed:
            self.gather(a, b, out, list(self.known()))
        else:
            self.each_tap(
                lambda image, weight: self.gather(a, b, out, [_Tap(image, weight)])
            )

    def gather(self, a: Val, b: Val, out: Val, taps: list[_Tap]) -> None:
        """Add to the gradients of these taps over all positions."""
        c = self.code
        places = [c.add(out, tap.weight) for tap in taps]
        sums = [c.variable(c.vload(place, self.mask)) for place in places]
        x, g = (c.variable(p) for p in (a, b))
        with c.repeat(self.job["times"], [(x, self.job["da"]), (g, self.job["dc"])]):
            gradient = c.vload(c.get(g), self.mask)
            for tap, total in zip(taps, sums, strict=True):
                value = c.vload(c.add(c.get(x), tap.image), self.mask)
                c.put(total, self.fma(value, gradient, c.get(total)))
        for place, total in zip(places, sums, strict=True):
            c.vstore(c.get(total), place, self.mask)
