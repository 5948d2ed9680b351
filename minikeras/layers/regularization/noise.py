"""Noise while training: dropout of several kinds, Gaussian noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Unpack

from minikeras import naming, ops, random
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.keywords import LayerOptions
from minikeras.layers.base.layer import Layer
from minikeras.layers.base.options import ArgumentError

# Limits of scaled exponential linear units: -scale * alpha of Klambauer et al., 2017.
_SELU_FLOOR = -1.0507009873554804934193349852946 * 1.6732632423543772848170429916717


class _Noise(Layer):
    """What the noise layers share: a rate, a seed, and that they rest at inference."""

    noise_shape: Any = None

    def __init__(
        self, seed: int | None, active: bool, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**kwargs)
        self.seed = seed
        self.supports_masking = True
        if active:
            self.seed_generator = random.SeedGenerator(seed)
        self._build_at_init()

    def _mixes_samples(self, training: bool | None) -> bool:
        return self.noise_shape is not None  # which says a size of the batch

    def _rate(self, rate: float) -> float:
        number = isinstance(rate, (int, float))
        if not number or not 0 <= rate <= 1:
            raise (ValueError if number else ArgumentError)(
                f"{type(self).__name__}: Invalid value received for argument `rate`. Expected "
                f"a float value between 0 and 1. Received: rate={naming.shown(rate)}"
            )
        return float(rate)


def _sizes(noise_shape: object) -> tuple[int | None, ...]:
    """A `noise_shape` of Dropout, looked at."""
    if not isinstance(noise_shape, (list, tuple)):
        expected = "a tuple or list of integers"
    elif not all(size is None or isinstance(size, int) for size in noise_shape):
        expected = "all elements to be integers or None"
    elif not all(size is None or size > 0 for size in noise_shape):
        expected = "all dimensions to be positive integers or None"
    else:
        return tuple(noise_shape)
    raise ValueError(
        "Dropout: Invalid value received for argument `noise_shape`. Expected "
        f"{expected}. Received: noise_shape={naming.shown(noise_shape)}"
    )


class Dropout(_Noise):
    """Sets elements to 0 at random while training, and scales the rest up.

    Elements that stay are multiplied by `1 / (1 - rate)`, so that the mean is kept.

    Args:
        rate: Fraction that is set to 0.
        noise_shape: Shape of the random mask; size 1 where it is shared along an axis,
            None where it is that of the input.
        seed: Integer, for the same masks in every run.
        **kwargs: See `Layer`.

    Call arguments:
        inputs: A tensor.
        training: Whether to drop; else the inputs come back unchanged.

    Input shape:
        Any.

    Output shape:
        As the input.

    Raises:
        ValueError: If the rate is not from 0 to 1.

    Reference:
        Srivastava et al., 2014, https://jmlr.org/papers/v15/srivastava14a.html.

    Example:

    >>> layer = keras.layers.Dropout(0.5, seed=1)
    >>> sorted(set(layer(np.ones((4, 50)), training=True).numpy().ravel().tolist()))
    [0.0, 2.0]
    """

    def __init__(
        self,
        rate: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        rate = self._rate(rate)
        if noise_shape is not None:
            noise_shape = _sizes(noise_shape)
        super().__init__(seed, rate > 0, **kwargs)
        self.rate = rate
        self.noise_shape = noise_shape

    def _get_noise_shape(self, inputs: Tensor) -> Any:
        return self.noise_shape

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """The inputs, thinned out if `training`."""
        if not training or not self.rate:
            return inputs
        shape = self._get_noise_shape(inputs)
        return random.dropout(inputs, self.rate, shape, seed=self.seed_generator)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {
            **super().get_config(),
            "rate": self.rate,
            "seed": self.seed,
            "noise_shape": self.noise_shape,
        }


class GaussianNoise(_Noise):
    """Adds normal noise while training.

    Args:
        stddev: Standard deviation of the noise.
        seed: Integer, for the same noise in every run.
        **kwargs: See `Layer`.

    Input shape:
        Any.

    Output shape:
        As the input.

    Raises:
        ValueError: If `stddev` is not from 0 to 1.

    Example:

    >>> layer = keras.layers.GaussianNoise(0.1)
    >>> layer(np.ones((1, 2))).numpy().tolist()
    [[1.0, 1.0]]
    """

    def __init__(
        self, stddev: float, seed: int | None = None, **kwargs: Unpack[LayerOptions]
    ) -> None:
        if not 0 <= stddev <= 1:
            raise ValueError(
                f"GaussianNoise: stddev={stddev!r}; expected a number from 0 to 1."
            )
        super().__init__(seed, stddev > 0, **kwargs)
        self.stddev = float(stddev)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """The inputs, with noise if `training`."""
        if not training or not self.stddev:
            return inputs
        noise = random.normal(
            inputs.shape, 0.0, self.stddev, dtype=inputs.dtype, seed=self.seed_generator
        )
        return ops.add(inputs, noise)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {**super().get_config(), "stddev": self.stddev, "seed": self.seed}


class GaussianDropout(_Noise):
    """Multiplies by normal noise of mean 1 while training.

    Its standard deviation is `sqrt(rate / (1 - rate))`, that of `Dropout`.

    Args:
        rate: As for `Dropout`.
        seed: Integer, for the same noise in every run.
        **kwargs: See `Layer`.

    Input shape:
        Any.

    Output shape:
        As the input.

    Raises:
        ValueError: If the rate is not from 0 to 1.

    Reference:
        Srivastava et al., 2014, section 10.

    Example:

    >>> keras.layers.GaussianDropout(0.5)(np.ones((1, 2))).numpy().tolist()
    [[1.0, 1.0]]
    """

    def __init__(
        self, rate: float, seed: int | None = None, **kwargs: Unpack[LayerOptions]
    ) -> None:
        rate = self._rate(rate)
        super().__init__(seed, rate > 0, **kwargs)
        self.rate = rate

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """The inputs, multiplied by noise if `training`."""
        if not training or not self.rate:
            return inputs
        noise = random.normal(
            inputs.shape,
            1.0,
            math.sqrt(self.rate / (1.0 - self.rate)),
            dtype=inputs.dtype,
            seed=self.seed_generator,
        )
        return ops.multiply(inputs, noise)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


class AlphaDropout(_Noise):
    """Dropout for networks of scaled exponential units; keeps mean and variance.

    Args:
        rate: Fraction that is set to the least value of a SELU while training.
        noise_shape: Shape of the random mask; default the input's.
        seed: Integer, for the same masks in every run.
        **kwargs: See `Layer`.

    Input shape:
        Any.

    Output shape:
        As the input.

    Raises:
        ValueError: If the rate is not from 0 to 1.

    Reference:
        Klambauer et al., 2017, https://arxiv.org/abs/1706.02515.

    Example:

    >>> keras.layers.AlphaDropout(0.5)(np.ones((1, 2))).numpy().tolist()
    [[1.0, 1.0]]
    """

    def __init__(
        self,
        rate: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        rate = self._rate(rate)
        super().__init__(seed, rate > 0, **kwargs)
        self.rate = rate
        self.noise_shape = noise_shape

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """The inputs, thinned out if `training`."""
        if not training or not self.rate:
            return inputs
        shape = inputs.shape
        if self.noise_shape is not None:
            shape = tuple(
                n if w is None else w for w, n in zip(self.noise_shape, shape)
            )
        kept = ops.greater_equal(
            random.uniform(shape, seed=self.seed_generator), self.rate
        )
        kept = ops.cast(kept, inputs.dtype)
        # The affine map that gives mean 0 and variance 1 back (equation 8 of the paper).
        scale = ((1 - self.rate) * (1 + self.rate * _SELU_FLOOR**2)) ** -0.5
        offset = -scale * _SELU_FLOOR * self.rate
        return (inputs * kept + _SELU_FLOOR * (1 - kept)) * scale + offset

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {
            **super().get_config(),
            "rate": self.rate,
            "seed": self.seed,
            "noise_shape": self.noise_shape,
        }
