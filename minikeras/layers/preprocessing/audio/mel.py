"""Mel spectrograms."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from minikeras import ops
from minikeras.budget import check_constant
from minikeras.engine import dtypes
from minikeras.engine.aval import ShapeError, Unknown
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.keywords import LayerOptions
from minikeras.layers.base.layer import Layer
from minikeras.layers.preprocessing.audio.windows import window_of
from minikeras.layers.preprocessing.image.options import count

if TYPE_CHECKING:
    from minikeras.types import ArrayLike


def _mel(hertz: object) -> np.ndarray[Any, Any]:
    """Mels of frequencies; O'Shaughnessy: Speech Communication; 1987."""
    return 1127.0 * np.log1p(np.asarray(hertz) / 700.0)


class MelSpectrogram(Layer):
    """The loudness of sounds in bands of frequencies, by the mel scale.

    Frames are centred on their time: the sound is mirrored at its ends.

    Args:
        fft_length: Size of the Fourier transform.
        sequence_stride: Samples from frame to frame.
        sequence_length: Samples of a frame; default `fft_length`.
        window: `"hann"`, `"hamming"`, `sequence_length` numbers, or None.
        sampling_rate: Samples a second.
        num_mel_bins: Number of bands.
        min_freq: Where the lowest band begins, in hertz.
        max_freq: Where the highest ends; default half the sampling rate.
        power_to_db: Whether the result is in decibels.
        top_db: Decibels are cut off so far below the greatest of all that is given.
        mag_exp: Power that magnitudes are raised to: 1 is the magnitude, 2 the power.
        min_power: Least power, before the logarithm.
        ref_power: Power of 0 decibels.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, samples)` or `(samples,)`; floats.

    Output shape:
        `(batch, num_mel_bins, frames)` or `(num_mel_bins, frames)`.

    Raises:
        ValueError: If an argument is not understood.

    Example:

    >>> layer = keras.layers.MelSpectrogram(num_mel_bins=20, sampling_rate=8000, fft_length=512)
    >>> layer(np.ones((2, 8000), "float32")).shape
    (2, 20, 16)
    """

    def __init__(
        self,
        fft_length: int = 2048,
        sequence_stride: int = 512,
        sequence_length: int | None = None,
        window: object = "hann",
        sampling_rate: int = 16000,
        num_mel_bins: int = 128,
        min_freq: float = 20.0,
        max_freq: float | None = None,
        power_to_db: bool = True,
        top_db: float = 80.0,
        mag_exp: float = 2.0,
        min_power: float = 1e-10,
        ref_power: float = 1.0,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        owner = "MelSpectrogram"
        self.fft_length = count(fft_length, owner, "fft_length")
        self.sequence_stride = count(sequence_stride, owner, "sequence_stride")
        self.sequence_length = count(
            sequence_length or fft_length, owner, "sequence_length"
        )
        if self.sequence_length > self.fft_length:
            raise ValueError(
                f"{owner}: sequence_length={sequence_length}; expected at most "
                f"fft_length={fft_length}."
            )
        window_of(window, self.sequence_length, True, owner)
        self.window = window
        self.sampling_rate = sampling_rate
        self.num_mel_bins = count(num_mel_bins, owner, "num_mel_bins")
        self.min_freq = min_freq
        self.max_freq = max_freq or int(sampling_rate / 2)
        if not 0 <= self.min_freq < self.max_freq:
            raise ValueError(
                f"{owner}: min_freq={min_freq}, max_freq={self.max_freq}; expected "
                "0 <= min_freq < max_freq, in hertz."
            )
        self.power_to_db = power_to_db
        self.top_db = top_db
        self.mag_exp = mag_exp
        self.min_power = min_power
        self.ref_power = ref_power
        self._build_at_init()

    def call(self, inputs: ArrayLike) -> Tensor:
        """The spectrogram."""
        x = ops.convert_to_tensor(inputs)
        if x.ndim not in (1, 2):
            raise ShapeError(
                f"{self._label()}: the sound has shape {x.shape}; expected (batch, samples) or "
                "(samples,)."
            )
        dtype = self._run_dtype if dtypes.is_float(self._run_dtype) else "float32"
        wide = dtype if dtype == "float64" else "float32"
        frequencies = self.fft_length // 2 + 1
        largest = max(frequencies * self.num_mel_bins, self.sequence_length)
        check_constant((largest,), "float64", self._label())
        sounds = ops.cast(x[None] if x.ndim == 1 else x, wide)
        centred = not isinstance(sounds.shape[1], Unknown)
        if not centred:  # where only shapes count, how it is padded does not
            half = self.fft_length // 2
            sounds = ops.pad(sounds, ((0, 0), (half, half)))
        real, imag = ops.stft(
            sounds,
            sequence_length=self.sequence_length,
            sequence_stride=self.sequence_stride,
            fft_length=self.fft_length,
            window=window_of(self.window, self.sequence_length, True, self.name)
            if self.window is not None
            else None,
            center=centred,
        )
        power = ops.square(real) + ops.square(imag)
        if self.mag_exp != 2:
            there = power > 0  # roots have no slope at 0
            safe = ops.where(there, power, ops.ones_like(power))
            power = ops.where(there, ops.power(safe, self.mag_exp / 2), 0.0)
        matrix = self.linear_to_mel_weight_matrix(
            self.num_mel_bins,
            frequencies,
            self.sampling_rate,
            self.min_freq,
            self.max_freq,
            dtype=wide,
        )
        bands = ops.swapaxes(ops.matmul(power, matrix), -1, -2)
        if self.power_to_db:
            bands = self._decibels(bands)
        return ops.cast(bands[0] if x.ndim == 1 else bands, self._run_dtype)

    def _decibels(self, power: Tensor) -> Tensor:
        loud = ops.log10(ops.maximum(power, self.min_power)) * 10.0
        loud = loud - 10.0 * math.log10(max(self.min_power, self.ref_power))
        return ops.maximum(loud, ops.max(loud) - self.top_db)

    def linear_to_mel_weight_matrix(
        self,
        num_mel_bins: int = 20,
        num_spectrogram_bins: int = 129,
        sampling_rate: float = 8000,
        lower_edge_hertz: float = 125.0,
        upper_edge_hertz: float = 3800.0,
        dtype: str = "float32",
    ) -> Tensor:
        """Triangles that sum frequencies into bands, `(frequencies, bands)`.

        Args:
            num_mel_bins: Number of bands.
            num_spectrogram_bins: Number of frequencies, from 0 to half the sampling rate.
            sampling_rate: Samples a second.
            lower_edge_hertz: Where the lowest band begins.
            upper_edge_hertz: Where the highest ends.
            dtype: Dtype of the result.
        """
        hertz = np.linspace(0.0, sampling_rate / 2, num_spectrogram_bins)
        edges = np.linspace(
            _mel(lower_edge_hertz), _mel(upper_edge_hertz), num_mel_bins + 2
        )
        low, middle, high = edges[:-2], edges[1:-1], edges[2:]
        place = _mel(hertz)[:, None]
        rising = (place - low) / (middle - low)
        falling = (high - place) / (high - middle)
        triangles = np.maximum(np.minimum(rising, falling), 0.0)
        triangles[0] = 0  # the mean of the sound is none
        return ops.convert_to_tensor(triangles, dtype)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        window = self.window
        return {
            **super().get_config(),
            "fft_length": self.fft_length,
            "sequence_stride": self.sequence_stride,
            "sequence_length": self.sequence_length,
            "window": window.tolist() if hasattr(window, "tolist") else window,
            "sampling_rate": self.sampling_rate,
            "num_mel_bins": self.num_mel_bins,
            "min_freq": self.min_freq,
            "max_freq": self.max_freq,
            "power_to_db": self.power_to_db,
            "top_db": self.top_db,
            "mag_exp": self.mag_exp,
            "min_power": self.min_power,
            "ref_power": self.ref_power,
        }
