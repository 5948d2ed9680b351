"""The table of primitives: rows, shape rules, gradients, eager against staged.

All from the table of cases in `minikeras.testing.cases`. Kernels are compared with
references, and backends with one another, in tests/backends/test_contract.py.
"""

import inspect
import re

import numpy as np
import pytest

from minikeras.engine import backend as registry
from minikeras.engine import prims
from minikeras.engine.autodiff import GradientTape
from minikeras.engine.aval import Aval, ShapeError, Unknown
from minikeras.engine.compile import jit
from minikeras.engine.dtypes import is_float
from minikeras.engine.primitive import KINDS, PRIMITIVES, lookup
from minikeras.engine.tensor import Tensor
from minikeras.testing.cases import CASES, COMPILED
from minikeras.testing.gradients import check_grads, tensor

BY_ROW = {name: [c for c in CASES if c.name == name] for name in PRIMITIVES}


@pytest.fixture(autouse=True)
def _numpy():
    """Rows are tested on the reference backend."""
    before = registry.current_name()
    registry.use("numpy")
    yield
    registry.use(before)


@pytest.mark.parametrize("name", PRIMITIVES)
def test_a_row_says_everything(name):
    row = PRIMITIVES[name]
    assert row.kind in KINDS
    assert callable(row.infer)
    assert row.vjp is None or callable(row.vjp)
    assert name in COMPILED or BY_ROW[name], f"{name} has no case"
    # Gradients of complex numbers: tests/ops/test_complex.py.
    elsewhere = {*COMPILED, "with_gradient_of", "real", "imag", "complex"}
    if row.vjp is not None and name not in elsewhere:
        assert any(c.smooth for c in BY_ROW[name]), f"no gradient of {name} is checked"


def test_a_lent_gradient_goes_to_its_source():
    value, source = tensor(np.ones(3)), tensor(np.zeros(3))
    with GradientTape() as tape:
        tape.watch([value, source])
        total = prims.sum(
            prims.with_gradient_of(value, source), axes=(0,), keepdims=False
        )
    assert total.item() == 3
    first, second = tape.gradient(total, [value, source])
    assert first is None
    assert second.tolist() == [1, 1, 1]


def test_rows_are_public_under_their_names():
    for name in set(PRIMITIVES) - {"fused"}:
        assert getattr(prims, name) is lookup(name)


def _call(case, arrays):
    return case.row(*map(tensor, arrays), **case.static)


def _parts(result):
    return result if isinstance(result, tuple) else (result,)


GRADS = [c for c in CASES if c.smooth]


@pytest.mark.parametrize("case", GRADS, ids=str)
def test_gradients_to_second_order(case):
    """By central differences in float64; constants stay as they are drawn."""
    arrays = case.draw("float64")

    def function(*moving):
        args = [tensor(a) for a in arrays]
        for i, t in zip(case.smooth, moving):
            args[i] = t
        parts = _parts(case.row(*args, **case.static))
        return tuple(prims.cast(p, dtype="float64") for p in parts if is_float(p.dtype))

    def sample(rng):
        return [case.args[i].draw(rng, "float64") for i in case.smooth]

    check_grads(function, sample, projections=1 + (len(arrays[0].shape) < 4))


def test_staged_equals_eager():
    """All rows in one program, so that passes and memory planning are in it."""
    chosen = [c for cases in BY_ROW.values() for c in cases[:1]]
    arguments = [c.draw(c.dtypes[0]) for c in chosen]

    def everything(arguments):
        return [
            c.row(*args, **c.static) for c, args in zip(chosen, arguments, strict=True)
        ]

    eager = [_call(c, args) for c, args in zip(chosen, arguments)]
    staged = jit(everything)([[tensor(a) for a in args] for args in arguments])
    for case, whole, other in zip(chosen, eager, staged, strict=True):
        for a, b in zip(_parts(whole), _parts(other), strict=True):
            assert (a.shape, a.dtype) == (b.shape, b.dtype), str(case)
            np.testing.assert_allclose(
                a.numpy().astype("complex128"),
                b.numpy().astype("complex128"),
                2e-6,
                2e-6,
            )


# --- gradients at ties and kinks: JAX's values ---------------------------------------


