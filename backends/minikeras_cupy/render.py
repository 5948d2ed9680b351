"""A kernel's description as CUDA C++: a vector is a warp, a unit of work is one warp's.

Values of one lane are uniform: each thread of the warp computes them, and the first
stores them. The text needs three headers: `before.h` and `warp.h` say what a warp is,
`scalars.h` what one lane does. The tests put others in place of the first two, and run
the same text on a processor, the 32 lanes in step.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from minikeras_kernels.code import (
    Block,
    Choice,
    Code,
    For,
    Instr,
    Op,
    Rel,
    Repeat,
    When,
)
from minikeras_kernels.target import Target
from minikeras_kernels.values import Address, Kind, Val

LANES = 32
WARP = Target(
    warp=LANES,
    direct=True,
    strip=512,
    random_strip=512,
    library=frozenset(
        (
            *("lgamma", "digamma", "erfinv", "pow_signed", "pow_unsigned"),
            *("next_f16", "next_bf16"),
        )
    ),
)
_HEADERS = Path(__file__).with_name("headers")
_TYPES = {
    Kind.I1: "bool",
    Kind.I8: "u8",
    Kind.I16: "u16",
    Kind.I32: "u32",
    Kind.I64: "u64",
    Kind.F16: "f16",
    Kind.F32: "float",
    Kind.F64: "double",
    Kind.PTR: "u64",
}
_PLAIN = frozenset(
    (
        *(Op.ADD, Op.SUB, Op.MUL, Op.UDIV, Op.SDIV, Op.UREM, Op.SREM, Op.AND, Op.OR),
        *(
            Op.XOR,
            Op.SHL,
            Op.LSHR,
            Op.ASHR,
            Op.SMIN,
            Op.FADD,
            Op.FSUB,
            Op.FMUL,
            Op.FDIV,
        ),
        *(Op.FREM, Op.FNEG, Op.FMULADD, Op.FMA, Op.FABS, Op.SQRT, Op.FLOOR, Op.CEIL),
        *(Op.ROUNDEVEN, Op.MAXIMUM, Op.MINIMUM, Op.COPYSIGN, Op.SELECT),
    )
)
_CASTS = {
    Op.TRUNC: "to_cut",
    Op.ZEXT: "to_cut",
    Op.UITOFP: "to_cut",
    Op.FPTRUNC: "to_cut",
    Op.FPEXT: "to_cut",
    Op.INTTOPTR: "to_cut",
    Op.PTRTOINT: "to_cut",
    Op.SEXT: "to_sext",
    Op.SITOFP: "to_sitofp",
    Op.FPTOSI: "to_signed",
    Op.FPTOUI: "to_unsigned",
    Op.BITCAST: "to_bits",
}


class Source(NamedTuple):
    """A kernel's own text, and its name, which tells it from all others."""

    name: str
    text: str


@functools.cache
def headers() -> str:
    """What stands before every kernel's text."""
    names = ("before", "scalars", "warp")
    return "".join((_HEADERS / f"{name}.h").read_text() for name in names)


def source(code: Code, words: int) -> Source:
    """The text of a kernel whose table has so many words, without its headers.

    Its parameters are the table and, as one word more, the number of units.
    """
    body = Renderer(code).text()
    digest = hashlib.blake2b(f"{words} {body}".encode(), digest_size=8).hexdigest()
    name = f"{code.name}_{digest}"
    return Source(name, f"KERNEL({name}, {words}) {{\n{body}\n}}\n")


def _type(kind: Kind, lanes: int) -> str:
    return _TYPES[kind] if lanes == 1 else f"W<{_TYPES[kind]}>"


def _number(kind: Kind, value: float | int | bool) -> str:
    """A literal of one lane."""
    name = _TYPES[kind]
    if not kind.is_float:
        if kind is Kind.I1:
            return "true" if value else "false"
        return f"({name}){int(value) % 2**kind.bits}ull"
    if value != value:
        return f"({name})NAN_F"
    if value in (float("inf"), float("-inf")):
        return f"({name})({'-' if value < 0 else ''}INFINITY_F)"
    return f"({name}){float(value)!r}"


def _operand(x: Val) -> str:
    if x.literal is None:
        return f"v{x.number}"
    if isinstance(x.literal, tuple):
        step = x.literal[1] if len(x.literal) > 1 else 0
        assert x.literal == tuple(step * i for i in range(x.lanes))
        return f"counting<{_TYPES[x.kind]}>({step}ull)"
    one = _number(x.kind, x.literal)
    return one if x.lanes == 1 else f"wide<{_TYPES[x.kind]}>({one})"


