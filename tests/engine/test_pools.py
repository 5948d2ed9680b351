"""The pass that moves work around a maximum pooling and its gradient to the small side."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikeras.engine import prims as p
from minikeras.engine.passes.pools import pools
from minikeras.engine.passes.simplify import simplify
from tests.engine.staged import run_graph, run_nodes, stage

HOW = {"window": (2, 2), "strides": (2, 2), "padding": ((0, 0), (0, 0))}


def zero():
    return p.full(shape=(), dtype="float32", value=0)


def relu_gradient(how, compare=p.gt, axes=(0, 1, 2)):
    """Of max_pool(relu(x)): by x, and by a bias that was added to x."""

    def f(x, g):
        y = p.maximum(x, zero())
        pooled = p.max_pool(y, **how)
        dy = p.max_pool_grad(y, g, **how)
        dx = p.select(compare(y, zero()), dy, zero())
        return pooled, dx, p.sum(dx, axes=axes, keepdims=False)

    return f


def names(graph):
    return [node.prim.name for node in graph.nodes]


def shapes(graph, name):
    return [v.aval.shape for n in graph.nodes if n.prim.name == name for v in n.inputs]


def test_choice_and_sum_work_on_the_pooled_array():
    graph = simplify(stage(relu_gradient(HOW), (2, 6, 4, 3), (2, 3, 2, 3)))
    moved = pools(graph).check()
    small = (2, 3, 2, 3)
    assert sorted(names(moved)) == sorted(names(graph))
    assert shapes(moved, "gt") == [small, ()]
    assert shapes(moved, "select") == [small, small, ()]
    assert shapes(moved, "sum") == [small]


@pytest.mark.parametrize(
    "how",
    [
        {"compare": p.eq},  # true where y is no maximum either way
        {"axes": (1,)},
    ],
)
def test_what_does_not_commute_stays(how):
    graph = simplify(stage(relu_gradient(HOW, **how), (2, 6, 4, 3), (2, 3, 2, 3)))
    assert shapes(pools(graph).check(), "sum") != [(2, 3, 2, 3)]


def test_another_choice_or_another_pooling_stays():
    other = {**HOW, "strides": (1, 1)}

    def f(x, g, mask):
        pooled = p.max_pool(x, **other)
        dy = p.max_pool_grad(x, g, **HOW)
        by_input = p.select(p.gt(x, zero()), dy, zero())
        return pooled, by_input, p.select(p.gt(mask, zero()), dy, zero())

    graph = simplify(stage(f, (2, 6, 4, 3), (2, 3, 2, 3), (2, 6, 4, 3)))
    moved = pools(graph).check()
    assert shapes(moved, "select")[0] == (2, 6, 4, 3)
    assert names(moved) == names(graph)


@given(
    size=st.integers(3, 7),
    window=st.integers(1, 3),
    stride=st.integers(1, 3),
    before=st.integers(0, 1),
    seed=st.integers(0, 2**16),
)
def test_values_stay(size, window, stride, before, seed):
    before = min(before, window - 1)
    how = {
        "window": (window, 2),
        "strides": (stride, 2),
        "padding": ((before, 0), (0, 1)),
    }
    rng = np.random.default_rng(seed)
    # few different numbers: ties and zeros in every window
    x = rng.integers(-2, 3, (2, size, 5, 3)).astype("float32")
    rows = (size + before - window) // stride + 1
    g = rng.integers(-9, 10, (2, rows, 3, 3)).astype("float32")
    graph = simplify(stage(relu_gradient(how), x.shape, g.shape))
    expected, found = run_graph(graph, x, g), run_graph(pools(graph), x, g)
    for a, b in zip(expected, found, strict=True):
        np.testing.assert_array_equal(a, b)


def forward(how, shared=False):
    """max_pool(relu(x + bias)), and the array before the pooling if it is `shared`."""

    def f(x, bias):
        y = p.maximum(p.add(x, bias), zero())
        pooled = p.max_pool(y, **how)
        return (pooled, y) if shared else (pooled,)

    return f


def test_bias_and_relu_come_after_the_pooling():
    graph = simplify(stage(forward(HOW), (2, 6, 4, 3), (3,)))
    moved = pools(graph).check()
    assert names(moved)[-3:] == ["max_pool", "add", "maximum"]
    assert shapes(moved, "add")[-1] == (3,)


def test_what_others_read_or_varies_by_position_stays():
    graph = simplify(stage(forward(HOW, shared=True), (2, 6, 4, 3), (3,)))
    assert names(pools(graph).check()) == names(graph)
    graph = simplify(stage(forward(HOW), (2, 6, 4, 3), (4, 3)))
    found = [n for n in names(pools(graph).check()) if n != "full"]
    assert found == ["add", "max_pool", "maximum"]  # a bias of its own for each column


@given(seed=st.integers(0, 2**16), before=st.integers(0, 1))
def test_pooling_first_changes_no_bit(seed, before):
    rng = np.random.default_rng(seed)
    how = {**HOW, "padding": ((before, 0), (0, 0))}
    x = rng.standard_normal((2, 6, 4, 3)).astype("float32")
    x[rng.random(x.shape) < 0.1] = rng.choice([np.nan, np.inf, -np.inf, 1e30])
    bias = rng.standard_normal(3).astype("float32") * 1e3
    graph = simplify(stage(forward(how), x.shape, bias.shape))
    moved = pools(graph)
    assert names(moved) != names(graph)
    for a, b in zip(run_graph(graph, x, bias), run_graph(moved, x, bias), strict=True):
        np.testing.assert_array_equal(a, b)


def trained(how, bound=0, compare=p.gt, limit=None):
    """max_pool(relu(x + bias)) and its gradients by x and by the bias."""

    def f(x, bias, g):
        least = p.full(shape=(), dtype="float32", value=bound)
        y = p.maximum(p.add(x, bias), least)
        if limit is not None:
            y = p.minimum(y, p.full(shape=(), dtype="float32", value=limit))
        pooled = p.max_pool(y, **how)
        dy = p.max_pool_grad(y, g, **how)
        dx = p.select(compare(y, zero()), dy, zero())
        return pooled, dx, p.sum(dx, axes=(0, 1, 2), keepdims=False)

    return f


def test_in_training_too_the_array_before_the_pooling_is_the_convolutions_own():
    graph = simplify(stage(trained(HOW), (2, 6, 4, 3), (3,), (2, 3, 2, 3)))
    moved = pools(graph).check()
    small = (2, 3, 2, 3)
    assert shapes(moved, "add") == [small, (3,)]
    assert shapes(moved, "maximum") == [small, ()]
    grad = next(n for n in moved.nodes if n.prim.name == "max_pool_grad")
    assert grad.inputs[0] is moved.inputs[0]


@pytest.mark.parametrize(
    "how",
    [
        {"bound": 1},  # the gradient at a tie of ones is not zero
        {"compare": p.ge},  # nor at a tie of zeros
        {"limit": 2},  # nor at one of twos
    ],
    ids=["bound", "compare", "limit"],
)
def test_a_bound_at_which_there_is_a_gradient_stays_before_the_pooling(how):
    graph = simplify(stage(trained(HOW, **how), (2, 6, 4, 3), (3,), (2, 3, 2, 3)))
    moved = pools(graph).check()
    large = (2, 6, 4, 3)
    assert shapes(moved, "maximum")[0] == large


def test_sums_in_16_bits_stay_before_the_pooling():
    """There adding a bias often makes two numbers of a window equal."""

    def f(x, bias, g):
        y = p.add(x, bias)
        return p.max_pool(y, **HOW), p.max_pool_grad(y, g, **HOW)

    small = (2, 3, 2, 3)
    for dtype, first in (("float32", "max_pool"), ("bfloat16", "add")):
        shapes_of = (2, 6, 4, 3), (3,), small
        moved = pools(simplify(stage(f, *shapes_of, dtype=dtype))).check()
        assert names(moved)[0] == first


@given(
    size=st.integers(3, 7),
    window=st.integers(1, 3),
    stride=st.integers(1, 3),
    before=st.integers(0, 1),
    bound=st.integers(-1, 1),
    seed=st.integers(0, 2**16),
)
def test_values_of_training_stay(size, window, stride, before, bound, seed):
    before = min(before, window - 1)
    how = {
        "window": (window, 2),
        "strides": (stride, 2),
        "padding": ((before, 0), (0, 1)),
    }
    rng = np.random.default_rng(seed)
    x = rng.integers(-2, 3, (2, size, 5, 3)).astype("float32")
    bias = rng.integers(-1, 2, 3).astype("float32")
    rows = (size + before - window) // stride + 1
    g = rng.integers(-9, 10, (2, rows, 3, 3)).astype("float32")
    graph = simplify(stage(trained(how, bound), x.shape, bias.shape, g.shape))
    expected, found = run_nodes(graph, x, bias, g), run_nodes(pools(graph), x, bias, g)
    for a, b in zip(expected, found, strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_array_that_others_read_too_stays_before_the_pooling():
    """The steps would be done twice: for the pooling, and for the others."""

    def f(x, bias):
        y = p.maximum(p.add(x, bias), zero())
        return p.max_pool(y, **HOW), p.exp(y)

    graph = simplify(stage(f, (2, 6, 4, 3), (3,)))
    assert names(pools(graph).check()) == names(graph)

    def g(x, bias):
        return p.max_pool(p.maximum(y := p.add(x, bias), zero()), **HOW), p.exp(y)

    moved = pools(simplify(stage(g, (2, 6, 4, 3), (3,)))).check()
    assert names(moved).count("add") == 1
    assert names(moved)[-1] == "exp" and names(moved).index("maximum") > names(
        moved
    ).index("max_pool")
