"""Matrix products by cuBLAS's C interface.

CuPy's own `matmul` refuses to go into a CUDA graph and to multiply stacks of bfloat16, and
knows one precision of float32 for the whole process. Here each product is one call, prepared
for its shapes: 16 bit operands as they are, with sums in float32, on the tensor cores;
float32 exact or by way of TF32, as `set_matmul_precision` says. cuBLAS gets its workspace
from us, so that it allocates nothing, in a graph or outside of one.
"""

from __future__ import annotations

import ctypes
import logging
import math
from collections.abc import Callable
from typing import Any, NamedTuple

from minikeras.extend import Node, Shape, matmul_precision

Array = Any
Run = Callable[..., None]

WORKSPACE = 32 << 20  # what NVIDIA recommends for Hopper; 4 MiB elsewhere
KINDS = {"float32": 0, "float64": 1, "float16": 2, "bfloat16": 14}
_EXACT, _DOUBLE, _TF32 = 68, 70, 77  # cublasComputeType_t
_DEFAULT = -1  # the algorithm that cuBLAS chooses
_MOST = 2**31 - 1
_MOST_KNOWN = 1024
_log = logging.getLogger("minikeras")


def library() -> Any:
    """The library that CuPy uses, by its C interface; None, with a note, without one."""
    try:
        from cuda.pathfinder import load_nvidia_dynamic_lib

        return ctypes.CDLL(load_nvidia_dynamic_lib("cublas").abs_path)
    except Exception as error:  # by many exceptions, all its own
        _log.info(
            "cuBLAS is not found by itself (%s): products go by way of CuPy, batched ones of "
            "16 bits through float32, and programs are not captured as CUDA graphs.",
            error,
        )
        return None


class Form(NamedTuple):
    """A product C = A B of row-major matrices, `batch` of them side by side.

    `a` and `b` say whether the operand lies there transposed; their steps are elements from
    one matrix to the next, 0 where one serves all.
    """

    m: int
    n: int
    k: int
    batch: int
    a: bool
    b: bool
    a_step: int
    b_step: int


def form(node: Node) -> Form | None:
    """How a `matmul` node is one call, or None where it is not."""
    static = node.static
    if any(static.get(f"perm_{name}") for name in ("a", "b", "out")):
        return None
    x, y, out = (v.aval.shape for v in (*node.inputs, node.outputs[0]))
    ta, tb = static.get("transpose_a", False), static.get("transpose_b", False)
    m, n = out[-2:]
    k = x[-2] if ta else x[-1]
    if len(y) == 2 and not ta:
        m, batch, steps = math.prod(out[:-1]), 1, (0, 0)
    else:
        batch = math.prod(out[:-2])
        found = [_step(shape, out) for shape in (x, y)]
        if None in found:
            return None
        steps = found[0] or 0, found[1] or 0
    whole = Form(m, n, k, batch, ta, tb, *steps)
    return whole if max(m, n, k, batch) <= _MOST else None


def _step(shape: Shape, out: Shape) -> int | None:
    """From one matrix of an operand to the next; None where the steps differ."""
    stack, wanted = shape[:-2], out[:-2]
    if math.prod(stack) == 1:
        return 0
    same = math.prod(stack) == math.prod(wanted)
    return math.prod(shape[-2:]) if same else None


def _turned(x: Array) -> bool:
    """Whether the last two axes lie there the other way round."""
    return not x.flags.c_contiguous and x.swapaxes(-1, -2).flags.c_contiguous


