"""On a real GPU: the contract, and training that agrees with NumPy."""

import importlib.util

import numpy as np
import pytest

from minikeras import config
from minikeras.engine import backend as registry
from minikeras.extend import BackendError
from minikeras.testing import backend_contract
from tests.backends.cupy.test_backend import trained


def missing():
    """Why these tests cannot run here, or an empty text."""
    if importlib.util.find_spec("cupy") is None:
        return "cupy is not installed"
    try:
        registry.load("cupy")
    except BackendError as error:
        return str(error)
    return ""


REASON = missing()
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(bool(REASON), reason=REASON or "runs"),
]


@pytest.mark.parametrize(("case", "dtype"), backend_contract.cases(), ids=str)
def test_contract(case, dtype):
    backend_contract.check_case("cupy", case, dtype)


def test_table_and_memory():
    backend_contract.check_table(registry.load("cupy").kernels)
    backend_contract.check_memory("cupy")


def test_a_cnn_trains_as_on_numpy():
    before = config.backend()
    try:
        _, wanted, _ = trained("numpy")
        _, got, _ = trained("cupy")
        _, again, _ = trained("cupy")
    finally:
        config.set_backend(before)
    np.testing.assert_allclose(got, wanted, rtol=1e-3)
    assert got == again
