"""CUDA source of a fused group: one thread per element, one pass over memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from minikeras.extend import Graph, Node, Shape, Value
from minikeras_cupy.source import (
    CTYPES,
    ELEMENTWISE,
    HALF_INCLUDES,
    HALVES,
    PRELUDE,
    compute_type,
    expression,
    literal,
    load,
    store,
)


@dataclass(frozen=True)
class Kernel:
    """A CUDA kernel: its name, its source, and the number of threads it wants."""

    name: str
    source: str
    threads: int


def kernel_of(
    kind: str, params: str, threads: int, body: str, dtypes: Iterable[str]
) -> Kernel:
    """A kernel that runs `body` for each index i below `threads`; named by its content."""
    code = (
        f"({params}) {{\n  for (u64 i = (u64)blockIdx.x * blockDim.x + threadIdx.x; "
        f"i < {threads}ull; i += (u64)gridDim.x * blockDim.x) {{\n{body}\n  }}\n}}\n"
    )
    name = f"{kind}_{hashlib.sha256(code.encode()).hexdigest()[:16]}"
    includes = HALF_INCLUDES if any(d in HALVES for d in dtypes) else ""
    source = f'{includes}{PRELUDE}\nextern "C" __global__ void {name}{code}'
    return Kernel(name, source, threads)


def fusible(node: Node) -> bool:
    """Whether the generator knows `node`. Reductions stay with CuPy's own kernels."""
    known = node.prim.kind in ("elementwise", "create", "random")
    return known and node.prim.name in ELEMENTWISE and not node.is_complex


def fused_kernel(body: Graph, space: Shape) -> Kernel:
    """The kernel of a group; arguments: input pointers, then output pointers."""
    size = 1
    for d in space:
        size *= d
    names: dict[Value, str] = {}
    lines: list[str] = []
    params: list[str] = []
    keys = {v for n in body.nodes if n.prim.kind == "random" for v in n.inputs}
    for j, v in enumerate(body.inputs):
        params.append(f"const {CTYPES[v.aval.dtype]}* a{j}")
        if v in keys:
            names[v] = f"a{j}"
            continue
        names[v] = f"x{j}"
        index = _index(v.aval.shape, space)
        lines.append(
            f"const {compute_type(v.aval.dtype)} x{j} = "
            f"{load(v.aval.dtype, f'a{j}[{index}]')};"
        )
    for v, array in body.constants.items():
        names[v] = literal(array.item(), v.aval.dtype)
    for j, node in enumerate(body.nodes):
        out = node.outputs[0]
        names[out] = f"v{j}"
        args = [names[v] for v in node.inputs]
        lines.append(
            f"const {compute_type(out.aval.dtype)} v{j} = {_element(node, args, space)};"
        )
    # Every load stands before every store, so that an output may share the buffer of an
    # input of the same shape.
    for j, v in enumerate(body.outputs):
        params.append(f"{CTYPES[v.aval.dtype]}* o{j}")
        stored = (
            f"o{j}[{_index(v.aval.shape, space)}] = {store(v.aval.dtype, names[v])};"
        )
        first = _first_only(v.aval.shape, space)
        lines.append(f"if ({first}) {stored}" if first else stored)
    text = "    " + "\n    ".join(lines)
    made = [v for n in body.nodes for v in n.outputs]
    dtypes = {v.aval.dtype for v in (*body.inputs, *made)}
    return kernel_of("fused", ", ".join(params), size, text, dtypes)


def _coordinate(space: Shape, axis: int) -> str:
    """The coordinate of flat index i along `axis`."""
    inner = 1
    for d in space[axis + 1 :]:
        inner *= d
    text = f"i / {inner}ull" if inner != 1 else "i"
    return f"({text} % {space[axis]}ull)" if axis else f"({text})"


def _index(shape: Shape, space: Shape) -> str:
    """Where the element for index i lies in an array of `shape` that broadcasts to `space`."""
    if shape == space:
        return "i"
    lead = len(space) - len(shape)
    stride = 1
    terms = []
    for axis in reversed(range(len(shape))):
        if shape[axis] != 1:
            coordinate = _coordinate(space, axis + lead)
            terms.append(coordinate if stride == 1 else f"{coordinate} * {stride}ull")
        stride *= shape[axis]
    return " + ".join(terms) or "0"


def _first_only(shape: Shape, space: Shape) -> str:
    """The condition under which the thread of index i stores a smaller output."""
    lead = len(space) - len(shape)
    padded = (1,) * lead + tuple(shape)
    axes = [
        k
        for k, (a, b) in enumerate(zip(padded, space, strict=True))
        if a == 1 and b != 1
    ]
    return " && ".join(f"{_coordinate(space, k)} == 0" for k in axes)


def _element(node: Node, args: list[str], space: Shape) -> str:
    out = node.outputs[0].aval
    if node.prim.name == "full":
        return literal(node.static["value"], out.dtype)
    if node.prim.name == "iota":
        axis = node.static["axis"] + len(space) - len(out.shape)
        return f"({compute_type(out.dtype)})({_coordinate(space, axis)})"
    if node.prim.name == "random_bits":
        at, start = _index(out.shape, space), node.static.get("start", 0)
        at = f"({at}) + {start}ull" if start else at
        return f"k_philox({args[0]}[0], {args[0]}[1], {at})"
    return expression(node, args)
