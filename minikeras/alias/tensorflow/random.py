"""`tf.random`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minikeras import ops, random
from minikeras.random import seed_generator
from minikeras.types import ArrayLike, DTypeLike

if TYPE_CHECKING:
    from minikeras.engine.aval import Shape
    from minikeras.random.seed_generator import SeedGenerator
    from minikeras.types import PolicyLike


def set_seed(seed: int) -> None:
    """Starts the draws of layers, initializers and functions without a seed anew."""
    seed_generator.set_global_seed(int(seed))


def normal(
    shape: Shape,
    mean: object = 0.0,
    stddev: ArrayLike = 1.0,
    dtype: DTypeLike = "float32",
    seed: int | SeedGenerator | None = None,
    name: str | None = None,
) -> Any:
    """Draws from normal distributions."""
    drawn = random.normal(tuple(shape), dtype=dtype, seed=seed)
    return drawn * stddev + mean


def truncated_normal(
    shape: Shape,
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: PolicyLike = "float32",
    seed: int | SeedGenerator | None = None,
    name: str | None = None,
) -> Any:
    """Draws from a normal distribution, within two standard deviations."""
    return random.truncated_normal(tuple(shape), mean, stddev, dtype, seed)


def uniform(
    shape: Shape,
    minval: Any = 0,
    maxval: Any = None,
    dtype: DTypeLike = "float32",
    seed: int | SeedGenerator | None = None,
    name: str | None = None,
) -> Any:
    """Draws from `minval` to below `maxval`; integers need a `maxval`."""
    if "int" in str(dtype):
        if maxval is None:
            raise ValueError("tf.random.uniform: integers need a maxval.")
        return random.randint(tuple(shape), minval, maxval, dtype, seed)
    top = 1.0 if maxval is None else maxval
    return random.uniform(tuple(shape), minval, top, dtype, seed)


def categorical(
    logits: ArrayLike,
    num_samples: int,
    dtype: DTypeLike = "int64",
    seed: int | None = None,
    name: str | None = None,
) -> Any:
    """Classes `(batch, num_samples)`, drawn by their logits."""
    return random.categorical(logits, num_samples, dtype, seed)


def gamma(
    shape: Shape,
    alpha: ArrayLike,
    beta: ArrayLike | None = None,
    dtype: DTypeLike = "float32",
    seed: int | SeedGenerator | None = None,
) -> Any:
    """Draws from gamma distributions."""
    drawn = random.gamma(tuple(shape), alpha, dtype, seed)
    return drawn if beta is None else drawn / beta


def shuffle(value: ArrayLike, seed: int | None = None, name: str | None = None) -> Any:
    """The rows in another order."""
    return random.shuffle(ops.convert_to_tensor(value), seed=seed)


__all__ = [
    "categorical",
    "gamma",
    "normal",
    "set_seed",
    "shuffle",
    "truncated_normal",
    "uniform",
]
