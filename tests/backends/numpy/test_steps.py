"""Prepared steps of the NumPy backend: memory, and results beside the eager kernels."""

import tracemalloc

import minikeras_numpy
import numpy as np
import pytest
from minikeras_numpy import fills, sharing

from minikeras.engine.aval import Aval
from minikeras.engine.graph import Node, Value
from minikeras.engine.primitive import lookup

BACKEND = minikeras_numpy.backend()

STEPS = {
    "conv_filter_grad": (
        ((64, 16, 16, 8), (64, 16, 16, 8)),
        {
            "strides": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1), "groups": 1,
            "kernel_shape": (3, 3, 8, 8),
        },
    ),
    "max_pool_grad": (
        ((64, 64, 64, 8), (64, 32, 32, 8)),
        {"window": (2, 2), "strides": (2, 2), "padding": ((0, 0), (0, 0))},
    ),
    "tanh": (((600, 600),), {}),
}  # fmt: skip


def lowered(name, shapes, dtype, static):
    """The step of a node, and where its operands and results are to lie."""
    row = lookup(name)
    inputs = [Value(Aval(shape, dtype)) for shape in shapes]
    made = Value(row.infer(*[v.aval for v in inputs], **static))
    node = Node(row, inputs, [made], static)
    values = (*inputs, made)
    return BACKEND.lower(node, {v: i for i, v in enumerate(values)}), values


@pytest.mark.parametrize("name", STEPS)
def test_one_run_makes_the_workspace(name):
    shapes, static = STEPS[name]
    step, values = lowered(name, shapes, "float32", static)
    table = [np.ones(v.aval.shape, np.float32) for v in values]
    step(table)
    tracemalloc.start()
    for _ in range(20):
        step(table)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 150_000  # of NumPy's own iteration buffers


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "name", ["max_pool", "sum_pool", "max_pool_grad", "sum_pool_grad"]
)
@pytest.mark.parametrize(
    ("window", "strides", "padding"),
    [
        ((2, 2), (2, 2), ((0, 0), (0, 0))),  # all of the even side, not of the odd
        ((2, 3), (2, 3), ((1, 0), (0, 1))),
        ((3, 3), (2, 1), ((1, 1), (0, 2))),
        ((4, 3), (4, 3), ((0, 0), (0, 0))),  # more places than copies are made of
        ((1, 1), (1, 1), ((0, 0), (0, 0))),
    ],
)
def test_pools_have_the_bits_of_the_eager_kernels(
    name, window, strides, padding, dtype
):
    """Ties, infinities and what is not a number among them."""
    check_pool(name, window, strides, padding, dtype)


@pytest.mark.parametrize("name", ["max_pool", "sum_pool", "max_pool_grad"])
@pytest.mark.parametrize(
    ("window", "strides", "padding"),
    [((2, 2), (2, 2), ((0, 0), (0, 0))), ((3, 3), (2, 1), ((1, 1), (0, 2)))],
)
def test_several_threads_make_the_same_pools(
    monkeypatch, name, window, strides, padding
):
    monkeypatch.setattr(fills, "_BLOCK", 1)  # a block for each sample
    monkeypatch.setattr(fills, "_SHARED", 1)
    monkeypatch.setattr(sharing, "_limit", lambda: 3)
    monkeypatch.setattr(sharing, "_team", sharing._Team())
    check_pool(name, window, strides, padding, "float32")


def check_pool(name, window, strides, padding, dtype):
    rng = np.random.default_rng(3)
    static = {"window": window, "strides": strides, "padding": padding}
    image = (5, 8, 7, 3)
    pooled = lookup("max_pool").infer(Aval(image, dtype), **static).shape
    x = rng.integers(-2, 3, image).astype(dtype)
    x[0, :2, :2], x[1, 3, 3], x[2, 0, 0] = -np.inf, np.nan, np.inf
    dy = rng.standard_normal(pooled).astype(dtype)
    given = (
        [x, dy] if name == "max_pool_grad" else [dy if name == "sum_pool_grad" else x]
    )
    if name == "sum_pool_grad":
        static["input_shape"] = image
    step, values = lowered(name, [a.shape for a in given], dtype, static)
    out = np.full(values[-1].aval.shape, 7, dtype)
    for _ in range(2):
        step([*given, out])
        np.testing.assert_array_equal(out, BACKEND.kernels[name](*given, **static))
