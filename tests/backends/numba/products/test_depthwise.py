"""Depthwise convolutions and their gradients against a plain one in float64."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from minikeras_numba.products.depthwise import is_depthwise
from minikeras_numpy.windows import Geometry

from minikeras.engine import backend as registry
from minikeras.engine import prims as p
from minikeras.engine.routine import Routine
from tests.backends.numba.products.test_conv import check
from tests.engine.staged import stage


def test_what_counts_as_depthwise():
    def counts(channels, kernel, groups):
        static = {"strides": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1)}
        shape = (2, 5, 5, channels)
        geometry = Geometry.of_conv(shape, kernel, {**static, "groups": groups})
        return is_depthwise(geometry)

    assert counts(8, (3, 3, 1, 8), 8)
    assert not counts(8, (3, 3, 1, 16), 8)  # two filters a channel
    assert not counts(8, (3, 3, 2, 8), 4)
    assert not counts(1, (3, 3, 1, 1), 1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("spatial", "channels", "kernel", "strides", "padding", "dilation"),
    [
        ((9,), 5, (3,), (2,), ((1, 1),), (1,)),
        ((9, 8), 40, (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1)),
        ((12, 11), 33, (3, 3), (2, 2), ((0, 1), (1, 0)), (1, 1)),
        ((12, 13), 16, (5, 5), (1, 1), ((2, 2), (2, 2)), (1, 1)),
        ((12, 13), 17, (3, 3), (1, 1), ((2, 2), (2, 2)), (2, 2)),
        ((9, 9), 16, (3, 2), (2, 3), ((1, 0), (0, 0)), (2, 1)),
        ((5, 6, 4), 18, (2, 3, 2), (1, 2, 1), ((1, 0), (1, 1), (0, 1)), (1, 1, 1)),
    ],
)
def test_depthwise(
    run_node, threads, dtype, spatial, channels, kernel, strides, padding, dilation
):
    static = {"strides": strides, "padding": padding, "dilation": dilation}
    args = (3, spatial, channels, channels, kernel, dtype)
    check(run_node, *args, groups=channels, **static)


@settings(max_examples=25)
@given(data=st.data())
def test_any_depthwise(run_node_anywhere, data):
    draw = data.draw
    rank = draw(st.integers(1, 2))
    channels, batch = draw(st.integers(2, 40)), draw(st.integers(1, 3))

    def several(low, high):
        number = st.integers(low, high)
        return tuple(draw(st.lists(number, min_size=rank, max_size=rank)))

    spatial, kernel = several(1, 9), several(1, 4)
    strides, dilation = several(1, 3), several(1, 3)
    padding = tuple((draw(st.integers(0, k)), draw(st.integers(0, k))) for k in kernel)
    for n, k, d, pads in zip(spatial, kernel, dilation, padding, strict=True):
        assume(n + sum(pads) > (k - 1) * d)
    static = {"strides": strides, "padding": padding, "dilation": dilation}
    args = (batch, spatial, channels, channels, kernel)
    check(run_node_anywhere, *args, groups=channels, **static)


def test_bias_and_activation_run_in_the_same_node():
    def f(x, w, bias):
        how = {"strides": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1)}
        y = p.add(p.conv(x, w, groups=20, **how), bias)
        return p.maximum(y, p.full(shape=(), dtype="float32", value=0))

    shapes = (2, 7, 6, 20), (3, 3, 1, 20), (20,)
    graph = stage(f, *shapes)
    arrays = [np.random.default_rng(0).standard_normal(s).astype("f4") for s in shapes]
    results = []
    for name in ("numba", "numpy"):
        routine = Routine(graph, [], registry.load(name))
        for register, array in zip(routine.inputs, arrays, strict=True):
            routine.registers[register] = array
        routine.run()
        results.append(np.array(routine.registers[routine.outputs[0]]))
        if name == "numba":
            assert [node.prim.name for node in routine.nodes] == ["epilogue"]
            assert routine.allocating_steps == 0
    np.testing.assert_allclose(*results, rtol=1e-5, atol=1e-5)
