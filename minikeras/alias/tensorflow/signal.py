"""`tf.signal` and `tf.audio`: spectra, and WAV files."""

from __future__ import annotations

import io
import wave
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.types import ArrayLike, DTypeLike, Sizes


def hann_window(
    window_length: int,
    periodic: bool = True,
    dtype: DTypeLike = "float32",
    name: str | None = None,
) -> Tensor:
    """The window of Hann."""
    return _cosines(window_length, periodic, 0.5, dtype)


def hamming_window(
    window_length: int,
    periodic: bool = True,
    dtype: DTypeLike = "float32",
    name: str | None = None,
) -> Tensor:
    """The window of Hamming."""
    return _cosines(window_length, periodic, 0.54, dtype)


def _cosines(length: int, periodic: bool, offset: float, dtype: DTypeLike) -> Tensor:
    length = int(length)
    if length == 1:
        return ops.ones((1,), dtype)
    angle = 2 * np.pi * np.arange(length) / (length if periodic else length - 1)
    return ops.cast(offset - (1 - offset) * np.cos(angle), dtype)


def frame(
    signal: ArrayLike,
    frame_length: int,
    frame_step: int,
    pad_end: bool = False,
    pad_value: float = 0,
    axis: int = -1,
    name: str | None = None,
) -> Tensor:
    """Windows `(..., frames, frame_length)` of the last axis."""
    signal = ops.convert_to_tensor(signal)
    if axis not in (-1, len(signal.shape) - 1):
        raise ValueError(f"tf.signal.frame: axis={axis}; expected the last one.")
    if pad_end:
        steps = -(-signal.shape[-1] // frame_step)
        more = max((steps - 1) * frame_step + frame_length - signal.shape[-1], 0)
        before = [(0, 0)] * (len(signal.shape) - 1)
        signal = ops.pad(signal, [*before, (0, more)], "constant", pad_value)
    return ops.extract_sequences(signal, frame_length, frame_step)


def stft(
    signals: ArrayLike,
    frame_length: int,
    frame_step: int,
    fft_length: int | None = None,
    window_fn: Callable[..., Any] | None = hann_window,
    pad_end: bool = False,
    name: str | None = None,
) -> Tensor:
    """Complex spectra `(..., frames, fft_length // 2 + 1)` of windows along the last axis."""
    parts = frame(signals, frame_length, frame_step, pad_end)
    if window_fn is not None:
        parts = parts * window_fn(frame_length, dtype=parts.dtype)
    length = fft_length or 2 ** int(np.ceil(np.log2(frame_length)))
    return rfft(parts, [length])


def rfft(
    input_tensor: ArrayLike, fft_length: Sizes | None = None, name: str | None = None
) -> Tensor:
    """The complex spectrum of real numbers along the last axis."""
    length = None if fft_length is None else int(np.ravel(fft_length)[0])
    return _complex(*ops.rfft(input_tensor, length))


def irfft(
    input_tensor: ArrayLike, fft_length: int | None = None, name: str | None = None
) -> Tensor:
    """The real numbers whose spectrum this is."""
    length = None if fft_length is None else int(np.ravel(fft_length)[0])
    return ops.irfft((ops.real(input_tensor), ops.imag(input_tensor)), length)


def fft(input: ArrayLike, name: str | None = None) -> Tensor:
    """The spectrum along the last axis."""
    return _complex(*ops.fft((ops.real(input), ops.imag(input))))


def fft2d(input: ArrayLike, name: str | None = None) -> Tensor:
    """The spectrum along the last two axes."""
    return _complex(*ops.fft2((ops.real(input), ops.imag(input))))


def ifft2d(input: ArrayLike, name: str | None = None) -> Tensor:
    """What has this spectrum along the last two axes."""
    return _complex(*ops.ifft2((ops.real(input), ops.imag(input))))


def _complex(real: ArrayLike, imaginary: ArrayLike) -> Tensor:
    return ops.view_as_complex(ops.stack((real, imaginary), axis=-1))


class DecodedWav(NamedTuple):
    """A sound `(samples, channels)` from -1 to 1, and its samples a second."""

    audio: Any
    sample_rate: Any


def decode_wav(
    contents: bytes,
    desired_channels: int = -1,
    desired_samples: int = -1,
    name: str | None = None,
) -> DecodedWav:
    """The sound in the bytes of a WAV file of 16 bits.

    Raises:
        ValueError: If the file is of another kind.
    """
    with wave.open(io.BytesIO(bytes(contents))) as file:
        if file.getsampwidth() != 2:
            raise ValueError(
                f"tf.audio.decode_wav: {8 * file.getsampwidth()} bits; expected 16."
            )
        raw = file.readframes(file.getnframes())
        sound = np.frombuffer(raw, "<i2").reshape(-1, file.getnchannels())
        rate = file.getframerate()
    if desired_channels > 0:
        sound = sound[:, :desired_channels]
        sound = np.pad(
            sound, ((0, 0), (0, desired_channels - sound.shape[1])), mode="edge"
        )
    if desired_samples >= 0:
        sound = sound[:desired_samples]
        sound = np.pad(sound, ((0, desired_samples - len(sound)), (0, 0)))
    return DecodedWav(
        ops.convert_to_tensor(sound.astype("float32") / 32768),
        ops.convert_to_tensor(rate, "int32"),
    )


__all__ = [
    "decode_wav", "fft", "fft2d", "frame", "hamming_window", "hann_window", "ifft2d",
    "irfft", "rfft", "stft",
]  # fmt: skip
