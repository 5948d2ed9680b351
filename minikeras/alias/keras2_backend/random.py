"""Random functions of Keras 2's backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minikeras import ops, random
from minikeras.settings import floatx
from minikeras.types import ArrayLike, DTypeLike, ShapeLike
from minikeras.variable import Variable

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor


def random_normal(
    shape: ShapeLike,
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: DTypeLike | None = None,
    seed: int | None = None,
) -> Tensor:
    """Draws from a normal distribution."""
    return random.normal(shape, mean, stddev, dtype or floatx(), seed)


def random_uniform(
    shape: ShapeLike,
    minval: float = 0.0,
    maxval: float = 1.0,
    dtype: DTypeLike | None = None,
    seed: int | None = None,
) -> Tensor:
    """Draws from `minval` to below `maxval`."""
    return random.uniform(shape, minval, maxval, dtype or floatx(), seed)


def random_bernoulli(
    shape: ShapeLike,
    p: float = 0.0,
    dtype: DTypeLike | None = None,
    seed: int | None = None,
) -> Tensor:
    """1 with probability `p`, else 0."""
    drawn = random.uniform(shape, dtype="float32", seed=seed)
    return ops.cast(drawn < p, dtype or floatx())


def truncated_normal(
    shape: ShapeLike,
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: DTypeLike | None = None,
    seed: int | None = None,
) -> Tensor:
    """Draws from a normal distribution, within two standard deviations."""
    return random.truncated_normal(shape, mean, stddev, dtype or floatx(), seed)


def random_normal_variable(
    shape: ShapeLike,
    mean: float,
    scale: float,
    dtype: DTypeLike | None = None,
    name: str | None = None,
    seed: int | None = None,
) -> Variable:
    """A variable with draws from a normal distribution."""
    value = random_normal(shape, mean, scale, dtype, seed)
    return Variable(value, dtype=dtype or floatx(), name=name)


def random_uniform_variable(
    shape: ShapeLike,
    low: float,
    high: float,
    dtype: DTypeLike | None = None,
    name: str | None = None,
    seed: int | None = None,
) -> Variable:
    """A variable with draws from `low` to below `high`."""
    value = random_uniform(shape, low, high, dtype, seed)
    return Variable(value, dtype=dtype or floatx(), name=name)


def dropout(
    x: ArrayLike, level: float, noise_shape: Any = None, seed: int | None = None
) -> Tensor:
    """A share `level` of the values becomes 0, the others grow to make up for it."""
    return random.dropout(x, level, noise_shape, seed)


__all__ = [
    "dropout", "random_bernoulli", "random_normal", "random_normal_variable",
    "random_uniform", "random_uniform_variable", "truncated_normal",
]  # fmt: skip