def _grad(function, *values):
    tensors = [tensor(np.array(v, dtype=np.float64)) for v in values]
    with GradientTape() as tape:
        tape.watch(tensors)
        out = function(*tensors)
    grads = tape.gradient(out, tensors, unconnected_gradients="zero")
    return [g.numpy().tolist() for g in grads]


def _all(reduction):
    return lambda x: reduction(x, axes=(0,), keepdims=False)


@pytest.mark.parametrize(
    ("function", "values", "expected"),
    [
        (prims.maximum, (1.0, 1.0), [0.5, 0.5]),
        (prims.minimum, (1.0, 1.0), [0.5, 0.5]),
        (prims.maximum, (2.0, 1.0), [1.0, 0.0]),
        (prims.abs, (0.0,), [1.0]),
        (prims.sqrt, (0.0,), [np.inf]),
        (_all(prims.max), ([1.0, 3.0, 3.0],), [[0.0, 0.5, 0.5]]),
        (_all(prims.min), ([1.0, 1.0, 3.0, 1.0],), [[1 / 3, 1 / 3, 0.0, 1 / 3]]),
        (_all(prims.prod), ([0.0, 2.0, 3.0],), [[6.0, 0.0, 0.0]]),
        (_all(prims.prod), ([0.0, 0.0, 3.0],), [[0.0, 0.0, 0.0]]),
        (prims.pow, (0.0, 2.0), [0.0, 0.0]),
        (prims.pow, (0.0, 1.0), [1.0, 0.0]),
        (prims.pow, (0.0, 0.0), [np.nan, 0.0]),
        (prims.pow, (-2.0, 3.0), [12.0, None]),
        (prims.floor, (1.5,), [0.0]),
        (prims.sign, (0.0,), [0.0]),
        (lambda x: prims.cumprod(x, axis=0), ([2.0, 0.0, 3.0],), [[1.0, 8.0, 0.0]]),
        (lambda x: prims.sort(x, axis=0), ([2.0, 2.0, 1.0],), [[1.0, 1.0, 1.0]]),
        (prims.atan2, (1.0, 0.0), [0.0, -1.0]),
    ],
)
def test_gradients_at_ties_and_kinks(function, values, expected):
    for got, wanted in zip(_grad(function, *values), expected, strict=True):
        if wanted is not None:
            np.testing.assert_allclose(got, wanted)


def test_a_cast_passes_gradients_between_floats_only():
    x = tensor(np.array([1.5, 2.5], np.float32))
    with GradientTape() as tape:
        tape.watch(x)
        y = prims.cast(x, dtype="float64")
    g = tape.gradient(y, x)
    assert g.dtype == "float32" and g.numpy().tolist() == [1.0, 1.0]
    with GradientTape() as tape:
        tape.watch(x)
        y = prims.cast(prims.cast(x, dtype="int32"), dtype="float32")
    assert tape.gradient(y, x) is None


# --- shape rules ------------------------------------------------------------------------


def _aval(*shape, dtype="float32"):
    return Aval(shape, dtype)


CONV = {
    "strides": (1, 1),
    "padding": ((0, 0), (0, 0)),
    "dilation": (1, 1),
    "groups": 1,
}
POOL = {"window": (2, 2), "strides": (2, 2), "padding": ((0, 0), (0, 0))}


