"""A kernel's description as LLVM IR.

Written as text: no object tree, and the same text for every LLVM since opaque pointers.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

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
from minikeras_kernels.values import Address, Kind, Val, const

_SUFFIX = {Kind.F32: "f32", Kind.F64: "f64", Kind.F16: "f16"}
# Operations that are functions of values of one type, by LLVM's name.
_INTRINSICS = frozenset(
    (
        *(Op.SMIN, Op.CTPOP, Op.FMULADD, Op.FMA, Op.FABS, Op.SQRT, Op.FLOOR, Op.CEIL),
        *(Op.ROUNDEVEN, Op.MAXIMUM, Op.MINIMUM, Op.COPYSIGN),
    )
)
_BINARY = frozenset(
    (
        *(Op.ADD, Op.SUB, Op.MUL, Op.UDIV, Op.SDIV, Op.UREM, Op.SREM, Op.AND, Op.OR),
        *(
            Op.XOR,
            Op.SHL,
            Op.LSHR,
            Op.ASHR,
            Op.FADD,
            Op.FSUB,
            Op.FMUL,
            Op.FDIV,
            Op.FREM,
        ),
    )
)
_CASTS = frozenset(
    (
        *(Op.TRUNC, Op.ZEXT, Op.SEXT, Op.FPTRUNC, Op.FPEXT, Op.SITOFP, Op.UITOFP),
        *(Op.BITCAST, Op.INTTOPTR, Op.PTRTOINT),
    )
)
_NOTHING = "zeroinitializer"
_SHORT = 16  # instructions of a loop that is worth being unrolled


@functools.cache
def type_of(kind: Kind, lanes: int = 1) -> str:
    """The LLVM type of `lanes` elements of a kind."""
    return kind.value if lanes == 1 else f"<{lanes} x {kind.value}>"


def suffix(kind: Kind, lanes: int = 1) -> str:
    """How intrinsics name a type."""
    base = _SUFFIX.get(kind, kind.value)
    return base if lanes == 1 else f"v{lanes}{base}"


def literal(kind: Kind, value: float | int | bool) -> str:
    """A scalar literal; floats as the hexadecimal of their double."""
    # LLVM takes decimals only where they are exact. It wants a double's digits for a
    # float32 too, and a value that float32 holds: `const` has rounded it.
    if kind.is_float:
        return f"0x{struct.unpack('<Q', struct.pack('<d', float(value)))[0]:016X}"
    if kind is Kind.I1:
        return "true" if value else "false"
    return str(int(value))


def name(x: Val) -> str:
    """A value as an operand."""
    if x.literal is None:
        return f"%v{x.number}"
    if x.lanes == 1:
        assert not isinstance(x.literal, tuple)
        return literal(x.kind, x.literal)
    each = x.literal if isinstance(x.literal, tuple) else (x.literal,)
    kind = x.kind.value
    items = [f"{kind} {literal(x.kind, n)}" for n in each]
    # A pattern of some lanes, such as (real, imaginary), is repeated over the vector.
    return "<" + ", ".join(items * (x.lanes // len(items))) + ">"


def typed(x: Val) -> str:
    return f"{type_of(x.kind, x.lanes)} {name(x)}"


def _aligned(place: Address) -> int:
    return place.align or place.kind.nbytes


@dataclass(slots=True)
class _Label:
    """A basic block: its name and lines."""

    name: str
    lines: list[str] = field(default_factory=list)


class Renderer:
    """One function; `text()` is the module.

    Args:
        code: The description.
        attributes: The function's, as LLVM writes them.
        pin: The letter of vector registers in assembly, where `pin` needs it.
        ahead: Whether what follows a loop stands in the text before what is nested in it.
            It is the order in which code is laid out, in which products were tuned.
        unrolls: Whether LLVM unrolls loops. It may then do so with short ones: in long
            ones it gains nothing, and its time goes with the length of the code.
    """

    def __init__(
        self,
        code: Code,
        attributes: str,
        pin: str = "",
        ahead: bool = False,
        unrolls: bool = False,
    ) -> None:
        self.code, self.attributes, self.pinned = code, attributes, pin
        self.ahead, self.unrolls = ahead, unrolls
        self.metadata: list[str] = []
        self.declared: dict[str, str] = {}
        self.here = _Label("begin")
        self.labels = [self.here]
        self.count = 0

    def text(self) -> str:
        """The whole module."""
        self.block(self.code.body)
        self.line("ret void")
        given = ", ".join(map(typed, self.code.parameters))
        head = f"define void @{self.code.name}({given}) {self.attributes} {{"
        rooms = [self.room(slot) for slot in self.code.slots]
        lines = [head, "entry:", *rooms, "  br label %begin"]
        for label in self.labels:
            lines += [f"{label.name}:", *label.lines]
        return "\n".join([*lines, "}", *self.declared.values(), *self.metadata, ""])

    def room(self, slot: Slot) -> str:
        place = slot.address
        array = "" if slot.size == 1 else f", i64 {slot.size}"
        what = type_of(place.kind, place.lanes)
        return f"  {name(place.base)} = alloca {what}{array}, align {place.align}"

    # lines and labels -----------------------------------------------------------------

    def line(self, text: str) -> None:
        self.here.lines.append("  " + text)

    def fresh(self, stem: str) -> str:
        self.count += 1
        return f"{stem}{self.count}"

    def tmp(self) -> str:
        return "%" + self.fresh("t")

    def start(self, label: str) -> None:
        """Go on in a new block."""
        self.here = _Label(label)
        self.labels.append(self.here)

    @contextmanager
    def nest(self, inside: str, block: Block, after: str) -> Iterator[None]:
        """The block, and what the caller adds at its end; then go on in `after`."""
        # Made first, since its place in the text is taken before the nested blocks'.
        following = _Label(after)
        self.start(inside)
        if self.ahead:
            self.labels.append(following)
        self.block(block)
        yield
        if not self.ahead:
            self.labels.append(following)
        self.here = following

    def branch(self, condition: Val, then: str, otherwise: str, mark: str = "") -> None:
        self.line(f"br {typed(condition)}, label %{then}, label %{otherwise}{mark}")

    def mark(self, body: Block) -> str:
        """What stands behind the branch back to the head of a loop."""
        short = len(body) <= _SHORT and all(isinstance(x, Instr) for x in body)
        if short or not self.unrolls:
            return ""
        if not self.metadata:
            self.metadata.append('!0 = !{!"llvm.loop.unroll.disable"}')
        number = len(self.metadata)
        # Distinct: LLVM knows a loop by its node, and two with the same would be one.
        self.metadata.append(f"!{number} = distinct !{{!{number}, !0}}")
        return f", !llvm.loop !{number}"

    def declare(self, symbol: str, result: str, parameters: str) -> str:
        self.declared.setdefault(symbol, f"declare {result} @{symbol}({parameters})")
        return symbol

    # blocks -----------------------------------------------------------------------------

    def block(self, block: Block) -> None:
        for statement in block:
            match statement:
                case Instr():
                    _EMIT[statement.op](self, statement)
                case For():
                    self.loop(statement)
                case Repeat():
                    self.repeat(statement)
                case When():
                    self.when(statement)
                case Choice():
                    self.choice(statement)

    def loop(self, x: For) -> None:
        head, body = self.fresh("head"), self.fresh("body")
        latch, done = self.fresh("latch"), self.fresh("done")
        # A latch of its own: the phi names the block that comes back, and the body may
        # end in any. Tested at the head, since there may be nothing to do.
        origin, following, go = self.here.name, self.tmp(), self.tmp()
        self.line(f"br label %{head}")
        self.start(head)
        i, kind = name(x.index), x.index.kind.value
        self.line(
            f"{i} = phi {kind} [ {name(x.first)}, %{origin} ], [ {following}, %{latch} ]"
        )
        self.line(f"{go} = icmp slt {kind} {i}, {name(x.stop)}")
        self.line(f"br i1 {go}, label %{body}, label %{done}")
        self.start(body)
        self.block(x.body)
        self.line(f"br label %{latch}")
        self.start(latch)
        # Sizes of arrays cannot overflow; saying so lets LLVM step addresses by themselves.
        self.line(f"{following} = add nsw {kind} {i}, {name(x.step)}")
        self.line(f"br label %{head}{self.mark(x.body)}")
        self.start(done)

    def repeat(self, x: Repeat) -> None:
        body, done = self.fresh("loop"), self.fresh("done")
        assert x.again is not None
        self.branch(x.enter, body, done)
        with self.nest(body, x.body, done):
            self.branch(x.again, body, done, self.mark(x.body))

    def when(self, x: When) -> None:
        then, done = self.fresh("then"), self.fresh("done")
        self.branch(x.condition, then, done)
        with self.nest(then, x.body, done):
            self.line(f"br label %{done}")

    def choice(self, x: Choice) -> None:
        then, done = self.fresh("rare"), self.fresh("usual")
        start = self.here.name
        self.branch(x.condition, then, done)
        self.start(then)
        self.block(x.body)
        end = self.here.name  # not `then`: the body may have opened blocks of its own
        self.line(f"br label %{done}")
        self.start(done)
        what = type_of(x.out.kind, x.out.lanes)
        ways = f"[ {name(x.otherwise)}, %{start} ], [ {name(x.then)}, %{end} ]"
        self.line(f"{name(x.out)} = phi {what} {ways}")

    # instructions ---------------------------------------------------------------------

    def let(self, x: Instr, text: str) -> None:
        assert x.out is not None
        self.line(f"{name(x.out)} = {text}")

    def binary(self, x: Instr) -> None:
        a, b = x.args
        self.let(x, f"{x.op.value} {typed(a)}, {name(b)}")

    def compare(self, x: Instr) -> None:
        a, b = x.args
        assert isinstance(x.how, Rel)
        self.let(x, f"{x.op.value} {x.how.value} {typed(a)}, {name(b)}")

    def plain(self, x: Instr) -> None:
        self.let(x, f"{x.op.value} {', '.join(map(typed, x.args))}")

    def cast(self, x: Instr) -> None:
        (a,), out = x.args, x.out
        assert out is not None
        self.let(x, f"{x.op.value} {typed(a)} to {type_of(out.kind, out.lanes)}")

    def intrinsic(self, x: Instr) -> None:
        a, out = x.args[0], x.out
        assert out is not None
        result = type_of(out.kind, out.lanes)
        symbol = f"llvm.{x.op.value}.{suffix(out.kind, out.lanes)}"
        if out.kind is not a.kind:
            symbol += f".{suffix(a.kind, a.lanes)}"
        types = ", ".join(type_of(v.kind, v.lanes) for v in x.args)
        self.declare(symbol, result, types)
        self.let(x, f"call {result} @{symbol}({', '.join(map(typed, x.args))})")

    def saturate(self, x: Instr) -> None:
        """Floats to integers. LLVM has an instruction, which goes lane by lane on x86."""
        (a,), out = x.args, x.out
        assert out is not None
        if out.lanes == 1:
            self.intrinsic(x)
            return
        signed, bits, lanes = x.op is Op.FPTOSI, out.kind.bits, out.lanes
        low, high = (-(1 << bits - 1), 1 << bits - 1) if signed else (0, 1 << bits)
        least, beyond = (const(a.kind, float(n), lanes) for n in (low, high))
        floats, integers = type_of(a.kind, lanes), type_of(out.kind, lanes)
        flags = type_of(Kind.I1, lanes)
        # What does not fit is poison to LLVM, so 0 is converted in its place and the ends
        # are chosen after. NaN fits in no comparison: it stays the 0 that was put in.
        above, under, inside, safe, made, most = (self.tmp() for _ in range(6))
        self.line(f"{above} = fcmp oge {typed(a)}, {name(beyond)}")
        self.line(f"{under} = fcmp olt {typed(a)}, {name(least)}")
        fits = [self.tmp(), self.tmp()]
        self.line(f"{fits[0]} = fcmp olt {typed(a)}, {name(beyond)}")
        self.line(f"{fits[1]} = fcmp oge {typed(a)}, {name(least)}")
        self.line(f"{inside} = and {flags} {fits[0]}, {fits[1]}")
        zero = typed(const(a.kind, 0.0, lanes))
        self.line(f"{safe} = select {flags} {inside}, {typed(a)}, {zero}")
        op = "fptosi" if signed else "fptoui"
        self.line(f"{made} = {op} {floats} {safe} to {integers}")
        end = typed(const(out.kind, high - 1, lanes))
        self.line(f"{most} = select {flags} {above}, {end}, {integers} {made}")
        start = typed(const(out.kind, low, lanes))
        self.let(x, f"select {flags} {under}, {start}, {integers} {most}")

    def libm(self, x: Instr) -> None:
        """A scalar function, called for each lane.

        For float64 and rare arguments, where no polynomial of ours is as exact. The C
        library has no form for vectors that is there on every machine.
        """
        out = x.out
        assert out is not None
        kind, lanes = out.kind.value, out.lanes
        symbol = f"{x.how}f" if out.kind is Kind.F32 else str(x.how)
        self.declare(symbol, kind, ", ".join([kind] * len(x.args)))
        if lanes == 1:
            self.let(x, f"call {kind} @{symbol}({', '.join(map(typed, x.args))})")
            return
        whole, result = type_of(out.kind, lanes), "undef"
        for i in range(lanes):
            each = []
            for a in x.args:
                each.append(self.tmp())
                self.line(f"{each[-1]} = extractelement {typed(a)}, i32 {i}")
            one, following = self.tmp(), self.tmp()
            given = ", ".join(f"{kind} {part}" for part in each)
            self.line(f"{one} = call {kind} @{symbol}({given})")
            following = name(out) if i == lanes - 1 else following
            self.line(
                f"{following} = insertelement {whole} {result}, {kind} {one}, i32 {i}"
            )
            result = following

    def scalef(self, x: Instr) -> None:
        y, power = x.args
        what = type_of(y.kind, y.lanes)
        symbol = "llvm.x86.avx512.mask.scalef.ps.512"
        self.declare(symbol, what, f"{what}, {what}, {what}, i16, i32")
        # All lanes, and the rounding in force (4): the result is exact but for overflow.
        given = f"{typed(y)}, {typed(power)}, {typed(y)}, i16 -1, i32 4"
        self.let(x, f"call {what} @{symbol}({given})")

    # across lanes -----------------------------------------------------------------------

    def splat(self, x: Instr) -> None:
        (a,), out = x.args, x.out
        assert out is not None
        whole, lone = type_of(a.kind, out.lanes), self.tmp()
        self.line(f"{lone} = insertelement {whole} undef, {typed(a)}, i32 0")
        zeros = f"<{out.lanes} x i32> {_NOTHING}"
        self.let(x, f"shufflevector {whole} {lone}, {whole} undef, {zeros}")

    def part(self, x: Instr) -> None:
        (a,), out = x.args, x.out
        assert out is not None
        assert isinstance(x.how, int)
        if out.lanes == 1:
            self.let(x, f"extractelement {typed(a)}, i32 {x.how}")
            return
        picks = ", ".join(f"i32 {x.how + i}" for i in range(out.lanes))
        whole = type_of(a.kind, a.lanes)
        order = f"<{out.lanes} x i32> <{picks}>"
        self.let(x, f"shufflevector {typed(a)}, {whole} undef, {order}")

    def join(self, x: Instr) -> None:
        a, b = x.args
        assert isinstance(x.how, tuple)
        picks = ", ".join(f"i32 {i}" for i in x.how)
        order = f"<{len(x.how)} x i32> <{picks}>"
        self.let(x, f"shufflevector {typed(a)}, {typed(b)}, {order}")

    def any_lane(self, x: Instr) -> None:
        (a,) = x.args
        symbol = f"llvm.vector.reduce.or.{suffix(a.kind, a.lanes)}"
        self.declare(symbol, a.kind.value, type_of(a.kind, a.lanes))
        self.let(x, f"call {a.kind.value} @{symbol}({typed(a)})")

    def mask_bits(self, x: Instr) -> None:
        (a,), bits = x.args, self.tmp()
        self.line(f"{bits} = bitcast {typed(a)} to i{a.lanes}")
        self.let(x, f"zext i{a.lanes} {bits} to i64")

    def compress(self, x: Instr) -> None:
        a, mask = x.args
        what, bits = type_of(a.kind, a.lanes), type_of(mask.kind, mask.lanes)
        symbol = f"llvm.x86.avx512.mask.compress.{suffix(a.kind, a.lanes)}"
        self.declare(symbol, what, f"{what}, {what}, {bits}")
        self.let(
            x, f"call {what} @{symbol}({typed(a)}, {what} {_NOTHING}, {typed(mask)})"
        )

    def pin(self, x: Instr) -> None:
        """An empty assembly statement hides where the value came from.

        What LLVM does not know to be a broadcast it cannot fold (`Writer.pin`).
        """
        (a,) = x.args
        what = type_of(a.kind, a.lanes)
        self.let(x, f'call {what} asm "", "={self.pinned},0"({typed(a)})')

    # memory ---------------------------------------------------------------------------

    def offset(self, x: Instr) -> None:
        base, index = x.args
        assert isinstance(x.how, Address)
        what = type_of(x.how.kind)
        self.let(x, f"getelementptr {what}, {typed(base)}, {typed(index)}")

    def load(self, x: Instr) -> None:
        out, place = x.out, x.how
        assert out is not None
        assert isinstance(place, Address)
        what, base = type_of(out.kind, out.lanes), x.args[0]
        if len(x.args) == 1:
            self.let(x, f"load {what}, {typed(base)}, align {_aligned(place)}")
            return
        # Lanes that are masked are 0 and touch no memory: the array may end at a page.
        mask = x.args[1]
        symbol = f"llvm.masked.load.{suffix(out.kind, out.lanes)}.p0"
        bits = type_of(mask.kind, mask.lanes)
        self.declare(symbol, what, f"ptr, i32, {bits}, {what}")
        given = f"{typed(base)}, i32 {_aligned(place)}, {typed(mask)}"
        self.let(x, f"call {what} @{symbol}({given}, {what} {_NOTHING})")

    def sync(self, x: Instr) -> None:
        """Lanes of a vector have stored when it has."""

    def gather(self, x: Instr) -> None:
        (base, index, *masks), out, place = x.args, x.out, x.how
        assert out is not None
        assert isinstance(place, Address)
        what, lanes, places = type_of(out.kind, out.lanes), out.lanes, self.tmp()
        mask = masks[0] if masks else const(Kind.I1, True, lanes)
        element = f"getelementptr {place.kind.value}, {typed(base)}, {typed(index)}"
        self.line(f"{places} = {element}")
        symbol = f"llvm.masked.gather.{suffix(out.kind, lanes)}.v{lanes}p0"
        self.declare(symbol, what, f"<{lanes} x ptr>, i32, <{lanes} x i1>, {what}")
        given = f"<{lanes} x ptr> {places}, i32 {place.kind.nbytes}, {typed(mask)}"
        self.let(x, f"call {what} @{symbol}({given}, {what} {_NOTHING})")

    def store(self, x: Instr) -> None:
        value, base, place = x.args[0], x.args[1], x.how
        assert isinstance(place, Address)
        if len(x.args) == 2:
            self.line(f"store {typed(value)}, {typed(base)}, align {_aligned(place)}")
            return
        mask = x.args[2]
        symbol = f"llvm.masked.store.{suffix(value.kind, value.lanes)}.p0"
        what, bits = type_of(value.kind, value.lanes), type_of(mask.kind, mask.lanes)
        self.declare(symbol, "void", f"{what}, ptr, i32, {bits}")
        given = f"{typed(value)}, {typed(base)}, i32 {_aligned(place)}, {typed(mask)}"
        self.line(f"call void @{symbol}({given})")

    def copy(self, x: Instr) -> None:
        symbol = self.declare("llvm.memcpy.p0.p0.i64", "void", "ptr, ptr, i64, i1")
        self.line(f"call void @{symbol}({', '.join(map(typed, x.args))}, i1 false)")

    def prefetch(self, x: Instr) -> None:
        """Into the second level of the cache, in LLVM's counting 2."""
        symbol = self.declare("llvm.prefetch.p0", "void", "ptr, i32, i32, i32")
        how = f"i32 {int(bool(x.how))}, i32 2, i32 1"
        self.line(f"call void @{symbol}({typed(x.args[0])}, {how})")

    def call(self, x: Instr) -> None:
        function, *given = x.args
        self.line(f"call void {name(function)}({', '.join(map(typed, given))})")


