"""Writes a kernel: straight code, loops, memory, for vectors of a chosen width.

One lane means a scalar, so the same generator writes a vector loop and its prologue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from minikeras_kernels.code import (
    Block,
    Choice,
    Code,
    For,
    Instr,
    Op,
    Rel,
    Repeat,
    Slot,
    When,
)
from minikeras_kernels.target import Target
from minikeras_kernels.values import Address, Kind, Number, Val, const, counting

# Room of its own is aligned to a cache line, which every vector divides.
_ALIGN = 64


class Writer:
    """A kernel under construction; `code` is what has been written."""

    def __init__(self, name: str, parameters: Sequence[Kind], target: Target) -> None:
        self.target = target
        self._count = len(parameters)
        self.parameters = tuple(Val(i, kind) for i, kind in enumerate(parameters))
        self.code = Code(name, self.parameters)
        self._block: Block = self.code.body

    def _new(self, kind: Kind, lanes: int = 1) -> Val:
        self._count += 1
        return Val(self._count - 1, kind, lanes)

    def let(
        self,
        op: Op,
        args: tuple[Val, ...],
        kind: Kind,
        lanes: int = 1,
        how: Rel | Address | str | bool | int | tuple[int, ...] | None = None,
    ) -> Val:
        """A new value, the result of an operation."""
        out = self._new(kind, lanes)
        self._block.append(Instr(op, out, args, how))
        return out

    # arithmetic -----------------------------------------------------------------

    def bin(self, op: Op, a: Val, b: Val | int) -> Val:
        """An operation on two values of one type."""
        b = self.like(a, b) if isinstance(b, int) else b
        assert (a.kind, a.lanes) == (b.kind, b.lanes), (op, a, b)
        return self.let(op, (a, b), a.kind, a.lanes)

    def one(self, op: Op, *args: Val) -> Val:
        """A function of values of one type that gives that type."""
        a = args[0]
        return self.let(op, args, a.kind, a.lanes)

    def fadd(self, a: Val, b: Val) -> Val:
        return self.bin(Op.FADD, a, b)

    def fsub(self, a: Val, b: Val) -> Val:
        return self.bin(Op.FSUB, a, b)

    def fmul(self, a: Val, b: Val) -> Val:
        return self.bin(Op.FMUL, a, b)

    def fdiv(self, a: Val, b: Val) -> Val:
        return self.bin(Op.FDIV, a, b)

    def fneg(self, a: Val) -> Val:
        return self.one(Op.FNEG, a)

    def add(self, a: Val, *terms: Val | int) -> Val:
        for term in terms:
            a = self.bin(Op.ADD, a, term)
        return a

    def sub(self, a: Val, b: Val | int) -> Val:
        return self.bin(Op.SUB, a, b)

    def mul(self, a: Val, b: Val | int) -> Val:
        return self.bin(Op.MUL, a, b)

    def fma(self, a: Val, b: Val, c: Val) -> Val:
        """a * b + c, in one rounding where the machine can.

        The only way to a fused multiply-add: the compiler makes none by itself, so the
        bits of a function never depend on what stands beside it.
        """
        return self.one(Op.FMULADD, a, b, c)

    def fnma(self, a: Val, b: Val, c: Val) -> Val:
        """c - a * b, as `fma` is rounded."""
        return self.fma(self.fneg(a), b, c)

    def poly(self, x: Val, *coefficients: float) -> Val:
        """Horner's scheme, highest power first."""
        p = self.like(x, coefficients[0])
        for c in coefficients[1:]:
            p = self.fma(p, x, self.like(x, c))
        return p

    def invert(self, a: Val) -> Val:
        """Each bit the other way: for a truth, not."""
        return self.bin(Op.XOR, a, self.like(a, True if a.kind is Kind.I1 else -1))

    def libm(self, name: str, *args: Val) -> Val:
        """A function of C's library, of each lane."""
        return self.let(Op.LIBM, args, args[0].kind, args[0].lanes, name)

    # comparison, selection, conversion ---------------------------------------------

    def fcmp(self, how: Rel, a: Val, b: Val) -> Val:
        return self.let(Op.FCMP, (a, b), Kind.I1, a.lanes, how)

    def icmp(self, how: Rel, a: Val, b: Val | int) -> Val:
        b = self.like(a, b) if isinstance(b, int) else b
        return self.let(Op.ICMP, (a, b), Kind.I1, a.lanes, how)

    def select(self, c: Val, a: Val, b: Val) -> Val:
        return self.let(Op.SELECT, (c, a, b), a.kind, a.lanes)

    def convert(self, op: Op, a: Val, kind: Kind) -> Val:
        return self.let(op, (a,), kind, a.lanes)

    def bitcast(self, a: Val, kind: Kind) -> Val:
        return self.convert(Op.BITCAST, a, kind)

    def like(self, x: Val, value: Number) -> Val:
        """A literal of the type of `x`."""
        return const(x.kind, value, x.lanes)

    # lanes --------------------------------------------------------------------------

    def splat(self, a: Val, lanes: int) -> Val:
        """A scalar in every lane; a vector of that width stays as it is."""
        return a if a.lanes == lanes else self.let(Op.SPLAT, (a,), a.kind, lanes)

    def part(self, a: Val, first: int, count: int) -> Val:
        """`count` neighbouring lanes of a vector."""
        return self.let(Op.PART, (a,), a.kind, count, first)

    def join(self, a: Val, b: Val, order: Sequence[int]) -> Val:
        """Lanes of two vectors: those of `b` are counted on behind those of `a`."""
        return self.let(Op.JOIN, (a, b), a.kind, len(order), tuple(order))

    def any_lane(self, mask: Val) -> Val:
        return mask if mask.lanes == 1 else self.let(Op.ANY, (mask,), Kind.I1)

    def mask_bits(self, mask: Val) -> Val:
        """Lane i of a mask as bit i of an i64."""
        return self.let(Op.MASK_BITS, (mask,), Kind.I64)

    def compress(self, x: Val, mask: Val) -> Val:
        """The lanes of `x` on the mask moved to the front, zeros behind them."""
        return self.let(Op.COMPRESS, (x, mask), x.kind, x.lanes)

    def pin(self, x: Val) -> Val:
        """`x` in a register of its own.

        On x86 LLVM would fold a broadcast into each multiply-add, which halves the rate.
        """
        return self.one(Op.PIN, x)

    def first_lanes(self, count: Val, lanes: int, how: Rel = Rel.SLT) -> Val:
        """A mask with the first `count` lanes set."""
        narrow = self.convert(Op.TRUNC, count, Kind.I32)
        return self.icmp(how, counting(Kind.I32, lanes), self.splat(narrow, lanes))

    # memory -------------------------------------------------------------------------

    def slot(self, kind: Kind, lanes: int = 1, count: int = 1) -> Address:
        """Memory of the kernel's own; a single item lives in a register."""
        address = Address(self._new(Kind.PTR), kind, lanes, _ALIGN)
        self.code.slots.append(Slot(address, count))
        return address

    def variable(self, value: Val) -> Address:
        """A slot that begins as a value."""
        place = self.slot(value.kind, value.lanes)
        self.store(value, place)
        return place

    def get(self, place: Address) -> Val:
        return self.load(place, place.lanes)

    def put(self, place: Address, value: Val) -> None:
        self.store(value, place)

    def pointer(self, address: Val, kind: Kind) -> Address:
        """An integer as an address of elements."""
        return Address(self.convert(Op.INTTOPTR, address, Kind.PTR), kind)

    def at(self, place: Address, index: Val) -> Address:
        """The address of an element."""
        base = self.let(Op.OFFSET, (place.base, index), Kind.PTR, 1, place)
        return Address(base, place.kind)

    def load(self, place: Address, lanes: int = 1, mask: Val | None = None) -> Val:
        """Elements from memory; lanes off the mask are not read, and zero."""
        args = (place.base,) if mask is None else (place.base, mask)
        return self.let(Op.LOAD, args, place.kind, lanes, place)

    def gather(self, place: Address, index: Val, mask: Val | None = None) -> Val:
        """The element at an index for each lane; lanes off the mask are not read, and zero."""
        args = (place.base, index) if mask is None else (place.base, index, mask)
        return self.let(Op.GATHER, args, place.kind, index.lanes, place)

    def store(self, x: Val, place: Address, mask: Val | None = None) -> None:
        """Elements to memory; lanes off the mask are not written."""
        assert x.kind is place.kind, (x, place)
        args = (x, place.base) if mask is None else (x, place.base, mask)
        self._block.append(Instr(Op.STORE, None, args, place))

    def sync(self) -> None:
        """From here on every lane reads what the others have stored."""
        self._block.append(Instr(Op.SYNC, None, ()))

    def copy(self, target: Val, source: Val, nbytes: Val) -> None:
        """Bytes from one integer address to another."""
        ends = [self.convert(Op.INTTOPTR, end, Kind.PTR) for end in (target, source)]
        self._block.append(Instr(Op.COPY, None, (*ends, nbytes)))

    def prefetch(self, address: Val, written: bool) -> None:
        """Have a line at an integer address in the second level of the cache."""
        place = self.convert(Op.INTTOPTR, address, Kind.PTR)
        self._block.append(Instr(Op.PREFETCH, None, (place,), written))

    def call(self, address: Val, arguments: Sequence[Val]) -> None:
        """Call the function of these arguments at an integer address."""
        function = self.convert(Op.INTTOPTR, address, Kind.PTR)
        self._block.append(Instr(Op.CALL, None, (function, *arguments)))

    # control --------------------------------------------------------------------------

    @contextmanager
    def _inside(self, block: Block) -> Iterator[None]:
        outer, self._block = self._block, block
        yield
        self._block = outer

    @contextmanager
    def loop(self, first: Val, stop: Val, step: Val | int = 1) -> Iterator[Val]:
        """`for i in range(first, stop, step)`."""
        step = self.like(first, step) if isinstance(step, int) else step
        index = self._new(first.kind)
        body: Block = []
        self._block.append(For(index, first, stop, step, body))
        with self._inside(body):
            yield index

    @contextmanager
    def repeat(
        self,
        count: Val,
        moves: Sequence[tuple[Address, Val]] = (),
        start: Val | None = None,
    ) -> Iterator[Address]:
        """`for i in range(start, count)`; yields the slot of i.

        After each turn every (slot, step) of `moves` advances by its step. The test is
        at the foot of the loop, with one guard before it: the shape LLVM likes.
        """
        first = self.like(count, 0) if start is None else start
        index = self.variable(first)
        body: Block = []
        turn = Repeat(self.icmp(Rel.SLT, first, count), body)
        self._block.append(turn)
        with self._inside(body):
            yield index
            for place, step in moves:
                self.put(place, self.add(self.get(place), step))
            following = self.add(self.get(index), 1)
            self.put(index, following)
            turn.again = self.icmp(Rel.SLT, following, count)

    @contextmanager
    def again(self, enter: Val) -> Iterator[Callable[[Val], None]]:
        """`if enter: do ... while`; what is yielded is told whether to go on, at the end."""
        body: Block = []
        turn = Repeat(enter, body)

        def go_on(condition: Val) -> None:
            turn.again = condition

        self._block.append(turn)
        with self._inside(body):
            yield go_on

    @contextmanager
    def when(self, condition: Val) -> Iterator[None]:
        """`if condition:`."""
        body: Block = []
        self._block.append(When(condition, body))
        with self._inside(body):
            yield

    def rare(self, mask: Val, usual: Val, slow: Callable[[], Val]) -> Val:
        """`usual`, but where any lane of the mask is set, that lane of `slow()`."""
        condition = self.any_lane(mask)
        body: Block = []
        with self._inside(body):
            mended = self.select(mask, slow(), usual)
        out = self._new(usual.kind, usual.lanes)
        self._block.append(Choice(condition, body, mended, usual, out))
        return out

    def sweep(
        self, left: Val, right: Val, lanes: int, step: Callable[[Val, Val | None], None]
    ) -> None:
        """`step(index, mask)` over [left, right): whole vectors, then the rest masked."""
        if lanes == 1:
            with self.loop(left, right) as at:
                step(at, None)
            return
        whole = self.bin(Op.AND, self.sub(right, left), -lanes)
        middle = self.add(left, whole)
        with self.loop(left, middle, lanes) as at:
            step(at, None)
        remains = self.sub(right, middle)
        with self.when(self.icmp(Rel.SGT, remains, 0)):
            step(middle, self.first_lanes(remains, lanes, Rel.ULT))
