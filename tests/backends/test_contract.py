"""Every installed backend against the contract; numpy's table stands in for cupy's."""

import numpy as np
import pytest
from minikeras_numpy import build_table

from minikeras.engine import backend as registry
from minikeras.testing import backend_contract

NAMES = [n for n in ("numpy", "numba") if n in registry.available()]
PAIRS = backend_contract.cases()


@pytest.mark.parametrize("name", NAMES)
def test_the_table_is_complete(name):
    backend_contract.check_table(registry.load(name).kernels)


@pytest.mark.parametrize("name", NAMES)
def test_memory(name):
    backend_contract.check_memory(name)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("case", "dtype"), PAIRS, ids=str)
def test_case(name, case, dtype):
    backend_contract.check_case(name, case, dtype)


class Other:
    """A namespace that is not numpy, as cupy's is: the generic paths are taken."""

    def __getattr__(self, name):
        return getattr(np, name)


def test_a_table_over_another_namespace():
    table = build_table(Other())
    backend_contract.check_table(table)
    for case, dtype in PAIRS:
        if dtype == case.dtypes[0] and case.name in table:
            backend_contract.check_kernel(table, case, dtype)


def test_the_contract_sees_a_wrong_kernel():
    """The checks can fail: dtype, value, and a written input."""
    (case, dtype), *_ = backend_contract.cases(["exp"])
    wrong = {
        "dtype": lambda x: np.exp(x.astype(np.float64)),
        "value": lambda x: np.exp(x) + 1,
        "input": lambda x: np.exp(x, out=x),
        "scalar": lambda x: 1.0,
    }
    for kernel in wrong.values():
        with pytest.raises(AssertionError, match="exp"):
            backend_contract.check_kernel({"exp": kernel}, case, dtype)
