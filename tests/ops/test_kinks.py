"""Values and gradients at ties and kinks are those of keras on JAX, on every backend."""

import functools

import numpy as np
import pytest

from minikeras import activations, ops
from minikeras.engine import dtypes, tree
from minikeras.engine.autodiff import GradientTape
from minikeras.engine.compile import jit
from minikeras.engine.tensor import Tensor
from tests.goldens.make import load
from tests.goldens.oracle import keras, oracle
from tests.ops.cases_kinks import KINKS
from tests.ops.goldens import Oracle
from tests.ops.goldens_kinks import of_case, unpacked
from tests.ops.table import weights

TOLERANCE = 1e-4
NAMESPACES = {"ops": ops, "activations": activations}
every_case = pytest.mark.parametrize("case", KINKS, ids=lambda case: case.label)


@functools.cache
def golden():
    return unpacked(load("ops_kinks"))


def expected(case, part):
    keys = [k for k in golden() if k.startswith(f"{case.label}/{part}")]
    return [golden()[k] for k in keys]


def values_and_gradients(case, *arrays):
    arrays = [ops.convert_to_tensor(a) for a in arrays]
    sources = [a for a in arrays if dtypes.is_float(a.dtype)]
    with GradientTape() as tape:
        tape.watch(sources)
        function = getattr(NAMESPACES[case.namespace], case.name)
        found = tree.flatten(case.call(function, arrays))
        values = [v for v in found if isinstance(v, Tensor)]
        total = ops.zeros(())
        for number, v in enumerate(v for v in values if dtypes.is_float(v.dtype)):
            total += ops.sum(v * weights(v.shape, number))
    if not case.grad:
        return values, []
    return values, tape.gradient(total, sources, unconnected_gradients="zero")


def compare(case, results):
    for found, part in zip(results, "vg", strict=True):
        wanted = expected(case, part)
        assert len(found) == len(wanted)
        for ours, theirs in zip(found, wanted, strict=True):
            flat = ours.numpy().ravel().astype("float32")
            if case.name == "normalize" and np.isfinite(case.drawn()[0]).all():
                # Keras's slope at a row of zeros is nan; ours is finite, as it should be.
                assert np.isfinite(flat).all()
                theirs = np.where(np.isnan(theirs), flat, theirs)
            np.testing.assert_allclose(flat, theirs, TOLERANCE, TOLERANCE)


@every_case
def test_eager(case, backend):
    compare(case, values_and_gradients(case, *case.drawn()))


@every_case
def test_compiled(case, backend):
    compiled = jit(functools.partial(values_and_gradients, case))
    compare(case, compiled(*case.drawn()))
    assert not compiled.fallback


@oracle
@pytest.mark.parametrize("case", KINKS[::12], ids=lambda case: case.label)
def test_the_golden_is_what_keras_gives_now(case):
    for key, value in of_case(Oracle(keras()), case).items():
        flat = value.ravel().astype("float32")
        np.testing.assert_allclose(golden()[key], flat, TOLERANCE, TOLERANCE)


def test_the_golden_has_every_row():
    assert {k.split("/")[0] for k in golden()} == {case.label for case in KINKS}
