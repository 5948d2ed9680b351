"""Lowered groups and epilogues of the NumPy backend against their eager bodies."""

import math
import tracemalloc
from unittest import mock

import minikeras_numpy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from minikeras_numpy import fills, groups, sharing

from minikeras.engine.aval import Aval
from minikeras.engine.graph import Graph, Node, Value
from minikeras.engine.primitive import lookup

BACKEND = minikeras_numpy.backend()
UNARY = ("neg", "exp", "tanh", "logistic", "relu_like", "abs", "rsqrt", "erf")
BINARY = ("add", "mul", "maximum", "sub")


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    """Blocks of a few elements, so that small arrays are cut into many, for three threads."""
    monkeypatch.setattr(groups, "BLOCK", 8)
    monkeypatch.setattr(groups, "LINE", 4)
    monkeypatch.setattr(groups, "lanes", lambda: 3)
    monkeypatch.setattr(sharing, "_limit", lambda: 3)
    monkeypatch.setattr(sharing, "_team", sharing._Team())


def by_turns(count, work, worth=True):
    """Shares out as three threads may, whatever the machine has to do beside."""
    for number in reversed(range(count)):
        work(number % 3 if worth else 0, number)


def node(name, inputs, **static):
    aval = lookup(name).infer(*[v.aval for v in inputs], **static)
    return Node(lookup(name), inputs, [Value(aval)], static)


def evaluate(body, arrays):
    """The body by eager kernels, one node at a time."""
    table = dict(zip(body.inputs, arrays, strict=True)) | body.constants
    for n in body.nodes:
        kernel = BACKEND.kernels[n.prim.name]
        table[n.outputs[0]] = kernel(*[table[v] for v in n.inputs], **n.static)
    return [np.array(table[v]) for v in body.outputs]


def run(body, space, arrays, shared=()):
    """The lowered group; `shared` are (output, input) pairs with one buffer."""
    inputs = [Value(v.aval) for v in body.inputs]
    outputs = [Value(v.aval) for v in body.outputs]
    fused = Node(lookup("fused"), inputs, outputs, {"body": body, "space": space})
    lookup("fused").infer(*[v.aval for v in inputs], **fused.static)
    regs = {v: i for i, v in enumerate((*inputs, *outputs))}
    step = BACKEND.lower(fused, regs)
    results = []
    for share in (sharing.share, by_turns):
        table = [np.array(a) for a in arrays]
        table += [np.empty(v.aval.shape, v.aval.dtype) for v in outputs]
        for j, i in shared:
            table[regs[outputs[j]]] = table[i]
        with mock.patch.object(groups, "share", share):
            step(table)
        results.append([np.array(table[regs[v]]) for v in outputs])
        taken = {i for _, i in shared}
        for i, a in enumerate(arrays):
            assert i in taken or np.array_equal(table[i], a), "an input was written"
    for first, second in zip(*results, strict=True):
        np.testing.assert_array_equal(first, second)
    return results[0]


@st.composite
def bodies(draw):
    """A random body over a random space, and which outputs overwrite which inputs."""
    space = draw(st.sampled_from([(50,), (5, 7), (4, 3, 6), (2, 2), (1, 30), (24, 1)]))
    shapes = draw(
        st.lists(
            st.sampled_from([space, space, space[-1:], (), (1,) * len(space)]),
            min_size=1,
            max_size=3,
        )
    )
    inputs = [Value(Aval(space, "float32"))]
    inputs += [Value(Aval(s, "float32")) for s in shapes]
    constant = Value(Aval((), "float32"))
    values = [*inputs, constant]
    nodes = []
    for _ in range(draw(st.integers(1, 9))):
        kind = draw(st.sampled_from(("unary", "binary", "select", "iota", "full")))
        a, b, c = (draw(st.sampled_from(values)) for _ in range(3))
        if kind == "unary":
            name = draw(st.sampled_from(UNARY))
            made = (
                node("maximum", [a, constant])
                if name == "relu_like"
                else node(name, [a])
            )
        elif kind == "binary":
            made = node(draw(st.sampled_from(BINARY)), [a, b])
        elif kind == "select":
            test = node("gt", [a, b])
            nodes.append(test)
            made = node("select", [test.outputs[0], b, c])
        elif kind == "iota":
            axis = draw(st.integers(0, len(space) - 1))
            made = node("iota", [], shape=space, dtype="float32", axis=axis)
        else:
            made = node("full", [], shape=space, dtype="float32", value=0.25)
        nodes.append(made)
        values.append(made.outputs[0])
    made = [n.outputs[0] for n in nodes]
    outputs = draw(st.lists(st.sampled_from(made), min_size=1, max_size=3, unique=True))
    whole = [v for v in made if v.aval.shape == space and v.aval.dtype == "float32"]
    if whole and draw(st.booleans()):
        last = node("sum", [draw(st.sampled_from(whole))], axes=(0,), keepdims=False)
        nodes.append(last)
        outputs.append(last.outputs[0])
    free = [i for i, v in enumerate(inputs) if v.aval == inputs[0].aval]
    shared = []
    for j, v in enumerate(outputs):
        if free and v.aval == inputs[0].aval and draw(st.booleans()):
            shared.append((j, free.pop(draw(st.integers(0, len(free) - 1)))))
    constants = {constant: np.asarray(0.5, np.float32)}
    return Graph(inputs, constants, nodes, outputs), space, shared


