"""Tiles, packers and the cutting of axes, each on its own."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from minikeras_numba.ir.job import WORDS, Job, job_table, place
from minikeras_numba.machine import team
from minikeras_numba.machine.jit import host
from minikeras_numba.tiles import blocking, jobs, pack, tile

DTYPES = ("float32", "float64")


def call(rows, arrays):
    """Run job rows on arrays A, B, C."""
    registers = team.Registers(3)
    for i, array in enumerate(arrays):
        registers[i] = array
    tables = jobs.Tables(jobs.Base(0), jobs.Base(1), jobs.Base(2))
    tables.add_unit([jobs.JobRange(0, 0, 0, *tables.add_jobs(rows))])
    jobs.Closure([jobs.Phase(tables)])(registers)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("k", [0, 1, 9])
@pytest.mark.parametrize("vectors", [1, 2])
def test_tile_of_every_height(dtype, k, vectors):
    rng = np.random.default_rng(0)
    item = np.dtype(dtype).itemsize
    n = vectors * host().lanes(item)
    for rows in range(1, tile.max_rows(vectors) + 1):
        for tail in (n, n - 1):
            lanes = host().lanes(item) - (n - tail)
            a = rng.standard_normal((2 * rows, k)).astype(dtype)
            b = rng.standard_normal((k, n)).astype(dtype)
            c = np.full((2 * rows, n), 5.0, dtype)
            fn = tile.tile(dtype, rows, vectors, tail < n, False)
            place = {"times": 2, "da": rows * k * item, "dc": rows * n * item, "k": k}
            steps = {"sap": k * item, "sak": item, "sbk": n * item, "ldc": n * item}
            zero = tile.Sums(**place, **steps, tail=lanes)
            again = zero._replace(lds=n * item, ds=rows * n * item)
            call([Job(fn, s=jobs.zeros_address(), fields=zero)], (a, b, c))
            np.testing.assert_allclose(
                c[:, :tail], (a @ b)[:, :tail], rtol=1e-4, atol=1e-4
            )
            assert (c[:, tail:] == 5).all()
            call([Job(fn, fields=again)], (a, b, c))
            np.testing.assert_allclose(
                c[:, :tail], 2 * (a @ b)[:, :tail], rtol=1e-4, atol=1e-4
            )


def test_rows_of_several_kinds_make_one_table():
    table = job_table([Job(7, 1, 2, 3, 4, pack.Copied(5, 6, 8, 9)), Job(1)])
    assert table.shape == (2, WORDS)
    assert table[0, :9].tolist() == [7, 1, 2, 3, 4, 5, 6, 8, 9]
    assert not table[0, 9:].any() and not table[1, 1:].any()
    assert table[0, place(pack.Copied, "to_pitch")] == 8


@pytest.mark.parametrize("dtype", DTYPES)
def test_adder_sums_rows_in_order(dtype):
    rng = np.random.default_rng(0)
    item = np.dtype(dtype).itemsize
    lanes = host().lanes(item)
    a = rng.standard_normal((5, 3 * lanes + 2)).astype(dtype)
    c = np.zeros(3 * lanes + 2, dtype)
    pitch, body = a.shape[1] * item, 3 * lanes * item
    rows = [
        Job(pack.adder(dtype, full=True), fields=pack.Added(3, 5, pitch)),
        Job(
            pack.adder(dtype, full=False), body, 0, body, 0, pack.Added(1, 5, pitch, 2)
        ),
    ]
    call(rows, (a, a, c))
    expected = a[0].copy()
    for row in a[1:]:
        expected += row
    np.testing.assert_array_equal(c, expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("nbytes", [0, 8, 64, 200])
def test_clearing(dtype, nbytes):
    c = np.ones(nbytes // np.dtype(dtype).itemsize + 3, dtype)
    call(list(jobs.clearing(dtype, nbytes)), (c, c, c))
    assert not c[:-3].any()
    assert (c[-3:] == 1).all()


@given(st.integers(0, 300), st.integers(1, 14))
def test_even_numbers_add_up(total, most):
    parts = blocking.even(total, most)
    assert sum(parts) == total
    assert all(1 <= p <= most for p in parts)
    assert len(parts) == -(-total // most)


@given(st.integers(0, 200), st.integers(1, 4), st.sampled_from([4, 8, 16]))
def test_panels_and_tiles_cover(columns, vectors, lanes):
    cut = blocking.panels(columns, lanes, vectors)
    seen = [
        c
        for p in cut
        for c in range(p.start, p.start + (p.vectors - 1) * lanes + p.tail)
    ]
    assert seen == list(range(columns))
    rows = [
        at + i for at, size, count in blocking.row_tiles(columns, vectors)
        for i in range(size * count)
    ]  # fmt: skip
    assert rows == list(range(columns))


axes = st.builds(
    blocking.WindowAxis,
    size=st.integers(1, 12),
    out=st.integers(0, 12),
    kernel=st.integers(1, 6),
    stride=st.integers(1, 5),
    low=st.integers(0, 7),
    dilation=st.integers(1, 4),
)


def pairs(runs, order=None):
    """All (output, input, tap) of runs; each output in one run only."""
    seen, result = [], set()
    for s in runs:
        for i in range(s.length):
            seen.append(s.start + i * s.step)
            for j in range(s.taps):
                tap = s.tap + j
                tap = order[tap] if order else tap
                result.add((seen[-1], s.origin + i * s.stride + j * s.gap, tap))
    assert len(seen) == len(set(seen))
    return set(seen), result


@given(axes)
def test_segments_are_the_windows(axis):
    read = {
        (o, o * axis.stride + t * axis.dilation - axis.low, t)
        for o in range(axis.out)
        for t in range(axis.kernel)
    }
    read = {(o, i, t) for o, i, t in read if 0 <= i < axis.size}
    assert pairs(blocking.forward_segments(axis)) == (set(range(axis.out)), read)
    back = pairs(blocking.backward_segments(axis), blocking.tap_order(axis))
    assert back == (set(range(axis.size)), {(i, o, t) for o, i, t in read})


@given(axes, st.integers(0, 12), st.integers(0, 12))
def test_clipped_segments(axis, low, high):
    runs = blocking.backward_segments(axis)
    cut = [s for s in (t.clipped(low, high) for t in runs) if s is not None]
    whole = {x for x in pairs(runs)[1] if low <= x[0] < high}
    assert pairs(cut)[1] == whole