class Renderer:
    """One kernel; `text()` is its body."""

    def __init__(self, code: Code) -> None:
        self.code = code
        self.lines: list[str] = []
        self.depth = 1
        self.slots = {slot.address.base.number for slot in code.slots}
        self.table = code.parameters[1].number
        self.entries: dict[int, int] = {}  # addresses of words of the table

    def text(self) -> str:
        _, _, start, stop, *_ = self.code.parameters
        for slot in self.code.slots:
            assert slot.size == 1, "a warp has no memory of its own"
            place = slot.address
            self.line(f"{_type(place.kind, place.lanes)} s{place.base.number};")
        for name, value in (("start", start), ("stop", stop)):
            self.line(f"const u64 v{value.number} = {name};")
        self.block(self.code.body)
        return "\n".join(self.lines)

    def line(self, text: str) -> None:
        self.lines.append("  " * self.depth + text)

    def let(self, out: Val | None, text: str) -> None:
        assert out is not None
        self.line(f"const {_type(out.kind, out.lanes)} v{out.number} = {text};")

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
                    self.open(f"if ({_operand(statement.condition)}) {{")
                    self.block(statement.body)
                    self.close()
                case Choice():
                    self.choice(statement)

    def open(self, text: str) -> None:
        self.line(text)
        self.depth += 1

    def close(self) -> None:
        self.depth -= 1
        self.line("}")

    def loop(self, x: For) -> None:
        i, kind = _operand(x.index), _TYPES[x.index.kind]
        first, stop, step = map(_operand, (x.first, x.stop, x.step))
        self.open(f"for ({kind} {i} = {first}; is_slt({i}, {stop}); {i} += {step}) {{")
        self.block(x.body)
        self.close()

    def repeat(self, x: Repeat) -> None:
        assert x.again is not None
        self.open(f"if ({_operand(x.enter)}) for (;;) {{")
        self.block(x.body)
        self.line(f"if (!{_operand(x.again)}) break;")
        self.close()

    def choice(self, x: Choice) -> None:
        what = _type(x.out.kind, x.out.lanes)
        self.line(f"{what} v{x.out.number} = {_operand(x.otherwise)};")
        self.open(f"if ({_operand(x.condition)}) {{")
        self.block(x.body)
        self.line(f"v{x.out.number} = {_operand(x.then)};")
        self.close()

    # instructions ---------------------------------------------------------------------

    def plain(self, x: Instr) -> None:
        self.let(x.out, f"op_{x.op.value}({', '.join(map(_operand, x.args))})")

    def compare(self, x: Instr) -> None:
        assert isinstance(x.how, Rel)
        self.let(x.out, f"is_{x.how.value}({', '.join(map(_operand, x.args))})")

    def cast(self, x: Instr) -> None:
        (a,), out = x.args, x.out
        assert out is not None
        if a.kind is Kind.F16 or out.kind is Kind.F16:
            name = "half_to_float" if a.kind is Kind.F16 else "float_to_half"
            self.let(out, f"{name}({_operand(a)})")
            return
        self.let(out, f"{_CASTS[x.op]}<{_TYPES[out.kind]}>({_operand(a)})")

    def libm(self, x: Instr) -> None:
        self.let(x.out, f"m_{x.how}({', '.join(map(_operand, x.args))})")

    def splat(self, x: Instr) -> None:
        assert x.out is not None
        self.let(x.out, f"wide<{_TYPES[x.out.kind]}>({_operand(x.args[0])})")

    def part(self, x: Instr) -> None:
        """Lanes beyond those that the part has hold anything."""
        a, out = _operand(x.args[0]), x.out
        assert out is not None
        if out.lanes == 1:
            self.let(out, f"lane_of({a}, {x.how})")
        else:
            self.let(out, f"lanes_from({a}, {x.how})" if x.how else a)

    def any_lane(self, x: Instr) -> None:
        self.let(x.out, f"any_lane({_operand(x.args[0])})")

    def pin(self, x: Instr) -> None:
        self.let(x.out, _operand(x.args[0]))

    def offset(self, x: Instr) -> None:
        base, index = x.args
        assert isinstance(x.how, Address)
        assert base.number not in self.slots, "a slot is one item"
        if base.number == self.table and isinstance(index.literal, int):
            assert x.out is not None
            self.entries[x.out.number] = index.literal
            return
        step = f"{_operand(index)} * {x.how.kind.nbytes}ull"
        self.let(x.out, f"{_operand(base)} + {step}")

    def load(self, x: Instr) -> None:
        base, out = x.args[0], x.out
        assert out is not None
        if base.number in self.slots:
            self.let(out, f"s{base.number}")
            return
        if base.number in self.entries:
            self.let(out, f"words[{self.entries[base.number]}]")
            return
        name = "load_one" if out.lanes == 1 else "load_wide"
        given = ", ".join(map(_operand, x.args))
        self.let(out, f"{name}<{_TYPES[out.kind]}>({given})")

    def sync(self, x: Instr) -> None:
        self.line("together();")

    def gather(self, x: Instr) -> None:
        assert x.out is not None
        given = ", ".join(map(_operand, x.args))
        self.let(x.out, f"gather<{_TYPES[x.out.kind]}>({given})")

    def store(self, x: Instr) -> None:
        value, base, *mask = x.args
        if base.number in self.slots:
            self.line(f"s{base.number} = {_operand(value)};")
            return
        name = "store_one" if value.lanes == 1 else "store_wide"
        given = ", ".join(map(_operand, (base, value, *mask)))
        self.line(f"{name}({given});")


_EMIT: dict[Op, Callable[[Renderer, Instr], None]] = {
    **dict.fromkeys(_PLAIN, Renderer.plain),
    **dict.fromkeys(_CASTS, Renderer.cast),
    **dict.fromkeys((Op.ICMP, Op.FCMP), Renderer.compare),
    Op.LIBM: Renderer.libm,
    Op.SPLAT: Renderer.splat,
    Op.PART: Renderer.part,
    Op.ANY: Renderer.any_lane,
    Op.PIN: Renderer.pin,
    Op.OFFSET: Renderer.offset,
    Op.LOAD: Renderer.load,
    Op.STORE: Renderer.store,
    Op.GATHER: Renderer.gather,
    Op.SYNC: Renderer.sync,
}
