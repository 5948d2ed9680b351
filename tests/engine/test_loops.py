"""Staged loops equal Python's loops: values, gradients, states, on each CPU backend."""

from __future__ import annotations

import numpy as np
import pytest

import minikeras as mk
from minikeras import ops
from minikeras.engine import backend as registry
from minikeras.engine.compile import jit
from minikeras.engine.tensor import TraceError

BACKENDS = [n for n in ("numpy", "numba") if registry.installed(n)]


@pytest.fixture(params=BACKENDS, autouse=True)
def _backend(request, monkeypatch):
    monkeypatch.setenv("MINIKERAS_CHECK", "1")
    with registry.using(request.param):
        yield


def arrays():
    rng = np.random.default_rng(0)
    shapes = [(4, 4), (4,), (6, 3, 4), (3, 4)]
    return [ops.array(rng.normal(size=s) * 0.5, "float64") for s in shapes]


def loss(w, b, x, h, reverse, unroll=1):
    def step(h, row):
        new = ops.tanh(ops.matmul(h, w) + row + b * 2)
        return new, new * ops.sigmoid(row)

    last, ys = ops.scan(step, h, x, reverse=reverse, unroll=unroll)
    return ops.sum(ys * ys) + ops.sum(ops.sin(last))


def gradients(*given, reverse, unroll=1):
    with mk.GradientTape() as tape:
        tape.watch(list(given))
        value = loss(*given, reverse, unroll)
    return value, tape.gradient(value, list(given))


def second(*given, reverse):
    with mk.GradientTape() as tape:
        tape.watch(list(given))
        _, gs = gradients(*given, reverse=reverse)
        total = sum(ops.sum(g * g) for g in gs)
    return tape.gradient(total, list(given))


def compare(function, *given):
    compiled = jit(function)
    expected = mk.tree.flatten(function(*given))
    found = mk.tree.flatten(compiled(*given))
    assert not compiled.fallback
    for a, b in zip(expected, found, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-9, atol=1e-12)
    return compiled.programs[0]


@pytest.mark.parametrize("reverse", [False, True])
def test_scan_and_its_gradients_to_second_order(reverse):
    def first(*given):
        return gradients(*given, reverse=reverse)

    program = compare(first, *arrays())
    names = [node.prim.name for node in program.graph.nodes]
    # The scan that saves what the gradient needs serves the result too.
    assert names.count("scan") == 2
    compare(lambda *given: second(*given, reverse=reverse), *arrays())


def test_the_graph_does_not_grow_with_the_number_of_steps():
    w, b, _, h = arrays()
    sizes = set()
    for length in (2, 50):
        x = ops.ones((length, 3, 4), "float64")
        compiled = jit(lambda *given: gradients(*given, reverse=False))
        compiled(w, b, x, h)
        sizes.add(len(compiled.programs[0].graph.nodes))
    assert len(sizes) == 1


def test_unroll_gives_the_same():
    given = arrays()
    compiled = jit(lambda *a: gradients(*a, reverse=False, unroll=True))
    for a, b in zip(
        mk.tree.flatten(compiled(*given)),
        mk.tree.flatten(gradients(*given, reverse=False)),
        strict=True,
    ):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-9, atol=1e-12)
    names = [node.prim.name for node in compiled.programs[0].graph.nodes]
    assert "scan" not in names


def test_what_depends_on_constants_alone_leaves_the_loop():
    def function(w, x):
        return ops.scan(lambda c, r: (c + ops.sum(ops.exp(w)) * r, None), 0.0, x)[0]

    compiled = jit(function)
    compiled(ops.ones((3,)), ops.ones((5,)))
    (scan,) = [n for n in compiled.programs[0].graph.nodes if n.prim.name == "scan"]
    assert not any(n.prim.name == "exp" for n in scan.static["body"].nodes)


def test_nested_scans():
    def function(x):
        def row(total, r):
            inner, _ = ops.scan(lambda c, v: (c * 0.5 + v * v, None), total, r)
            return inner, inner * 2

        with mk.GradientTape() as tape:
            tape.watch(x)
            last, ys = ops.scan(row, ops.cast(0, "float64"), x)
            value = last + ops.sum(ys)
        return value, tape.gradient(value, x)

    compare(function, ops.array(np.arange(12.0).reshape(3, 4), "float64"))


def test_variables_inside_the_body_are_read_carried_and_differentiated():
    scale = mk.Variable(np.float64(1.5), dtype="float64")
    total = mk.Variable(np.zeros(4), dtype="float64", trainable=False)

    def function(x):
        def step(carry, row):
            total.assign(total + row)
            return carry + ops.sum(row * scale * total), None

        with mk.GradientTape() as tape:
            value, _ = ops.scan(step, ops.cast(0, "float64"), x)
        return value, tape.gradient(value, scale)

    x = ops.array(np.arange(8.0).reshape(2, 4), "float64")
    expected = [v.numpy() for v in function(x)]
    after = total.numpy()
    total.assign(np.zeros(4))
    compiled = jit(function)
    found = [v.numpy() for v in compiled(x)]
    assert not compiled.fallback
    np.testing.assert_allclose(found, expected)
    np.testing.assert_allclose(total.numpy(), after)


