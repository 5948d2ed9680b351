"""Winograd convolutions: against float64 and the direct kernels, and when they are used."""

import functools
import os
import subprocess
import sys
from unittest import mock

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from minikeras_numba.machine import team
from minikeras_numba.products import conv_grad
from minikeras_numba.products.conv import lower_conv
from minikeras_numba.products.conv_grad import (
    lower_conv_filter_grad,
    lower_conv_input_grad,
)
from minikeras_numba.products.epilogue import lower_epilogue
from minikeras_numba.products.winograd import filter_grad as winograd_grad
from minikeras_numba.products.winograd import grid as winograd
from minikeras_numba.tiles import scratch
from minikeras_numpy.windows import Geometry

from minikeras.extend import Aval, Graph, Node, Value, lookup
from tests.backends.numba.bodies import Body

RNG = np.random.default_rng(0)
PLAIN = {"strides": (1, 1), "dilation": (1, 1), "groups": 1}
SAME = ((1, 1), (1, 1))
VALID = ((0, 0), (0, 0))


def ahead(work, turned):
    """In place of `preferred`: the forward pass's tiles wherever they are possible."""
    return work.taps == 3 and work.batch >= team.get_threads()


def never(work, turned):
    return False


owned = scratch.owned


def soiled(nbytes):
    """A workspace full of NaN: nothing in it may be read before it is written."""
    array = owned(nbytes)
    array[...] = 0xFF
    return array


@pytest.fixture
def always(monkeypatch):
    """Tiles wherever they are possible, cheap or not."""
    monkeypatch.delenv("MINIKERAS_WINOGRAD", raising=False)
    monkeypatch.setattr(winograd, "pays", lambda work: True)
    monkeypatch.setattr(scratch, "owned", soiled)


@pytest.fixture
def directly(monkeypatch):
    """Call a function with Winograd switched off."""

    def call(function, *args, **kwargs):
        with monkeypatch.context() as patch:
            patch.setenv("MINIKERAS_WINOGRAD", "0")
            return function(*args, **kwargs)

    return call


def draws(batch, height, width, channels, filters, kernel, padding):
    """x, w and dy of a layer."""
    (top, bottom), (left, right) = padding
    out = (height + top + bottom - kernel + 1, width + left + right - kernel + 1)
    x = RNG.standard_normal((batch, height, width, channels))
    w = RNG.standard_normal((kernel, kernel, channels, filters))
    w *= np.sqrt(2 / (kernel * kernel * channels))
    dy = RNG.standard_normal((batch, *out, filters))
    return [a.astype("float32") for a in (x, w, dy)]


def exact(x, w, dy, padding):
    """y, dx and dw in float64: a matmul for each tap."""
    padded = np.pad(x.astype("float64"), ((0, 0), *padding, (0, 0)))
    y, dpadded, dw = np.zeros(dy.shape), np.zeros(padded.shape), np.zeros(w.shape)
    height, width = dy.shape[1:3]
    for i, j in np.ndindex(w.shape[:2]):
        at = (slice(None), slice(i, i + height), slice(j, j + width))
        y += padded[at] @ w[i, j].astype("float64")
        dpadded[at] += dy.astype("float64") @ w[i, j].T
        dw[i, j] = np.tensordot(padded[at], dy, ((0, 1, 2), (0, 1, 2)))
    (top, _), (left, _) = padding
    inside = dpadded[:, top : top + x.shape[1], left : left + x.shape[2]]
    return y, inside, dw


def lowered(run, x, w, dy, padding):
    """y, dx and dw of the lowered nodes."""
    static = {**PLAIN, "padding": padding}
    y, _, _ = run(lower_conv, "conv", [x, w], **static)
    dx, _, _ = run(
        lower_conv_input_grad,
        "conv_input_grad",
        [dy, w],
        input_shape=x.shape,
        **static,
    )
    dw, _, _ = run(
        lower_conv_filter_grad,
        "conv_filter_grad",
        [x, dy],
        kernel_shape=w.shape,
        **static,
    )
    return y, dx, dw


