"""Initializers that draw: normal, uniform, orthogonal.

They draw with the reference kernels, so that a seed gives the same weights on every
backend. An integer seed gives the same values at each call; a `SeedGenerator` goes on;
without a seed, one is picked when the initializer is made.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras import random
from minikeras.engine.dtypes import DTypeLike
from minikeras.engine.tensor import Tensor, from_numpy
from minikeras.initializers.base import (
    RandomInitializer,
    float_dtype,
    on_host,
    sizes_of,
)
from minikeras.types import ShapeLike

if TYPE_CHECKING:
    from minikeras.random.seed_generator import SeedGenerator


class RandomNormal(RandomInitializer):
    """Numbers from a normal distribution.

    Args:
        mean: Mean of the distribution.
        stddev: Standard deviation.
        seed: Integer, `SeedGenerator`, or None.

    Example:

    >>> keras.initializers.RandomNormal(seed=1)((2, 3)).shape
    (2, 3)
    """

    def __init__(
        self,
        mean: float = 0.0,
        stddev: float = 0.05,
        seed: int | SeedGenerator | None = None,
    ) -> None:
        self.mean = mean
        self.stddev = stddev
        super().__init__(seed=seed)

    def __call__(self, shape: ShapeLike, dtype: DTypeLike | None = None) -> Tensor:
        """A tensor of drawn numbers.

        Args:
            shape: Shape of the result.
            dtype: Float dtype of the result; by default `keras.config.floatx()`.
        """
        sizes, name = (
            sizes_of(shape, "RandomNormal"),
            float_dtype(dtype, "RandomNormal"),
        )
        return on_host(
            lambda: random.normal(sizes, self.mean, self.stddev, name, self.seed),
            sizes,
            name,
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), "mean": self.mean, "stddev": self.stddev}


class TruncatedNormal(RandomInitializer):
    """Numbers from a normal distribution, none further than two deviations from the mean.

    Args:
        mean: Mean of the distribution before the cut.
        stddev: Standard deviation before the cut.
        seed: Integer, `SeedGenerator`, or None.

    Example:

    >>> keras.initializers.TruncatedNormal(seed=1)((2, 3)).shape
    (2, 3)
    """

    def __init__(
        self,
        mean: float = 0.0,
        stddev: float = 0.05,
        seed: int | SeedGenerator | None = None,
    ) -> None:
        self.mean = mean
        self.stddev = stddev
        super().__init__(seed=seed)

    def __call__(self, shape: ShapeLike, dtype: DTypeLike | None = None) -> Tensor:
        """A tensor of drawn numbers.

        Args:
            shape: Shape of the result.
            dtype: Float dtype of the result; by default `keras.config.floatx()`.
        """
        sizes, name = (
            sizes_of(shape, "TruncatedNormal"),
            float_dtype(dtype, "TruncatedNormal"),
        )
        return on_host(
            lambda: random.truncated_normal(
                sizes, self.mean, self.stddev, name, self.seed
            ),
            sizes,
            name,
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), "mean": self.mean, "stddev": self.stddev}


class RandomUniform(RandomInitializer):
    """Numbers equally likely everywhere between two ends.

    Args:
        minval: Least number.
        maxval: Upper end, which is not drawn itself.
        seed: Integer, `SeedGenerator`, or None.

    Example:

    >>> keras.initializers.RandomUniform(seed=1)((2, 3)).shape
    (2, 3)
    """

    def __init__(
        self,
        minval: float = -0.05,
        maxval: float = 0.05,
        seed: int | SeedGenerator | None = None,
    ) -> None:
        self.minval = minval
        self.maxval = maxval
        super().__init__(seed=seed)

    def __call__(self, shape: ShapeLike, dtype: DTypeLike | None = None) -> Tensor:
        """A tensor of drawn numbers.

        Args:
            shape: Shape of the result.
            dtype: Float dtype of the result; by default `keras.config.floatx()`.
        """
        sizes, name = (
            sizes_of(shape, "RandomUniform"),
            float_dtype(dtype, "RandomUniform"),
        )
        return on_host(
            lambda: random.uniform(sizes, self.minval, self.maxval, name, self.seed),
            sizes,
            name,
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), "minval": self.minval, "maxval": self.maxval}


class Orthogonal(RandomInitializer):
    """A matrix with orthogonal columns or rows, from the QR decomposition of normal numbers.

    Shapes of higher rank are taken as a matrix with the last size as its columns.

    Args:
        gain: Factor of the matrix.
        seed: Integer, `SeedGenerator`, or None.

    Example:

    >>> q = keras.initializers.Orthogonal(seed=1)((3, 3)).numpy()
    >>> bool(abs(q @ q.T - np.eye(3)).max() < 1e-5)
    True

    Reference:
        Saxe, McClelland, Ganguli: Exact Solutions to the Nonlinear Dynamics of Learning
        in Deep Linear Neural Networks; 2013.
    """

    def __init__(
        self, gain: float = 1.0, seed: int | SeedGenerator | None = None
    ) -> None:
        self.gain = gain
        super().__init__(seed=seed)

    def __call__(self, shape: ShapeLike, dtype: DTypeLike | None = None) -> Tensor:
        """A tensor that is orthogonal as a matrix.

        Args:
            shape: At least two sizes.
            dtype: Float dtype of the result; by default `keras.config.floatx()`.

        Raises:
            ValueError: If the shape has fewer than two sizes.
        """
        sizes, name = sizes_of(shape, "Orthogonal"), float_dtype(dtype, "Orthogonal")
        if len(sizes) < 2:
            raise ValueError(f"Orthogonal: shape {sizes}; expected at least two sizes.")
        rows, columns = math.prod(sizes[:-1]), sizes[-1]
        tall = (max(rows, columns), min(rows, columns))
        q = self._drawn(tall)
        q = q.T if rows < columns else q
        return from_numpy(self.gain * q.reshape(sizes), name)

    def _drawn(self, tall: tuple[int, int]) -> np.ndarray[Any, Any]:
        drawn = on_host(
            lambda: random.normal(tall, dtype="float64", seed=self.seed)
        ).numpy()
        q, r = np.linalg.qr(drawn)
        q *= np.sign(np.diag(r))  # makes the decomposition, and so the draw, unique
        found: np.ndarray[Any, Any] = q
        return found

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), "gain": self.gain}
