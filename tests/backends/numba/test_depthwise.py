"""Depthwise convolutions and their gradients against the NumPy kernels in float64."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from minikeras_numba.conv import lower_conv
from minikeras_numba.conv_grad import lower_conv_filter_grad, lower_conv_input_grad

from minikeras.engine import backend as registry

RNG = np.random.default_rng(0)


@st.composite
def geometries(draw):
    rank = draw(st.integers(1, 3))
    kernel = [draw(st.integers(1, 5 if rank < 3 else 2)) for _ in range(rank)]
    strides = [draw(st.integers(1, 3)) for _ in range(rank)]
    dilation = [draw(st.integers(1, 2)) for _ in range(rank)]
    padding = [(draw(st.integers(0, 2)), draw(st.integers(0, 2))) for _ in range(rank)]
    sizes = [
        max(d * (k - 1) + 1 - lo - hi, 1) + draw(st.integers(0, 6))
        for k, d, (lo, hi) in zip(kernel, dilation, padding, strict=True)
    ]
    channels = draw(st.sampled_from([2, 3, 16, 17, 33]))
    how = {
        "strides": tuple(strides),
        "dilation": tuple(dilation),
        "padding": tuple(padding),
        "groups": channels,
    }
    return draw(st.integers(1, 3)), tuple(sizes), channels, tuple(kernel), how


def close(got, expected):
    scale = max(1.0, float(np.abs(expected).max(initial=0)))
    np.testing.assert_allclose(got, expected, rtol=0, atol=2e-5 * scale)


@given(geometry=geometries())
def test_every_geometry(run_node_anywhere, geometry):
    batch, sizes, channels, kernel, how = geometry
    kernels = registry.load("numpy").kernels
    x = RNG.standard_normal((batch, *sizes, channels)).astype("float32")
    w = RNG.standard_normal((*kernel, 1, channels)).astype("float32")
    y = kernels["conv"](x.astype("f8"), w.astype("f8"), **how)
    close(run_node_anywhere(lower_conv, "conv", [x, w], **how)[0], y)

    dy = RNG.standard_normal(y.shape).astype("float32")
    wide = dy.astype("f8")
    back = {**how, "input_shape": x.shape}
    expected = kernels["conv_input_grad"](wide, w.astype("f8"), **back)
    run = run_node_anywhere(lower_conv_input_grad, "conv_input_grad", [dy, w], **back)
    close(run[0], expected)

    learn = {**how, "kernel_shape": w.shape}
    expected = kernels["conv_filter_grad"](x.astype("f8"), wide, **learn)
    run = run_node_anywhere(
        lower_conv_filter_grad, "conv_filter_grad", [x, dy], **learn
    )
    close(run[0], expected)


@pytest.mark.parametrize("channels", [16, 40])
def test_images_large_enough_to_be_shared(run_node, threads, channels):
    how = {
        "strides": (1, 1),
        "dilation": (1, 1),
        "padding": ((1, 1), (1, 1)),
        "groups": channels,
    }
    x = RNG.standard_normal((6, 40, 41, channels)).astype("float32")
    w = RNG.standard_normal((3, 3, 1, channels)).astype("float32")
    expected = registry.load("numpy").kernels["conv"](
        x.astype("f8"), w.astype("f8"), **how
    )
    close(run_node(lower_conv, "conv", [x, w], **how)[0], expected)
    learn = {**how, "kernel_shape": w.shape}
    grads = registry.load("numpy").kernels["conv_filter_grad"](
        x.astype("f8"), expected, **learn
    )
    dy = expected.astype("float32")
    got = run_node(lower_conv_filter_grad, "conv_filter_grad", [x, dy], **learn)[0]
    close(got, grads)
