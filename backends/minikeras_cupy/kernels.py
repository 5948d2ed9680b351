"""Runs of single rows: `make(node)` gives `run(*operands, out)`, prepared for its shapes.

The same runs serve programs and, through `eager`, calls with fresh arrays.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from minikeras_kernels.rowwise import ROWWISE
from minikeras_numpy.windows import Geometry

from minikeras.extend import (
    PRIMITIVES,
    Aval,
    Fill,
    Node,
    Value,
    as_fill,
    lookup,
    matmul_precision,
    numpy_dtype,
    prims,
)
from minikeras_cupy.conv import Columns, Workspace
from minikeras_cupy.ctext import HALVES
from minikeras_cupy.cublas import KINDS, Products, library
from minikeras_cupy.cudnn import Library
from minikeras_cupy.groups import ARGREDUCE, Groups
from minikeras_cupy.launch import Launcher
from minikeras_cupy.recurrent import KERNEL, walk

Array = Any
Run = Callable[..., None]

# Rows with kernels of their own, elementwise ones, folds and the like aside.
_WINDOWED = (
    *("max_pool", "max_pool_grad", "max_pool_gather", "sum_pool", "sum_pool_grad"),
    *("conv", "conv_input_grad", "conv_filter_grad", "matmul"),
)
_EAGER_KINDS = ("elementwise", "reduce", "random")
# Eager calls that are remembered, by shapes, dtypes and settings.
_MOST_RUNS = 1024


def generated() -> list[str]:
    """The names of the rows that `Maker.eager` serves."""
    kinds = [n for n, row in PRIMITIVES.items() if row.kind in _EAGER_KINDS]
    return [*dict.fromkeys((*kinds, *_WINDOWED, *ROWWISE, *ARGREDUCE, "take"))]


class Maker:
    """Prepares runs.

    Args:
        cp: The module cupy.
        launch: Runs generated kernels.
    """

    def __init__(self, cp: Any, launch: Launcher) -> None:
        self.cp = cp
        self.launch = launch
        self.groups = Groups(launch)
        self.workspace = Workspace(cp)
        self.cudnn = Library(cp, self.workspace)
        # Held while a run is launched: its words, the workspace and cuBLAS's stream are one
        # for all threads, and whoever launches first is first on the device.
        self.lock = threading.RLock()
        cublas = library()
        self.products = None if cublas is None else Products(cp, cublas)

    def make(self, node: Node) -> Fill | None:
        """What runs `node`, or None where only an eager kernel does it."""
        made = self._made(node)
        return None if made is None else as_fill(made)

    def _made(self, node: Node) -> Run | Fill | None:
        name = node.prim.name
        if node.for_numpy:
            return None
        if name.startswith("conv"):
            return self._conv(node)
        if name in KERNEL:
            made = walk(self.launch, self.multiply, node)
            return made and self._marked(made, node.inputs[0].aval.dtype)
        return (
            self._matmul(node) if node.prim is prims.matmul else self.groups.make(node)
        )

    def eager(
        self, name: str, otherwise: Callable[..., Array] | None
    ) -> Callable[..., Array]:
        """A kernel that makes its result, from the runs of the row `name`.

        So eager calls give the bits of compiled ones. Where no run serves, `otherwise`.
        """
        runs: OrderedDict[object, tuple[Run | None, Aval | None]] = OrderedDict()
        row = lookup(name)

        def kernel(*arrays: Array, **static: Any) -> Array:
            avals = tuple(Aval(tuple(a.shape), a.dtype.name) for a in arrays)
            key = (avals, tuple(sorted(static.items())), matmul_precision())
            with self.lock:  # other threads may drop what is asked for here
                if key not in runs:
                    if len(runs) >= _MOST_RUNS:
                        runs.popitem(last=False)
                    made: Any = row.infer(*avals, **static)
                    node = Node(row, [*map(Value, avals)], [Value(made)], static)
                    fill = self.make(node)
                    runs[key] = fill and fill.run, made
                runs.move_to_end(key)
                run, aval = runs[key]
            if run is None:
                assert otherwise is not None, name
                return otherwise(*arrays, **static)
            assert aval is not None
            out = self.cp.empty(aval.shape, dtype=numpy_dtype(aval.dtype))
            laid_out = map(self.cp.ascontiguousarray, arrays)
            with self.lock:
                run(*laid_out, out)
            return out

        return kernel

    def wide_eager(self, kernel: Callable[..., Array]) -> Callable[..., Array]:
        """A generic kernel, in float32 for the 16 bit floats: CuPy lacks loops of theirs."""

        def wide(*arrays: Array, **static: Any) -> Array:
            kind = arrays[0].dtype
            if kind.name not in HALVES:
                return kernel(*arrays, **static)
            made = kernel(*[a.astype("float32") for a in arrays], **static)
            return made.astype(kind)

        return wide

    def multiply(self, a: Array, b: Array, out: Array) -> None:
        """`out[...] = a @ b`, matrices or stacks of them."""
        if self.products is None or out.dtype.name not in KINDS:
            self.cp.matmul(a, b, out=out)
        else:
            self.products.multiply(a, b, out)

    def _marked(self, run: Run | Fill, dtype: str) -> Fill:
        """A run with products of a dtype: CuPy's own cannot be captured."""
        by_cupy = self.products is None or dtype not in KINDS
        return as_fill(run)._replace(waits=by_cupy)

    def _conv(self, node: Node) -> Run | Fill:
        geometry, name = conv_geometry(node), node.prim.name
        dtype = node.outputs[0].aval.dtype
        plan = self.cudnn.plan(name, geometry, dtype)
        if plan is not None:
            return plan

        def made(work: str) -> Columns:
            return Columns(self.launch, self.workspace, self.multiply, geometry, work)

        columns, work = made(dtype), dtype
        # without cuBLAS's own, and for sums of several blocks, 16 bits go by float32
        summed = node.prim is prims.conv_filter_grad and columns.step < geometry.batch
        if dtype in HALVES and (self.products is None or summed):
            columns, work = made("float32"), "float32"
        direction = {
            "conv": columns.forward,
            "conv_input_grad": columns.input_grad,
            "conv_filter_grad": columns.filter_grad,
        }[name]
        if work != dtype:
            return self._marked(self._wide(direction), work)

        def run(*arrays: Array) -> None:
            direction(*arrays)

        return self._marked(run, work)

    def _wide(self, run: Run) -> Fill:
        """`run` in float32 for the 16 bit floats."""

        def wide(*arrays: Array) -> None:
            *given, out = arrays
            result = self.cp.empty(out.shape, dtype="float32")
            run(*[a.astype("float32") for a in given], result)
            out[...] = result.astype(out.dtype)

        return Fill(wide, allocates=True)

    def _matmul(self, node: Node) -> Run | Fill:
        made = self.products.make(node) if self.products else None
        return self._by_cupy(node) if made is None else made

    def _by_cupy(self, node: Node) -> Fill:
        """A product that is not one call of cuBLAS's: other dtypes, other axes."""
        a, b = (v.aval for v in node.inputs)
        ta = node.static.get("transpose_a", False)
        tb = node.static.get("transpose_b", False)
        perm_a, perm_b, perm_out = (
            node.static.get(f"perm_{n}") for n in ("a", "b", "out")
        )
        moved = perm_a or perm_b or perm_out
        flat = b.ndim == 2 and a.ndim > 2 and not (ta or moved)
        batched = not flat and (a.ndim > 2 or b.ndim > 2)

        def run(x: Array, y: Array, out: Array) -> None:
            x = x if perm_a is None else x.transpose(perm_a)
            y = y if perm_b is None else y.transpose(perm_b)
            if ta:
                x = x.swapaxes(-1, -2)
            if tb:
                y = y.swapaxes(-1, -2)
            if flat and out.size and x.size:
                x, out = x.reshape(-1, x.shape[-1]), out.reshape(-1, out.shape[-1])
            if perm_out is not None:
                out[...] = self.cp.matmul(x, y).transpose(perm_out)
            else:
                self.cp.matmul(x, y, out=out)

        plain = not batched and perm_out is None
        if a.dtype in HALVES and not ((plain and a.ndim == b.ndim == 2) or flat):
            # CuPy's batched product of these crashes (bfloat16) or ignores the dtype.
            return self._wide(run)
        # CuPy's products are not captured
        return Fill(run, batched or perm_out is not None, waits=True)


def conv_geometry(node: Node) -> Geometry:
    """The geometry of a convolution row or of one of its gradients."""
    static = node.static
    first, second = (v.aval.shape for v in node.inputs)
    x, w = static.get("input_shape", first), static.get("kernel_shape", second)
    return Geometry.of_conv(x, w, static)


__all__ = ["Maker", "conv_geometry", "generated"]