@settings(max_examples=120)
@given(data=st.data())
def test_any_layer(run_node_anywhere, data):
    draw = lambda low, high: data.draw(st.integers(low, high))  # noqa: E731
    kernel = data.draw(st.sampled_from([3, 5]))
    height, width = draw(1, 15), draw(1, 15)
    padding = tuple((draw(0, kernel), draw(0, kernel)) for _ in range(2))
    sizes = zip((height, width), padding, strict=True)
    assume(all(n + sum(p) >= kernel for n, p in sizes))
    channels = data.draw(st.sampled_from([1, 3, 15, 16, 17, 40]))
    filters = data.draw(st.sampled_from([1, 7, 16, 33, 64, 70]))
    arrays = draws(draw(1, 7), height, width, channels, filters, kernel, padding)
    before = team.get_threads()
    team.set_threads(draw(1, 3))
    try:
        with (
            mock.patch.object(winograd, "pays", return_value=True),
            mock.patch.object(scratch, "owned", soiled),
            mock.patch.object(conv_grad, "preferred", ahead if draw(0, 1) else never),
        ):
            found = lowered(run_node_anywhere, *arrays, padding)
    finally:
        team.set_threads(before)
    for got, want in zip(found, exact(*arrays, padding), strict=True):
        limit = 1e-5 * max(1.0, np.abs(want).max())
        np.testing.assert_allclose(got, want, rtol=0, atol=limit)


@pytest.mark.parametrize("most", [1, 5, 40])
def test_gradient_through_the_forward_tiles(run_node, threads, always, most):
    """Strips add up over blocks of part of an image and of several."""
    for padding in (VALID, SAME, ((2, 0), (0, 1))):
        arrays = draws(7, 15, 14, 20, 18, 3, padding)
        with (
            mock.patch.object(conv_grad, "preferred", ahead),
            mock.patch(
                "minikeras_numba.products.winograd.input_grad.room", return_value=most
            ),
        ):
            found = lowered(run_node, *arrays, padding)[1]
        want = exact(*arrays, padding)[1]
        np.testing.assert_allclose(found, want, rtol=0, atol=1e-5)


