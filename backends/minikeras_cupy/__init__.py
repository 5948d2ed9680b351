"""The CuPy backend: trains and predicts on NVIDIA GPUs. CuPy is imported when asked."""

from minikeras_cupy.backend import CupyBackend


def backend() -> CupyBackend:
    """The factory that the entry point names."""
    return CupyBackend()


__all__ = ["CupyBackend", "backend"]
