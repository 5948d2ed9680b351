"""Strided copies and loops as native steps, against NumPy's kernels and Python's loop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minikeras as keras
from minikeras.engine import backend as registry
from minikeras.engine.autodiff import GradientTape
from minikeras.engine.compile import jit
from minikeras.engine.graph import Graph
from minikeras.extend import lookup, numpy_dtype
from tests.engine.staged import run_graph, stage

pytest.importorskip("llvmlite")
from minikeras_numba.machine.team import get_threads, set_threads
from minikeras_numba.rows.moving import MOVES
from minikeras_numba.sequences.chain import is_native

DTYPES = ("float32", "float64", "float16", "bool", "int8", "int32")


def steps_of(graph: Graph):
    """The prepared step of each node."""
    backend = registry.load("numba")
    regs = {v: i for i, v in enumerate(graph.values())}
    return [backend.lower(n, regs) for n in graph.nodes if n.prim.name in MOVES]


@st.composite
def moves(draw):
    """A movement, and the shapes of what it takes."""
    shape = tuple(
        draw(st.lists(st.sampled_from((1, 2, 3, 5, 18)), min_size=1, max_size=4))
    )
    axes = range(len(shape))
    name = draw(st.sampled_from(sorted(MOVES)))
    if name == "transpose":
        return name, [shape], {"perm": tuple(draw(st.permutations(axes)))}
    if name == "broadcast_to":
        kept = tuple(d if draw(st.booleans()) else 1 for d in shape)
        return name, [kept], {"shape": (draw(st.integers(1, 3)), *shape)}
    if name == "flip":
        return name, [shape], {"axes": tuple(a for a in axes if draw(st.booleans()))}
    if name == "pad":
        pair = st.tuples(st.integers(0, 2), st.integers(0, 2))
        return name, [shape, ()], {"widths": tuple(draw(pair) for _ in shape)}
    if name == "concat":
        axis = draw(st.sampled_from(axes))
        sizes = draw(st.lists(st.integers(0, 3), min_size=1, max_size=3))
        parts = [(*shape[:axis], n, *shape[axis + 1 :]) for n in sizes]
        return name, parts, {"axis": axis}
    starts, stops, steps, small = [], [], [], []
    for d in shape:
        step = draw(st.sampled_from((1, 2, -1, -2)))
        first = draw(st.integers(0, d - 1))
        stop = draw(st.integers(first, d) if step > 0 else st.integers(-1, first))
        starts.append(first)
        stops.append(stop)
        steps.append(step)
        small.append(len(range(first, stop, step)))
    static = {"starts": tuple(starts), "stops": tuple(stops), "steps": tuple(steps)}
    if name == "pad_strided":
        return name, [tuple(small)], {"shape": shape, **static}
    return name, [shape], static


@given(move=moves(), dtype=st.sampled_from(DTYPES), seed=st.integers(0, 99))
def test_moves_are_numpys(move, dtype, seed):
    name, shapes, static = move
    rng = np.random.default_rng(seed)
    arrays = [np.asarray(rng.integers(0, 9, s), numpy_dtype(dtype)) for s in shapes]
    prim = lookup(name)
    graph = stage(lambda *xs: prim(*xs, **static), *shapes, dtype=dtype)
    assert all(map(is_native, steps_of(graph)))
    with registry.using("numba"):
        (got,) = run_graph(graph, *arrays)
    expected = registry.load("numpy").kernels[name](*arrays, **static)
    np.testing.assert_array_equal(got, expected)


def test_large_moves_are_shared_out():
    """More rows than a thread's share: every one is where it belongs."""
    x = np.random.default_rng(0).normal(size=(40, 64, 80)).astype("float32")
    with registry.using("numba"):
        got = jit(lambda x: keras.ops.transpose(x, (2, 0, 1)))(x)
    np.testing.assert_array_equal(got, x.transpose(2, 0, 1))


@pytest.mark.parametrize("reverse", [False, True])
def test_a_loop_of_kernels_is_one_native_step(reverse, monkeypatch):
    """Slices, carried values, rows of results, views of inputs and gradients."""
    rng = np.random.default_rng(1)
    xs, w = rng.normal(size=(7, 4, 6)), rng.normal(size=(3, 6)) / 4
    h, bias = rng.normal(size=(4, 3)), rng.normal(size=(1, 3))
    xs, w, h, bias = (a.astype("float32") for a in (xs, w, h, bias))

    def run(xs, w, h, bias):
        def body(carry, x):
            state, count = carry
            gates = keras.ops.matmul(state, w) + x
            new = keras.ops.tanh(gates[:, :3]) * gates[:, 3:] + keras.ops.reshape(
                bias, (3,)
            )
            return (new, count + 1), (new, keras.ops.transpose(new))

        with GradientTape() as tape:
            tape.watch([xs, w, h, bias])
            (last, count), (rows, turned) = keras.ops.scan(
                body, (h, keras.ops.zeros((), "int32")), xs, reverse=reverse
            )
            total = keras.ops.sum(last * last) + keras.ops.sum(rows * rows[::-1])
        grads = tape.gradient(total, [xs, w, h, bias])
        return (last, count, rows, turned, *grads)

    lowered = []
    backend = registry.load("numba")
    original = backend.loop

    def watched(loop):
        lowered.append(original(loop))
        return lowered[-1]

    with registry.using("numba"):
        monkeypatch.setattr(backend, "loop", watched)
        native = jit(run)(xs, w, h, bias)
        again = jit(run)(xs, w, h, bias)
        assert len(lowered) >= 2 and all(map(is_native, lowered))
        monkeypatch.setattr(backend, "loop", lambda loop: None)
        plain = jit(run)(xs, w, h, bias)
    for a, b, c in zip(native, plain, again, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)


def test_the_kernels_of_a_loop_follow_the_number_of_threads():
    """More threads, fewer, more again: the same bits."""
    rng = np.random.default_rng(2)
    xs, w = rng.normal(size=(5, 300, 96)), rng.normal(size=(96, 96)) / 9
    xs, w = xs.astype("float32"), w.astype("float32")

    def run(xs, w):
        def body(h, x):
            h = keras.ops.tanh(keras.ops.matmul(h, w) + x)
            return h, h

        return keras.ops.scan(body, keras.ops.zeros((300, 96)), xs)[1]

    before = get_threads()
    with registry.using("numba"):
        compiled = jit(run)
        results = []
        try:
            for count in (2, 1, 3):
                set_threads(count)
                results.append(np.array(compiled(xs, w)))
        finally:
            set_threads(before)
    np.testing.assert_array_equal(results[1], results[0])
    np.testing.assert_array_equal(results[2], results[0])


@pytest.mark.parametrize("size", [140_000, 131_072])
@pytest.mark.parametrize("dtype", ["float32", "int8", "float64"])
def test_long_rows_are_cut(size, dtype):
    """A row that all threads share, with what is left of it."""
    x = (np.arange(size) % 251 - 125).astype(dtype)

    def whole(x):
        return keras.ops.concatenate([keras.ops.flip(x), x, x[::2]])

    expected = np.concatenate([x[::-1], x, x[::2]])
    np.testing.assert_array_equal(np.asarray(jit(whole)(x)), expected)
    spread = jit(lambda x: keras.ops.broadcast_to(x[:1], (size,)))
    np.testing.assert_array_equal(np.asarray(spread(x)), np.full(size, x[0]))
    (step,) = steps_of(
        stage(lambda x: lookup("flip")(x, axes=(0,)), x.shape, dtype=dtype)
    )
    assert max(n for _, _, n, _ in step.calls) > 1
