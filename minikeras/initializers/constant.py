"""Initializers without chance: zeros, ones, constants, the identity, Fourier matrices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minikeras import naming, ops
from minikeras.engine import dtypes
from minikeras.engine.interpret import eagerly
from minikeras.engine.tensor import Tensor, from_numpy
from minikeras.initializers.base import Initializer, sizes_of
from minikeras.saving.serialization import (
    deserialize_keras_object,
    serialize_keras_object,
)
from minikeras.types import ArrayLike, DTypeLike, ShapeLike


class Constant(Initializer):
    """One value everywhere.

    Args:
        value: Number, or an array that broadcasts to the shape.

    Example:

    >>> keras.initializers.Constant(3.0)((2,)).tolist()
    [3.0, 3.0]
    """

    def __init__(self, value: ArrayLike = 0.0) -> None:
        self.value = value

    def __call__(self, shape: ShapeLike, dtype: DTypeLike | None = None) -> Tensor:
        """A tensor of that shape filled with the value.

        Args:
            shape: Shape of the result.
            dtype: Dtype of the result; by default `keras.config.floatx()`.
        """
        name = dtypes.standardize(dtype)
        sizes = sizes_of(shape, "Constant")
        return eagerly(ops.full, sizes, self.value, dtype=name)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"value": serialize_keras_object(self.value)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Constant:
        """The initializer that `get_config` described."""
        return cls(deserialize_keras_object(config["value"]))


class Zeros(Initializer):
    """Zeros everywhere.

    Example:

    >>> keras.initializers.Zeros()((2,)).tolist()
    [0.0, 0.0]
    """

    def __call__(self, shape: ShapeLike, dtype: DTypeLike | None = None) -> Tensor:
        """A tensor of zeros.

        Args:
            shape: Shape of the result.
            dtype: Dtype of the result; by default `keras.config.floatx()`.
        """
        return eagerly(ops.zeros, sizes_of(shape, "Zeros"), dtype=dtype)


class Ones(Initializer):
    """Ones everywhere.

    Example:

    >>> keras.initializers.Ones()((2,)).tolist()
    [1.0, 1.0]
    """

    def __call__(self, shape: ShapeLike, dtype: DTypeLike | None = None) -> Tensor:
        """A tensor of ones.

        Args:
            shape: Shape of the result.
            dtype: Dtype of the result; by default `keras.config.floatx()`.
        """
        return eagerly(ops.ones, sizes_of(shape, "Ones"), dtype=dtype)


class Identity(Initializer):
    """The identity matrix times a gain.

    Args:
        gain: Value on the diagonal.

    Example:

    >>> keras.initializers.Identity()((2, 2)).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def __call__(self, shape: ShapeLike, dtype: DTypeLike | None = None) -> Tensor:
        """A matrix with the gain on its diagonal.

        Args:
            shape: Two sizes.
            dtype: Dtype of the result; by default `keras.config.floatx()`.

        Raises:
            ValueError: If the shape is not that of a matrix.
        """
        sizes = sizes_of(shape, "Identity")
        if len(sizes) != 2:
            raise ValueError(f"Identity: shape {sizes}; expected a matrix, two sizes.")
        name = dtypes.standardize(dtype)

        def make() -> Tensor:
            return ops.cast(ops.multiply(self.gain, ops.eye(*sizes, dtype=name)), name)

        return eagerly(make)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"gain": self.gain}


class STFT(Initializer):
    """The matrix of a short-time Fourier transform, for a kernel of shape
    `(frame, 1, frequencies)`.

    Args:
        side: `"real"` for cosines, `"imag"` for sines.
        window: Window: `"hann"`, `"hamming"`, an array of the frame's length, or None;
            where scipy is installed, also the names that `scipy.signal.get_window` knows.
        scaling: `"density"`, `"spectrum"` or None: how a window is normalised.
        periodic: Whether the window is periodic, not symmetric.

    Example:

    >>> keras.initializers.STFT("real", None, None)((4, 1, 3)).shape
    (4, 1, 3)
    """

    def __init__(
        self,
        side: str = "real",
        window: object = "hann",
        scaling: str | None = "density",
        periodic: bool = False,
    ) -> None:
        if side not in ("real", "imag"):
            raise ValueError(
                f"STFT: side={naming.shown(side)}; expected 'real' or 'imag'."
            )
        if scaling not in ("density", "spectrum", None):
            raise ValueError(
                f"STFT: scaling={scaling!r}; expected 'density', 'spectrum' or None."
            )
        self.side = side
        if isinstance(window, str):
            _named_window(window, 2, periodic)  # its error comes now
        self.window = window
        self.scaling = scaling
        self.periodic = periodic

    def __call__(self, shape: ShapeLike, dtype: DTypeLike | None = None) -> Tensor:
        """The matrix, as a kernel.

        Args:
            shape: `(frame, channels, frequencies)`.
            dtype: Dtype of the result; by default `keras.config.floatx()`.

        Raises:
            ValueError: If the shape does not have three sizes.
        """
        sizes = sizes_of(shape, "STFT")
        if len(sizes) != 3:
            raise ValueError(
                f"STFT: shape {sizes}; expected three sizes, (frame, channels, frequencies)."
            )
        frame, _, frequencies = sizes
        length = (frequencies - 1) * 2
        angle = np.outer(np.arange(frame), np.arange(frequencies)) * (
            -2 * math.pi / length
        )
        waves = np.cos(angle) if self.side == "real" else np.sin(angle)
        kernel = self._window(frame)[:, None] * waves
        name = dtypes.standardize(dtype)
        return from_numpy(np.broadcast_to(kernel[:, None, :], sizes), name)

    def _window(self, frame: int) -> np.ndarray[Any, Any]:
        """The window, scaled."""
        if self.window is None:
            return np.ones(frame)
        if isinstance(self.window, str):
            window = _named_window(self.window, frame, self.periodic)
        else:
            window = np.asarray(self.window, "float64")
        if self.scaling == "density":
            return window / math.sqrt(float((window**2).sum()))
        return window / float(window.sum()) if self.scaling == "spectrum" else window

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {
            "side": self.side,
            "window": serialize_keras_object(self.window),
            "periodic": self.periodic,
            "scaling": self.scaling,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> STFT:
        """The initializer that `get_config` described."""
        return cls(
            **{**config, "window": deserialize_keras_object(config.get("window"))}
        )


def _named_window(name: str, frame: int, periodic: bool) -> np.ndarray[Any, Any]:
    weights = {"hann": (0.5, 0.5), "hamming": (0.54, 0.46)}
    if name not in weights:
        return window_of_scipy(name, frame, periodic, "STFT")
    level, swing = weights[name]
    gaps = frame if periodic else max(frame - 1, 1)
    return level - swing * np.cos(2 * math.pi * np.arange(frame) / gaps)


def window_of_scipy(
    name: str, frame: int, periodic: bool, owner: str
) -> np.ndarray[Any, Any]:
    """A window that `scipy.signal.get_window` knows, `(frame,)`.

    Raises:
        ImportError: Without scipy.
        ValueError: If scipy knows no window of that name either.
    """
    try:
        from scipy.signal import get_window
    except ImportError as error:
        raise ImportError(
            f"{owner}: window={name!r} needs scipy: `pip install scipy`. Without it: 'hann', "
            "'hamming' or an array."
        ) from error
    try:
        return np.asarray(get_window(name, frame, fftbins=periodic), "float64")
    except ValueError as error:
        raise ValueError(
            f"{owner}: window={name!r}; expected 'hann', 'hamming', an array or a name that "
            f"scipy.signal.get_window knows ({error})."
        ) from error
