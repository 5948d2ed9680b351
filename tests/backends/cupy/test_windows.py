"""Window kernels: they compile for each architecture, and compute what NumPy's do."""

from __future__ import annotations

import math

import numpy as np
import pytest
from minikeras_cupy import windows
from minikeras_cupy.fused import fused_kernel
from minikeras_cupy.windows import Geometry
from minikeras_numpy import build_table

from tests.backends.cupy import emulate, nvrtc
from tests.backends.cupy.test_fused import body_of_all

needs_nvrtc = pytest.mark.skipif(
    nvrtc.library() is None, reason="needs the package nvidia-cuda-nvrtc (extra dev)"
)
needs_compiler = pytest.mark.skipif(
    emulate.compiler() is None, reason="needs a C++ compiler"
)
TABLE = build_table(np)

GEOMETRIES = [
    Geometry(2, (6, 6), 3, (2, 2), (2, 2), ((0, 0), (0, 0)), (1, 1)),
    Geometry(2, (7, 5), 4, (3, 2), (2, 1), ((1, 1), (0, 1)), (1, 1)),
    Geometry(1, (9,), 2, (3,), (2,), ((2, 0),), (1,)),
    Geometry(
        2, (4, 3, 5), 2, (2, 2, 2), (1, 1, 2), ((0, 1), (1, 0), (0, 0)), (1, 1, 1)
    ),
]
CONVOLUTIONS = [
    *GEOMETRIES,
    Geometry(2, (9, 8), 4, (3, 3), (1, 2), ((1, 1), (2, 0)), (2, 1)),
]


def kernels(geometry: Geometry, dtype: str) -> list:
    made = [
        windows.max_pool(geometry, dtype),
        windows.max_pool_grad(geometry, dtype),
        windows.max_pool_gather(geometry, dtype, dtype),
        windows.sum_pool(geometry, dtype),
        windows.sum_pool_grad(geometry, dtype),
    ]
    return [
        *made,
        windows.im2col(geometry, dtype, 1),
        windows.col2im(geometry, dtype, 1),
    ]


@needs_nvrtc
@pytest.mark.parametrize("architecture", nvrtc.ARCHITECTURES)
@pytest.mark.parametrize(
    "dtype", ["float32", "float64"] + ["bfloat16"] * bool(nvrtc.includes())
)
def test_sources_compile(dtype, architecture):
    for kernel in kernels(GEOMETRIES[1], dtype):
        assert nvrtc.compile_source(kernel.source, architecture)


def values(rng, shape):
    """Few distinct values, so that windows have ties."""
    return rng.integers(-2, 3, size=shape).astype("float32")


@needs_compiler
@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
def test_pooling_equals_the_reference(geometry, tmp_path):
    g, rng = geometry, np.random.default_rng(0)
    static = {"window": g.window, "strides": g.strides, "padding": g.padding}
    shape = (g.batch, *g.spatial, g.channels)
    x, v = values(rng, shape), values(rng, shape)
    dy = values(rng, (g.batch, *g.out, g.channels))
    x.flat[5] = np.nan

    def made(kernel, out_shape, *arrays):
        out = np.full(out_shape, 99, "float32")
        emulate.run(kernel, tmp_path, *arrays, out)
        return out

    def same(result, name, *arrays, **more):
        np.testing.assert_array_equal(result, TABLE[name](*arrays, **static, **more))

    same(made(windows.max_pool(g, "float32"), dy.shape, x), "max_pool", x)
    same(
        made(windows.max_pool_grad(g, "float32"), shape, x, dy), "max_pool_grad", x, dy
    )
    gather = windows.max_pool_gather(g, "float32", "float32")
    same(made(gather, dy.shape, x, v), "max_pool_gather", x, v)
    same(made(windows.sum_pool(g, "float32"), dy.shape, v), "sum_pool", v)
    grad = made(windows.sum_pool_grad(g, "float32"), shape, dy)
    same(grad, "sum_pool_grad", dy, input_shape=shape)


@needs_compiler
@pytest.mark.parametrize("geometry", CONVOLUTIONS, ids=str)
@pytest.mark.parametrize("groups", [1, 2])
def test_columns_make_a_convolution(geometry, groups, tmp_path):
    g, rng = geometry, np.random.default_rng(1)
    if g.channels % groups:
        pytest.skip("channels do not divide into these groups")
    x = rng.normal(size=(g.batch, *g.spatial, g.channels)).astype("float32")
    depth, cout = g.channels // groups, 2 * groups
    w = rng.normal(size=(*g.window, depth, cout)).astype("float32")
    reach, rows = math.prod(g.window) * depth, g.batch * math.prod(g.out)
    cols = np.empty((groups, rows, reach), "float32")
    emulate.run(windows.im2col(g, "float32", groups), tmp_path, x, cols)
    parts = w.reshape(reach, groups, cout // groups).transpose(1, 0, 2)
    y = np.moveaxis(cols @ parts, 0, 1).reshape(g.batch, *g.out, cout)
    static = {
        "strides": g.strides, "padding": g.padding, "dilation": g.dilation, "groups": groups,
    }  # fmt: skip
    np.testing.assert_allclose(y, TABLE["conv"](x, w, **static), rtol=1e-4, atol=1e-4)
    dy = rng.normal(size=y.shape).astype("float32")
    dy_groups = dy.reshape(rows, groups, cout // groups).transpose(1, 0, 2)
    dcols = np.ascontiguousarray(dy_groups @ parts.transpose(0, 2, 1))
    dx = np.empty_like(x)
    emulate.run(windows.col2im(g, "float32", groups), tmp_path, dcols, dx)
    want = TABLE["conv_input_grad"](dy, w, input_shape=x.shape, **static)
    np.testing.assert_allclose(dx, want, rtol=1e-4, atol=1e-4)


@needs_compiler
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "uint8", "bool"])
def test_every_elementwise_expression_equals_the_reference(dtype, tmp_path):
    body = body_of_all(dtype)
    body.nodes[:] = [
        n for n in body.nodes
        if not n.outputs[0].aval.dtype.endswith("16") or n.outputs[0].aval.dtype[0] in "iu"
    ]  # fmt: skip
    body.outputs[:] = [v for n in body.nodes for v in n.outputs]
    rng = np.random.default_rng(2)
    special = [0.0, 1.0, -1.0, 0.5, 3.0, -2.5]
    draws = rng.choice(special, size=(2, 4, 6))
    if dtype.startswith("float"):
        draws[0, 0, :3] = [np.nan, np.inf, -np.inf]
    with np.errstate(invalid="ignore"):
        a, b = (np.abs(d) if dtype == "uint8" else d for d in draws)
        a, b = a.astype(dtype), b.astype(dtype)
    flag, key = rng.integers(0, 2, (4, 6)).astype(bool), np.uint32([7, 9])
    arrays = dict(zip(body.inputs, [a, b, flag, key], strict=True))
    outs = [np.empty(v.aval.shape, v.aval.dtype) for v in body.outputs]
    emulate.run(fused_kernel(body, (4, 6)), tmp_path, *arrays.values(), *outs)
    for node, out in zip(body.nodes, outs, strict=True):
        given = [arrays[v] for v in node.inputs]
        if (
            node.prim.name in ("shift_left", "shift_right")
            and not np.isfinite(given[0].astype(float)).all()
        ):
            continue  # NaN is no number of places
        with np.errstate(all="ignore"):
            want = TABLE[node.prim.name](*given, **node.static)
        np.testing.assert_allclose(
            out, want, rtol=2e-5, atol=1e-6, err_msg=f"{node.prim.name} {node.static}"
        )