def test_seed_generator_advances_inside_a_loop():
    seed = mk.random.SeedGenerator(3)

    def draws():
        step = lambda c, _: (c, mk.random.uniform((2,), seed=seed))  # noqa: E731
        return ops.scan(step, None, length=4)[1]

    compiled = jit(draws)
    first, then = compiled().numpy(), compiled().numpy()
    seed.state.assign(mk.random.SeedGenerator(3).state)
    np.testing.assert_array_equal(first, draws().numpy())
    np.testing.assert_array_equal(then, draws().numpy())
    assert len(np.unique(first)) == 8


def test_custom_gradient_inside_the_body():
    @ops.custom_gradient
    def twice(x):
        def grad(*args, upstream=None):
            return upstream * 10 if upstream is not None else args[0] * 10

        return x * 2, grad

    def function(x):
        with mk.GradientTape() as tape:
            tape.watch(x)
            value, _ = ops.scan(lambda c, r: (c + twice(r), None), 0.0, x)
        return value, tape.gradient(value, x)

    x = ops.ones((3,))
    found = jit(function)(x)
    np.testing.assert_allclose(found[1].numpy(), [10.0] * 3)
    np.testing.assert_allclose(function(x)[1].numpy(), [10.0] * 3)


def test_while_loop_on_values():
    def function(limit, x):
        return ops.while_loop(
            lambda i, v: i < limit,
            lambda i, v: (i + 1, v * 1.5),
            (ops.array(0), x),
            maximum_iterations=7,
        )

    compiled = jit(function)
    x = ops.ones((2,))
    for limit in (0, 3, 20):
        steps, value = compiled(ops.array(limit), x)
        assert int(steps) == min(limit, 7)
        np.testing.assert_allclose(value.numpy(), 1.5 ** min(limit, 7))
    assert compiled.traces == 1 and not compiled.fallback


def test_gradient_of_a_staged_while_loop_falls_back_to_eager():
    def function(n, x):
        with mk.GradientTape() as tape:
            tape.watch(x)
            value = ops.while_loop(
                lambda i, v: i < n, lambda i, v: (i + 1, v * x), (ops.array(0), x)
            )[1]
        return tape.gradient(value, x)

    compiled = jit(function)
    with pytest.warns(RuntimeWarning, match="ends on a value has no gradient"):
        result = compiled(ops.array(2), ops.array(3.0))
    assert float(result) == 27.0  # d/dx of x ** 3


def test_fori_loop_with_fixed_and_staged_bounds():
    def function(n, x):
        fixed = ops.fori_loop(0, 5, lambda i, v: v + ops.cast(i, v.dtype), x)
        staged = ops.fori_loop(1, n, lambda i, v: v * ops.cast(i, v.dtype), x)
        return fixed, staged

    compiled = jit(function)
    fixed, staged = compiled(ops.array(5), ops.array(1.0))
    assert (float(fixed), float(staged)) == (11.0, 24.0)
    assert not compiled.fallback


def test_switch_assigns_in_the_branch_taken_only():
    v = mk.Variable(np.float32(0.0))

    def branch(k):
        def call(x):
            v.assign_add(float(k + 1))
            return x * k

        return call

    compiled = jit(lambda i, x: ops.switch(i, [branch(k) for k in range(3)], x))
    for index, expected, total in ((1, 1, 2.0), (7, 2, 5.0), (-4, 0, 6.0)):
        assert int(compiled(ops.array(index), ops.array(1))) == expected
        assert float(v.numpy()) == total
    assert not compiled.fallback


def test_carried_values_keep_shape_and_dtype():
    compiled = jit(lambda x: ops.scan(lambda c, r: (c + r, None), 0, x))
    with pytest.raises(ValueError, match="carried value 0 goes in as int32"):
        compiled(ops.ones((3,)))
    compiled = jit(lambda x: ops.scan(lambda c, r: ((c, r), None), x[0], x))
    with pytest.raises(ValueError, match="expected one structure"):
        compiled(ops.ones((3,)))


def test_no_steps():
    function = lambda x: ops.scan(lambda c, r: (c + r, r * 2), ops.ones((2,)), x)  # noqa: E731
    last, ys = jit(function)(ops.zeros((0, 2)))
    assert last.tolist() == [1.0, 1.0] and ys.shape == (0, 2)
    last, ys = function(ops.zeros((0, 2)))
    assert last.tolist() == [1.0, 1.0] and ys.shape == (0, 2)


def test_map_becomes_a_loop():
    compiled = jit(lambda x: ops.map(lambda r: {"a": r * 2, "b": ops.sum(r)}, x))
    out = compiled(ops.ones((4, 3)))
    assert out["a"].shape == (4, 3) and out["b"].tolist() == [3.0] * 4
    assert [n.prim.name for n in compiled.programs[0].graph.nodes] == ["scan"]


def test_symbolic_shapes():
    x = mk.KerasTensor((None, 3, 4))
    carry, ys = ops.scan(lambda h, r: (h + r, h), mk.KerasTensor((3, 4)), x)
    assert carry.shape == (3, 4) and ys.shape == (None, 3, 4)
    count, value = ops.while_loop(
        lambda i, v: i < ops.sum(v), lambda i, v: (i + 1, v), (0, x)
    )
    assert count.shape == () and value.shape == (None, 3, 4)


def test_assigning_in_the_condition_is_an_error():
    v = mk.Variable(np.float32(0.0))

    def function(x):
        def cond(i):
            v.assign_add(1.0)
            return i < x

        return ops.while_loop(cond, lambda i: i + 1, ops.array(0))

    with pytest.warns(RuntimeWarning, match="cond assigns a variable"):
        assert int(jit(function)(ops.array(3))) == 3
    assert issubclass(TraceError, TypeError)
