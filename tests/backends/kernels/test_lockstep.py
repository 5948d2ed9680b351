"""Descriptions as CUDA, a warp in step on a processor, against the reference kernels."""

import ml_dtypes
import numpy as np
import pytest
from minikeras_cupy.render import WARP
from minikeras_kernels.argreduce import argreduce
from minikeras_kernels.bodies import FOLDS, Constant, body_of, lower_body, space_of
from minikeras_kernels.elementwise import supports
from minikeras_kernels.fused import GroupKernel, table
from minikeras_kernels.gather import gather
from minikeras_kernels.group import Place
from minikeras_kernels.rowwise import ROWWISE, RowKernel
from minikeras_numpy import build_table

from minikeras.engine import prims as p
from minikeras.extend import Aval, Node, Value, lookup, numpy_dtype
from minikeras.testing import backend_contract
from tests.backends.kernels import lockstep
from tests.engine.staged import stage

pytestmark = pytest.mark.skipif(
    lockstep.compiler() is None, reason="needs a C++ compiler"
)
NUMPY = build_table(np)
RNG = np.random.default_rng(5)


class Memory:
    """Arrays of this process; those of kernels begin as garbage."""

    def empty(self, shape, dtype):
        made = np.empty(tuple(shape), numpy_dtype(dtype))
        made.view(np.uint8).fill(0x7F) if made.shape else made.fill(7)
        return made

    def constant(self, array):
        return np.ascontiguousarray(array)


class Calls:
    """The kernels of a body on arrays, and what they make."""

    def __init__(self, body, space, arrays):
        self.outs = [
            np.empty(v.aval.shape, numpy_dtype(v.aval.dtype)) for v in body.outputs
        ]
        everything = [*map(np.ascontiguousarray, arrays), *self.outs]
        places = {v: Place(i) for i, v in enumerate(body.inputs)}
        slots = [len(arrays) + i for i in range(len(self.outs))]
        self.calls = []
        for cut in lower_body(body, space, places, slots, WARP, Memory()):
            if isinstance(cut, Constant):
                everything[cut.slot][...] = cut.value
                continue
            code = GroupKernel(*cut, WARP).write()
            words = [
                everything[w.slot] if isinstance(w, Place) and w.array is None else w
                for w in table(*cut)
            ]
            self.calls.append(lockstep.Call(code, words, cut.layout.units))

    def __call__(self):
        for call in self.calls:
            call()
        return self.outs


def single(name, arrays, static):
    """The kernels of one elementwise, reduce, create or random node."""
    row = lookup(name)
    inputs = [Value(Aval(a.shape, a.dtype.name)) for a in arrays]
    made = Value(row.infer(*(v.aval for v in inputs), **static))
    node = Node(row, inputs, [made], static)
    body, _ = body_of(node)
    return Calls(body, space_of(node, body), arrays)


FOLDS_AND_MAKERS = (*FOLDS, "full", "iota", "random_bits")


def chosen():
    """Each elementwise row, fold and maker in each dtype, with its first case."""
    seen = set()
    for case, dtype in backend_contract.cases():
        elementwise = case.row.kind == "elementwise" and supports(
            case.name, dtype, WARP
        )
        known = elementwise or case.name in FOLDS_AND_MAKERS
        if known and not dtype.startswith("complex") and (case.name, dtype) not in seen:
            seen.add((case.name, dtype))
            yield case, dtype


def unusual(case, arrays):
    """Numbers at the edges in place of those that were drawn; None where they make none."""
    if case.row.kind != "elementwise" or case.name.startswith("shift"):
        return None
    special = [0.0, -0.0, 1.0, -1.0, 0.5, 3.0, -2.5, np.nan, np.inf, -np.inf, 1e-40]
    drawn = []
    for a in arrays:
        if a.dtype.kind == "f" or a.dtype.name == "bfloat16":
            drawn.append(RNG.choice(special, a.shape).astype(a.dtype))
        elif a.dtype.kind in "iu":
            ends = np.iinfo(a.dtype)
            low = [0, 1, 2, 3, 7, ends.max, ends.min]
            drawn.append(RNG.choice(np.array(low, a.dtype), a.shape))
        else:
            drawn.append(a)
    return drawn


def test_every_row_in_every_dtype():
    cases = []
    for case, dtype in chosen():
        arrays = case.draw(dtype)
        for given in (arrays, unusual(case, arrays)):
            if given is not None and not any(a.dtype.kind == "c" for a in given):
                cases.append((case, given, single(case.name, given, case.static)))
    assert len(cases) > 250
    lockstep.build(call.source for _, _, calls in cases for call in calls.calls)
    for case, arrays, calls in cases:
        (made,) = calls()
        wanted = NUMPY[case.name](*arrays, **case.static)
        assert made.dtype == wanted.dtype
        tolerance = 4e-2 if made.itemsize == 2 else 1e-5
        backend_contract.assert_close(made, wanted, tolerance, f"{case} {made.dtype}")


def group_cases():
    """Bodies with folds, broadcasting, rows and columns: (name, function, shapes)."""
    fold = lambda x, axes, keep=False: p.sum(x, axes=axes, keepdims=keep)  # noqa: E731
    return [
        ("rows", lambda x: (p.exp(x), fold(p.exp(x), (1,))), [(37, 70)]),
        (
            "columns",
            lambda x: (fold(x, (0,)), p.max(p.neg(x), axes=(0,), keepdims=False)),
            [(300, 9)],
        ),
        ("wide columns", lambda x: fold(p.mul(x, x), (0,)), [(65, 1300)]),
        (
            "whole",
            lambda x: (fold(x, (0, 1)), p.min(x, axes=(0, 1), keepdims=False)),
            [(41, 1100)],
        ),
        ("middle", lambda x: fold(x, (1,), True), [(5, 33, 40)]),
        ("outer and inner", lambda x: fold(x, (0, 2)), [(6, 7, 50)]),
        (
            "broadcast",
            lambda x, b, c: p.add(p.mul(x, b), c),
            [(9, 5, 31), (5, 1), (31,)],
        ),
        ("one element", lambda x: (p.tanh(x), fold(x, (0,))), [(1,)]),
        ("scalar", lambda x, s: p.mul(x, s), [(77,), ()]),
    ]


