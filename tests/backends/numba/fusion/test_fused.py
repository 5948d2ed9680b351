"""Fused groups: every elementwise op, broadcasting, in-place outputs, against NumPy."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from minikeras_numba.fusion.fused import fusible, lower_fused
from minikeras_numba.machine import jit, team

from minikeras.extend import Aval, Node, Value, lookup
from tests.backends.numba.bodies import Body, check

SPECIAL = [0.0, -0.0, math.inf, -math.inf, math.nan, 1, -1, 1e-30, -1e-30, 88, -87, 2.5]
SPECIAL += [0.5, -0.5, 1.5, 1e10, -1e10, 3e38, 1e-40]


def floats(dtype, low=-6.0, high=6.0):
    rng = np.random.default_rng(7)
    return np.concatenate([SPECIAL, rng.uniform(low, high, 200)]).astype(dtype)


FLOAT_UNARY = [
    "exp",
    "expm1",
    "log",
    "log1p",
    "sqrt",
    "rsqrt",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "asinh",
    "acosh",
    "atanh",
    "erf",
    "logistic",
    "floor",
    "ceil",
    "round",
    "neg",
    "abs",
    "sign",
    "isnan",
    "isfinite",
    "isinf",
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FLOAT_UNARY)
def test_float_unary(name, dtype):
    body = Body()
    array = floats(dtype)
    if name == "logistic" or name == "exp":
        array = array[~((array < -86) & (array > -110))]
    y = body(name, body.input(array))
    tiny = 1e-14 if dtype == "float64" else 1e-6
    check(body, array.shape, [y], rtol=3 * tiny, atol=tiny * 1e-2)


def test_erfinv():
    """All of (-1, 1), its ends, and what is beyond: the bits of the NumPy kernel.

    Normal numbers are made by it, and the same seed gives the same on every backend.
    """
    array = np.linspace(-1, 1, 20001, dtype="float32")
    ends = np.nextafter(np.float32([-1, 1]), np.float32(0))
    more = np.float32([0.0, -0.0, 1e-30, 1.5, -np.inf, np.nan, *ends])
    array = np.concatenate([array, more])
    body = Body()
    y = body("erfinv", body.input(array))
    check(body, array.shape, [y], rtol=0, atol=0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "name",
    [
        "add",
        "sub",
        "mul",
        "div",
        "floordiv",
        "mod",
        "pow",
        "atan2",
        "maximum",
        "minimum",
        "nextafter",
        "eq",
        "ne",
        "lt",
        "le",
        "gt",
        "ge",
    ],
)
def test_float_binary(name, dtype):
    body = Body()
    a = floats(dtype)
    b = np.roll(a, 5)
    b[40:] = np.random.default_rng(3).uniform(-4, 4, b[40:].shape)
    grid = np.array(SPECIAL, dtype)
    a = np.concatenate([a, np.repeat(grid, len(grid))])
    b = np.concatenate([b, np.tile(grid, len(grid))])
    y = body(name, body.input(a), body.input(b))
    check(body, a.shape, [y])


INTEGERS = ["int8", "uint8", "int16", "int32", "uint32", "int64", "uint64"]


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize(
    "name",
    [
        "add",
        "sub",
        "mul",
        "floordiv",
        "mod",
        "maximum",
        "minimum",
        "eq",
        "ne",
        "lt",
        "le",
        "gt",
        "ge",
        "bitwise_and",
        "bitwise_or",
        "bitwise_xor",
        "shift_left",
        "shift_right",
        "gcd",
    ],
)
def test_integer_binary(name, dtype):
    info = np.iinfo(dtype)
    edge = np.array([0, 1, 2, 3, 7, info.max, info.min, info.max - 1], dtype)
    a, b = np.repeat(edge, 8), np.tile(edge, 8)
    if name.startswith("shift"):
        b = (b % 8).astype(dtype)
    body = Body()
    check(body, a.shape, [body(name, body.input(a), body.input(b))])


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integer_unary(dtype):
    info = np.iinfo(dtype)
    body = Body()
    x = body.input(np.array([0, 1, 5, info.max, info.min + 1] * 5, dtype))
    outputs = [body(n, x) for n in ("neg", "abs", "sign", "bitwise_not")]
    check(body, (25,), outputs)


def test_booleans():
    body = Body()
    a = body.input(np.arange(37) % 2 == 0)
    b = body.input(np.arange(37) % 3 == 0)
    outputs = [body("logical_not", a), body("bitwise_xor", a, b), body("maximum", a, b)]
    outputs.append(body("select", a, b, outputs[1]))
    check(body, (37,), outputs)


@pytest.mark.parametrize("target", ["bool", *INTEGERS, "float16", "float32", "float64"])
@pytest.mark.parametrize("source", ["bool", *INTEGERS, "float16", "float32", "float64"])
def test_cast(source, target):
    array = np.array([0, 1, 2, 100, 3.7, 0.2, 7] * 5).astype(source)
    body = Body()
    check(body, array.shape, [body("cast", body.input(array), dtype=target)])


def test_cast_of_floats_out_of_range():
    body = Body()
    x = body.input(np.array([1e20, -1e20, math.nan, 5.9], "f4"))
    (got,) = body.run((4,), [body("cast", x, dtype="int32")])
    assert got.tolist() == [2**31 - 1, -(2**31), 0, 5]


def test_half_floats_round_to_even():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    array = np.array(
        [1.00390625, 1.01171875, 1e-40, 3e38, math.inf, math.nan, -2.3] * 3, "f4"
    )
    body = Body()
    x = body.input(array)
    out = body("cast", x, dtype="bfloat16")
    (got,) = body.run(array.shape, [out])
    want = array.astype(ml_dtypes.bfloat16)
    np.testing.assert_array_equal(got.astype("f4"), want.astype("f4"))
    body = Body()
    small = want[:3]
    b = body.input(small)
    squares = (small.astype("f4") ** 2).astype(ml_dtypes.bfloat16)
    (got,) = body.run(small.shape, [body("mul", b, b)])
    np.testing.assert_array_equal(got.astype("f4"), squares.astype("f4"))


@st.composite
def broadcasts(draw):
    """A space and three shapes that broadcast to it, one of them the space."""
    space = tuple(draw(st.lists(st.sampled_from([1, 2, 3, 5, 17, 33]), max_size=4)))
    shapes = [space]
    for _ in range(2):
        cut = draw(st.integers(0, len(space)))
        keep = draw(st.lists(st.booleans(), min_size=len(space), max_size=len(space)))
        shape = tuple(n if k else 1 for n, k in zip(space, keep, strict=True))
        shapes.append(shape[cut:])
    return space, draw(st.permutations(shapes))


@given(broadcasts())
def test_broadcasting(case):
    space, shapes = case
    rng = np.random.default_rng(1)
    body = Body()
    a, b, c = (body.input(rng.standard_normal(s).astype("f4")) for s in shapes)
    total = body("add", body("mul", a, b), body("tanh", c))
    small = body("mul", b, body.constant(2.0))
    outputs = [total, body("sub", total, c), small]
    axes = tuple(range(len(space)))[::2]
    if space:
        wide = body("broadcast_to", total, shape=space)
        outputs.append(body("sum", wide, axes=axes, keepdims=False))
        outputs.append(body("max", wide, axes=axes, keepdims=True))
    check(body, space, outputs, rtol=1e-4, atol=1e-5)


def test_empty_space():
    body = Body()
    x = body.input(np.empty((0, 4), "f4"))
    outputs = [body("exp", x), body("sum", x, axes=(0,), keepdims=False)]
    check(body, (0, 4), outputs)


def test_in_place_with_a_scalar_updated_too():
    rng = np.random.default_rng(0)
    n = 100_001
    body = Body()
    w, m = (body.input(rng.random(n, np.float32)) for _ in range(2))
    step = body.input(np.array(3.0, "f4"))
    after = body("add", step, body.constant(1.0))
    m2 = body("mul", m, body.constant(0.9))
    w2 = body("sub", w, body("div", m2, after))
    check(body, (n,), [w2, m2, after], in_place={0: 0, 1: 1, 2: 2})


def test_a_reduction_of_nothing_may_be_in_place():
    body = Body()
    x = body.input(np.arange(5, dtype="f4").reshape(1, 5))
    total = body("sum", body("mul", x, x), axes=(0,), keepdims=True)
    check(body, (1, 5), [total], in_place={0: 0})


def test_created_values():
    body = Body()
    x = body.input(np.zeros((3, 5, 7), "f4"))
    counted = body("iota", shape=(3, 5, 7), dtype="float32", axis=1)
    flat = body("full", shape=(3, 5, 7), dtype="float32", value=2.5)
    whole = body("iota", shape=(3, 5, 7), dtype="int32", axis=2)
    total = body("add", body("add", x, counted), flat)
    check(body, (3, 5, 7), [total, whole, flat])


def test_single_nodes():
    x = Value(Aval((300,), "float32"))
    out = Value(Aval((300,), "float32"))
    node = Node(lookup("mul"), [x, x], [out], {})
    assert fusible(node)
    registers = team.Registers(2)
    registers[0], registers[1] = np.arange(300, dtype="f4"), np.empty(300, "f4")
    lower_fused(node, {x: 0, out: 1})(registers)
    np.testing.assert_array_equal(registers[1], np.arange(300, dtype="f4") ** 2)


def test_what_is_not_fusible():
    x = Value(Aval((3,), "float32"))
    i = Value(Aval((3,), "int32"))
    assert not fusible(Node(lookup("lgamma"), [x], [x], {}))
    key = Value(Aval((2,), "uint32"))
    # its key could be made by the group it would join
    assert not fusible(Node(lookup("random_bits"), [key], [key], {"shape": (2,)}))
    assert not fusible(Node(lookup("pow"), [i, i], [i], {}))


def test_other_sizes_need_no_new_kernel():
    def run(n):
        body = Body()
        x = body.input(np.ones(n, "f4"))
        check(body, (n,), [body("exp", body("mul", x, body.constant(0.123)))])

    run(10)
    before = jit.stats.compiled + jit.stats.loaded
    run(1000)
    run(100_000)
    assert jit.stats.compiled + jit.stats.loaded == before


def test_numbers_are_no_part_of_a_kernel():
    """1 / batch, a rate, a bound of integers: another value compiles nothing."""

    def step(value, dtype):
        body = Body()
        x = body.input(np.arange(1, 40).astype(dtype))
        total = body("sum", body("mul", x, body.constant(value, dtype)), axes=(0,),
                     keepdims=False)  # fmt: skip
        check(body, (39,), [total], rtol=1e-5)

    for dtype, values in (
        ("float32", (0.125, 1 / 31, -7e-9, 1e38)),
        ("float64", (0.125, 1 / 31, 1e300)),
        ("int32", (5, -7, 100)),
        ("uint8", (5, 7)),
        ("int64", (5, -(2**40))),
    ):
        step(values[0], dtype)
        before = jit.stats.compiled + jit.stats.loaded
        for value in values[1:]:
            step(value, dtype)
        assert jit.stats.compiled + jit.stats.loaded == before, dtype


@pytest.mark.parametrize("how", ["max", "min"])
@pytest.mark.parametrize("count", [1, 15, 64, 65, 200, 5000])
@pytest.mark.parametrize("at", [None, 0, -1])
def test_extremes_in_several_chains_hand_nan_on(how, count, at):
    x = np.random.default_rng(count).standard_normal((3, count)).astype("float32")
    if at is not None:
        x[1, at] = np.nan
        x[2, at] = np.inf
    for axes in ((0, 1), (1,)):
        inputs = Value(Aval(x.shape, "float32"))
        row = lookup(how)
        static = {"axes": axes, "keepdims": False}
        made = row.infer(inputs.aval, **static)
        output = Value(made)
        step = lower_fused(
            Node(row, [inputs], [output], static), {inputs: 0, output: 1}
        )
        registers = team.Registers(2)
        registers[0], registers[1] = x, np.empty(made.shape, "float32")
        step(registers)
        np.testing.assert_array_equal(registers[1], getattr(np, how)(x, axis=axes))
