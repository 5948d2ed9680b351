"""Native recurrent rows and scatters against the reference, whatever the sizes."""

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from minikeras_numba.machine import team
from minikeras_numba.rows.scatter import lower_scatter
from minikeras_numba.sequences import recurrent
from minikeras_numba.sequences.recurrent import _KERNEL, NAMES, lower_recurrent

from minikeras.engine import backend as registry
from minikeras.engine.aval import Aval
from minikeras.engine.graph import Node, Value
from minikeras.engine.passes.plan import Numbers
from minikeras.engine.primitive import lookup
from minikeras.testing.cases.recurrences import _args, _grad_args, _static

SIZES = st.tuples(st.integers(1, 40), st.integers(1, 4), st.integers(1, 70))


def _run(lower, name, arrays, static, unread=0):
    """The lowered step's results, or None where it declines.

    The last `unread` of them nobody reads.
    """
    row = lookup(name)
    inputs = [Value(Aval(a.shape, a.dtype.name)) for a in arrays]
    made = row.infer(*(v.aval for v in inputs), **static)
    outputs = [Value(a) for a in (made if row.multi else (made,))]
    regs = Numbers([*inputs, *outputs])
    regs.unread = set(outputs[len(outputs) - unread :])
    step = lower(Node(row, inputs, outputs, static), dict(regs) if not unread else regs)
    if step is None:
        return None
    results = [np.full(v.aval.shape, 7, v.aval.dtype) for v in outputs]
    registers = team.Registers(len(inputs) + len(outputs))
    for i, array in enumerate([*arrays, *results]):
        registers[i] = array
    step(registers)
    return results


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(NAMES),
    sizes=SIZES,
    dtype=st.sampled_from(["float32", "float64"]),
    masked=st.booleans(),
    reverse=st.booleans(),
    activation=st.sampled_from(["tanh", "relu", "linear"]),
)
def test_equal_to_the_reference(name, sizes, dtype, masked, reverse, activation):
    rng = np.random.default_rng(0)
    mask = rng.random(sizes[:2]) < 0.6 if masked else None
    base = name.removesuffix("_grad")
    args = (_grad_args if name.endswith("_grad") else _args)(base, sizes, mask)
    arrays = [a.draw(rng, dtype) for a in args]
    place = _KERNEL[name]  # a small kernel keeps long sums small
    arrays[place] *= 0.2
    static = _static(base, reverse, activation)
    wanted = registry.load("numpy").kernels[name](*arrays, **static)
    got = _run(lower_recurrent, name, arrays, static)
    wanted = wanted if isinstance(wanted, tuple) else (wanted,)
    tolerance = 2e-4 if dtype == "float32" else 1e-11
    for a, b in zip(got, wanted, strict=True):
        np.testing.assert_allclose(
            a, b, tolerance, tolerance * max(1, abs(b).max(initial=0))
        )


@pytest.mark.parametrize("name", NAMES)
def test_bits_do_not_depend_on_the_threads(name):
    rng = np.random.default_rng(0)
    base = name.removesuffix("_grad")
    sizes = (37, 20, 48)
    args = (_grad_args if name.endswith("_grad") else _args)(base, sizes, None)
    arrays = [a.draw(rng, "float32") for a in args]
    static = _static(base, False, "tanh")
    before, found = team.get_threads(), []
    try:
        for threads in (1, 2, 3):
            team.set_threads(threads)
            found.append(_run(lower_recurrent, name, arrays, static))
    finally:
        team.set_threads(before)
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


@settings(max_examples=30, deadline=None)
@given(
    name=st.sampled_from(("lstm", "gru", "simple_rnn")),
    sizes=SIZES,
    dtype=st.sampled_from(["float32", "float64"]),
    masked=st.booleans(),
    reverse=st.booleans(),
    threads=st.integers(2, 4),
)
def test_shares_of_columns_have_the_bits_of_shares_of_rows(
    name, sizes, dtype, masked, reverse, threads
):
    rng = np.random.default_rng(1)
    mask = rng.random(sizes[:2]) < 0.6 if masked else None
    arrays = [a.draw(rng, dtype) for a in _args(name, sizes, mask)]
    static = _static(name, reverse, "tanh")
    before, found = team.get_threads(), []
    try:
        team.set_threads(threads)
        for least in (1 << 40, 0):
            with patch.multiple(recurrent, FEW_BYTES=least, MANY_BYTES=least):
                found.append(_run(lower_recurrent, name, arrays, static))
    finally:
        team.set_threads(before)
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(("name", "saved"), [("lstm", 2), ("gru", 1)])
@pytest.mark.parametrize("least", [0, 1 << 40])
def test_what_no_gradient_wants_is_not_saved(name, saved, least):
    rng = np.random.default_rng(0)
    arrays = [a.draw(rng, "float32") for a in _args(name, (3, 6, 40), None)]
    static = _static(name, False, "tanh")
    before, found = team.get_threads(), []
    try:
        team.set_threads(2)
        with patch.multiple(recurrent, FEW_BYTES=least, MANY_BYTES=least):
            for unread in (0, saved):
                found.append(_run(lower_recurrent, name, arrays, static, unread))
    finally:
        team.set_threads(before)
    whole, few = found
    for a, b in zip(whole[:-saved], few[:-saved], strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(whole[-saved:], few[-saved:], strict=True):
        assert (a != 7).all() and (b[1:] == 7).all()  # only the first step's place


@pytest.mark.parametrize(
    ("sizes", "launches"),
    [
        ((1, 5, 512), 5),  # one row: nothing else to share out
        ((1, 5, 32), 1),  # too small to meet after each step
        ((8, 5, 256), 1),  # each thread has its kernel in the cache
        ((4, 5, 512), 5),
        ((5, 5, 512), 1),  # products take longer than the reading
    ],
)
def test_columns_of_large_kernels_are_shared_out(sizes, launches):
    row = lookup("lstm")
    inputs = [Value(Aval(a.shape, "float32")) for a in _args("lstm", sizes, None)]
    outputs = [Value(a) for a in row.infer(*(v.aval for v in inputs), reverse=False)]
    before = team.get_threads()
    try:
        team.set_threads(2)
        node = Node(row, inputs, outputs, {"reverse": False})
        step = lower_recurrent(node, {v: i for i, v in enumerate((*inputs, *outputs))})
    finally:
        team.set_threads(before)
    assert len(step.phases) == 1 + launches  # and the packing


def test_other_dtypes_and_no_steps_are_left_to_numpy():
    rng = np.random.default_rng(0)
    static = {"reverse": False}
    for sizes, dtype in (((2, 3, 4), "float16"), ((2, 0, 4), "float32")):
        arrays = [a.draw(rng, dtype) for a in _args("lstm", sizes, None)]
        assert _run(lower_recurrent, "lstm", arrays, static) is None


@settings(max_examples=25, deadline=None)
@given(
    rows=st.integers(1, 400),
    width=st.integers(1, 40),
    count=st.integers(0, 60),
    dtype=st.sampled_from(["float32", "float64"]),
    index=st.sampled_from(["int32", "int64"]),
)
def test_scattered_rows_add_up(rows, width, count, dtype, index):
    rng = np.random.default_rng(0)
    g = rng.standard_normal((count, width)).astype(dtype)
    indices = rng.integers(0, rows, count).astype(index)
    static = {"shape": (rows, width), "axis": 0}
    (got,) = _run(lower_scatter, "scatter_add_axis", [g, indices], static)
    wanted = np.zeros((rows, width), dtype)
    for i, values in zip(indices, g, strict=True):
        wanted[i] += values
    np.testing.assert_array_equal(got, wanted)