@settings(max_examples=150)
@given(bodies(), st.integers(0, 99))
def test_a_group_equals_its_body(drawn, seed):
    body, space, shared = drawn
    rng = np.random.default_rng(seed)
    arrays = [rng.normal(size=v.aval.shape).astype(np.float32) for v in body.inputs]
    expected = evaluate(body, arrays)
    for got, wanted in zip(run(body, space, arrays, shared), expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("space", [(100,), (12, 5), (3, 50)])
def test_random_bits_continue_across_blocks(space):
    key, x = Value(Aval((2,), "uint32")), Value(Aval(space, "float32"))
    small = Value(Aval(space[-1:], "float32"))
    bits = node("random_bits", [key], shape=space)
    noise = node("cast", [bits.outputs[0]], dtype="float32")
    total = node("add", [noise.outputs[0], x])
    last = node("add", [total.outputs[0], small])
    body = Graph([key, x, small], {}, [bits, noise, total, last], last.outputs)
    arrays = [np.array([3, 4], np.uint32), np.ones(space, np.float32)]
    arrays.append(np.zeros(space[-1:], np.float32))
    (got,) = run(body, space, arrays)
    np.testing.assert_array_equal(got, evaluate(body, arrays)[0])


@pytest.mark.parametrize("space", [(12, 5), (4, 3, 2, 3), (9, 2), (1, 30, 4)])
def test_pictures_are_worked_on_in_lines(space):
    """Normalizing by channels, and its sums: the bits of the body, but for the sums'."""
    x, y = (Value(Aval(space, "float32")) for _ in range(2))
    tail = (*(1 for _ in space[1:]), space[-1])
    scale, mean = Value(Aval(tail, "float32")), Value(Aval(space[-1:], "float32"))
    centred = node("sub", [x, mean])
    scaled = node("mul", [centred.outputs[0], scale])
    added = node("add", [scaled.outputs[0], y])
    axes = tuple(range(len(space) - 1))
    sums = [
        node("sum", [v], axes=axes, keepdims=keep)
        for v, keep in ((scaled.outputs[0], True), (y, False))
    ]
    nodes = [centred, scaled, added, *sums]
    outputs = [n.outputs[0] for n in nodes[2:]]
    body = Graph([x, y, scale, mean], {}, nodes, outputs)
    assert groups.Group(BACKEND.kernels, body, space).mode == "lines"
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=v.aval.shape).astype(np.float32) for v in body.inputs]
    got = run(body, space, arrays, shared=[(0, 1)])
    wanted = evaluate(body, arrays)
    np.testing.assert_array_equal(got[0], wanted[0])
    for one, other in zip(got[1:], wanted[1:], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("space", [(50,), (24, 3)])
def test_threads_share_no_workspace(space):
    """Neither temporaries nor what writers keep between calls."""
    x, small = Value(Aval(space, "float32")), Value(Aval(space[-1:], "float32"))
    low = node("gt", [x, small])
    chosen = node("select", [low.outputs[0], x, small])
    narrow = node("cast", [chosen.outputs[0]], dtype="float16")
    wide = node("cast", [narrow.outputs[0]], dtype="float32")
    last = node("mul", [wide.outputs[0], x])
    nodes = [low, chosen, narrow, wide, last]
    group = groups.Group(
        BACKEND.kernels, Graph([x, small], {}, nodes, last.outputs), space
    )
    assert group.mode != "whole"
    arrays = [np.ones(space, "float32"), np.ones(space[-1:], "float32")]
    group.run(arrays, [np.empty(space, "float32")])
    schedule = group._schedule
    assert len(schedule._tails) == len(schedule._calls) == 3
    own = range(len(schedule.fixed))
    for a, b in ((0, 1), (0, 2), (1, 2)):
        for i in own:
            assert not np.may_share_memory(schedule._tails[a][i], schedule._tails[b][i])
        for (one, _), (other, _) in zip(
            *(schedule._calls[k] for k in (a, b)), strict=True
        ):
            assert one is not other or isinstance(one, np.ufunc) or not one.__closure__


def test_an_input_that_is_read_again_is_overwritten_last():
    """a' = a + b in a's place, then b' = a * b in b's place."""
    a, b = (Value(Aval((20,), "float32")) for _ in range(2))
    first, second = node("add", [a, b]), node("mul", [a, b])
    outputs = [*first.outputs, *second.outputs]
    body = Graph([a, b], {}, [first, second], outputs)
    arrays = [np.arange(20, dtype=np.float32), np.full(20, 2, np.float32)]
    added, multiplied = run(body, (20,), arrays, shared=[(0, 0), (1, 1)])
    np.testing.assert_array_equal(added, arrays[0] + 2)
    np.testing.assert_array_equal(multiplied, arrays[0] * 2)


CONV = {
    "strides": (1, 1),
    "padding": ((1, 1), (1, 1)),
    "dilation": (1, 1),
    "groups": 1,
}


@pytest.mark.parametrize(
    ("core", "shapes", "static"),
    [
        ("matmul", ((6, 4), (4, 5)), {}),
        ("matmul", ((4, 6), (5, 4)), {"transpose_a": True, "transpose_b": True}),
        ("matmul", ((2, 6, 4), (4, 5)), {}),
        ("conv", ((3, 5, 5, 2), (3, 3, 2, 4)), CONV),
    ],
)
def test_an_epilogue_equals_core_and_tail(core, shapes, static):
    ins = [Value(Aval(s, "float32")) for s in shapes]
    result = lookup(core).infer(*[v.aval for v in ins], **static)
    x, bias = Value(result), Value(Aval(result.shape[-1:], "float32"))
    residual = Value(result)
    plus = node("add", [x, bias])
    positive = node("gt", [plus.outputs[0], residual])
    last = node("mul", [plus.outputs[0], residual])
    outputs = [*positive.outputs, *last.outputs]
    body = Graph([x, bias, residual], {}, [plus, positive, last], outputs)
    extras = [Value(bias.aval), Value(result)]
    made = [Value(v.aval) for v in outputs]
    given = {
        "core": core,
        "core_static": tuple(sorted(static.items())),
        "n_core": 2,
        "body": body,
    }
    row = lookup("epilogue")
    assert row.infer(*[v.aval for v in (*ins, *extras)], **given) == tuple(
        v.aval for v in outputs
    )
    whole = Node(row, [*ins, *extras], made, given)
    regs = {v: i for i, v in enumerate((*ins, *extras, *made))}
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=v.aval.shape).astype(np.float32) for v in (*ins, *extras)]
    table = arrays + [np.empty(v.aval.shape, v.aval.dtype) for v in made]
    BACKEND.lower(whole, regs)(table)
    y = BACKEND.kernels[core](*arrays[:2], **static)
    expected = evaluate(body, [y, *arrays[2:]])
    for got, wanted in zip(table[4:], expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5)