class Products:
    """cuBLAS for one device: a handle, its workspace, and the stream it is on.

    Args:
        cp: The module cupy; the device's context must be there.
        cublas: The library, as `library()` gives it.
    """

    def __init__(self, cp: Any, cublas: Any) -> None:
        self.cp, self.cublas = cp, cublas
        self.handle = ctypes.c_void_p()
        self._check(cublas.cublasCreate_v2(ctypes.byref(self.handle)), "cublasCreate")
        self.workspace = cp.empty(WORKSPACE, dtype="uint8")
        self._stream: int | None = None
        one, zero = ctypes.c_float(1), ctypes.c_float(0)
        wide = ctypes.c_double(1), ctypes.c_double(0)
        self._known: dict[object, Run | None] = {}
        self._scales = {_EXACT: (one, zero), _TF32: (one, zero), _DOUBLE: wide}

    def _check(self, status: int, what: str) -> None:
        if status:
            raise RuntimeError(f"cuBLAS: {what} failed with status {status}.")

    def _follow(self) -> None:
        """Go on the current stream; the workspace must be told again each time."""
        stream = self.cp.cuda.get_current_stream().ptr
        if stream == self._stream:
            return
        cublas, handle = self.cublas, self.handle
        self._check(
            cublas.cublasSetStream_v2(handle, ctypes.c_void_p(stream)),
            "cublasSetStream",
        )
        room = ctypes.c_void_p(self.workspace.data.ptr), ctypes.c_size_t(WORKSPACE)
        self._check(cublas.cublasSetWorkspace_v2(handle, *room), "cublasSetWorkspace")
        self._stream = stream

    def make(self, node: Node) -> Run | None:
        """The run of a `matmul` node, or None where it is not one call."""
        dtype = node.outputs[0].aval.dtype
        what = form(node)
        return None if what is None else self.of(what, dtype)

    def of(self, what: Form, dtype: str) -> Run | None:
        """`run(a, b, out)` for a form, on C-contiguous arrays."""
        kind = KINDS.get(dtype)
        if kind is None:
            return None
        if not what.k:
            return lambda a, b, out: out.fill(0)
        if not what.m * what.n * what.batch:
            return lambda a, b, out: None
        if dtype == "float64":
            compute = _DOUBLE
        else:
            fast = dtype == "float32" and matmul_precision() == "high"
            compute = _TF32 if fast else _EXACT
        return self._call(what, kind, compute)

    def multiply(self, a: Array, b: Array, out: Array) -> None:
        """`out[...] = a @ b`, matrices or stacks of them; `a` and `b` may be turned."""
        dtype = out.dtype.name
        key = a.shape, b.shape, _turned(a), _turned(b), dtype, matmul_precision()
        run = self._known.get(key)
        if run is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            m, n = out.shape[-2:]
            whole = Form(
                m, n, a.shape[-1], math.prod(out.shape[:-2]), _turned(a), _turned(b),
                math.prod(a.shape[-2:]), math.prod(b.shape[-2:]),
            )  # fmt: skip
            run = self._known[key] = self.of(whole, dtype)
            assert run is not None, dtype
        run(a, b, out)

    def _call(self, what: Form, kind: int, compute: int) -> Run:
        """cuBLAS counts along columns: there our product is C' = B' A'."""
        alpha, beta = map(ctypes.byref, self._scales[compute])
        m, n, k = what.n, what.m, what.k
        left, right = (k if what.b else m), (n if what.a else k)
        number = ctypes.c_longlong
        ends = ctypes.c_int(compute), ctypes.c_int(_DEFAULT)
        head = [self.handle, *map(ctypes.c_int, (what.b, what.a, m, n, k)), alpha]
        several = what.batch > 1
        name = "cublasGemmStridedBatchedEx" if several else "cublasGemmEx"
        function, address = getattr(self.cublas, name), ctypes.c_void_p

        def operand(width: int, step: int) -> list[Any]:
            return [
                *map(ctypes.c_int, (kind, width)),
                *([number(step)] if several else []),
            ]

        first, second = operand(left, what.b_step), operand(right, what.a_step)
        third = operand(m, m * n)
        count = [ctypes.c_int(what.batch)] if several else []

        def run(a: Array, b: Array, out: Array) -> None:
            self._follow()
            status = function(
                *head,
                address(b.data.ptr), *first,
                address(a.data.ptr), *second,
                beta, address(out.data.ptr), *third, *count, *ends,
            )  # fmt: skip
            self._check(status, name)

        return run
