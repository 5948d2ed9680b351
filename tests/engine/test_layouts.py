"""The pass that drops the transposes around matmuls."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikeras.engine import backend as registry
from minikeras.engine import prims as p
from minikeras.engine.passes.layouts import layouts
from tests.engine.staged import run_graph, stage

HEADS = (0, 2, 1, 3)


class Strided:
    strided_products = True


class Plain:
    strided_products = False


def attention(q, k, v):
    q, k, v = (p.transpose(x, perm=HEADS) for x in (q, k, v))
    scores = p.matmul(q, k, transpose_a=False, transpose_b=True)
    mixed = p.matmul(scores, v, transpose_a=False, transpose_b=False)
    return p.transpose(mixed, perm=HEADS)


def names(graph):
    return [node.prim.name for node in graph.nodes]


def test_attention_moves_no_heads():
    graph = stage(attention, *[(2, 5, 3, 4)] * 3)
    moved = layouts(graph, Strided()).check()
    assert names(moved) == ["matmul", "matmul"]
    given = [np.random.default_rng(i).normal(size=(2, 5, 3, 4)) for i in range(3)]
    given = [x.astype("float32") for x in given]
    (before,), (after,) = run_graph(graph, *given), run_graph(moved, *given)
    np.testing.assert_allclose(after, before, rtol=1e-6, atol=1e-6)


def test_a_backend_that_cannot_walk_strides_keeps_its_transposes():
    graph = stage(attention, *[(2, 5, 3, 4)] * 3)
    assert layouts(graph, Plain()) is graph


def test_a_transpose_that_others_read_stays():
    def f(a, b):
        a = p.transpose(a, perm=HEADS)
        y = p.matmul(a, b, transpose_a=False, transpose_b=False)
        return y, p.neg(a), p.transpose(y, perm=HEADS)

    graph = layouts(stage(f, (2, 5, 3, 4), (4, 6)), Strided()).check()
    assert names(graph) == ["transpose", "matmul", "neg", "transpose"]
    assert graph.nodes[1].static["perm_a"] == HEADS
    assert "perm_out" not in graph.nodes[1].static


@given(data=st.data())
def test_any_order_of_axes(data):
    """Results and operands in every order, those that cannot be folded too."""
    rank = data.draw(st.integers(2, 4))
    perms = [data.draw(st.permutations(range(rank))) for _ in range(3)]
    batch = [data.draw(st.integers(1, 3)) for _ in range(rank - 2)]
    m, k, n = (data.draw(st.integers(1, 5)) for _ in range(3))
    flags = data.draw(st.booleans()), data.draw(st.booleans())
    seen = [(*batch, *((k, m) if flags[0] else (m, k)))]
    seen.append((*batch, *((n, k) if flags[1] else (k, n))))
    stored = [
        tuple(shape[perm.index(i)] for i in range(rank))
        for shape, perm in zip(seen, perms, strict=False)
    ]

    def f(a, b):
        a, b = (
            p.transpose(x, perm=tuple(q)) for x, q in zip((a, b), perms, strict=False)
        )
        y = p.matmul(a, b, transpose_a=flags[0], transpose_b=flags[1])
        return p.transpose(y, perm=tuple(perms[2]))

    graph = stage(f, *stored)
    moved = layouts(graph, Strided()).check()
    rng = np.random.default_rng(0)
    given = [rng.normal(size=s).astype("float32") for s in stored]
    (before,), (after,) = run_graph(graph, *given), run_graph(moved, *given)
    np.testing.assert_allclose(after, before, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["numpy", "numba"])
def test_backends_of_the_cpu_ask_for_it(name):
    if name == "numba":
        pytest.importorskip("llvmlite")
    assert registry.load(name).strided_products