def _peak(step, table):
    step(table)
    tracemalloc.start()
    step(table)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize(
    ("name", "shapes", "static"),
    [
        ("conv", ((64, 16, 16, 8), (3, 3, 8, 8)), CONV),
        (
            "conv_filter_grad",
            ((64, 16, 16, 8), (64, 16, 16, 8)),
            {**CONV, "kernel_shape": (3, 3, 8, 8)},
        ),
        (
            "conv_input_grad",
            ((64, 16, 16, 8), (3, 3, 8, 8)),
            {**CONV, "input_shape": (64, 16, 16, 8)},
        ),
        ("matmul", ((400, 100), (100, 400)), {}),
        ("softmax", ((900, 100),), {"axis": 1}),
        ("tanh", ((300, 300),), {}),
        ("sum", ((300, 300),), {"axes": (0,), "keepdims": False}),
        (
            "max_pool_grad",
            ((64, 16, 16, 8), (64, 8, 8, 8)),
            {"window": (2, 2), "strides": (2, 2), "padding": ((0, 0), (0, 0))},
        ),
    ],
)
def test_a_warm_step_allocates_nothing_big(name, shapes, static):
    ins = [Value(Aval(s, "float32")) for s in shapes]
    made = node(name, ins, **static)
    regs = {v: i for i, v in enumerate((*ins, *made.outputs))}
    rng = np.random.default_rng(0)
    table = [rng.normal(size=s).astype(np.float32) for s in shapes]
    table.append(np.empty(made.outputs[0].aval.shape, np.float32))
    step = BACKEND.lower(made, regs)
    assert not step.allocates
    # What is left is NumPy's own iteration buffers, 64 KiB or so for a call.
    assert _peak(step, table) < 150_000