_EMIT: dict[Op, Callable[[Renderer, Instr], None]] = {
    **dict.fromkeys(_BINARY, Renderer.binary),
    **dict.fromkeys(_INTRINSICS, Renderer.intrinsic),
    **dict.fromkeys(_CASTS, Renderer.cast),
    **dict.fromkeys((Op.ICMP, Op.FCMP), Renderer.compare),
    **dict.fromkeys((Op.FNEG, Op.SELECT), Renderer.plain),
    **dict.fromkeys((Op.FPTOSI, Op.FPTOUI), Renderer.saturate),
    Op.SCALEF: Renderer.scalef,
    Op.LIBM: Renderer.libm,
    Op.SPLAT: Renderer.splat,
    Op.PART: Renderer.part,
    Op.JOIN: Renderer.join,
    Op.ANY: Renderer.any_lane,
    Op.MASK_BITS: Renderer.mask_bits,
    Op.COMPRESS: Renderer.compress,
    Op.PIN: Renderer.pin,
    Op.OFFSET: Renderer.offset,
    Op.LOAD: Renderer.load,
    Op.STORE: Renderer.store,
    Op.GATHER: Renderer.gather,
    Op.SYNC: Renderer.sync,
    Op.COPY: Renderer.copy,
    Op.PREFETCH: Renderer.prefetch,
    Op.CALL: Renderer.call,
}