@pytest.mark.parametrize(
    ("name", "avals", "static", "words"),
    [
        ("add", [_aval(2), _aval(3)], {}, "add: shapes (2,) and (3,)"),
        ("add", [_aval(2), _aval(2, dtype="int32")], {}, "`b` has dtype int32"),
        ("erf", [_aval(2, dtype="int32")], {}, "expected a float dtype"),
        ("shift_left", [_aval(2), _aval(2)], {}, "expected an integer dtype"),
        ("logical_not", [_aval(2)], {}, "expected dtype bool"),
        ("bitwise_and", [_aval(2), _aval(2)], {}, "integer dtype or bool"),
        ("select", [_aval(2), _aval(2), _aval(2)], {}, "`cond` has dtype float32"),
        ("cast", [_aval(2)], {"dtype": "float8"}, "'float8' is not known"),
        ("polygamma", [_aval(2)], {"order": 0}, "call digamma"),
        ("full", [], {"shape": (-1,), "dtype": "int32", "value": 0}, "sizes >= 0"),
        ("iota", [], {"shape": (2,), "dtype": "int32", "axis": 1}, "axis 1"),
        ("sum", [_aval(2, 3)], {"axes": (1, 0), "keepdims": False}, "sorted tuple"),
        ("sum", [_aval(2, 3)], {"axes": (2,), "keepdims": False}, "rank 2"),
        ("max", [_aval(0, 3)], {"axes": (0,), "keepdims": False}, "no elements"),
        ("argmax", [_aval(0)], {"axis": 0}, "empty along axis 0"),
        ("cumsum", [_aval(2)], {"axis": 1}, "axis 1 is out of range"),
        ("reshape", [_aval(2, 3)], {"shape": (4,)}, "holds 6 elements"),
        ("transpose", [_aval(2, 3)], {"perm": (0, 0)}, "perm (0, 0)"),
        ("broadcast_to", [_aval(2, 3)], {"shape": (2, 4)}, "does not broadcast"),
        ("pad", [_aval(2), _aval()], {"widths": ((-1, 0),)}, "sizes >= 0"),
        ("pad", [_aval(2), _aval(1)], {"widths": ((1, 0),)}, "expected a scalar"),
        (
            "slice",
            [_aval(4)],
            {"starts": (0,), "stops": (5,), "steps": (1,)},
            "axis 0 of size 4",
        ),
        ("concat", [_aval(2, 3), _aval(2, 4)], {"axis": 0}, "differ in axis 0 only"),
        ("concat", [], {"axis": 0}, "got no arrays"),
        ("matmul", [_aval(2, 3), _aval(4, 5)], {}, "inner sizes 3 and 4"),
        ("matmul", [_aval(3), _aval(3, 5)], {}, "`a` has rank 1"),
        ("conv", [_aval(1, 5, 5, 3), _aval(3, 3, 4, 2)], CONV, "5, 5, 3) with 3"),
        ("conv", [_aval(1, 2, 5, 3), _aval(3, 3, 3, 2)], CONV, 'padding="same"'),
        ("conv", [_aval(5, 3), _aval(3, 2)], CONV, "(batch, *spatial, channels)"),
        (
            "conv",
            [_aval(1, 5, 5, 3), _aval(3, 3, 3, 2)],
            {**CONV, "strides": (1,)},
            "strides (1,) has 1 entries",
        ),
        (
            "conv_input_grad",
            [_aval(1, 3, 3, 4), _aval(3, 3, 3, 2)],
            {**CONV, "input_shape": (1, 5, 5, 3)},
            "`dy` has shape (1, 3, 3, 4)",
        ),
        ("max_pool", [_aval(1, 1, 4, 3)], POOL, "max_pool: a window of 2"),
        (
            "max_pool",
            [_aval(1, 4, 4, 3)],
            {**POOL, "padding": ((2, 0), (0, 0))},
            "wholly outside",
        ),
        ("take", [_aval(3), _aval(2)], {"axis": 0}, "`indices` has dtype float32"),
        (
            "gather_nd",
            [_aval(3), _aval(2, 2, dtype="int32")],
            {},
            "each row names 2 axes",
        ),
        (
            "dynamic_slice",
            [_aval(3), _aval(1, dtype="int32")],
            {"sizes": (4,)},
            "does not fit",
        ),
        ("random_bits", [_aval(2)], {"shape": (2,)}, "expected uint32[2]"),
        ("softmax", [_aval(2)], {"axis": 1}, "axis 1 is out of range"),
        (
            "softmax_cross_entropy_with_logits",
            [_aval(2, 3), _aval(2)],
            {},
            "One-hot encode",
        ),
    ],
)
def test_shape_errors_name_op_argument_and_fix(name, avals, static, words):
    with pytest.raises(ShapeError, match=re.escape(words)) as caught:
        lookup(name).infer(*avals, **static)
    assert str(caught.value).startswith(name)