LAYERS = {
    "resnet, first stage": (2, 32, 32, 16, 16, 3, SAME),
    "resnet, second stage": (5, 16, 16, 32, 32, 3, SAME),
    "resnet, third stage": (26, 8, 8, 64, 64, 3, SAME),
    "second layer of the CNN": (5, 13, 13, 32, 64, 3, VALID),
    "five taps": (4, 14, 14, 32, 32, 5, ((2, 2), (2, 2))),
    "one large image": (1, 50, 60, 24, 40, 3, SAME),
    "more strips than fit a block": (1, 120, 20, 64, 64, 3, SAME),
    "wide": (1, 9, 400, 32, 32, 3, SAME),
    "deep": (3, 12, 12, 300, 70, 3, SAME),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers(run_node, threads, always, directly, name):
    *sizes, padding = LAYERS[name]
    arrays = draws(*sizes, padding)
    want = exact(*arrays, padding)
    tiles = lowered(run_node, *arrays, padding)
    plain = directly(lowered, run_node, *arrays, padding)
    for got, other, right in zip(tiles, plain, want, strict=True):
        error, usual = np.abs(got - right), np.abs(other - right)
        assert error.max() < 1e-5 * np.abs(right).max()
        # an order of magnitude is what the documentation allows
        assert error.max() < 10 * usual.max()
        assert np.sqrt(np.mean(error**2)) < 5 * np.sqrt(np.mean(usual**2))
        assert not np.array_equal(got, other)


@pytest.mark.parametrize("channels", [16, 64, 256])
def test_error_after_relu(run_node, always, directly, channels):
    """Inputs of one sign, as after an activation, do not add up to a worse error."""
    x, w, dy = draws(1, 24, 24, channels, 32, 3, SAME)
    arrays = [np.maximum(x, 0), w, dy]
    want = exact(*arrays, SAME)[0]
    tiles = lowered(run_node, *arrays, SAME)[0]
    plain = directly(lowered, run_node, *arrays, SAME)[0]
    assert np.abs(tiles - want).max() < 10 * np.abs(plain - want).max()
    assert np.abs(tiles - want).max() < 5e-6 * np.abs(want).max()


@pytest.mark.parametrize("shape", [(6, 20, 20, 24, 33), (1, 64, 40, 16, 16)])
def test_results_do_not_depend_on_threads(run_node, always, shape):
    arrays = draws(*shape, 3, SAME)
    before = team.get_threads()
    found = []
    try:
        for count in (1, 2, 5):
            team.set_threads(count)
            y, dx, _ = lowered(run_node, *arrays, SAME)
            found.append((y.copy(), dx.copy()))
    finally:
        team.set_threads(before)
    for other in found[1:]:
        np.testing.assert_array_equal(other[0], found[0][0])
        np.testing.assert_array_equal(other[1], found[0][1])


def test_a_plan_gives_the_same_bits_on_any_number_of_threads(run_node, always):
    x, w, dy = draws(7, 20, 20, 24, 33, 3, SAME)
    before = team.get_threads()
    static = {**PLAIN, "padding": SAME, "kernel_shape": w.shape}
    try:
        team.set_threads(4)
        first, step, registers = run_node(
            lower_conv_filter_grad, "conv_filter_grad", [x, dy], **static
        )
        first = first.copy()
        for count in (1, 2, 4):
            team.set_threads(count)
            step(registers)
            np.testing.assert_array_equal(registers[2], first)
    finally:
        team.set_threads(before)


def grid(x, filters, kernel, padding, dtype="float32", **changed):
    static = {**PLAIN, "padding": padding, **changed}
    w = (kernel, kernel, x[-1] // static["groups"], filters)
    return winograd.grid(Geometry.of_conv(x, w, static), dtype)


USED = [
    ((128, 32, 32, 16), 16, 3, SAME),
    ((128, 16, 16, 32), 32, 3, SAME),
    ((128, 8, 8, 64), 64, 3, SAME),
    ((128, 13, 13, 32), 64, 3, VALID),
    ((1, 32, 32, 16), 16, 3, SAME),
    ((1, 56, 56, 64), 64, 3, SAME),
    ((1, 8, 8, 64), 64, 3, SAME),
    ((32, 14, 14, 32), 64, 5, ((2, 2), (2, 2))),
]
LEFT = [
    ((128, 28, 28, 1), 32, 3, VALID),  # one channel: transforms cost more
    ((32, 32, 32, 3), 16, 3, SAME),
    ((1, 4, 4, 64), 64, 3, SAME),  # one tile does not pay for the filters
    ((1, 7, 7, 512), 512, 3, SAME),  # filters come from memory for four tiles
    ((4, 2, 2, 64), 64, 3, SAME),  # tiles mostly outside of the image
    ((8, 16, 16, 32), 32, 1, VALID),
    ((8, 16, 16, 32), 32, 7, ((3, 3), (3, 3))),
]


def test_where_it_is_used(monkeypatch):
    monkeypatch.delenv("MINIKERAS_WINOGRAD", raising=False)
    for layer in USED:
        assert grid(*layer) is not None, layer
    for layer in LEFT:
        assert grid(*layer) is None, layer
    layer = USED[2]
    assert grid(*layer, dtype="float64") is None
    assert grid(*layer, groups=2) is None
    assert grid(*layer, strides=(2, 2)) is None
    assert grid(*layer, dilation=(1, 2)) is None
    assert grid((0, 8, 8, 64), 64, 3, SAME) is None
    monkeypatch.setenv("MINIKERAS_WINOGRAD", "0")
    assert not any(grid(*layer) for layer in USED)


def test_lowering_uses_the_tiles(run_node, directly, monkeypatch):
    monkeypatch.delenv("MINIKERAS_WINOGRAD", raising=False)
    arrays = draws(4, 16, 16, 32, 32, 3, SAME)
    made = []
    for module, name in (
        ("minikeras_numba.products.winograd.grid", "phases"),
        ("minikeras_numba.products.conv_grad", "input_grad_phases"),
        ("minikeras_numba.products.conv_grad", "filter_grad_phases"),
    ):
        real = getattr(sys.modules[module], name)

        @functools.wraps(real)
        def spy(*args, real=real, **kwargs):
            made.append(real.__name__)
            return real(*args, **kwargs)

        monkeypatch.setattr(sys.modules[module], name, spy)
    lowered(run_node, *arrays, SAME)
    assert made == ["phases", "phases", "filter_grad_phases"]
    directly(lowered, run_node, *arrays, SAME)
    assert len(made) == 3
    lowered(run_node, *draws(4, 13, 13, 32, 64, 3, VALID), VALID)
    assert made[3:] == ["phases", "input_grad_phases", "filter_grad_phases"]


def test_sums_too_large_for_all_threads_are_left_to_the_direct_way(monkeypatch):
    deep = grid((8, 14, 14, 512), 512, 3, SAME)
    assert winograd_grad.affordable(deep)
    monkeypatch.setattr(winograd_grad, "get_threads", lambda: 64)
    assert not winograd_grad.affordable(deep)
    assert winograd_grad.affordable(grid((8, 14, 14, 64), 64, 3, SAME))


def test_blocks_cover_the_batch_once(threads):
    for layer in USED:
        work = grid(*layer)
        for most in (1, 9, 50, 400):
            for together in (False, True):
                units, room = winograd.cut(work, most, together)
                seen = [
                    (image + s.image, s.number)
                    for unit in units
                    for image, strips in unit
                    for s in strips
                ]
                assert sorted(seen) == list(np.ndindex(work.batch, work.down))
                sizes = [len(strips) for unit in units for _, strips in unit]
                assert max(sizes) * work.across == room
                owners = [{n for n, _ in unit} for unit in units]
                if together:
                    assert sum(map(len, owners)) == len(set().union(*owners))


def test_a_wild_input_spoils_its_own_tiles_only(run_node, always):
    x, w, _ = draws(2, 16, 16, 16, 16, 3, SAME)
    x[1, 5, 5, 3] = np.inf
    got, _, _ = run_node(lower_conv, "conv", [x, w], padding=SAME, **PLAIN)
    reached = np.isfinite(got).all(axis=-1)
    assert reached[0].all()
    assert not reached[1, 4:8, 4:8].any()
    reached[1, 4:8, 4:8] = True
    assert reached[1].all()


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("shape", [(9, 11, 11, 24, 33), (1, 64, 40, 16, 16)])
def test_epilogue(threads, always, shape, residual):
    x, w, dy = draws(*shape, 3, SAME)
    bias = RNG.standard_normal(w.shape[-1]).astype("float32")
    arrays = [x, w, bias]
    body = Body()
    core = body.input(exact(x, w, dy, SAME)[0].astype("float32"))
    y = body("add", core, body.input(bias))
    if residual:
        arrays.append(RNG.standard_normal(dy.shape).astype("float32"))
        y = body("add", y, body.input(arrays[-1]))
    y = body("maximum", y, body.constant(0.0))
    inputs = [Value(Aval(a.shape, "float32")) for a in arrays]
    out = Value(y.aval)
    static = {
        "core": "conv",
        "core_static": tuple(sorted({**PLAIN, "padding": SAME}.items())),
        "n_core": 2,
        "body": Graph(body.inputs, body.constants, body.nodes, [y]),
    }
    node = Node(lookup("epilogue"), inputs, [out], static)
    regs = {v: i for i, v in enumerate([*inputs, out])}
    registers = team.Registers(len(regs))
    for i, array in enumerate([*arrays, np.full(dy.shape, np.nan, "float32")]):
        registers[i] = array
    with mock.patch.object(winograd, "phases", wraps=winograd.phases) as used:
        lower_epilogue(node, regs)(registers)
    assert used.call_count == 1
    np.testing.assert_allclose(registers[len(arrays)], body.known[y], atol=1e-5)


def test_large_sums_are_there_once(run_node, always, monkeypatch):
    """Threads take filters, not images: the bits are those of one thread."""
    arrays = draws(6, 9, 11, 20, 200, 3, SAME)
    before = team.get_threads()
    sizes = []
    monkeypatch.setattr(scratch, "owned", lambda n: sizes.append(n) or soiled(n))
    made = {}
    try:
        for name, limit, threads in (("one", 0, 1), ("shared", 0, 3), ("own", 1e9, 3)):
            monkeypatch.setattr(winograd_grad, "SHARED_BYTES", limit)
            team.set_threads(threads)
            sizes.clear()
            made[name] = lowered(run_node, *arrays, SAME)[2], sum(sizes)
    finally:
        team.set_threads(before)
    want = exact(*arrays, SAME)[2]
    for got, _ in made.values():
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-5 * np.abs(want).max())
    np.testing.assert_array_equal(made["shared"][0], made["one"][0])
    one = 36 * 20 * 200 * 4  # two of them less
    assert made["shared"][1] < made["own"][1] - 2 * one


NARROW = """
import sys
import llvmlite.binding as llvm
width = int(sys.argv[1])
features = llvm.get_host_cpu_features()
for name in features:
    if name.startswith("avx512") or width < 32 and name.startswith(("avx", "fma", "f16c")):
        features[name] = False
llvm.get_host_cpu_features = lambda: features
llvm.get_host_cpu_name = lambda: "haswell" if width == 32 else "x86-64"
sys.path[:0] = sys.argv[2:]
import pytest
from minikeras_numba.machine.jit import host
assert host().vector_bytes == width
tests = "tests/backends/numba/products/test_winograd.py"
chosen = "CNN or wide or where"
plain = ["-p", "no:cacheprovider", "-p", "no:xdist"]  # xdist need not be there
sys.exit(pytest.main([tests, "-q", "-k", chosen, *plain]))
"""


@pytest.mark.parametrize("width", [32, 16])
def test_narrower_processors(width):
    if not sys.platform.startswith("linux") or os.uname().machine != "x86_64":
        pytest.skip("the features taken away are those of x86")
    from minikeras_numba.machine.jit import host

    if host().vector_bytes < width:
        pytest.skip("the processor is narrower still")
    command = [sys.executable, "-c", NARROW, str(width), *filter(None, sys.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
