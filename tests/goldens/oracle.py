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


def oracle(test):
    """Decorator: a test that compares with keras itself, whose own warnings do not count."""
    for theirs in ("Explicitly requested dtype", "__array__ implementation doesn"):
        test = pytest.mark.filterwarnings(f"ignore:{theirs}")(test)
    return pytest.mark.oracle(test)
