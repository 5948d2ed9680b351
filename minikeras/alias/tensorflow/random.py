"""`tf.random`."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from minikeras import ops, random
from minikeras.engine.tensor import Tensor
from minikeras.random import seed_generator
from minikeras.types import ArrayLike, DTypeLike

if TYPE_CHECKING:
    from minikeras.engine.aval import Shape
    from minikeras.random.seed_generator import SeedGenerator


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
) -> Tensor:
    """Draws from normal distributions."""
    drawn = random.normal(tuple(shape), dtype=dtype, seed=seed)
    return drawn * stddev + mean


def truncated_normal(
    shape: Shape,
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: DTypeLike = "float32",
    seed: int | SeedGenerator | None = None,
    name: str | None = None,
) -> Tensor:
    """Draws from a normal distribution, within two standard deviations."""
    return random.truncated_normal(tuple(shape), mean, stddev, dtype, seed)


def uniform(
    shape: Shape,
    minval: Any = 0,
    maxval: Any = None,
    dtype: DTypeLike = "float32",
    seed: int | SeedGenerator | None = None,
    name: str | None = None,
) -> Tensor:
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
) -> Tensor:
    """Classes `(batch, num_samples)`, drawn by their logits."""
    return random.categorical(logits, num_samples, dtype, seed)


def gamma(
    shape: Shape,
    alpha: ArrayLike,
    beta: ArrayLike | None = None,
    dtype: DTypeLike = "float32",
    seed: int | SeedGenerator | None = None,
) -> Tensor:
    """Draws from gamma distributions."""
    drawn = random.gamma(tuple(shape), alpha, dtype, seed)
    return drawn if beta is None else drawn / beta


def stateless_normal(
    shape: Shape,
    seed: int | SeedGenerator | None,
    mean: ArrayLike = 0.0,
    stddev: ArrayLike = 1.0,
    dtype: DTypeLike = "float32",
) -> Tensor:
    """Draws from normal distributions, the same for the same seed."""
    return normal(shape, mean, stddev, dtype, one_number(seed))


def stateless_uniform(
    shape: Shape,
    seed: int | SeedGenerator | None,
    minval: ArrayLike = 0,
    maxval: ArrayLike | None = None,
    dtype: DTypeLike = "float32",
) -> Tensor:
    """Draws from `minval` to below `maxval`, the same for the same seed."""
    return uniform(shape, minval, maxval, dtype, one_number(seed))


def stateless_truncated_normal(
    shape: Shape,
    seed: int | SeedGenerator | None,
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: DTypeLike = "float32",
) -> Tensor:
    """Draws within two standard deviations, the same for the same seed."""
    return truncated_normal(shape, mean, stddev, dtype, one_number(seed))


def stateless_categorical(
    logits: ArrayLike,
    num_samples: int,
    seed: int | SeedGenerator | None,
    dtype: DTypeLike = "int64",
) -> Tensor:
    """Classes drawn by their logits, the same for the same seed."""
    return categorical(logits, num_samples, dtype, one_number(seed))


def one_number(seed: Any) -> int | None:
    """One number of the pair that functions without a state take."""
    if seed is None or isinstance(seed, int):
        return seed
    first, second = (int(word) for word in seed)
    return (first * 1_000_003 + second) % 2**31


class Generator:
    """Draws numbers; each call draws others.

    Args:
        seed: An integer; None for one of the global seed.
    """

    def __init__(self, seed: int | None = None) -> None:
        self._seed = random.SeedGenerator(seed)

    @classmethod
    def from_seed(
        cls, seed: int | SeedGenerator | None, alg: object = None
    ) -> Generator:
        """One that draws the same numbers for the same seed."""
        return cls(one_number(seed))

    @classmethod
    def from_non_deterministic_state(cls, alg: object = None) -> Generator:
        """One with a new seed."""
        return cls()

    def normal(
        self,
        shape: Shape,
        mean: ArrayLike = 0.0,
        stddev: ArrayLike = 1.0,
        dtype: DTypeLike = "float32",
    ) -> Tensor:
        """Draws from normal distributions."""
        return normal(shape, mean, stddev, dtype, self._seed)

    def truncated_normal(
        self,
        shape: Shape,
        mean: Any = 0.0,
        stddev: Any = 1.0,
        dtype: DTypeLike = "float32",
    ) -> Tensor:
        """Draws within two standard deviations."""
        return truncated_normal(shape, mean, stddev, dtype, self._seed)

    def uniform(
        self,
        shape: Shape,
        minval: Any = 0,
        maxval: ArrayLike | None = None,
        dtype: DTypeLike = "float32",
    ) -> Tensor:
        """Draws from `minval` to below `maxval`."""
        return uniform(shape, minval, maxval, dtype, self._seed)

    def make_seeds(self, count: int = 1) -> Tensor:
        """Seeds `(2, count)` for functions without a state."""
        return random.randint((2, count), 0, 2**31 - 1, "int32", self._seed)


@functools.cache
def get_global_generator() -> Generator:
    """The one generator that all share."""
    return Generator()


def shuffle(
    value: ArrayLike, seed: int | None = None, name: str | None = None
) -> Tensor:
    """The rows in another order."""
    return random.shuffle(ops.convert_to_tensor(value), seed=seed)


__all__ = [
    "Generator",
    "categorical",
    "gamma",
    "get_global_generator",
    "normal",
    "set_seed",
    "shuffle",
    "stateless_categorical",
    "stateless_normal",
    "stateless_truncated_normal",
    "stateless_uniform",
    "truncated_normal",
    "uniform",
]
