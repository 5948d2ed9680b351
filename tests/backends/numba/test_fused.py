"""Fused groups: every elementwise op, every pattern of reduction, against NumPy."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from minikeras_numba import jit, pool
from minikeras_numba.epilogue import lower_epilogue
from minikeras_numba.fused import fusible, lower_fused
from minikeras_numba.rowwise import lower_rowwise
from minikeras_numpy import build_table

import minikeras.engine.prims  # noqa: F401
from minikeras.extend import Aval, Graph, Node, Value, lookup

NUMPY = build_table(np)


class Body:
    """A fused body under construction, evaluated by NumPy beside."""

    def __init__(self):
        self.inputs, self.arrays, self.constants, self.nodes = [], [], {}, []
        self.known = {}

    def input(self, array):
        v = Value(Aval(array.shape, array.dtype.name))
        self.inputs.append(v)
        self.arrays.append(array)
        self.known[v] = array
        return v

    def constant(self, value, dtype="float32"):
        v = Value(Aval((), dtype))
        self.constants[v] = self.known[v] = np.array(value, dtype)
        return v

    def __call__(self, name, *args, **static):
        row = lookup(name)
        out = Value(row.infer(*(a.aval for a in args), **static))
        self.nodes.append(Node(row, args, [out], static))
        with np.errstate(all="ignore"):
            self.known[out] = NUMPY[name](*(self.known[a] for a in args), **static)
        return out

    def run(self, space, outputs, in_place=None):
        """Lower and run; the outputs. `in_place`: output number -> input number."""
        in_place = in_place or {}
        outer = [Value(v.aval) for v in self.inputs]
        results = [Value(v.aval) for v in outputs]
        regs = {v: i for i, v in enumerate(outer)}
        for i, v in enumerate(results):
            regs[v] = in_place.get(i, len(outer) + i)
        body = Graph(self.inputs, self.constants, self.nodes, outputs)
        node = Node(lookup("fused"), outer, results, {"body": body, "space": space})
        registers = pool.Registers(len(outer) + len(results))
        for i, array in enumerate(self.arrays):
            registers[i] = array.copy()
        for i, v in enumerate(results):
            if i not in in_place:
                registers[regs[v]] = np.full(v.aval.shape, 77, v.aval.dtype)
        lower_fused(node, regs)(registers)
        return [registers[regs[v]] for v in results]


def check(body, space, outputs, rtol=3e-6, atol=1e-6, **kw):
    wanted = [body.known[v] for v in outputs]
    for got, want in zip(body.run(space, outputs, **kw), wanted, strict=True):
        assert got.dtype == want.dtype
        if got.dtype.kind == "f":
            np.testing.assert_allclose(got, want, rtol=rtol, atol=atol)
        else:
            np.testing.assert_array_equal(got, want)


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


PATTERNS = [
    ((100003,), (0,)),
    ((128, 64), (0,)),
    ((20011, 33), (0,)),
    ((20011, 10), (1,)),
    ((3, 20000), (0,)),
    ((3, 20000), (1,)),
    ((40, 3, 700), (0, 2)),
    ((7, 5, 3), (1,)),
    ((4, 6, 5, 3), (0, 1, 2)),
    ((4, 6, 5, 3), (1, 3)),
    ((60, 50, 40), (0, 1)),
    ((9, 40, 31, 7), (0, 2)),
    ((1, 5), (0,)),
    ((4, 1, 3), (1,)),
    ((5, 6), ()),
    ((), ()),
]


@pytest.mark.parametrize("name", ["sum", "max", "min", "prod", "any", "all"])
@pytest.mark.parametrize(("shape", "axes"), PATTERNS)
def test_reductions(shape, axes, name):
    rng = np.random.default_rng(5)
    body = Body()
    array = rng.uniform(0.5, 1.5, shape).astype("f8" if name == "prod" else "f4")
    if name == "prod":
        array = 1 + (array - 1) * 1e-3
    if name in ("any", "all"):
        array = rng.random(shape) < (0.001 if name == "any" else 0.999)
    x = body.input(np.asarray(array))
    outputs = [body(name, x, axes=axes, keepdims=k) for k in (False, True)]
    check(body, shape, outputs, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["int32", "int8", "uint8", "int64"])
def test_integer_reductions(dtype):
    body = Body()
    x = body.input(np.random.default_rng(0).integers(1, 100, (50, 70)).astype(dtype))
    outputs = [
        body(name, x, axes=axes, keepdims=False)
        for name in ("sum", "max", "min")
        for axes in ((0,), (1,), (0, 1))
    ]
    check(body, (50, 70), outputs)


def test_reductions_hand_nan_on():
    array = np.ones((3, 40), "f4")
    array[1, 17] = math.nan
    body = Body()
    x = body.input(array)
    outputs = [
        body(n, x, axes=a, keepdims=False)
        for n in ("max", "min")
        for a in ((0,), (1,), (0, 1))
    ]
    check(body, (3, 40), outputs)


def test_half_precision_sums_are_made_in_float32():
    body = Body()
    x = body.input(np.ones(10_000, "f2"))
    (got,) = body.run((10_000,), [body("sum", x, axes=(0,), keepdims=False)])
    assert got == 10_000


def test_sums_are_near_exact():
    array = np.random.default_rng(0).random(3_000_000, np.float32)
    body = Body()
    x = body.input(array)
    (got,) = body.run(array.shape, [body("sum", x, axes=(0,), keepdims=False)])
    assert abs(float(got) / array.sum(dtype="f8") - 1) < 1e-6


def test_empty_space():
    body = Body()
    x = body.input(np.empty((0, 4), "f4"))
    outputs = [body("exp", x), body("sum", x, axes=(0,), keepdims=False)]
    check(body, (0, 4), outputs)


def test_several_reductions_share_a_kernel_with_stores():
    rng = np.random.default_rng(0)
    body = Body()
    x = body.input(rng.standard_normal((50, 8, 8, 24)).astype("f4"))
    g = body.input(rng.standard_normal(24).astype("f4"))
    y = body("mul", x, g)
    outputs = [y]
    for axes in ((0, 1, 2), (3,), (0, 1, 2, 3), (1, 2)):
        outputs.append(body("sum", y, axes=axes, keepdims=True))
    check(body, (50, 8, 8, 24), outputs, rtol=1e-4, atol=1e-4)


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
    registers = pool.Registers(2)
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


@pytest.fixture
def threads():
    before = pool.get_threads()
    yield pool.set_threads
    pool.set_threads(before)


def test_bits_do_not_depend_on_threads(threads):
    results = []
    for count in (1, 2, 5):
        threads(count)
        body = Body()
        x = body.input(
            np.random.default_rng(0).standard_normal((3001, 130)).astype("f4")
        )
        outputs = [body("exp", x)]
        for axes in ((0,), (1,), (0, 1)):
            outputs.append(body("sum", outputs[0], axes=axes, keepdims=False))
        results.append([a.tobytes() for a in body.run((3001, 130), outputs)])
    assert results[0] == results[1] == results[2]


ROWS = [(64, 10), (3, 1000), (5, 1), (2, 3, 37), (4,)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", ROWS)
def test_rowwise(shape, dtype):
    rng = np.random.default_rng(0)
    x = (rng.standard_normal(shape) * 30).astype(dtype)
    p = rng.random(shape).astype(dtype)
    for name, arrays, static in (
        ("softmax", [x], {"axis": len(shape) - 1}),
        ("log_softmax", [x], {"axis": -1}),
        ("softmax_cross_entropy_with_logits", [x, p], {}),
    ):
        values = [Value(Aval(a.shape, dtype)) for a in arrays]
        want = NUMPY[name](*arrays, **static)
        out = Value(Aval(want.shape, dtype))
        regs = {v: i for i, v in enumerate([*values, out])}
        registers = pool.Registers(3)
        for i, a in enumerate([*arrays, np.empty(want.shape, dtype)]):
            registers[i] = a
        step = lower_rowwise(Node(lookup(name), values, [out], static), regs)
        step(registers)
        np.testing.assert_allclose(registers[len(arrays)], want, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("residual", ["none", "apart", "in the output's buffer"])
def test_epilogue(residual):
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((70, 30)), rng.standard_normal((30, 50))
    arrays = [x.astype("f4") for x in (a, b, rng.standard_normal(50))]
    body = Body()
    core = body.input(arrays[0] @ arrays[1])
    y = body("add", core, body.input(arrays[2]))
    if residual != "none":
        arrays.append(rng.standard_normal((70, 50)).astype("f4"))
        y = body("add", y, body.input(arrays[3]))
    y = body("maximum", y, body.constant(0.0))
    inputs = [Value(Aval(x.shape, "float32")) for x in arrays]
    out = Value(y.aval)
    static = {
        "core": "matmul",
        "core_static": (("transpose_a", False), ("transpose_b", False)),
        "n_core": 2,
        "body": Graph(body.inputs, body.constants, body.nodes, [y]),
    }
    regs = {v: i for i, v in enumerate([*inputs, out])}
    registers = pool.Registers(len(regs))
    for i, x in enumerate([*arrays, np.empty((70, 50), "f4")]):
        registers[i] = x.copy()
    if residual == "in the output's buffer":
        regs[out] = 3
    lower_epilogue(Node(lookup("epilogue"), inputs, [out], static), regs)(registers)
    np.testing.assert_allclose(
        registers[regs[out]], body.known[y], rtol=1e-4, atol=1e-5
    )
