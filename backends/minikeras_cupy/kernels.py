"""Runs of single rows: `make(node)` gives `run(*operands, out)`, prepared for its shapes.

The same runs serve programs and, through `eager`, calls with fresh arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minikeras.extend import Aval, Graph, Node, Value, lookup, numpy_dtype
from minikeras_cupy import fused, windows
from minikeras_cupy.conv import Columns
from minikeras_cupy.cudnn import Library
from minikeras_cupy.launch import Launcher, grid
from minikeras_cupy.windows import Geometry

Array = Any
Run = Callable[..., None]

HALVES = ("float16", "bfloat16")
OWN = (
    "random_bits", "max_pool", "max_pool_grad", "max_pool_gather", "sum_pool",
    "sum_pool_grad", "conv", "conv_input_grad", "conv_filter_grad",
)  # fmt: skip
_REDUCTIONS = ("sum", "prod", "max", "min", "any", "all")


class Maker:
    """Prepares runs.

    Args:
        cp: The module cupy.
        launch: Runs generated kernels.
    """

    def __init__(self, cp: Any, launch: Launcher) -> None:
        self.cp = cp
        self.launch = launch
        self.cudnn = Library(cp)

    def make(self, node: Node) -> Run | None:
        """The run of `node`, or None where only an eager kernel does it."""
        name = node.prim.name
        if node.is_complex:
            return None
        if name == "fused":
            return self._launched(
                fused.fused_kernel(node.static["body"], node.static["space"])
            )
        if fused.fusible(node):
            return self._launched(single(node))
        if name.startswith("conv"):
            return self._conv(node)
        if "_pool" in name:
            return self._launched(pool_kernel(node))
        if name == "matmul":
            return self._matmul(node)
        narrow = any(v.aval.dtype in HALVES for v in node.inputs)
        if name in _REDUCTIONS and node.static["axes"] and not narrow:
            return self._reduction(node)
        return None

    def eager(self, name: str) -> Callable[..., Array]:
        """A kernel that makes its result, from the runs of the row `name`."""
        runs: dict[Any, tuple[Run, Aval]] = {}
        row = lookup(name)

        def kernel(*arrays: Array, **static: Any) -> Array:
            avals = tuple(Aval(tuple(a.shape), a.dtype.name) for a in arrays)
            key = (avals, tuple(sorted(static.items())))
            if key not in runs:
                made: Any = row.infer(*avals, **static)
                node = Node(row, map(Value, avals), [Value(made)], static)
                run = self.make(node)
                assert run is not None, name
                runs[key] = run, made
            run, aval = runs[key]
            out = self.cp.empty(aval.shape, dtype=numpy_dtype(aval.dtype))
            run(*map(self.cp.ascontiguousarray, arrays), out)
            return out

        return kernel

    def _launched(self, kernel: fused.Kernel) -> Run:
        if not kernel.threads:
            return lambda *arrays: None
        function = self.launch.function(kernel)
        blocks, block = grid(kernel.threads)

        def run(*arrays: Array) -> None:
            function(blocks, block, arrays)

        return run

    def _conv(self, node: Node) -> Run:
        geometry, cout = conv_geometry(node)
        groups, name = node.static["groups"], node.prim.name
        dtype = node.outputs[0].aval.dtype
        plan = self.cudnn.plan(name, geometry, cout, groups, dtype)
        if plan is not None:
            return plan
        work = "float32" if dtype in HALVES else dtype
        columns = Columns(self.launch, geometry, cout, groups, work)
        direction = {
            "conv": columns.forward,
            "conv_input_grad": columns.input_grad,
            "conv_filter_grad": columns.filter_grad,
        }[name]
        return direction if work == dtype else self._wide(direction)

    def _wide(self, run: Run) -> Run:
        """`run` in float32 for the 16 bit floats."""

        def wide(*arrays: Array) -> None:
            *given, out = arrays
            result = self.cp.empty(out.shape, dtype="float32")
            run(*[a.astype("float32") for a in given], result)
            out[...] = result.astype(out.dtype)

        wide.allocates = True  # type: ignore[attr-defined]
        return wide

    def _matmul(self, node: Node) -> Run:
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

        if a.dtype in HALVES:
            # CuPy's batched product of these crashes (bfloat16) or ignores the dtype.
            return self._wide(run)
        run.allocates = batched or perm_out is not None  # type: ignore[attr-defined]
        return run

    def _reduction(self, node: Node) -> Run:
        name, axes = node.prim.name, node.static["axes"]
        function, keep = getattr(self.cp, name), node.static["keepdims"]
        more = {"dtype": numpy_dtype(node.outputs[0].aval.dtype)}
        if name not in ("sum", "prod"):
            more = {}

        def run(x: Array, out: Array) -> None:
            function(x, axis=axes, out=out, keepdims=keep, **more)

        return run


def single(node: Node) -> fused.Kernel:
    """The kernel of one elementwise, creation or random node."""
    inputs = [Value(v.aval) for v in node.inputs]
    out = Value(node.outputs[0].aval)
    inner = Node(node.prim, inputs, [out], node.static)
    return fused.fused_kernel(Graph(inputs, {}, [inner], [out]), out.aval.shape)


def pool_kernel(node: Node) -> fused.Kernel:
    """The kernel of a pooling row."""
    name, static, aval = node.prim.name, node.static, node.inputs[0].aval
    window = static["window"]
    batch, *spatial, channels = static.get("input_shape", aval.shape)
    geometry = Geometry(
        batch, tuple(spatial), channels, window, static["strides"], static["padding"],
        (1,) * len(window),
    )  # fmt: skip
    if name == "max_pool_gather":
        return windows.max_pool_gather(geometry, aval.dtype, node.inputs[1].aval.dtype)
    kernel: fused.Kernel = getattr(windows, name)(geometry, aval.dtype)
    return kernel


def conv_geometry(node: Node) -> tuple[Geometry, int]:
    """The geometry of a convolution row, and its number of filters."""
    static = node.static
    first, second = (v.aval.shape for v in node.inputs)
    x = static.get("input_shape", first)
    *window, _, cout = static.get("kernel_shape", second)
    geometry = Geometry(
        x[0], tuple(x[1:-1]), x[-1], tuple(window), static["strides"],
        static["padding"], static["dilation"],
    )  # fmt: skip
    return geometry, cout


__all__ = ["OWN", "Maker", "conv_geometry", "pool_kernel", "single"]
