"""Lowered convolutions and their gradients against a plain one in float64."""

from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from minikeras_numba.products.conv import lower_conv
from minikeras_numba.products.conv_grad import (
    lower_conv_filter_grad,
    lower_conv_input_grad,
)

RNG = np.random.default_rng(0)


def reference(x, w, dy, strides, padding, dilation, groups):
    """y, dx, dw: a matmul for each tap and group."""
    rank, cin, fan = x.ndim - 2, w.shape[-2], w.shape[-1] // groups
    padded = np.pad(x.astype("float64"), ((0, 0), *padding, (0, 0)))
    y, dpadded, dw = np.zeros(dy.shape), np.zeros(padded.shape), np.zeros(w.shape)
    outs = dy.shape[1:-1]
    for tap in product(*map(range, w.shape[:rank])):
        begin = [t * d for t, d in zip(tap, dilation, strict=True)]
        spatial = tuple(
            slice(b, b + (o - 1) * s + 1, s)
            for b, o, s in zip(begin, outs, strides, strict=True)
        )
        for g in range(groups):
            at = (slice(None), *spatial, slice(g * cin, (g + 1) * cin))
            f = slice(g * fan, (g + 1) * fan)
            y[..., f] += padded[at] @ w[tap][:, f].astype("float64")
            dpadded[at] += dy[..., f].astype("float64") @ w[tap][:, f].T
            axes = list(range(rank + 1))
            dw[tap][:, f] += np.tensordot(padded[at], dy[..., f], (axes, axes))
    inside = [
        slice(lo, lo + n) for (lo, _), n in zip(padding, x.shape[1:-1], strict=True)
    ]
    return y, dpadded[(slice(None), *inside)], dw


def check(run, batch, spatial, cin, cout, kernel, dtype="float32", **static):
    outs = [
        (n + sum(p) - (k - 1) * d - 1) // s + 1
        for n, p, k, d, s in zip(
            spatial,
            static["padding"],
            kernel,
            static["dilation"],
            static["strides"],
            strict=True,
        )
    ]
    x = RNG.standard_normal((batch, *spatial, cin)).astype(dtype)
    w = RNG.standard_normal((*kernel, cin // static["groups"], cout)).astype(dtype)
    dy = RNG.standard_normal((batch, *outs, cout)).astype(dtype)
    y, dx, dw = reference(x, w, dy, **static)
    found = run(lower_conv, "conv", [x, w], **static)[0]
    shape = {"input_shape": x.shape}
    towards_x = run(
        lower_conv_input_grad, "conv_input_grad", [dy, w], **shape, **static
    )
    shape = {"kernel_shape": w.shape}
    towards_w = run(
        lower_conv_filter_grad, "conv_filter_grad", [x, dy], **shape, **static
    )
    unit = 4e-6 if dtype == "float32" else 1e-14
    taps = int(np.prod(kernel))
    amounts = (taps * cin, taps * cout, batch * int(np.prod(outs)))
    got = (found, towards_x[0], towards_w[0])
    for result, expected, terms in zip(got, (y, dx, dw), amounts, strict=True):
        np.testing.assert_allclose(result, expected, rtol=0, atol=unit * (terms + 2))


@settings(max_examples=150)
@given(data=st.data())
def test_any_window(run_node_anywhere, data):
    rank = data.draw(st.integers(1, 3))
    draw = lambda low, high: data.draw(st.integers(low, high))  # noqa: E731
    kernel = tuple(draw(1, 4) for _ in range(rank))
    padding = tuple((draw(0, 5), draw(0, 5)) for _ in range(rank))
    dilation = tuple(draw(1, 3) for _ in range(rank))
    spatial = tuple(draw(1, 9) for _ in range(rank))
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    assume(
        all(n + sum(p) >= r for n, p, r in zip(spatial, padding, reach, strict=True))
    )
    groups = draw(1, 3)
    check(
        run_node_anywhere,
        draw(0, 3),
        spatial,
        groups * draw(1, 18),
        groups * draw(1, 35),
        kernel,
        data.draw(st.sampled_from(["float32", "float64"])),
        strides=tuple(draw(1, 5) for _ in range(rank)),
        padding=padding,
        dilation=dilation,
        groups=groups,
    )


LAYERS = {
    "first layer": (8, (28, 28), 1, 32, (3, 3), (1, 1), (0, 0)),
    "second layer": (8, (13, 13), 32, 64, (3, 3), (1, 1), (0, 0)),
    "same": (5, (14, 14), 16, 80, (3, 3), (1, 1), (1, 1)),
    "strided stem": (2, (32, 32), 3, 64, (7, 7), (2, 2), (2, 3)),
    "pointwise": (4, (9, 9), 24, 48, (1, 1), (1, 1), (0, 0)),
    "pointwise, strided": (4, (9, 9), 24, 48, (1, 1), (2, 2), (0, 0)),
    "one large image": (1, (70, 40), 8, 16, (3, 3), (1, 1), (1, 1)),
    "deep": (2, (6, 6), 300, 70, (3, 3), (1, 1), (1, 1)),
    "column": (40, (90, 1), 16, 20, (5, 1), (1, 1), (0, 0)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers(run_node, threads, name):
    batch, spatial, cin, cout, kernel, strides, pad = LAYERS[name]
    padding = (pad, pad) if kernel[1] > 1 else ((0, 0), (0, 0))
    static = {"strides": strides, "padding": padding, "dilation": (1, 1), "groups": 1}
    check(run_node, batch, spatial, cin, cout, kernel, **static)


def test_depthwise(run_node, threads):
    static = {"strides": (1, 1), "padding": ((1, 1),) * 2, "dilation": (1, 1)}
    check(run_node, 2, (8, 8), 12, 24, (3, 3), **static, groups=12)


def test_inputs_may_change_between_runs(run_node, threads):
    static = {"strides": (1,), "padding": ((1, 1),), "dilation": (1,), "groups": 1}
    x = RNG.standard_normal((64, 50, 20)).astype("float32")
    w = RNG.standard_normal((3, 20, 70)).astype("float32")
    out, closure, registers = run_node(lower_conv, "conv", [x, w], **static)
    before = out.copy()
    w *= 2
    closure(registers)
    np.testing.assert_array_equal(registers[2], before * 2)
