"""Convolutions of the NumPy backend: ways to one result."""

import numpy as np
import pytest
from minikeras_numpy import conv, sharing
from minikeras_numpy.conv import Conv
from minikeras_numpy.windows import Geometry


@pytest.mark.parametrize(
    "padding", [((1, 1), (1, 1)), ((0, 0), (2, 1)), ((2, 2), (0, 2))]
)
@pytest.mark.parametrize("dilation", [(1, 1), (2, 1)])
def test_the_gradient_by_windows_is_the_one_by_taps(padding, dilation):
    rng = np.random.default_rng(1)
    w = rng.standard_normal((3, 3, 5, 4))
    how = {"strides": (1, 1), "padding": padding, "dilation": dilation, "groups": 1}
    geometry = Geometry.of_conv((3, 8, 7, 5), w.shape, how)
    dy = rng.standard_normal((3, *geometry.out, 4))
    plan = Conv(np, geometry, dy.dtype)
    shape = (3, 8, 7, 5)
    taps = plan._input_grad_by_tap(dy, w, np.empty(shape))
    windows = plan._input_grad_by_windows(dy, w, np.empty(shape))
    np.testing.assert_allclose(windows, taps, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("dilation", [(1, 1), (2, 1), (1, 2)])
@pytest.mark.parametrize("strides", [(1, 1), (2, 1), (3, 2)])
@pytest.mark.parametrize(
    ("kernel", "channels"), [((3, 3), 1), ((2, 3), 2), ((1, 4), 5)]
)
def test_gathered_windows_are_those_of_the_image(
    kernel, channels, strides, dilation, dtype
):
    """However they are copied: item by item, or place by place where lines are short."""
    x = np.random.default_rng(2).standard_normal((3, 9, 8, channels)).astype(dtype)
    how = {
        "strides": strides,
        "padding": ((1, 0), (0, 2)),
        "dilation": dilation,
        "groups": 1,
    }
    geometry = Geometry.of_conv(x.shape, (*kernel, channels, 4), how)
    plan = Conv(np, geometry, x.dtype)
    columns = plan._columns(x).reshape(3, *geometry.out, *kernel, channels)
    wide = np.pad(x, ((0, 0), (1, 0), (0, 2), (0, 0)))
    for at in np.ndindex(columns.shape[1:5]):
        row, column = (
            a * s + t * d
            for a, s, t, d in zip(at[:2], strides, at[2:], dilation, strict=True)
        )
        np.testing.assert_array_equal(columns[(slice(None), *at)], wide[:, row, column])


def _by_turns(count, work, worth=True):
    """Shares out as three threads may, whatever the machine has to do beside."""
    for number in reversed(range(count)) if worth else range(count):
        work(number % 3 if worth else 0, number)


@pytest.mark.parametrize("strides", [(1, 1), (2, 1)])
@pytest.mark.parametrize(
    ("channels", "filters", "groups"), [(5, 6, 1), (24, 3, 1), (6, 12, 6)]
)
@pytest.mark.parametrize("share", [sharing.share, _by_turns], ids=["threads", "turns"])
def test_bits_are_those_of_one_thread(
    monkeypatch, channels, filters, groups, strides, share
):
    """Blocks that several threads share out, with borders, a last one that is smaller."""
    monkeypatch.setattr(conv, "share", share)
    monkeypatch.setattr(conv, "_BLOCK", 2 * 9 * 8 * 9 * channels)
    monkeypatch.setattr(conv, "_SHARED", 1)
    monkeypatch.setattr(sharing, "_limit", lambda: 3)
    monkeypatch.setattr(sharing, "_team", sharing._Team())
    rng = np.random.default_rng(3)
    x = rng.standard_normal((17, 9, 8, channels)).astype("float32")
    w = rng.standard_normal((3, 3, channels // groups, filters)).astype("float32")
    how = {"strides": strides, "padding": ((1, 1), (0, 2)), "dilation": (1, 1)}
    geometry = Geometry.of_conv(x.shape, w.shape, {**how, "groups": groups})
    dy = rng.standard_normal((17, *geometry.out, filters)).astype("float32")

    def all_ways(plan):
        results = [np.empty_like(dy), np.empty_like(w), np.empty_like(x)]
        for _ in range(3):
            plan.forward(x, w, results[0])
            plan.filter_grad(x, dy, results[1])
            plan.input_grad(dy, w, results[2])
        return results

    shared = Conv(np, geometry, x.dtype)
    assert shared.shared
    by_many = all_ways(shared)
    monkeypatch.setattr(Conv, "_is_shared", lambda self: False)
    by_one = all_ways(Conv(np, geometry, x.dtype))
    for got, wanted in zip(by_many, by_one, strict=True):
        np.testing.assert_array_equal(got, wanted)
    # Of threads it can't be said whether the others come before the caller is done.
    assert share is sharing.share or sorted(shared._lanes) == [1, 2]
