"""A thin layer over llvmlite's builder for the contract kernels: loops, memory, vectors.

Addresses are i64 and all offsets are in bytes, as they stand in the job tables.
Loop variables live in stack slots, which LLVM's mem2reg turns into registers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from llvmlite import ir

from minikeras_numba.machine.jit import host

I1, I8, I32, I64 = ir.IntType(1), ir.IntType(8), ir.IntType(32), ir.IntType(64)
PTR = ir.PointerType()
SCALARS = {"float32": ir.FloatType(), "float64": ir.DoubleType()}
ITEMSIZE = {"float32": 4, "float64": 8}


class Code:
    """The body of one exported function of i64 arguments."""

    def __init__(
        self, module: ir.Module, name: str, dtype: str, arguments: int
    ) -> None:
        kind = ir.FunctionType(ir.VoidType(), [I64] * arguments)
        self.module = module
        self.function = ir.Function(module, kind, name)
        self.function.attributes.add("nounwind")
        self.arguments: Sequence[Any] = self.function.args
        self.entry = self.function.append_basic_block("entry")
        self.b = ir.IRBuilder(self.function.append_basic_block("body"))
        self.scalar = SCALARS[dtype]
        self.itemsize = ITEMSIZE[dtype]
        self.lanes = host().lanes(self.itemsize)
        self.vector = ir.VectorType(self.scalar, self.lanes)

    def finish(self) -> None:
        """Close the function."""
        self.b.ret_void()
        ir.IRBuilder(self.entry).branch(self.function.basic_blocks[1])

    # integers

    def const(self, n: int) -> Any:
        return ir.Constant(I64, n)

    def add(self, *terms: Any) -> Any:
        total = terms[0]
        for term in terms[1:]:
            total = self.b.add(total, term)
        return total

    def mul(self, x: Any, n: Any) -> Any:
        return self.b.mul(x, self.const(n) if isinstance(n, int) else n)

    def word(self, base: Any, index: int) -> Any:
        """The i64 at `base[index]`."""
        return self.load(self.add(base, self.const(8 * index)), I64, 8)

    # memory

    def slot(self, kind: Any, value: Any) -> Any:
        """A variable; it lives in a register once LLVM has seen it."""
        pointer = ir.IRBuilder(self.entry).alloca(kind)
        self.b.store(value, pointer)
        return pointer

    def get(self, slot: Any, kind: Any = I64) -> Any:
        return self.b.load(slot, typ=kind)

    def put(self, slot: Any, value: Any) -> None:
        self.b.store(value, slot)

    def load(self, address: Any, kind: Any, align: int | None = None) -> Any:
        pointer = self.b.inttoptr(address, PTR)
        return self.b.load(pointer, align=align or self.itemsize, typ=kind)

    def store(self, value: Any, address: Any) -> None:
        self.b.store(value, self.b.inttoptr(address, PTR), align=self.itemsize)

    def store_word(self, value: Any, address: Any) -> None:
        """An i64 to memory."""
        self.b.store(value, self.b.inttoptr(address, PTR), align=8)

    def intrinsic(
        self, name: str, kind: ir.FunctionType, arguments: Sequence[Any]
    ) -> Any:
        """Call an LLVM intrinsic, declared on first use."""
        declared = self.module.globals.get(name)
        if declared is None:
            declared = ir.Function(self.module, kind, name)
        return self.b.call(declared, list(arguments))

    # vectors

    def tag(self) -> str:
        """The vector type as intrinsics spell it, say v16f32."""
        return f"v{self.lanes}f{self.itemsize * 8}"

    def vec_constant(self, x: float) -> Any:
        return ir.Constant(self.vector, [x] * self.lanes)

    def first_lanes(self, count: Any) -> Any:
        """A mask with the first `count` lanes set."""
        wide = ir.VectorType(I32, self.lanes)
        index = ir.Constant(wide, list(range(self.lanes)))
        return self.b.icmp_signed(
            "<", index, self.splat(self.b.trunc(count, I32), wide)
        )

    def splat(self, x: Any, kind: Any) -> Any:
        lone = self.b.insert_element(
            ir.Constant(kind, ir.Undefined), x, ir.Constant(I32, 0)
        )
        zeros = ir.Constant(ir.VectorType(I32, kind.count), [0] * kind.count)
        return self.b.shuffle_vector(lone, lone, zeros)

    def vload(self, address: Any, mask: Any = None, other: Any = None) -> Any:
        """A vector from memory; lanes off the mask are not read and take `other`."""
        if mask is None:
            return self.load(address, self.vector)
        bits = ir.VectorType(I1, self.lanes)
        kind = ir.FunctionType(self.vector, [PTR, I32, bits, self.vector])
        fill = self.vec_constant(0.0) if other is None else other
        arguments = (
            self.b.inttoptr(address, PTR),
            ir.Constant(I32, self.itemsize),
            mask,
            fill,
        )
        return self.intrinsic(f"llvm.masked.load.{self.tag()}.p0", kind, arguments)

    def vstore(self, value: Any, address: Any, mask: Any = None) -> None:
        """A vector to memory; lanes off the mask are not written."""
        if mask is None:
            self.store(value, address)
            return
        bits = ir.VectorType(I1, self.lanes)
        kind = ir.FunctionType(ir.VoidType(), [self.vector, PTR, I32, bits])
        pointer = self.b.inttoptr(address, PTR)
        arguments = (value, pointer, ir.Constant(I32, self.itemsize), mask)
        self.intrinsic(f"llvm.masked.store.{self.tag()}.p0", kind, arguments)

    # control

    @contextmanager
    def loop(
        self, count: Any, steps: Sequence[tuple[Any, Any]] = (), start: Any = None
    ) -> Iterator[Any]:
        """`for i in range(start, count)`; yields the slot of i.

        After each turn every (slot, step) of `steps` advances by its step. The test
        is at the foot of the loop, with one guard before it: the shape LLVM likes.
        """
        first = self.const(0) if start is None else start
        index = self.slot(I64, first)
        body = self.function.append_basic_block("loop")
        done = self.function.append_basic_block("done")
        self.b.cbranch(self.b.icmp_signed("<", first, count), body, done)
        self.b.position_at_end(body)
        yield index
        for slot, step in steps:
            self.put(slot, self.add(self.get(slot), step))
        following = self.add(self.get(index), self.const(1))
        self.put(index, following)
        self.b.cbranch(self.b.icmp_signed("<", following, count), body, done)
        self.b.position_at_end(done)

    @contextmanager
    def when(self, condition: Any) -> Iterator[None]:
        """Run the block only where `condition` holds."""
        body = self.function.append_basic_block("then")
        done = self.function.append_basic_block("after")
        self.b.cbranch(condition, body, done)
        self.b.position_at_end(body)
        yield
        self.b.branch(done)
        self.b.position_at_end(done)
