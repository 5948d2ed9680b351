"""Writers: a node as a function of its operands that fills a given array.

`writer(node)` gives `write(*operands, out)`. Operands broadcast to `out`, and `out`
may be one of them (same memory, same shape and dtype): every writer reads index i
before it writes it.

NumPy's `where` and masked copies branch on every element, at 4 ns each where the
mask is irregular. Choosing by bit masks on an integer view costs a tenth.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from minikeras.extend import (
    Fill,
    Node,
    as_fill,
    clips,
    fits,
    numpy_dtype,
    prims,
    saturated,
)
from minikeras_numpy.common import Array
from minikeras_numpy.elementwise import UFUNCS
from minikeras_numpy.products import column_sums
from minikeras_numpy.random import Bits

Write = Callable[..., Any]

REDUCTIONS: dict[str, Any] = {
    "sum": np.add,
    "prod": np.multiply,
    "max": np.maximum,
    "min": np.minimum,
    "any": np.logical_or,
    "all": np.logical_and,
}
INTS = {1: np.int8, 2: np.int16, 4: np.int32, 8: np.int64}


class Scratch:
    """Workspace of one step, by name: allocated once, then reused."""

    def __init__(self) -> None:
        self._kept: dict[str, Array] = {}

    def get(self, name: str, shape: tuple[int, ...], dtype: Any) -> Array:
        """An array with undefined values, valid until the name is asked for again."""
        have = self._kept.get(name)
        if have is None or have.shape != shape or have.dtype != dtype:
            need = math.prod(shape) * np.dtype(dtype).itemsize
            flat = self._kept.get(name + " bytes")
            if flat is None or flat.nbytes < need:
                flat = self._kept[name + " bytes"] = np.empty(need, dtype=np.uint8)
            have = self._kept[name] = flat[:need].view(dtype).reshape(shape)
        return have


def _is_zero(value: Array) -> bool:
    """Whether `value` is the scalar +0, whose bits are all 0."""
    return value.ndim == 0 and not value.reshape(1).view(np.uint8).any()


def choose(cond: Array, a: Array, b: Array, out: Array, scratch: Scratch) -> None:
    """`out = a where cond else b`, without a branch."""
    bits = INTS[out.dtype.itemsize]
    narrow = scratch.get("narrow", cond.shape, np.int8)
    mask = scratch.get("mask", cond.shape, bits)
    target, a, b = out.view(bits), a.view(bits), b.view(bits)
    # Made where it is a byte, then widened with its sign.
    if _is_zero(a):
        np.subtract(cond.view(np.int8), 1, out=narrow)
    else:
        np.negative(cond.view(np.int8), out=narrow)
    np.copyto(mask, narrow)
    if _is_zero(b):
        np.bitwise_and(a, mask, out=target)
    elif _is_zero(a):
        np.bitwise_and(b, mask, out=target)
    else:
        mixed = scratch.get("mixed", out.shape, bits)
        np.bitwise_xor(a, b, out=mixed)
        np.bitwise_and(mixed, mask, out=mixed)
        np.bitwise_xor(mixed, b, out=target)


def _select() -> Write:
    scratch = Scratch()

    def write(cond: Array, a: Array, b: Array, out: Array) -> None:
        choose(cond, a, b, out, scratch)

    return write


def _copy(x: Array, out: Array) -> None:
    np.copyto(out, x)


def _cast(source: str, target: str) -> Write:
    have, wanted = numpy_dtype(source), numpy_dtype(target)
    narrow = target == "float16" and source == "float64"
    clipped = clips(have, wanted)
    scratch = Scratch()

    def copy(x: Array, out: Array) -> None:
        np.copyto(out, x, casting="unsafe")

    def through_float32(x: Array, out: Array) -> None:
        wide = scratch.get("wide", x.shape, np.float32)
        np.copyto(wide, x, casting="unsafe")
        if narrow or fits(wide, wanted):
            np.copyto(out, wide, casting="unsafe")
        else:
            np.copyto(out, saturated(np, wide, wanted))

    def clip(x: Array, out: Array) -> None:
        if fits(x, wanted):
            np.copyto(out, x, casting="unsafe")
        else:
            np.copyto(out, saturated(np, x, wanted))

    if target == "bool":
        return lambda x, out: np.not_equal(x, 0, out=out)
    if narrow or (clipped and have.itemsize == 2):
        return through_float32
    return clip if clipped else copy


def _rsqrt(x: Array, out: Array) -> None:
    np.sqrt(x, out=out)
    np.divide(1, out, out=out)


def _logistic(x: Array, out: Array) -> None:
    np.negative(x, out=out)
    np.exp(out, out=out)
    np.add(out, 1, out=out)
    np.divide(1, out, out=out)


def _maximum(a: Array, b: Array, out: Array) -> None:
    np.maximum(a, b, out=out)  # a third positional argument is deprecated here


def _minimum(a: Array, b: Array, out: Array) -> None:
    np.minimum(a, b, out=out)


OWN: dict[str, Write] = {
    "maximum": _maximum,
    "minimum": _minimum,
    "stop_gradient": _copy,
    "broadcast_to": _copy,
    "rsqrt": _rsqrt,
    "logistic": _logistic,
}


def _reduction(node: Node) -> Write:
    reduce = REDUCTIONS[node.prim.name].reduce
    axes, keepdims = node.static["axes"], node.static["keepdims"]
    shape = node.inputs[0].aval.shape
    dtype = numpy_dtype(node.outputs[0].aval.dtype)
    rows = leading_rows(node)
    narrow = dtype.itemsize == 2 and dtype.kind not in "iu"

    def write(x: Array, out: Array) -> None:
        if x.shape != shape:
            x = np.broadcast_to(x, shape)
        if narrow:
            total = reduce(x, axis=axes, dtype=np.float32, keepdims=keepdims)
            np.copyto(out, total, casting="unsafe")
        else:
            reduce(x, axis=axes, dtype=dtype, keepdims=keepdims, out=out)

    def multiply(x: Array, out: Array) -> None:
        if x.shape != shape or not x.flags.c_contiguous:
            write(x, out)
        else:
            column_sums(x.reshape(rows, -1), out.reshape(-1))

    return multiply if rows else write


def leading_rows(node: Node) -> int:
    """Rows of the matrix whose columns are summed up; 0 where the node is no such sum."""
    x, axes = node.inputs[0].aval, node.static["axes"]
    lead = len(axes)
    if node.prim is not prims.sum or x.dtype not in ("float32", "float64"):
        return 0
    if axes != tuple(range(lead)) or not 0 < lead < x.ndim or x.size == 0:
        return 0
    return math.prod(x.shape[:lead])


def _by_kernel(kernel: Callable[..., Any], static: dict[str, Any]) -> Fill:
    """For what has no in-place form: the eager kernel, then a copy."""

    def write(*arrays: Array) -> None:
        *operands, out = arrays
        np.copyto(out, kernel(*operands, **static))

    return Fill(write, allocates=True)


def _iota(kernel: Callable[..., Any], static: dict[str, Any]) -> Write:
    values = kernel(**static)

    def write(out: Array) -> None:
        np.copyto(out, values)

    return write


def writer(kernels: Mapping[str, Any], node: Node) -> Fill:
    """The writer of an elementwise, create or reduce node, or of random bits."""
    return as_fill(_writer(kernels, node))


def _writer(kernels: Mapping[str, Any], node: Node) -> Write | Fill:
    name = node.prim.name
    if name in UFUNCS and name not in OWN:
        ufunc: Write = getattr(np, UFUNCS[name])
        return ufunc
    made = _MADE.get(name)
    if made is not None:
        return made(kernels, node)
    if node.prim is prims.pow and node.outputs[0].aval.dtype.startswith("float"):
        return np.power
    return OWN.get(name) or _by_kernel(kernels[name], node.static)


def _full(node: Node) -> Write:
    value = node.static["value"]
    return lambda out: out.fill(value)


# Writers that are made of the node, not of its row alone.
_MADE: dict[str, Callable[[Mapping[str, Any], Node], Write | Fill]] = {
    **dict.fromkeys(REDUCTIONS, lambda kernels, node: _reduction(node)),
    "select": lambda kernels, node: _select(),
    "cast": lambda kernels, node: _cast(
        node.inputs[0].aval.dtype, node.outputs[0].aval.dtype
    ),
    "full": lambda kernels, node: _full(node),
    "iota": lambda kernels, node: _iota(kernels["iota"], node.static),
    "random_bits": lambda kernels, node: Bits(node.static.get("start", 0)),
}
