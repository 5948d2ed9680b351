"""Datasets to learn and test with, the ones that Keras has; `mnist5k` needs no network."""

from minikeras.datasets import (
    boston_housing,
    california_housing,
    cifar10,
    cifar100,
    fashion_mnist,
    imdb,
    mnist,
    mnist5k,
    reuters,
)


def __dir__() -> list[str]:
    return __all__


__all__ = [
    "boston_housing",
    "california_housing",
    "cifar10",
    "cifar100",
    "fashion_mnist",
    "imdb",
    "mnist",
    "mnist5k",
    "reuters",
]
