"""Small datasets to learn and test with."""

from minikeras.datasets import mnist5k

__all__ = ["mnist5k"]
