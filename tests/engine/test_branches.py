"""Staged conditions: one branch runs, values, gradients and states are as in eager."""

from __future__ import annotations

import numpy as np
import pytest

import minikeras as mk
from minikeras import ops
from minikeras.engine import backend as registry
from minikeras.engine.compile import jit

BACKENDS = [n for n in ("numpy", "numba") if registry.installed(n)]


@pytest.fixture(params=BACKENDS, autouse=True)
def _backend(request, monkeypatch):
    monkeypatch.setenv("MINIKERAS_CHECK", "1")
    with registry.using(request.param):
        yield


def names(compiled):
    return [node.prim.name for node in compiled.programs[0].graph.nodes]


def arrays(*shapes):
    rng = np.random.default_rng(0)
    return [ops.array(rng.normal(size=s), "float64") for s in shapes]


def compare(function, *given, preds=(True, False)):
    """The function compiled is the function run eagerly, for each bool."""
    compiled = jit(function)
    for pred in preds:
        expected = mk.tree.flatten(function(ops.array(pred), *given))
        found = mk.tree.flatten(compiled(ops.array(pred), *given))
        for a, b in zip(expected, found, strict=True):
            assert (a is None) == (b is None)
            if a is not None:
                np.testing.assert_allclose(a.numpy(), b.numpy(), 1e-9, 1e-12)
    assert compiled.traces == 1 and not compiled.fallback
    return compiled


def heavy(pred, w, b, x):
    """The branches share `x`; each has a matrix of its own."""
    return ops.cond(
        pred,
        lambda: {"y": ops.tanh(ops.matmul(x, w)), "n": None},
        lambda: {"y": ops.matmul(ops.sin(x), b), "n": None},
    )["y"]


def slopes(function, pred, *given):
    with mk.GradientTape() as tape:
        tape.watch(list(given))
        y = function(pred, *given)
        loss = ops.sum(y * y)
    return y, tape.gradient(loss, list(given), unconnected_gradients="zero")


def test_a_heavy_branch_is_a_graph_of_its_own_and_runs_only_if_taken():
    compiled = compare(heavy, *arrays((4, 4), (4, 4), (3, 4)))
    assert names(compiled) == ["cond"]
    program = compiled.programs[0]
    assert program.allocating_steps == 0
    # A loop without end in the branch not taken is never entered.
    endless = jit(
        lambda pred, x: ops.cond(
            pred,
            lambda: ops.while_loop(lambda v: ops.all(v > 0), lambda v: v + 1, x),
            lambda: x,
        )
    )
    assert endless(ops.array(False), ops.ones(3)).tolist() == [1.0] * 3


def test_a_light_branch_is_computed_and_chosen():
    compiled = compare(
        lambda pred, x: ops.cond(pred, lambda: x * 2, lambda: -x), *arrays((3,))
    )
    assert "cond" not in names(compiled)


def test_gradients_to_second_order():
    given = arrays((4, 4), (4, 4), (3, 4))
    compiled = compare(lambda *a: slopes(heavy, *a), *given)
    assert names(compiled).count("cond") == 2

    def second(pred, *given):
        with mk.GradientTape() as tape:
            tape.watch(list(given))
            _, gs = slopes(heavy, pred, *given)
            total = sum(ops.sum(g * g) for g in gs)
        return tape.gradient(total, list(given), unconnected_gradients="zero")

    compare(second, *given)


@pytest.mark.parametrize("size", [3, 300])
def test_the_branch_not_taken_does_not_poison_gradients(size):
    # At 0 the slopes of sqrt and log are infinite, and 0 times that is nan.
    def function(pred, x, w):
        return ops.cond(
            pred,
            lambda: ops.sqrt(ops.matmul(x, w)) / ops.sum(x) + ops.log(x),
            lambda: x + 1,
        )

    def light(pred, x, w):
        return ops.cond(pred, lambda: ops.sqrt(x) / ops.sum(x), lambda: x * w[0])

    x, w = ops.zeros((size,)), ops.ones((size, size))
    for call in (function, light):
        _, (slope, _) = jit(lambda *a, f=call: slopes(f, *a))(ops.array(False), x, w)
        assert np.isfinite(slope.numpy()).all()


def test_variables_are_read_assigned_and_differentiated_in_the_branch_taken():
    w = mk.Variable(np.full((3, 3), 0.5), dtype="float64")
    count = mk.Variable(0, dtype="int32", trainable=False)
    mean = mk.Variable(np.zeros(3), dtype="float64", trainable=False)

    def function(pred, x):
        def yes():
            count.assign_add(1)
            mean.assign(mean * 0.5 + ops.mean(ops.matmul(x, w), axis=0))
            return ops.matmul(x, w) * ops.cast(count, "float64")

        def no():
            count.assign_add(10)
            return x

        with mk.GradientTape() as tape:
            value = ops.sum(ops.cond(pred, yes, no) ** 2)
        return value, tape.gradient(value, w), count + 0, mean + 0

    (x,) = arrays((2, 3))
    compiled = jit(function)
    results = []
    for call in (function, compiled):
        count.assign(0)
        mean.assign(np.zeros(3))
        results.append([call(ops.array(p), x) for p in (True, False, True)])
    assert not compiled.fallback and int(count.numpy()) == 12
    for ours, wanted in zip(results[1], results[0], strict=True):
        for a, b in zip(ours, wanted, strict=True):
            # Compiled code cannot know that the weights were not used.
            b = np.zeros((3, 3)) if b is None else b.numpy()
            np.testing.assert_allclose(a.numpy(), b, 1e-9, 1e-12)


