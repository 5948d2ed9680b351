"""Spectrograms by convolution with windowed waves, which can be trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from minikeras import naming, ops
from minikeras.budget import check_constant
from minikeras.engine import dtypes
from minikeras.engine.tensor import Tensor
from minikeras.initializers.constant import window_of_scipy
from minikeras.layers.base.input_spec import InputSpec
from minikeras.layers.base.keywords import LayerOptions
from minikeras.layers.base.layer import Layer
from minikeras.layers.base.options import data_format as checked_format
from minikeras.layers.preprocessing.audio.windows import NAMED, window_of
from minikeras.layers.preprocessing.image.options import count
from minikeras.types import PartialShape
from minikeras.variable import Variable

if TYPE_CHECKING:
    from minikeras.types import ArrayLike


_MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")
_SCALINGS = (None, "density", "spectrum")
_TINY = 1e-7


class STFTSpectrogram(Layer):
    """The short-time Fourier transform of sounds.

    Each frame is multiplied by cosines and sines under a window: two kernels of a
    convolution, weights that can be trained.

    Args:
        mode: `"log"`: the logarithm of the magnitude; `"magnitude"`; `"psd"`: the power,
            where frequencies between the ends count twice; `"real"`; `"imag"`; `"angle"`;
            `"stft"`: real parts, then imaginary parts.
        frame_length: Samples of a frame.
        frame_step: Samples from frame to frame; default half the length.
        fft_length: Size of the transform, at least `frame_length`; default the next power
            of two.
        window: `"hann"`, `"hamming"`, `frame_length` numbers, or None; where scipy is
            installed, also the names that `scipy.signal.get_window` knows.
        periodic: Whether the window is one period of a wave, rather than symmetric.
        scaling: `"density"` divides by the root of the sum of the window's squares,
            `"spectrum"` by its sum, None by nothing.
        padding: `"valid"`: frames within the sound; `"same"`: one for each step.
        expand_dims: Whether frequencies get an axis of their own, for layers for
            pictures.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        **kwargs: See `Layer`; `trainable=False` fixes the kernels.

    Input shape:
        `(batch, samples, channels)`, or `(batch, channels, samples)`; floats.

    Output shape:
        `(batch, frames, channels * frequencies)`, or
        `(batch, channels * frequencies, frames)`; with `expand_dims`
        `(batch, frames, frequencies, channels)`, or
        `(batch, channels, frames, frequencies)`. There are `fft_length // 2 + 1`
        frequencies; twice as many for `"stft"`.

    Raises:
        ValueError: If an argument is not understood.
        TypeError: If the sound is not floats.

    Example:

    >>> layer = keras.layers.STFTSpectrogram(frame_length=64, padding="same")
    >>> layer(np.ones((2, 320, 1), "float32")).shape
    (2, 10, 33)
    """

    real_kernel: Variable
    imag_kernel: Variable

    def __init__(
        self,
        mode: str = "log",
        frame_length: int = 256,
        frame_step: int | None = None,
        fft_length: int | None = None,
        window: object = "hann",
        periodic: bool = False,
        scaling: str | None = "density",
        padding: str = "valid",
        expand_dims: bool = False,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        owner = "STFTSpectrogram"
        for value, known, argument in (
            (mode, _MODES, "mode"),
            (scaling, _SCALINGS, "scaling"),
            (padding, ("valid", "same"), "padding"),
        ):
            if value not in known:
                raise ValueError(
                    f"{owner}: {argument}={naming.shown(value)}; expected one of "
                    f"{', '.join(str(k) for k in known)}."
                )
        length = count(frame_length, owner, "frame_length")
        if frame_step is not None and count(frame_step, owner, "frame_step") > length:
            raise ValueError(
                f"{owner}: frame_step={frame_step}; expected at most frame_length={length}, "
                "else samples are left out."
            )
        if fft_length is not None and count(fft_length, owner, "fft_length") < length:
            raise ValueError(
                f"{owner}: fft_length={fft_length}; expected at least frame_length={length}."
            )
        named = window is None or isinstance(window, str)  # of any length
        _window(window, 1 if named else length, periodic)
        self.mode = mode
        self.frame_length = frame_length
        self.frame_step = frame_step
        self._frame_step = frame_step or max(length // 2, 1)
        self.fft_length = fft_length
        self._fft_length = fft_length or 1 << (length - 1).bit_length()
        self.window = window
        self.periodic = periodic
        self.scaling = scaling
        self.padding = padding
        self.expand_dims = expand_dims
        self.data_format = checked_format(data_format, owner)
        self.input_spec = InputSpec(ndim=3)

    def _waves(self) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """The kernels `(frame_length, 1, frequencies)`, real and imaginary."""
        length, size = self.frame_length, self._fft_length
        check_constant((length, size // 2 + 1), "float64", self._label())
        window = _window(self.window, length, self.periodic)
        if self.scaling == "density":
            window = window / np.sqrt((window**2).sum())
        elif self.scaling == "spectrum":
            window = window / window.sum()
        turns = np.outer(np.arange(length), np.arange(size // 2 + 1)) / size
        angle = 2 * np.pi * turns
        real, imag = np.cos(angle), -np.sin(angle)
        return tuple((wave * window[:, None])[:, None, :] for wave in (real, imag))

    def build(self, input_shape: PartialShape) -> None:
        """Make the kernels."""
        for wave, name, unused in zip(
            self._waves(), ("real_kernel", "imag_kernel"), ("imag", "real"), strict=True
        ):
            if self.mode == unused:
                continue
            kernel = self.add_weight(
                name=name,
                shape=wave.shape,
                initializer=lambda shape, dtype=None, w=wave: ops.convert_to_tensor(
                    w, dtype
                ),
            )
            setattr(self, name, kernel)

    def _convolved(self, x: Tensor, kernel: ArrayLike) -> Tensor:
        return ops.conv(
            x,
            kernel,
            strides=self._frame_step,
            padding=self.padding,
            data_format="channels_last",
        )

    def _spectrum(self, x: Tensor) -> Tensor:
        """`(sounds, frames, frequencies)` of sounds `(sounds, samples, 1)`."""
        mode = self.mode
        real = self._convolved(x, self.real_kernel) if mode != "imag" else None
        imag = self._convolved(x, self.imag_kernel) if mode != "real" else None
        if real is None or imag is None:
            found = real if imag is None else imag
            assert found is not None
            return found
        if mode == "stft":
            return ops.concatenate([real, imag], axis=-1)
        if mode == "angle":
            return ops.arctan2(imag, real)
        power = ops.square(real) + ops.square(imag)
        if mode == "psd":
            twice = np.full(power.shape[-1], 2.0)
            twice[0] = 1
            if self._fft_length % 2 == 0:
                twice[-1] = 1
            return power * ops.convert_to_tensor(twice, power.dtype)
        if mode == "log":
            return ops.log(ops.maximum(power, _TINY)) * 0.5
        there = power > 0  # the root has no slope at 0
        root = ops.sqrt(ops.where(there, power, ops.ones_like(power)))
        return ops.where(there, root, ops.zeros_like(power))

    def call(self, inputs: Tensor) -> Tensor:
        """The spectrogram."""
        if not dtypes.is_float(inputs.dtype):
            raise TypeError(
                f"{self._label()}: the sound is {inputs.dtype}; expected floats."
            )
        last = self.data_format == "channels_last"
        x = ops.transpose(inputs, (0, 2, 1)) if last else inputs
        batch, channels, samples = x.shape
        if channels is None:
            raise ValueError(f"{self._label()}: the number of channels must be known.")
        found = self._spectrum(ops.reshape(x, (batch * channels, samples, 1)))
        frames, frequencies = found.shape[1:]
        found = ops.reshape(found, (batch, channels, frames, frequencies))
        if self.expand_dims:
            return ops.transpose(found, (0, 2, 3, 1)) if last else found
        if last:
            flat = ops.transpose(found, (0, 2, 1, 3))
            return ops.reshape(flat, (batch, frames, channels * frequencies))
        flat = ops.transpose(found, (0, 1, 3, 2))
        return ops.reshape(flat, (batch, channels * frequencies, frames))

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        window = self.window
        return {
            **super().get_config(),
            "mode": self.mode,
            "frame_length": self.frame_length,
            "frame_step": self.frame_step,
            "fft_length": self.fft_length,
            "window": window.tolist() if hasattr(window, "tolist") else window,
            "periodic": self.periodic,
            "scaling": self.scaling,
            "padding": self.padding,
            "data_format": self.data_format,
            "expand_dims": self.expand_dims,
        }


def _window(window: object, length: int, periodic: bool) -> np.ndarray[Any, Any]:
    if isinstance(window, str) and window not in NAMED:
        return window_of_scipy(window, length, periodic, "STFTSpectrogram")
    return window_of(window, length, periodic, "STFTSpectrogram")
