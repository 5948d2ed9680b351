"""Every row of the table: eager, in a tape, symbolic and compiled, against keras on JAX."""

import functools
import inspect

import numpy as np
import pytest

from minikeras import ops
from minikeras.engine import dtypes, tree
from minikeras.engine.autodiff import GradientTape
from minikeras.engine.compile import jit
from minikeras.engine.symbolic import KerasTensor, infer_call
from minikeras.engine.tensor import Tensor
from tests.goldens.make import load
from tests.goldens.oracle import keras
from tests.ops.goldens import Oracle, of_case
from tests.ops.table import CASES, symbolic_shapes, weights

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.label)


@functools.cache
def goldens():
    return load("ops")


# Functions that Keras has not; each has a test of its own.
OURS_ALONE = {"sum_pool"}


def expected(case, part):
    """The arrays of a row whose key starts with `part`."""
    keys = [k for k in goldens() if k.startswith(f"{case.label}/{part}")]
    return [
        goldens()[k] for k in sorted(keys, key=lambda k: int(k.split("/")[1][1:] or 0))
    ]


def tensors(result):
    return [v for v in tree.flatten(result) if isinstance(v, Tensor)]


def close(ours, theirs, tolerance):
    wide = [np.asarray(v).astype("float64") for v in (ours, theirs)]
    np.testing.assert_allclose(*wide, rtol=tolerance, atol=tolerance)


def function_of(case):
    return getattr(ops, case.name)


@every_case
def test_values_and_dtypes(case):
    arrays = case.drawn()
    results = tensors(case.call(function_of(case), arrays))
    wanted = expected(case, "v")
    assert [(v.shape, v.dtype) for v in results] == [
        (v.shape, v.dtype.name) for v in wanted
    ]
    for ours, theirs in zip(results, wanted, strict=True):
        close(ours.numpy(), theirs, case.tol)
    for before, after in zip(case.drawn(), arrays, strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize(
    "case", [c for c in CASES if c.grad], ids=lambda case: case.label
)
def test_gradients(case):
    wanted = expected(case, "g")
    arrays = [ops.convert_to_tensor(a) for a in case.drawn()]
    sources = [a for a in arrays if dtypes.is_float(a.dtype)]
    assert len(wanted) == len(sources)
    if not sources:
        return
    with GradientTape() as tape:
        tape.watch(sources)
        results = [
            v for v in tensors(case.call(function_of(case), arrays)) if _is_float(v)
        ]
        total = ops.zeros(())
        for number, v in enumerate(results):
            total += ops.sum(ops.cast(v, "float32") * weights(v.shape, number))
    found = tape.gradient(total, sources, unconnected_gradients="zero")
    for ours, theirs in zip(found, wanted, strict=True):
        assert ours.dtype == theirs.dtype.name
        close(ours.numpy(), theirs, case.tol * 10)


def _is_float(tensor):
    return dtypes.is_float(tensor.dtype)


@pytest.mark.parametrize(
    "case", [c for c in CASES if c.symbolic and c.drawn()], ids=lambda case: case.label
)
def test_symbolic_shapes(case):
    given = [KerasTensor(shape, dtype) for shape, dtype in symbolic_shapes(case)]
    found = infer_call(lambda *a: case.call(function_of(case), list(a)), *given)
    shapes = [
        f"{v.dtype}{v.shape}" for v in tree.flatten(found) if isinstance(v, KerasTensor)
    ]
    assert shapes == goldens()[f"{case.label}/s"].tolist()


@pytest.mark.parametrize(
    "case", [c for c in CASES if c.staged and c.drawn()], ids=lambda case: case.label
)
def test_compiled_is_eager(case, backend):
    compiled = jit(lambda *a: case.call(function_of(case), list(a)))
    for _ in range(2):
        results = tensors(compiled(*case.drawn()))
        for ours, theirs in zip(results, expected(case, "v"), strict=True):
            assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype.name)
            close(ours.numpy(), theirs, case.tol)
    assert compiled.traces == 1
    assert not compiled.fallback


def test_promotion_of_every_pair():
    """JAX has no 64-bit dtypes by default, and keras on it says 32 where it means 64."""
    for a, b, wanted in goldens()["promotion"].tolist():
        result = dtypes.result_type(a, b)
        assert result.replace("64", "32") == wanted, (a, b)
        assert ops.equal(*(_sample(name) for name in (a, b))).dtype == "bool"
        if wanted != "bool":
            assert ops.add(*(_sample(name) for name in (a, b))).dtype == result, (a, b)


@pytest.mark.parametrize(
    ("a", "b", "wanted"),
    [
        ("int64", "int32", "int64"),
        ("uint32", "int8", "int64"),
        ("uint64", "int64", "float32"),
        ("float64", "float16", "float64"),
        ("int64", "float16", "float16"),
        ("float64", "int", "float64"),
        ("bfloat16", "float16", "float32"),
    ],
)
def test_promotion_with_64_bits(a, b, wanted):
    assert ops.multiply(_sample(a), _sample(b)).dtype == wanted
    assert ops.multiply(_sample(b), _sample(a)).dtype == wanted


def _sample(name):
    if name in ("int", "float"):
        return {"int": 1, "float": 1.0}[name]
    return ops.ones((2,), dtype=name)


@pytest.mark.oracle
@pytest.mark.parametrize("case", CASES[::16], ids=lambda case: case.label)
def test_the_goldens_are_what_keras_gives_now(case):
    now = of_case(Oracle(keras()), case)
    assert set(now) == {k for k in goldens() if k.startswith(case.label + "/")}
    for key, value in now.items():
        if key.endswith("/s"):
            assert value.tolist() == goldens()[key].tolist()
        else:
            close(value, goldens()[key], 1e-5)


@pytest.mark.oracle
@pytest.mark.parametrize(
    "name", sorted(set(ops.__all__) - OURS_ALONE - {"nn", "numpy", "linalg", "image"})
)
def test_signatures_are_those_of_keras(name):
    theirs = inspect.signature(getattr(keras().ops, name)).parameters.values()
    ours = inspect.signature(getattr(ops, name)).parameters.values()
    assert [(p.name, p.kind, p.default) for p in ours] == [
        (p.name, p.kind, p.default) for p in theirs
    ]


@pytest.mark.oracle
@pytest.mark.parametrize("part", ["nn", "numpy", "linalg"])
def test_parts_hold_the_functions_of_keras(part):
    theirs = {n for n in dir(getattr(keras().ops, part)) if not n.startswith("_")}
    ours = getattr(ops, part)
    assert set(ours.__all__) - OURS_ALONE == theirs & set(ops.__all__)
    for name in ours.__all__:
        assert getattr(ours, name) is getattr(ops, name)
