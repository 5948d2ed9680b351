"""The real keras on JAX, as the oracle of the tests."""

import os
import warnings

import pytest


def keras():
    """The keras package; the test that asks for it is skipped where it is not installed."""
    os.environ.setdefault("KERAS_BACKEND", "jax")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("jax")
        module = pytest.importorskip("keras")
    if module.backend.backend() != "jax":
        pytest.skip("keras runs on another backend than JAX")
    return module
