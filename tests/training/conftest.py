"""`lib`: the same test on our package and on the real keras, whose values are the right ones."""

import warnings

import pytest

import minikeras
from tests.goldens import oracle


@pytest.fixture(params=["minikeras", pytest.param("keras", marks=pytest.mark.oracle)])
def lib(request):
    """The package under test, then the oracle where it is installed."""
    if request.param == "minikeras":
        yield minikeras
        return
    keras = oracle.keras()
    keras.utils.set_random_seed(1234)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # keras's own
        yield keras
