"""GPTQ and AWQ of a matrix: what they keep, and that outputs change less by them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minikeras.quantizers import rounding
from minikeras.quantizers.rounding import Grid, Seen, awq, gptq, nearest

_RNG = np.random.default_rng(0)
MIX = _RNG.normal(size=(60, 60)) * _RNG.uniform(0.1, 3.0, 60)
WEIGHT = _RNG.normal(size=(60, 24)).astype("float32")


def seen(rows=400, idle=()):
    sums = Seen(60)
    x = np.random.default_rng(1).normal(size=(rows, 60)) @ MIX
    x[:, list(idle)] = 0
    sums.add(x[:100].astype("float32"))
    sums.add(x[100:].astype("float32"))
    return sums


def change(rounded, sums):
    """How far the outputs are off, squared."""
    off = rounded.floats() - WEIGHT
    return np.vdot(off, sums.hessian @ off)


def by_the_paper(weight, hessian, grid):
    """Equations 2 and 3 as they stand: the inverse is made smaller by each input."""
    left, inverse = weight.astype("float64"), np.linalg.inv(hessian)
    scale, zero = grid.fit(left)
    numbers = np.zeros(weight.shape)
    for i in range(len(weight)):
        numbers[i] = grid.round(left[i], scale, zero)
        error = (left[i] - (numbers[i] - zero) * scale) / inverse[i, i]
        left[i:] -= np.outer(inverse[i:, i], error)
        inverse -= np.outer(inverse[:, i], inverse[i]) / inverse[i, i]
    return numbers.T


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_gptq_is_the_papers(bits, monkeypatch):
    monkeypatch.setattr(rounding, "_LINES", 16)  # several blocks, the last one smaller
    sums, grid = seen(), Grid(bits)
    hessian = 2 * sums.hessian / sums.rows
    hessian += 0.01 * hessian.diagonal().mean() * np.eye(60)
    found = gptq(WEIGHT, sums, grid, 0.01, by_size=False)
    assert (found.numbers == by_the_paper(WEIGHT, hessian, grid)).mean() > 0.999


@pytest.mark.parametrize("lines", [8, 20, 128])
@pytest.mark.parametrize("group", [-1, 7, 30, 100])
@pytest.mark.parametrize("by_size", [False, True])
def test_blocks_do_not_matter(lines, group, by_size, monkeypatch):
    sums = seen()
    wanted = gptq(WEIGHT, sums, Grid(4, group), 0.01, by_size)
    monkeypatch.setattr(rounding, "_LINES", lines)
    found = gptq(WEIGHT, sums, Grid(4, group), 0.01, by_size)
    assert (found.numbers == wanted.numbers).mean() > 0.99
    np.testing.assert_allclose(found.scale, wanted.scale, rtol=1e-4)
    np.testing.assert_array_equal(found.groups, wanted.groups)


@pytest.mark.parametrize("bits", [2, 3, 4])
@pytest.mark.parametrize("group", [-1, 15])
@pytest.mark.parametrize("symmetric", [False, True])
def test_outputs_change_less(bits, group, symmetric):
    sums, grid = seen(), Grid(bits, group, symmetric)
    plain = change(nearest(WEIGHT, grid), sums)
    assert change(gptq(WEIGHT, sums, grid, 0.01, by_size=True), sums) < 0.7 * plain
    assert change(awq(WEIGHT, sums, grid, 20), sums) <= 1.001 * plain


def test_inputs_that_nothing_came_in_by_are_rounded_alone():
    grid = Grid(4)
    found = gptq(WEIGHT, seen(idle=(3, 40)), grid, 0.01, by_size=False)
    wanted = nearest(WEIGHT, grid)
    scale, zero = grid.fit(WEIGHT.astype("float64"))
    for i in (3, 40):
        np.testing.assert_array_equal(
            found.numbers[:, i], grid.round(WEIGHT[i], scale, zero)
        )
    nothing = gptq(WEIGHT, Seen(60), grid, 0.01, by_size=True)
    np.testing.assert_array_equal(nothing.numbers, wanted.numbers)


def test_inputs_that_depend_on_each_other():
    sums = Seen(60)
    sums.add(np.ones((50, 1)) * WEIGHT[:, 0])
    for damping in (0.0, 0.01):
        found = gptq(WEIGHT, sums, Grid(4), damping, by_size=False)
        assert np.isfinite(found.floats()).all()


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 9),
    st.integers(1, 5),
    st.sampled_from([2, 3, 4, 8]),
    st.sampled_from([-1, 1, 2, 4, 100]),
    st.booleans(),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_each_number_is_the_nearest(inputs, outputs, bits, group, even, per, seed):
    """Also where all of a group have one sign, or are zero."""
    rng = np.random.default_rng(seed)
    weight = rng.normal(rng.choice([-3.0, 0.0, 3.0]), 1.0, (inputs, outputs))
    weight *= rng.random((inputs, 1)) < 0.8
    made = nearest(weight, Grid(bits, group, even, per))
    steps = made.scale[:, made.groups].T
    assert (np.abs(made.floats() - weight) <= steps * 1.01 + 1e-6).all()
    assert made.numbers.max() < 2**bits
    if not even:  # 0.0 is kept
        assert (made.floats()[weight == 0] == 0).all()
