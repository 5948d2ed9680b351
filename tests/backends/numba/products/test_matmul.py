"""Lowered matmul against NumPy in float64, for every shape and both transposes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from minikeras_numba.machine.team import get_threads, set_threads
from minikeras_numba.products.matmul import lower_matmul
from minikeras_numba.products.matmul_sizes import describe
from minikeras_numba.products.matmul_tall import is_tall

from minikeras.extend import Aval, Node, Value, lookup

SIZES = (0, 1, 2, 7, 16, 33, 65)
RNG = np.random.default_rng(0)


def operands(m, k, n, ta, tb, dtype, a_batch=(), b_batch=()):
    a = RNG.standard_normal((*a_batch, *((k, m) if ta else (m, k)))).astype(dtype)
    b = RNG.standard_normal((*b_batch, *((n, k) if tb else (k, n)))).astype(dtype)
    return a, b


def check(run_node, a, b, ta, tb):
    out, closure, registers = run_node(
        lower_matmul, "matmul", [a, b], transpose_a=ta, transpose_b=tb
    )
    left = np.swapaxes(a, -1, -2) if ta else a
    right = np.swapaxes(b, -1, -2) if tb else b
    expected = left.astype("float64") @ right.astype("float64")
    k = left.shape[-1]
    limit = (2e-6 if a.dtype == np.float32 else 1e-14) * (k + 1)
    np.testing.assert_allclose(out, expected, rtol=0, atol=limit)
    return closure, registers


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("tb", [False, True])
@pytest.mark.parametrize("ta", [False, True])
def test_every_shape(run_node, ta, tb, dtype):
    for m in SIZES:
        for k in SIZES:
            for n in SIZES:
                check(run_node, *operands(m, k, n, ta, tb, dtype), ta, tb)


@pytest.mark.parametrize(
    ("m", "k", "n"),
    [(128, 300, 200), (200, 2000, 90), (1, 3200, 256), (5, 64, 1000), (513, 70, 129)],
)
@pytest.mark.parametrize("ta", [False, True])
def test_blocks_and_threads(run_node, threads, m, k, n, ta):
    check(run_node, *operands(m, k, n, ta, not ta, "float32"), ta, not ta)
    check(run_node, *operands(m, k, n, ta, False, "float32"), ta, False)


@given(data=st.data())
def test_batches_broadcast(run_node_anywhere, data):
    batch = data.draw(st.lists(st.integers(0, 3), max_size=3))
    shapes = []
    for _ in range(2):
        own = [1 if data.draw(st.booleans()) else size for size in batch]
        shapes.append(own[data.draw(st.integers(0, len(batch))) :])
    m, k, n = (data.draw(st.integers(1, 20)) for _ in range(3))
    ta, tb = data.draw(st.booleans()), data.draw(st.booleans())
    check(run_node_anywhere, *operands(m, k, n, ta, tb, "float32", *shapes), ta, tb)


@pytest.mark.parametrize(
    ("m", "n", "k"), [(64, 256, 3000), (17, 16, 1024), (100, 48, 2049), (64, 80, 1500)]
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tall_matrices(run_node, threads, m, n, k, dtype):
    a, b = operands(m, k, n, True, False, dtype)
    spec = describe(a.shape, b.shape, dtype, {"transpose_a": True})
    assert is_tall(spec)
    check(run_node, a, b, True, False)


def test_tall_matrices_give_the_same_bits_on_any_number_of_threads(run_node):
    a, b = operands(64, 5000, 32, True, False, "float32")
    before, results = get_threads(), []
    for count in (1, 2, 3):
        set_threads(count)
        results.append(check(run_node, a, b, True, False)[1][2].copy())
    set_threads(before)
    assert all(np.array_equal(results[0], r) for r in results)


@given(data=st.data())
def test_operands_and_results_in_another_order(run_node_anywhere, data):
    """Attention's heads: matrices whose rows, and which among themselves, lie apart."""
    batch, heads = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 4))
    m, k, n = (data.draw(st.integers(1, 40)) for _ in range(3))
    ta, tb = data.draw(st.booleans()), data.draw(st.booleans())
    moved = (0, 2, 1, 3)
    a = RNG.standard_normal((batch, *((k, heads, m) if ta else (m, heads, k))))
    b = RNG.standard_normal((batch, *((n, heads, k) if tb else (k, heads, n))))
    a, b = a.astype("float32"), b.astype("float32")
    out, _, _ = run_node_anywhere(
        lower_matmul,
        "matmul",
        [a, b],
        transpose_a=ta,
        transpose_b=tb,
        perm_a=moved,
        perm_b=moved,
        perm_out=moved,
    )
    left, right = a.transpose(moved).astype("f8"), b.transpose(moved).astype("f8")
    left = left.swapaxes(-1, -2) if ta else left
    right = right.swapaxes(-1, -2) if tb else right
    expected = (left @ right).transpose(moved)
    np.testing.assert_allclose(out, expected, rtol=0, atol=2e-6 * (k + 1))


def test_inputs_may_change_between_runs(run_node, threads):
    a, b = operands(128, 200, 150, False, False, "float32")
    closure, registers = check(run_node, a, b, False, False)
    a[...] = RNG.standard_normal(a.shape)
    registers[1] = RNG.standard_normal(b.shape).astype("float32")  # another object
    closure(registers)
    np.testing.assert_allclose(registers[2], a @ registers[1], rtol=1e-4, atol=1e-4)


def test_nan_stays_in_its_row(run_node):
    a, b = operands(20, 30, 33, False, False, "float32")
    a[3, 4] = np.nan
    out, _, _ = run_node(
        lower_matmul, "matmul", [a, b], transpose_a=False, transpose_b=False
    )
    assert np.isnan(out[3]).all()
    assert np.isfinite(np.delete(out, 3, 0)).all()


def test_other_dtypes_are_left_to_numpy():
    x = Value(Aval((2, 2), "int32"))
    out = Value(Aval((2, 2), "int32"))
    static = {"transpose_a": False, "transpose_b": False}
    node = Node(lookup("matmul"), [x, x], [out], static)
    assert lower_matmul(node, {x: 0, out: 1}) is None
