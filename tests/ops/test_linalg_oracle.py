"""Linear algebra and Fourier transforms against keras on JAX: values to gradients."""

import numpy as np
import pytest

import minikeras.models  # noqa: F401 - records symbolic calls
from minikeras import ops
from minikeras.engine import dtypes, tree
from minikeras.engine.autodiff import GradientTape
from minikeras.engine.compile import jit
from minikeras.engine.symbolic import KerasTensor
from minikeras.engine.tensor import Tensor
from minikeras.testing import check_grads
from tests.goldens.oracle import keras, oracle
from tests.ops.cases_linalg import LINALG
from tests.ops.goldens import Oracle
from tests.ops.table import symbolic_shapes, weights

RNG = np.random.default_rng(4)
TOLERANCE = 5e-4  # float32, through decompositions


def tensors(result):
    return [v for v in tree.flatten(result) if isinstance(v, Tensor)]


def close(ours, theirs):
    assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype.name)
    np.testing.assert_allclose(ours.numpy(), theirs, TOLERANCE, TOLERANCE)


def gradients(case):
    arrays = [ops.convert_to_tensor(a) for a in case.drawn()]
    sources = [a for a in arrays if dtypes.is_float(a.dtype)]
    with GradientTape() as tape:
        tape.watch(sources)
        results = tensors(case.call(getattr(ops, case.name), arrays))
        floats = [v for v in results if dtypes.is_float(v.dtype)]
        parts = [ops.sum(v * weights(v.shape, n)) for n, v in enumerate(floats)]
        total = sum(parts, start=ops.zeros(()))
    return tape.gradient(total, sources)


@oracle
@pytest.mark.parametrize("case", LINALG, ids=lambda case: case.label)
def test_all_is_as_in_keras(case):
    theirs = Oracle(keras())
    function = getattr(ops, case.name)
    wanted = theirs.values(case)
    eager = case.call(function, case.drawn())
    compiled = jit(lambda *a: case.call(function, list(a)))(*case.drawn())
    for results in (eager, compiled):
        for ours, value in zip(tensors(results), wanted, strict=True):
            close(ours, value)
    if case.grad and dtypes.is_float(wanted[0].dtype.name):
        for ours, value in zip(gradients(case), theirs.gradients(case), strict=True):
            close(ours, value)


@oracle
@pytest.mark.parametrize("case", LINALG[::3], ids=lambda case: case.label)
def test_symbolic_shapes_are_those_of_keras(case):
    if case.kwargs.get("length") == 60:
        pytest.skip("keras gives fewer samples than its symbolic call says")
    given = [KerasTensor(s, d) for s, d in symbolic_shapes(case)]
    try:
        wanted = Oracle(keras()).symbolic(case)
    except Exception:
        pytest.skip("keras cannot call this on symbolic tensors")
    found = case.call(getattr(ops, case.name), given)
    ours = [
        f"{v.dtype}{v.shape}" for v in tree.flatten(found) if isinstance(v, KerasTensor)
    ]
    assert ours == wanted


def test_triangular_systems_of_many_vectors():
    lower, right = np.tril(RNG.normal(size=(2, 3, 3))), RNG.normal(size=(2, 3))
    lower += 3 * np.eye(3)
    x = ops.solve_triangular(lower, right, lower=True).numpy()
    np.testing.assert_allclose(np.einsum("bij,bj->bi", lower, x), right)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: ops.lu_factor(x)[0],
        lambda x: ops.qr(x)[1],
        lambda x: ops.svd(x, full_matrices=False)[0] ** 2,
        lambda x: ops.norm(x, ord="nuc"),
    ],
)
@pytest.mark.parametrize("shape", [(4, 3), (3, 4)])
def test_gradients_of_factors_to_second_order(function, shape):
    check_grads(function, [np.random.default_rng(2).normal(size=shape)])


def test_equal_singular_values_have_a_finite_sum():
    x = ops.convert_to_tensor(np.eye(3))
    with GradientTape() as tape:
        tape.watch(x)
        total = ops.norm(x, ord="nuc")
    np.testing.assert_allclose(tape.gradient(total, x).numpy(), np.eye(3), atol=1e-12)


def test_a_count_of_what_is_not_zero_bears_infinity():
    assert ops.norm([np.inf, 0.0, np.nan, 2.0], ord=0).item() == 3.0
