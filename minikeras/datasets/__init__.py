"""Small datasets to learn and test with."""

from minikeras.datasets import mnist5k


def __dir__() -> list[str]:
    return __all__


__all__ = ["mnist5k"]