def test_convolution_memory_does_not_grow_with_the_batch():
    """A block's matrix is bounded, whatever the batch."""
    kernel = np.ones((3, 3, 16, 4), np.float32)
    x = np.ones((64, 32, 32, 16), np.float32)
    tracemalloc.start()
    BACKEND.kernels["conv"](x, kernel, **CONV)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.3 * 64 * 32 * 32 * 9 * 16 * 4


@pytest.mark.parametrize("dtype", ["float32", "float16", "int32"])
def test_no_warning_for_infinities_and_zero_division(dtype):
    """Warnings are errors in this suite."""
    limit = np.iinfo(dtype).max if dtype == "int32" else np.inf
    values = np.array([0, -1, 1, limit, -3], dtype)
    for name in ("div", "floordiv", "mod", "pow", "mul", "add"):
        if name == "div" and dtype == "int32":
            continue
        zero = np.zeros((), dtype)
        assert BACKEND.kernels[name](values, zero).dtype == dtype
    if dtype != "int32":
        for name in ("exp", "log", "sqrt", "rsqrt", "logistic", "acosh", "lgamma"):
            assert BACKEND.kernels[name](values).dtype == dtype
        assert BACKEND.kernels["cast"](values * np.nan, dtype="int32").shape == (5,)


def test_integers_to_negative_powers():
    x = np.array([-2, -1, -1, 1, 3, 2], np.int32)
    y = np.array([-1, -1, -2, -5, -1, 3], np.int32)
    got = BACKEND.kernels["pow"](x, y)
    assert got.tolist() == [0, -1, 1, 1, 0, 8] and got.dtype == np.int32


@pytest.mark.parametrize("x", [-7.3, -0.5, 0.2, 1.0, 2.0, 2.5, 9.9, 171.0, 1e10])
def test_lgamma_is_exact_to_1e_13(x):
    got = float(BACKEND.kernels["lgamma"](np.array(x)))
    assert abs(got - math.lgamma(x)) <= 1e-13 * max(1.0, abs(math.lgamma(x)))


def test_special_values():
    kernels = BACKEND.kernels
    edge = np.array([-1.0, 0.0, 1.0, 2.0])
    np.testing.assert_array_equal(
        kernels["erfinv"](edge), [-np.inf, 0.0, np.inf, np.nan]
    )
    np.testing.assert_array_equal(
        kernels["lgamma"](np.array([0.0, -1.0, np.inf, 1.0])),
        [np.inf, np.inf, np.inf, 0],
    )
    assert np.isnan(kernels["digamma"](np.array([0.0, -2.0]))).all()
    x = np.array([0.1, 0.3, 0.45])
    gap = kernels["digamma"](1 - x) - kernels["digamma"](x)
    np.testing.assert_allclose(gap, np.pi / np.tan(np.pi * x), rtol=1e-12)
    far = kernels["erf"](np.array([-40.0, 40.0, np.nan], np.float32))
    np.testing.assert_array_equal(far, [-1.0, 1.0, np.nan])


def test_poolings_after_an_interrupt_in_their_first_run(monkeypatch):
    """Each thread has its workspace in the next run, whoever was made ready before."""
    monkeypatch.setattr(fills, "lanes", lambda: 2)
    monkeypatch.setattr(
        fills, "share", lambda n, work, worth: [work(i % 2, i) for i in range(n)]
    )
    calls = []

    def work(scratch, out):
        calls.append(scratch)
        if len(calls) == 1:
            raise KeyboardInterrupt
        out.fill(1)

    run = fills._by_samples(4, 1 << 18, work)
    out = np.zeros(4)
    with pytest.raises(KeyboardInterrupt):
        run(out)
    run(out)
    np.testing.assert_array_equal(out, 1)