def test_groups_of_several_shapes():
    made = []
    for name, function, shapes in group_cases():
        graph = stage(function, *shapes)
        arrays = [RNG.standard_normal(s).astype("float32") for s in shapes]
        made.append((name, graph, arrays, Calls(graph, shapes[0], arrays)))
    lockstep.build(call.source for *_, calls in made for call in calls.calls)
    for name, graph, arrays, calls in made:
        values = dict(zip(graph.inputs, arrays, strict=True))
        for node in graph.nodes:
            given = [values[v] for v in node.inputs]
            values[node.outputs[0]] = NUMPY[node.prim.name](*given, **node.static)
        for out, v in zip(calls(), graph.outputs, strict=True):
            np.testing.assert_allclose(out, values[v], 2e-5, 2e-4, err_msg=name)


def test_in_place_and_from_any_number_of_warps():
    """An output over its input; and the same bits however many warps share the units."""
    graph = stage(lambda x: p.add(x, p.tanh(x)), (3000,))
    x = RNG.standard_normal(3000).astype("float32")
    calls = Calls(graph, (3000,), [x])
    (wanted,) = [out.copy() for out in calls()]
    (call,) = calls.calls
    for warps in (1, 2, 50):
        calls.outs[0][...] = np.nan
        call(warps)
        np.testing.assert_array_equal(calls.outs[0], wanted)
    array = x.copy()
    places = {graph.inputs[0]: Place(0)}
    (cut,) = lower_body(graph, (3000,), places, [0], WARP, Memory())
    words = [array if isinstance(w, Place) else w for w in table(*cut)]
    lockstep.Call(GroupKernel(*cut, WARP).write(), words, cut.layout.units)()
    np.testing.assert_array_equal(array, wanted)


@pytest.mark.parametrize("width", [1, 5, 32, 33, 100, 1000])
def test_rows(width):
    x = RNG.standard_normal((7, width)).astype("float32") * 3
    x[1, 0], x[2] = np.inf if width > 1 else 1, -50.0
    y = NUMPY["softmax"](RNG.standard_normal((7, width)).astype("float32"), axis=-1)
    x = np.nan_to_num(x, posinf=80.0)
    calls = []
    for name in ROWWISE:
        loses = name == ROWWISE[2]
        out = np.full(7 if loses else (7, width), np.nan, "float32")
        given = [x, y] if loses else [x]  # logits, then probabilities
        arrays = [given[0], given[-1], out]
        code = RowKernel(name, "float32", WARP).write()
        calls.append((name, given, out, lockstep.Call(code, [width, *arrays], 7)))
    lockstep.build(call.source for *_, call in calls)
    for name, given, out, call in calls:
        call()
        wanted = NUMPY[name](*given, **({} if name == ROWWISE[2] else {"axis": -1}))
        np.testing.assert_allclose(out, wanted, 1e-5, 1e-5, err_msg=name)


@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_first_of_equals_and_first_nan(name):
    x = RNG.integers(-2, 3, (60, 70)).astype("float32")
    x[3, 44:46] = np.nan
    x[5, 0] = x[6, 69] = np.nan
    x[7], x[8] = np.inf, -np.inf
    for width in (1, 31, 32, 64, 70):
        part = np.ascontiguousarray(x[:, :width])
        out = np.full(60, -7, np.int32)
        lockstep.Call(argreduce(name, "float32", WARP), [width, part, out], 60)()
        np.testing.assert_array_equal(out, getattr(np, name)(part, axis=1))


@pytest.mark.parametrize("index", ["int32", "int64"])
def test_gather(index):
    source = RNG.standard_normal((11, 45)).astype("float32")
    indices = np.array([0, 10, 3, 3, 11, -1, 7], index)
    out = np.zeros((7, 45), "float32")
    lockstep.Call(gather("float32", index, WARP), [11, 45, source, indices, out], 7)()
    wanted = np.where((indices < 0) | (indices > 10), 0, indices)
    np.testing.assert_array_equal(out[[0, 1, 2, 3, 6]], source[wanted][[0, 1, 2, 3, 6]])
    assert np.isnan(out[4:6]).all()


def test_random_words_are_those_of_numpy():
    key = np.array([123456789, 7], np.uint32)
    for shape in ((7,), (1030,), (3, 5, 11)):
        (made,) = single("random_bits", [key], {"shape": shape})()
        np.testing.assert_array_equal(made, NUMPY["random_bits"](key, shape=shape))


def test_half_floats_round_to_nearest_even():
    x = np.concatenate(
        [RNG.standard_normal(50), [1 + 2**-11, 1 + 3 * 2**-11, 6e-8, 1e5, np.nan]]
    )
    x = x.astype("float32")
    for dtype in (np.float16, ml_dtypes.bfloat16):
        with np.errstate(over="ignore"):
            wanted = x.astype(dtype)
        (made,) = single("cast", [x], {"dtype": np.dtype(dtype).name})()
        np.testing.assert_array_equal(
            made.view(np.uint16)[:-1], wanted.view(np.uint16)[:-1]
        )
        assert np.isnan(np.float32(made[-1]))
