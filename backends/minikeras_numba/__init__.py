"""The Numba backend: kernels generated as LLVM IR, compiled by Numba's LLVM."""

from minikeras_numba.backend import NumbaBackend


def backend() -> NumbaBackend:
    """The factory that the entry point names."""
    return NumbaBackend()


__all__ = ["NumbaBackend", "backend"]
