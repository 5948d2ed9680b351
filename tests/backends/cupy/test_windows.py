"""im2col and col2im: they compile for each architecture, and make NumPy's convolutions."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from minikeras_cupy import nvrtc, render, windows
from minikeras_cupy.scatter import add_rows
from minikeras_cupy.windows import Geometry
from minikeras_numpy import build_table

from tests.backends.kernels import lockstep

needs_nvrtc = pytest.mark.skipif(
    nvrtc.library() is None, reason="needs the package nvidia-cuda-nvrtc (extra dev)"
)
needs_compiler = pytest.mark.skipif(
    lockstep.compiler() is None, reason="needs a C++ compiler"
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
    return [
        windows.im2col(geometry, dtype),
        windows.col2im(geometry, dtype),
    ]


@needs_nvrtc
@pytest.mark.parametrize("architecture", ["sm_75", "sm_90"])
def test_sources_compile(architecture):
    made = [
        k for d in ("float32", "bfloat16", "int32") for k in kernels(GEOMETRIES[1], d)
    ]
    made += [add_rows((5, 3), 7, dtype) for dtype in ("float32", "float64", "int64")]
    huge = Geometry(
        1 << 12, (1 << 10, 1 << 10), 8, (2, 2), (2, 2), ((0, 0),) * 2, (1, 1)
    )
    made += [windows.im2col(huge, "float32")]
    sources = {k.name: k.text for k in made}
    assert len(sources) == len(made)
    code = nvrtc.compile_text(
        render.headers() + "".join(sources.values()), architecture
    )
    assert all(name.encode() in code for name in sources)


def test_one_text_serves_all_sizes():
    for g, other in itertools.pairwise(GEOMETRIES):
        for one, two in zip(
            kernels(g, "float32"), kernels(other, "float32"), strict=True
        ):
            assert one.name == two.name
            assert one.numbers != two.numbers


def run(kernel, *arrays):
    """A kernel on arrays of this process."""
    lockstep.build([render.Source(kernel.name, kernel.text)])
    words = [*(a.ctypes.data for a in arrays), *kernel.numbers, kernel.threads]
    lockstep.call(kernel.name, np.array(words, np.int64))


@needs_compiler
@pytest.mark.parametrize("geometry", CONVOLUTIONS, ids=str)
@pytest.mark.parametrize("groups", [1, 2])
def test_columns_make_a_convolution(geometry, groups):
    g, rng = geometry._replace(groups=groups), np.random.default_rng(1)
    if g.channels % groups:
        pytest.skip("channels do not divide into these groups")
    x = rng.normal(size=(g.batch, *g.spatial, g.channels)).astype("float32")
    depth, cout = g.channels // groups, 2 * groups
    w = rng.normal(size=(*g.window, depth, cout)).astype("float32")
    reach, rows = math.prod(g.window) * depth, g.batch * math.prod(g.out)
    cols = np.empty((groups, rows, reach), "float32")
    run(windows.im2col(g, "float32"), x, cols)
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
    run(windows.col2im(g, "float32"), dcols, dx)
    want = TABLE["conv_input_grad"](dy, w, input_shape=x.shape, **static)
    np.testing.assert_allclose(dx, want, rtol=1e-4, atol=1e-4)
