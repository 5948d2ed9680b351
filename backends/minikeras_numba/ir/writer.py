"""A small writer of LLVM IR: straight code, loops, vectors of a chosen width.

A `Val` is an SSA name with its element kind and number of lanes; one lane means a
scalar, so the same generator writes the vector loop and the scalar prologue. IR is
written as text: no object tree, and the same text for every LLVM since opaque
pointers.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

_SUFFIX = {"float": "f32", "double": "f64", "half": "f16"}
BITS = {
    "i1": 1,
    "i8": 8,
    "i16": 16,
    "i32": 32,
    "i64": 64,
    "float": 32,
    "double": 64,
    "half": 16,
}


class Val(NamedTuple):
    """An SSA value or a literal: its text, element kind, lanes."""

    name: str
    kind: str
    lanes: int = 1

    @property
    def ty(self) -> str:
        return type_of(self.kind, self.lanes)

    @property
    def typed(self) -> str:
        return f"{self.ty} {self.name}"


def type_of(kind: str, lanes: int) -> str:
    """The LLVM type of `lanes` elements of a kind."""
    return kind if lanes == 1 else f"<{lanes} x {kind}>"


def suffix(kind: str, lanes: int = 1) -> str:
    """How intrinsics name a type."""
    base = _SUFFIX.get(kind, kind)
    return base if lanes == 1 else f"v{lanes}{base}"


def literal(kind: str, value: float | int | bool) -> str:
    """A scalar literal; floats as the hexadecimal of their double."""
    if kind in ("float", "double"):
        number = float(value)
        if kind == "float":
            try:
                number = struct.unpack("<f", struct.pack("<f", number))[0]
            except OverflowError:
                number = float("inf") if number > 0 else float("-inf")
        return f"0x{struct.unpack('<Q', struct.pack('<d', number))[0]:016X}"
    if kind == "i1":
        return "true" if value else "false"
    return str(int(value))


def const(kind: str, value: float | int | bool, lanes: int = 1) -> Val:
    """A literal in every lane."""
    one = literal(kind, value)
    if lanes == 1:
        return Val(one, kind)
    return Val("<" + ", ".join([f"{kind} {one}"] * lanes) + ">", kind, lanes)


def is_float_kind(kind: str) -> bool:
    return kind in ("float", "double", "half")


class Fn:
    """The text of one function under construction."""

    def __init__(self, name: str, params: str, attributes: str) -> None:
        self._head = f"define void @{name}({params}) {attributes} {{\nentry:\n"
        self._allocas: list[str] = []
        self._lines: list[str] = []
        self._declared: dict[str, str] = {}
        self._count = 0
        self.block = "begin"

    def tmp(self) -> str:
        self._count += 1
        return f"%v{self._count}"

    def line(self, text: str) -> None:
        self._lines.append("  " + text)

    def let(self, text: str, kind: str, lanes: int = 1) -> Val:
        """A new value, the result of an instruction."""
        name = self.tmp()
        self._lines.append(f"  {name} = {text}")
        return Val(name, kind, lanes)

    def label(self, name: str) -> None:
        self._lines.append(f"{name}:")
        self.block = name

    def fresh(self, stem: str) -> str:
        self._count += 1
        return f"{stem}{self._count}"

    def text(self) -> str:
        """The whole module."""
        body = "\n".join(self._lines)
        allocas = "\n".join(self._allocas)
        declared = "\n".join(self._declared.values())
        start = f"{self._head}{allocas}\n  br label %begin\nbegin:\n"
        return f"{start}{body}\n  ret void\n}}\n{declared}\n"

    # arithmetic -----------------------------------------------------------------

    def bin(self, op: str, a: Val, b: Val) -> Val:
        return self.let(f"{op} {a.ty} {a.name}, {b.name}", a.kind, a.lanes)

    def fadd(self, a: Val, b: Val) -> Val:
        return self.bin("fadd", a, b)

    def fsub(self, a: Val, b: Val) -> Val:
        return self.bin("fsub", a, b)

    def fmul(self, a: Val, b: Val) -> Val:
        return self.bin("fmul", a, b)

    def fdiv(self, a: Val, b: Val) -> Val:
        return self.bin("fdiv", a, b)

    def fneg(self, a: Val) -> Val:
        return self.let(f"fneg {a.typed}", a.kind, a.lanes)

    def add(self, a: Val, b: Val) -> Val:
        return self.bin("add", a, b)

    def sub(self, a: Val, b: Val) -> Val:
        return self.bin("sub", a, b)

    def mul(self, a: Val, b: Val) -> Val:
        return self.bin("mul", a, b)

    def fma(self, a: Val, b: Val, c: Val) -> Val:
        """a * b + c, in one rounding where the processor can.

        The only way to a fused multiply-add: the compiler makes none by itself, so the
        bits of a function never depend on what stands beside it.
        """
        return self.intrinsic("fmuladd", a, b, c)

    def fnma(self, a: Val, b: Val, c: Val) -> Val:
        """c - a * b, as `fma` is rounded."""
        return self.fma(self.fneg(a), b, c)

    def poly(self, x: Val, *coefficients: float) -> Val:
        """Horner's scheme, highest power first."""
        p = self.like(x, coefficients[0])
        for c in coefficients[1:]:
            p = self.fma(p, x, self.like(x, c))
        return p

    # comparison, selection, conversion ---------------------------------------------

    def fcmp(self, how: str, a: Val, b: Val) -> Val:
        return self.let(f"fcmp {how} {a.ty} {a.name}, {b.name}", "i1", a.lanes)

    def icmp(self, how: str, a: Val, b: Val) -> Val:
        return self.let(f"icmp {how} {a.ty} {a.name}, {b.name}", "i1", a.lanes)

    def select(self, c: Val, a: Val, b: Val) -> Val:
        return self.let(f"select {c.typed}, {a.typed}, {b.typed}", a.kind, a.lanes)

    def convert(self, op: str, a: Val, kind: str) -> Val:
        return self.let(f"{op} {a.typed} to {type_of(kind, a.lanes)}", kind, a.lanes)

    def bitcast(self, a: Val, kind: str) -> Val:
        return self.convert("bitcast", a, kind)

    def like(self, x: Val, value: float | int | bool) -> Val:
        """A literal of the type of `x`."""
        return const(x.kind, value, x.lanes)

    # calls ------------------------------------------------------------------------

    def declare(self, name: str, text: str) -> None:
        self._declared.setdefault(name, text)

    def intrinsic(self, stem: str, *args: Val, kind: str = "", extra: str = "") -> Val:
        """Call `llvm.<stem>` on arguments of one type."""
        a = args[0]
        kind = kind or a.kind
        result = type_of(kind, a.lanes)
        name = f"llvm.{stem}.{suffix(kind, a.lanes)}"
        if kind != a.kind:
            name += f".{suffix(a.kind, a.lanes)}"
        flags = ", ".join(v.ty for v in args) + (", i1" if extra else "")
        self.declare(name, f"declare {result} @{name}({flags})")
        given = ", ".join(v.typed for v in args) + (f", {extra}" if extra else "")
        return self.let(f"call {result} @{name}({given})", kind, a.lanes)

    def reduce_intrinsic(self, stem: str, a: Val) -> Val:
        """Fold the lanes of a vector: `llvm.vector.reduce.<stem>`."""
        name = f"llvm.vector.reduce.{stem}.{suffix(a.kind, a.lanes)}"
        self.declare(name, f"declare {a.kind} @{name}({a.ty})")
        return self.let(f"call {a.kind} @{name}({a.typed})", a.kind)

    def libm(self, name: str, *args: Val) -> Val:
        """Call a scalar function of the C library on each lane."""
        kind, lanes = args[0].kind, args[0].lanes
        symbol = name + ("f" if kind == "float" else "")
        params = ", ".join([kind] * len(args))
        self.declare(symbol, f"declare {kind} @{symbol}({params})")
        if lanes == 1:
            given = ", ".join(a.typed for a in args)
            return self.let(f"call {kind} @{symbol}({given})", kind)
        result = Val("undef", kind, lanes)
        for i in range(lanes):
            each = [self.extract(a, i) for a in args]
            given = ", ".join(a.typed for a in each)
            one = self.let(f"call {kind} @{symbol}({given})", kind)
            result = self.insert(result, one, i)
        return result

    # vectors ------------------------------------------------------------------------

    def extract(self, a: Val, i: int) -> Val:
        return self.let(f"extractelement {a.typed}, i32 {i}", a.kind)

    def insert(self, a: Val, x: Val, i: int) -> Val:
        return self.let(f"insertelement {a.typed}, {x.typed}, i32 {i}", a.kind, a.lanes)

    def splat(self, a: Val, lanes: int) -> Val:
        """A scalar in every lane; a vector of that width stays as it is."""
        if a.lanes == lanes:
            return a
        one = self.insert(Val("undef", a.kind, lanes), a, 0)
        zero = f"<{lanes} x i32> zeroinitializer"
        return self.let(
            f"shufflevector {one.typed}, {one.ty} undef, {zero}", a.kind, lanes
        )

    def any_lane(self, mask: Val) -> Val:
        return mask if mask.lanes == 1 else self.reduce_intrinsic("or", mask)

    def part(self, a: Val, first: int, count: int) -> Val:
        """`count` neighbouring lanes of a vector."""
        if count == 1:
            return self.extract(a, first)
        picks = ", ".join(f"i32 {first + i}" for i in range(count))
        mask = f"<{count} x i32> <{picks}>"
        return self.let(f"shufflevector {a.typed}, {a.ty} undef, {mask}", a.kind, count)

    # memory -------------------------------------------------------------------------

    def alloca(self, kind: str, lanes: int = 1, count: int = 1) -> Val:
        self._count += 1
        name = f"%a{self._count}"
        array = "" if count == 1 else f", i64 {count}"
        self._allocas.append(
            f"  {name} = alloca {type_of(kind, lanes)}{array}, align 64"
        )
        return Val(name, "ptr")

    def gep(self, kind: str, base: Val, index: Val) -> Val:
        return self.let(f"getelementptr {kind}, ptr {base.name}, {index.typed}", "ptr")

    def load(self, base: Val, kind: str, lanes: int = 1, align: int = 0) -> Val:
        align = align or max(1, BITS[kind] // 8)
        return self.let(
            f"load {type_of(kind, lanes)}, ptr {base.name}, align {align}", kind, lanes
        )

    def store(self, a: Val, base: Val, align: int = 0) -> None:
        align = align or max(1, BITS[a.kind] // 8)
        self.line(f"store {a.typed}, ptr {base.name}, align {align}")

    def masked_load(self, base: Val, kind: str, mask: Val) -> Val:
        """Lanes outside the mask are zero."""
        lanes, ty = mask.lanes, type_of(kind, mask.lanes)
        name = f"llvm.masked.load.{suffix(kind, lanes)}.p0"
        self.declare(name, f"declare {ty} @{name}(ptr, i32, {mask.ty}, {ty})")
        zero = f"{ty} zeroinitializer"
        align = BITS[kind] // 8
        given = f"ptr {base.name}, i32 {align}, {mask.typed}, {zero}"
        return self.let(f"call {ty} @{name}({given})", kind, lanes)

    def masked_store(self, a: Val, base: Val, mask: Val) -> None:
        name = f"llvm.masked.store.{suffix(a.kind, a.lanes)}.p0"
        self.declare(name, f"declare void @{name}({a.ty}, ptr, i32, {mask.ty})")
        align = BITS[a.kind] // 8
        self.line(
            f"call void @{name}({a.typed}, ptr {base.name}, i32 {align}, {mask.typed})"
        )

    # control --------------------------------------------------------------------------

    @contextmanager
    def loop(self, first: Val, stop: Val, step: Val) -> Iterator[Val]:
        """`for i in range(first, stop, step)` with i64 bounds."""
        head, body = self.fresh("head"), self.fresh("body")
        latch, done = self.fresh("latch"), self.fresh("done")
        origin, following = self.block, self.tmp()
        self.line(f"br label %{head}")
        self.label(head)
        i = self.let(
            f"phi i64 [ {first.name}, %{origin} ], [ {following}, %{latch} ]", "i64"
        )
        go = self.icmp("slt", i, stop)
        self.line(f"br i1 {go.name}, label %{body}, label %{done}")
        self.label(body)
        yield i
        self.line(f"br label %{latch}")
        self.label(latch)
        self.line(f"{following} = add nsw i64 {i.name}, {step.name}")
        self.line(f"br label %{head}")
        self.label(done)

    @contextmanager
    def when(self, condition: Val) -> Iterator[None]:
        """`if condition:`."""
        then, done = self.fresh("then"), self.fresh("done")
        self.line(f"br i1 {condition.name}, label %{then}, label %{done}")
        self.label(then)
        yield
        self.line(f"br label %{done}")
        self.label(done)

    def sweep(
        self, left: Val, right: Val, lanes: int, step: Callable[[Val, Val | None], None]
    ) -> None:
        """`step(index, mask)` over [left, right): whole vectors, then the rest masked."""
        if lanes == 1:
            with self.loop(left, right, const("i64", 1)) as at:
                step(at, None)
            return
        whole = self.bin("and", self.sub(right, left), const("i64", -lanes))
        middle = self.add(left, whole)
        with self.loop(left, middle, const("i64", lanes)) as at:
            step(at, None)
        remains = self.sub(right, middle)
        with self.when(self.icmp("sgt", remains, const("i64", 0))):
            narrow = self.convert("trunc", remains, "i32")
            numbers = ", ".join(f"i32 {i}" for i in range(lanes))
            lane = Val(f"<{numbers}>", "i32", lanes)
            mask = self.icmp("ult", lane, self.splat(narrow, lanes))
            step(middle, mask)