def test_unknown_sizes_agree_with_known_ones():
    n = Unknown(7)
    assert prims.add.infer(_aval(n, 3), _aval(5, 1)).shape == (5, 3)
    assert prims.matmul.infer(_aval(n, n), _aval(4, 2)).shape == (7, 2)
    joined = prims.concat.infer(_aval(n, 2), _aval(4, 1), axis=1)
    assert joined.shape == (4, 3)
    whole = prims.slice.infer(
        _aval(n, 3), starts=(0, 1), stops=(n, 3), steps=(1, 1)
    ).shape
    assert whole == (7, 2) and isinstance(whole[0], Unknown)
    kept = prims.conv.infer(
        _aval(n, 8, 8, 3), _aval(3, 3, 3, 4), **{**CONV, "padding": ((1, 1), (1, 1))}
    ).shape
    assert kept == (7, 8, 8, 4) and isinstance(kept[0], Unknown)
    assert prims.reshape.infer(_aval(n, 3), shape=(n * 3,)).shape == (21,)
    for row in (prims.softmax, prims.sort):
        assert isinstance(row.infer(_aval(n, 3), axis=1).shape[0], Unknown)


def test_fused_rows_equal_their_compositions():
    for row in PRIMITIVES.values():
        if row.composition is None:
            continue
        for case in BY_ROW[row.name]:
            kind = "float64" if "float64" in case.dtypes else case.dtypes[0]
            arrays = [tensor(a) for a in case.draw(kind)]
            whole = row(*arrays, **case.static)
            parts = row.composition(*arrays, **case.static)
            pairs = zip(whole, parts, strict=True) if row.multi else [(whole, parts)]
            for a, b in pairs:
                np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-12, atol=1e-12)


def test_infer_takes_only_keywords_beside_arrays():
    """Static arguments are keywords, so a cache key needs no table of its own."""
    for row in PRIMITIVES.values():
        kinds = [p.kind for p in inspect.signature(row.infer).parameters.values()]
        positional = (
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            inspect.Parameter.VAR_POSITIONAL,
        )
        seen_keyword = False
        for kind in kinds:
            seen_keyword |= kind is inspect.Parameter.KEYWORD_ONLY
            assert not (seen_keyword and kind in positional), row.name


def test_philox_known_answers():
    """From the Random123 distribution's kat_vectors."""
    key = tensor(np.zeros(2, np.uint32))
    words = prims.random_bits(key, shape=(4,)).numpy()
    assert [f"{w:08x}" for w in words] == [
        "6627e8d5",
        "e169c58d",
        "bc57ac4c",
        "9b00dbd8",
    ]


def test_random_bits_do_not_depend_on_the_shape():
    key = tensor(np.array([5, 6], np.uint32))
    long = prims.random_bits(key, shape=(70_000,)).numpy()
    assert np.array_equal(
        prims.random_bits(key, shape=(10, 7)).numpy().ravel(), long[:70]
    )
    assert is_float("float32") and isinstance(key, Tensor)


def test_facets_say_what_is_true():
    """Of each row with a facet, on its own cases."""
    for case in CASES:
        facets, arrays = case.row.facets, case.draw(case.dtypes[0])
        if facets.alias:
            assert np.array_equal(np.ravel(_value(case, arrays)), np.ravel(arrays[0]))
        if facets.unchanged is not None and facets.unchanged(case.static):
            got = _value(case, arrays)
            if got.shape == arrays[0].shape and got.dtype == arrays[0].dtype:
                assert np.array_equal(got, arrays[0])
        for place, number in enumerate(facets.neutral):
            if number is not None:
                x = tensor(np.array([-0.0, 0.0, -3.5, np.inf], "float32"))
                operands = [x, x]
                operands[place] = tensor(np.array(number, "float32"))
                got = case.row(*operands).numpy()
                assert got.tobytes() == x.numpy().tobytes(), case.name
        if facets.monotone:
            x = tensor(np.linspace(-3, 3, 50, dtype="float32"))
            for other in (-1.5, 0.0, 2.0):
                got = case.row(x, tensor(np.array(other, "float32"))).numpy()
                assert (np.diff(got) >= 0).all(), case.name


def test_rows_that_keep_samples_apart():
    kept = 0
    for case in CASES:
        arrays = case.draw(case.dtypes[0])
        rule = case.row.facets.per_sample
        if rule is None or not arrays or arrays[0].ndim < 2:
            continue
        if not rule(arrays[0].ndim, case.static) or 0 in arrays[0].shape:
            continue
        whole = _value(case, arrays)
        part = _value(case, [arrays[0][:1], *arrays[1:]])
        np.testing.assert_allclose(part, whole[:1], rtol=1e-6, err_msg=case.name)
        kept += 1
    assert kept > 10


def _value(case, arrays):
    return case.row(*map(tensor, arrays), **case.static).numpy()