def test_inside_loops_and_around_them():
    def function(pred, w, x):
        def step(h, row):
            new = ops.cond(
                ops.sum(row) > 0, lambda: ops.tanh(ops.matmul(h, w) + row), lambda: h
            )
            return new, new * 2

        def walk():
            return ops.scan(step, ops.zeros((4,), "float64"), x)

        return ops.cond(
            pred,
            lambda: walk()[1],
            lambda: ops.cond(x[0, 0] > 0, lambda: ops.matmul(x, w), lambda: x * x),
        )

    given = arrays((4, 4), (5, 4))
    compare(lambda *a: slopes(function, *a), *given)


def test_switch_of_heavy_branches():
    def function(i, x, *matrices):
        return ops.switch(
            i, [lambda v, m=m: ops.matmul(v, m) for m in matrices], ops.sin(x)
        )

    given = arrays((2, 3), (3, 3), (3, 3), (3, 3))
    compare(lambda *a: slopes(function, *a), *given, preds=(-1, 0, 1, 2, 9))


def test_random_draws_advance_where_taken():
    seed = mk.random.SeedGenerator(3)
    function = lambda pred: ops.cond(  # noqa: E731
        pred,
        lambda: mk.random.normal((200, 100), seed=seed),
        lambda: ops.ones((200, 100)),
    )
    compiled = jit(function)
    start = seed.state.numpy()
    compiled(ops.array(False))
    np.testing.assert_array_equal(seed.state.numpy(), start)
    found = compiled(ops.array(True)).numpy()
    after = seed.state.numpy()
    assert (after != start).any()
    seed.state.assign(start)
    np.testing.assert_array_equal(found, function(ops.array(True)).numpy())
    np.testing.assert_array_equal(after, seed.state.numpy())


def test_custom_gradient_in_a_branch():
    @ops.custom_gradient
    def twice(x):
        return x * 2, lambda g: g * 10

    compiled = compare(
        lambda *a: slopes(
            lambda pred, w, x: ops.cond(
                pred, lambda: twice(ops.matmul(x, w)), lambda: x
            ),
            *a,
        ),
        *arrays((3, 3), (2, 3)),
    )
    assert "cond" in names(compiled)


def test_results_in_common_are_kept_and_dtypes_meet():
    def function(pred, x, i):
        return ops.cond(
            pred,
            lambda: (x, i, 1, None, ops.sum(i)),
            lambda: (x, i * 2, 2.5, None, x[0]),
        )

    x, i = ops.ones((3,)), ops.arange(3)
    found = jit(function)(ops.array(True), x, i)
    assert [None if v is None else (v.dtype, v.shape) for v in found] == [
        ("float32", (3,)),
        ("int32", (3,)),
        ("float32", ()),
        None,
        ("float32", ()),
    ]
    assert found[2].tolist() == 1.0


@pytest.mark.parametrize(
    ("other", "match"),
    [
        (lambda x: None, "expected one structure"),
        (lambda x: (x,), "expected one structure"),
        (lambda x: ops.sum(x), r"shape \(3,\), another one of \(\)"),
    ],
)
def test_branches_that_do_not_go_together(other, match):
    compiled = jit(lambda pred, x: ops.cond(pred, lambda: x * 2, lambda: other(x)))
    with pytest.raises(ValueError, match=match):
        compiled(ops.array(True), ops.ones((3,)))


def test_the_bool_is_one_element():
    for pred in (ops.array([True, False]), ops.zeros((0,), "bool")):
        with pytest.raises(ValueError, match="expected one bool"):
            ops.cond(pred, lambda: 1, lambda: 2)
    assert ops.cond(ops.array([[True]]), lambda: 1, lambda: 2) == 1
    with pytest.raises(ValueError, match="branches is empty"):
        ops.switch(0, [])
    with pytest.raises(ValueError, match="expected integers"):
        ops.switch(1.0, [lambda: 1, lambda: 2])


def test_symbolic_conditions():
    pred = mk.KerasTensor((None,), "bool")
    made = ops.cond(
        ops.any(pred), lambda: {"a": ops.ones((2, 3))}, lambda: {"a": ops.zeros((2, 3))}
    )
    assert made["a"].shape == (2, 3)
    x = mk.KerasTensor((None, 3))
    index = mk.KerasTensor((), "int32")
    assert ops.switch(index, [lambda v: v * 2, ops.sin], x).shape == (None, 3)
    with pytest.raises(ValueError, match="uses a KerasTensor from outside"):
        ops.cond(ops.any(pred), lambda: x * 2, lambda: x)

    class Choose(mk.layers.Layer):
        def call(self, x):
            return ops.cond(ops.sum(x) > 0, lambda: x * 2, lambda: x - 1)

    inputs = mk.Input((3,))
    model = mk.Model(inputs, Choose()(inputs))
    assert model.output_shape == (None, 3)
    assert model.predict(-np.ones((2, 3)), verbose=0).tolist() == [[-2.0] * 3] * 2
