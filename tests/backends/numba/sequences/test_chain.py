"""Chains: slices of a batch through several nodes, against the nodes one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from minikeras_numba.backend import SERVED
from minikeras_numba.machine import jit
from minikeras_numba.sequences.chain import is_native

from minikeras.engine import backend as registry
from minikeras.engine import prims as p
from minikeras.engine.passes import chains as module
from minikeras.engine.passes.pipeline import optimise
from minikeras.engine.passes.plan import plan
from minikeras.engine.routine import Routine
from minikeras.extend import Aval, Node, Value
from minikeras.testing import backend_contract
from tests.engine.staged import stage

HEADS = (0, 2, 1, 3)
RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def small_chains(monkeypatch):
    """Chains even where everything fits in the cache."""
    monkeypatch.setattr(module, "LEAST_BYTES", 0)


def attention(q, k, v, mask):
    q, k, v = (p.transpose(x, perm=HEADS) for x in (q, k, v))
    scores = p.matmul(q, k, transpose_a=False, transpose_b=True)
    scores = p.add(scores, mask)
    weights = p.softmax(scores, axis=3)
    mixed = p.matmul(weights, v, transpose_a=False, transpose_b=False)
    return p.transpose(mixed, perm=HEADS), weights


def links():
    """A node for each case of the rows that may be links, in each of its dtypes."""
    for case, dtype in backend_contract.cases():
        alone = case.row.kind == "elementwise" or case.row.facets.per_sample
        if case.name not in SERVED and not alone:
            continue
        inputs = [Value(Aval(a.shape, a.dtype.name)) for a in case.draw(dtype)]
        made = case.row.infer(*(v.aval for v in inputs), **case.static)
        if not case.row.multi and all(v.aval.size for v in inputs) and made.size:
            yield Node(case.row, inputs, [Value(made)], case.static)


def test_the_backend_is_asked_what_it_would_lower():
    numba, asked = registry.load("numba"), []
    for node in links():
        values = dict.fromkeys((*node.inputs, *node.outputs))
        regs, made = {v: i for i, v in enumerate(values)}, []
        # without compiling anything
        jit.gathered(lambda node=node, regs=regs, made=made: made.append(
            numba.lower(node, regs)
        ))  # fmt: skip
        native = is_native(made[0])
        assert (node.prim.kind != "movement" and native) == numba.chained(node), node
        asked.append(node.prim.name)
    assert set(SERVED) - {"fused", "epilogue"} <= set(asked)
    assert len(asked) > 200


def names(graph):
    return [node.prim.name for node in graph.nodes]


def run(graph, arrays, backend="numba"):
    routine = Routine(graph, [], registry.load(backend))
    for register, array in zip(routine.inputs, arrays, strict=True):
        routine.registers[register] = array
    routine.run()
    return [np.array(routine.registers[r]) for r in routine.outputs], routine


@pytest.mark.parametrize("mask", [(4, 1, 1, 6), (4, 3, 6, 6), (6, 6), (1, 1, 6, 6)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_attention(threads, mask, dtype):
    shapes = [(4, 6, 3, 5)] * 3 + [mask]
    graph = stage(attention, *shapes, dtype=dtype)
    assert names(optimise(graph, registry.load("numba"))) == ["chain"]
    arrays = [RNG.standard_normal(s).astype(dtype) for s in shapes]
    got, routine = run(graph, arrays)
    expected, _ = run(graph, arrays, "numpy")
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)
    assert routine.allocating_steps == 0
    for register, array in zip(routine.inputs, arrays, strict=True):
        routine.registers[register] = (2 * array).copy()  # other arrays, the same chain
    routine.run()
    again, _ = run(graph, [2 * a for a in arrays], "numpy")
    np.testing.assert_allclose(
        routine.registers[routine.outputs[0]], again[0], rtol=2e-5, atol=2e-6
    )


def pooled(pool, window, strides):
    how = {"window": window, "strides": strides, "padding": ((0, 0), (0, 1))}

    def f(x, w, bias):
        y = p.conv(
            x,
            w,
            strides=(1, 1),
            padding=((1, 1), (0, 0)),
            dilation=(1, 1),
            groups=1,
        )
        y = p.maximum(p.add(y, bias), p.full(shape=(), dtype="float32", value=0))
        return pool(y, **how), p.neg(y)

    return f


@pytest.mark.parametrize("pool", [p.max_pool, p.sum_pool])
@pytest.mark.parametrize(
    ("batch", "channels", "window", "strides"),
    [(5, 16, (2, 2), (2, 2)), (1, 7, (3, 2), (1, 2)), (3, 40, (2, 3), (3, 1))],
)
def test_pooling_reads_a_convolution_that_is_near(
    threads, pool, batch, channels, window, strides
):
    shapes = (batch, 12, 11, 1), (3, 3, 1, channels), (channels,)
    graph = stage(pooled(pool, window, strides), *shapes)
    chained = "chain" in names(optimise(graph, registry.load("numba")))
    assert chained == (batch > 1)
    arrays = [RNG.standard_normal(s).astype("float32") for s in shapes]
    got, routine = run(graph, arrays)
    for a, b in zip(got, run(graph, arrays, "numpy")[0], strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5)
    assert routine.allocating_steps == 0


def test_a_convolution_of_many_weights_stays_whole():
    shapes = (4, 6, 6, 16), (3, 3, 16, 16), (16,)
    graph = stage(pooled(p.max_pool, (2, 2), (2, 2)), *shapes)
    assert "chain" not in names(optimise(graph, registry.load("numba")))


def test_what_nobody_reads_stays_out_of_the_arena():
    def f(a, b, c):
        scores = p.matmul(a, b, transpose_a=False, transpose_b=True)
        return p.matmul(
            p.softmax(scores, axis=2), c, transpose_a=False, transpose_b=False
        )

    graph = stage(f, (8, 64, 4), (8, 64, 4), (8, 64, 4))
    _, routine = run(graph, [np.ones((8, 64, 4), "float32")] * 3)
    assert plan(routine.graph, {}).arena_bytes == 8 * 64 * 4 * 4


@given(data=st.data())
def test_any_chain(data):
    """Products, rows, sums and operands of every kind, in any order."""
    batch = data.draw(st.integers(2, 5))
    n = data.draw(st.sampled_from([3, 8, 17]))
    steps = data.draw(
        st.lists(
            st.sampled_from(
                ["product", "softmax", "bias", "row", "own", "total", "samples"]
            ),
            min_size=1,
            max_size=6,
        )
    )

    def f(x, y, bias, row, own):
        results = []
        x = p.matmul(x, y, transpose_a=False, transpose_b=True)
        for step in steps:
            if step == "product":
                x = p.matmul(x, y, transpose_a=True, transpose_b=False)
            elif step == "softmax":
                x = p.softmax(x, axis=2)
            elif step == "bias":
                x = p.add(x, bias)
            elif step == "row":
                x = p.mul(x, row)
            elif step == "own":
                x = p.sub(x, own)
            elif step == "total":
                results.append(p.sum(x, axes=(2,), keepdims=False))
                x = p.sub(x, p.max(x, axes=(1,), keepdims=True))
            else:  # samples meet: the chain has to end
                x = p.sub(x, p.sum(x, axes=(0,), keepdims=True))
        return (*results, x)

    shapes = [(batch, n, n), (batch, n, n), (n,), (1, n, 1), (batch, 1, n)]
    graph = stage(f, *shapes)
    arrays = [RNG.standard_normal(s).astype("float32") for s in shapes]
    got, _ = run(graph, arrays)
    expected, _ = run(graph, arrays, "numpy")
    for a, b in zip(got, expected, strict=True):
        scale = max(1.0, np.abs(b).max())
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5 * scale)


def test_a_chain_ends_where_samples_meet():
    def f(x, y):
        scores = p.softmax(p.matmul(x, y, transpose_a=False, transpose_b=False), axis=2)
        return p.sum(scores, axes=(0,), keepdims=False)

    graph = optimise(stage(f, (3, 4, 5), (3, 5, 4)), registry.load("numba"))
    assert names(graph) == ["chain", "sum"]


def test_one_sample_is_no_chain():
    graph = stage(attention, *[(1, 6, 3, 5)] * 3, (6, 6))
    assert "chain" not in names(optimise(graph, registry.load("numba")))


def test_random_draws_end_a_chain():
    """Word e of a draw depends on its place in the whole."""

    def f(x, y):
        scores = p.softmax(p.matmul(x, y, transpose_a=False, transpose_b=False), axis=2)
        key = p.full(shape=(2,), dtype="uint32", value=7)
        bits = p.random_bits(key, shape=(3, 4, 4))
        return p.mul(scores, p.cast(bits, dtype="float32"))

    graph = optimise(stage(f, (3, 4, 5), (3, 5, 4)), registry.load("numba"))
    assert names(graph) == ["chain", "full", "fused"]


def test_small_batches_are_left_alone(monkeypatch):
    monkeypatch.setattr(module, "LEAST_BYTES", 1 << 22)
    graph = stage(attention, *[(4, 6, 3, 5)] * 3, (6, 6))
    assert "chain" not in names(optimise(graph, registry.load("numba")))
    assert "chain" not in names(optimise(graph, registry.load("numpy")))
