"""Every elementwise primitive's CUDA source compiles, for each architecture and dtype."""

from __future__ import annotations

import pytest
from minikeras_cupy.fused import fused_kernel, fusible
from minikeras_cupy.source import ELEMENTWISE

from minikeras.engine import prims as p
from minikeras.engine.aval import Aval, ShapeError
from minikeras.engine.graph import Graph, Node, Value
from minikeras.engine.primitive import PRIMITIVES
from tests.backends.cupy import nvrtc
from tests.engine.staged import stage

needs_nvrtc = pytest.mark.skipif(
    nvrtc.library() is None, reason="needs the package nvidia-cuda-nvrtc (extra dev)"
)
DTYPES = ["bool", "int8", "uint8", "int32", "uint32", "int64", "float32", "float64"]
DTYPES += ["float16", "bfloat16"] if nvrtc.includes() else []
ARITY = {"select": 3, "full": 0, "iota": 0}


def body_of_all(dtype: str) -> Graph:
    """One body with every elementwise primitive that takes `dtype`."""
    shape = (4, 6)
    inputs = [Value(Aval(shape, dtype)) for _ in range(2)]
    flag, key = Value(Aval(shape, "bool")), Value(Aval((2,), "uint32"))
    nodes = []
    for name in sorted(ELEMENTWISE - {"random_bits", "broadcast_to"}):
        row = PRIMITIVES[name]
        static = {
            "full": {"shape": shape, "dtype": dtype, "value": 1},
            "iota": {"shape": shape, "dtype": dtype, "axis": 1},
        }.get(name, {})
        statics = [{"dtype": d} for d in DTYPES] if name == "cast" else [static]
        for keywords in statics:
            for count in (0, 1, 2, 3):
                args = [flag, *inputs] if count == 3 else inputs[:count]
                try:
                    aval = row.infer(*[v.aval for v in args], **keywords)
                except (ShapeError, TypeError, ValueError):
                    continue
                nodes.append(Node(row, args, [Value(aval)], keywords))
    bits = Value(Aval(shape, "uint32"))
    nodes.append(Node(PRIMITIVES["random_bits"], [key], [bits], {"shape": shape}))
    return Graph([*inputs, flag, key], {}, nodes, [v for n in nodes for v in n.outputs])


def test_the_generator_knows_every_elementwise_row():
    missing = {
        n
        for n, row in PRIMITIVES.items()
        if row.kind == "elementwise" and n not in ELEMENTWISE
    }
    assert missing <= {"polygamma", "real", "imag", "complex"}
    assert fusible(body_of_all("float32").nodes[0])


@needs_nvrtc
@pytest.mark.parametrize("architecture", nvrtc.ARCHITECTURES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_elementwise_source_compiles(dtype, architecture):
    kernel = fused_kernel(body_of_all(dtype), (4, 6))
    assert kernel.name.encode() in nvrtc.compile_source(kernel.source, architecture)


@needs_nvrtc
def test_broadcast_operands_and_smaller_outputs_compile():
    graph = stage(lambda x, b: (p.add(x, b), p.neg(b)), (3, 4, 5), (4, 1))
    kernel = fused_kernel(graph, (3, 4, 5))
    assert nvrtc.compile_source(kernel.source, "sm_80")
    assert "a1[(i / 5ull % 4ull)]" in kernel.source


def test_equal_bodies_share_a_kernel():
    make = lambda: fused_kernel(stage(lambda x: p.exp(x), (7,)), (7,))  # noqa: E731
    assert make().name == make().name
