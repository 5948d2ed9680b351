"""The NumPy backend: the reference for every other one, and what runs anywhere."""

from minikeras_numpy.backend import NumpyBackend
from minikeras_numpy.table import build_table


def backend() -> NumpyBackend:
    """The factory that the entry point names."""
    return NumpyBackend()


__all__ = ["NumpyBackend", "backend", "build_table"]
