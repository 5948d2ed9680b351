"""Fourier transforms. As in Keras, they take and give pairs `(real, imag)`."""

from __future__ import annotations

from typing import Any

from minikeras.engine import prims
from minikeras.engine.aval import ShapeError
from minikeras.engine.tensor import Tensor
from minikeras.ops.math.framing import frames, overlap_add
from minikeras.ops.numpy.padding import pad
from minikeras.ops.numpy.window_functions import hamming, hanning
from minikeras.ops.op import op, promote_float, to_tensor
from minikeras.ops.support import axis_of, const, floating, sub_slice, whole
from minikeras.types import ArrayLike

__all__ = ["fft", "fft2", "ifft2", "rfft", "irfft", "stft", "istft"]

Pair = tuple[Tensor, Tensor]


def pair_of(x: ArrayLike, name: str) -> Pair:
    """The two parts of a complex argument.

    Raises:
        ValueError: If it is not a pair of tensors of one shape.
    """
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        raise ValueError(
            f"{name}: x is {type(x).__name__}; expected a tuple of two tensors, the real "
            "and the imaginary part."
        )
    real, imag = promote_float(*x)
    if real.shape != imag.shape:
        raise ShapeError(
            f"{name}: the real part has shape {real.shape}, the imaginary part "
            f"{imag.shape}; expected equal shapes."
        )
    return real, imag


def _scaled(pair: Pair, n: int) -> Pair:
    real, imag = pair
    factor = const(real, 1.0 / n)
    return prims.mul(real, factor), prims.mul(imag, factor)


def _two_axes(x: ArrayLike, name: str, inverse: bool) -> Pair:
    real, imag = pair_of(x, name)
    if real.ndim < 2:
        raise ShapeError(f"{name}: shape {real.shape}; expected rank 2 or more.")
    perm = (*range(real.ndim - 2), real.ndim - 1, real.ndim - 2)
    # The row goes along the last axis: transformed, turned, transformed, and turned
    # back.
    for _ in range(2):
        real, imag = prims.fft(real, imag, inverse=inverse)
        real, imag = prims.transpose(real, perm=perm), prims.transpose(imag, perm=perm)
    return real, imag


@op
def fft(x: ArrayLike) -> Pair:
    """The discrete Fourier transform along the last axis.

    Args:
        x: Pair of tensors `(..., n)`: real and imaginary parts.

    Returns:
        Pair of tensors `(..., n)`.

    Raises:
        ValueError: If `x` is not a pair.

    Example:

    >>> real, imag = keras.ops.fft(([1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]))
    >>> real.tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    real, imag = prims.fft(*pair_of(x, "fft"), inverse=False)
    return real, imag


@op
def fft2(x: ArrayLike) -> Pair:
    """The discrete Fourier transform over the last two axes.

    Args:
        x: Pair of tensors `(..., rows, columns)`: real and imaginary parts.

    Returns:
        Pair of tensors `(..., rows, columns)`.

    Raises:
        ValueError: If `x` is not a pair.

    Example:

    >>> real, imag = keras.ops.fft2(([[1.0, 1.0], [1.0, 1.0]], [[0.0, 0.0], [0.0, 0.0]]))
    >>> real.tolist()
    [[4.0, 0.0], [0.0, 0.0]]
    """
    return _two_axes(x, "fft2", False)


@op
def ifft2(x: ArrayLike) -> Pair:
    """The inverse of `fft2`.

    Args:
        x: Pair of tensors `(..., rows, columns)`: real and imaginary parts.

    Returns:
        Pair of tensors `(..., rows, columns)`.

    Raises:
        ValueError: If `x` is not a pair.

    Example:

    >>> real, imag = keras.ops.ifft2(([[4.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]))
    >>> real.tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """
    real, imag = _two_axes(x, "ifft2", True)
    return _scaled((real, imag), real.shape[-1] * real.shape[-2])


def _fitted(x: Tensor, n: int) -> Tensor:
    """The last axis cut, or filled with zeros, to `n`."""
    axis, size = x.ndim - 1, x.shape[-1]
    if size >= n:
        return x if size == n else sub_slice(x, axis, 0, n)
    widths = (*((0, 0),) * axis, (0, n - size))
    return prims.pad(x, const(x, 0), widths=widths)


@op
def rfft(x: ArrayLike, fft_length: int | None = None) -> Pair:
    """The Fourier transform of real numbers along the last axis, its first half.

    Args:
        x: Tensor `(..., n)`.
        fft_length: Length to cut or fill the axis to; by default `n`.

    Returns:
        Pair of tensors `(..., fft_length // 2 + 1)`.

    Example:

    >>> real, imag = keras.ops.rfft([1.0, 2.0, 3.0, 4.0])
    >>> real.tolist(), imag.tolist()
    ([10.0, -2.0, -2.0], [0.0, 2.0, 0.0])
    """
    x = floating(x)
    last = axis_of(-1, x.ndim, "rfft")
    n = x.shape[last] if fft_length is None else whole(fft_length, "rfft", "fft_length")
    x = _fitted(x, n)
    real, imag = prims.fft(x, prims.mul(x, const(x, 0)), inverse=False)
    axis, half = x.ndim - 1, n // 2 + 1
    return sub_slice(real, axis, 0, half), sub_slice(imag, axis, 0, half)


@op
def irfft(x: ArrayLike, fft_length: int | None = None) -> Tensor:
    """The inverse of `rfft`.

    Args:
        x: Pair of tensors `(..., bins)`: real and imaginary parts.
        fft_length: Length of the result; by default `2 * (bins - 1)`.

    Returns:
        Tensor `(..., fft_length)`.

    Raises:
        ValueError: If `x` is not a pair.

    Example:

    >>> keras.ops.irfft(keras.ops.rfft([1.0, 2.0, 3.0, 4.0])).tolist()
    [1.0, 2.0, 3.0, 4.0]
    """
    real, imag = pair_of(x, "irfft")
    n = (
        2 * (real.shape[-1] - 1)
        if fft_length is None
        else whole(fft_length, "irfft", "fft_length")
    )
    real, imag = _fitted(real, n // 2 + 1), _fitted(imag, n // 2 + 1)
    axis = real.ndim - 1
    # The other half is the mirror image, conjugated.
    mirror = [sub_slice(p, axis, 1, n - n // 2) for p in (real, imag)]
    back = [prims.flip(p, axes=(axis,)) for p in mirror]
    real = prims.concat(real, back[0], axis=axis)
    imag = prims.concat(imag, prims.neg(back[1]), axis=axis)
    real, imag = prims.fft(real, imag, inverse=True)
    return _scaled((real, imag), n)[0]


def _window(window: Any, length: int, fft_length: int, dtype: str, name: str) -> Tensor:
    """The weights of a frame, centred in `fft_length`.

    Raises:
        ValueError: If the window is not known or has another length.
    """
    if window is None:
        return prims.full(shape=(fft_length,), dtype=dtype, value=1)
    if isinstance(window, str):
        shapes = {"hann": hanning, "hamming": hamming}
        if window not in shapes:
            raise ValueError(
                f"{name}: window={window!r}; expected 'hann', 'hamming', None or a tensor."
            )
        # Periodic: that of one more point, without the last.
        values = sub_slice(to_tensor(shapes[window](length + 1), dtype), 0, 0, length)
    else:
        values = to_tensor(window, dtype)
    if values.shape != (length,):
        raise ShapeError(
            f"{name}: window of shape {values.shape}; expected ({length},), that of a "
            "sequence."
        )
    left = (fft_length - length) // 2
    widths = ((left, fft_length - length - left),)
    return prims.pad(values, const(values, 0), widths=widths)


def _check_frames(length: int, stride: int, fft_length: int, name: str) -> None:
    whole = all(hasattr(n, "__index__") for n in (length, stride, fft_length))
    if not whole or not stride > 0 or not 0 < length <= fft_length:
        raise ValueError(
            f"{name}: sequence_length={length}, sequence_stride={stride}, fft_length="
            f"{fft_length}; expected positive integers, the first not above the last."
        )


@op
def stft(
    x: ArrayLike,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    window: object = "hann",
    center: bool = True,
) -> Pair:
    """The short-time Fourier transform: that of weighed, overlapping frames.

    Args:
        x: Tensor `(..., samples)`.
        sequence_length: Length of a frame.
        sequence_stride: Distance of frames.
        fft_length: Length of a transform, at least `sequence_length`.
        window: Weights of a frame: `"hann"`, `"hamming"`, a tensor, or None.
        center: Whether to reflect the ends, so that frame `t` is centred at sample
            `t * sequence_stride`.

    Returns:
        Pair of tensors `(..., frames, fft_length // 2 + 1)`.

    Raises:
        ValueError: If lengths do not fit or the window is not known.

    Example:

    >>> real, imag = keras.ops.stft(keras.ops.ones((2, 20)), 8, 4, 8)
    >>> real.shape
    (2, 6, 5)
    """
    _check_frames(sequence_length, sequence_stride, fft_length, "stft")
    x = floating(x)
    weights = _window(window, sequence_length, fft_length, x.dtype, "stft")
    if center:
        half = fft_length // 2
        x = pad(x, (*((0, 0),) * (x.ndim - 1), (half, half)), mode="reflect")
    cut = frames(x, fft_length, sequence_stride, "stft")
    return rfft(prims.mul(cut, weights), fft_length)


@op
def istft(
    x: ArrayLike,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: object = "hann",
    center: bool = True,
) -> Tensor:
    """The inverse of `stft`, by weighed overlapping sums.

    Args:
        x: Pair of tensors `(..., frames, fft_length // 2 + 1)`.
        sequence_length: Length of a frame.
        sequence_stride: Distance of frames.
        fft_length: Length of a transform.
        length: Number of samples to give at most; by default all there are.
        window: Weights of a frame: `"hann"`, `"hamming"`, a tensor, or None. With None
            the result is `fft_length / sequence_stride` times the signal, as in Keras.
        center: Whether `stft` was centred.

    Returns:
        Tensor `(..., samples)`.

    Raises:
        ValueError: If lengths do not fit or the window is not known.

    Example:

    >>> parts = keras.ops.stft(keras.ops.arange(20, dtype="float32"), 8, 4, 8)
    >>> keras.ops.istft(parts, 8, 4, 8)[:4].numpy().round(3).tolist()
    [0.0, 1.0, 2.0, 3.0]
    """
    _check_frames(sequence_length, sequence_stride, fft_length, "istft")
    cut = irfft(x, fft_length)
    weights = _window(window, sequence_length, fft_length, cut.dtype, "istft")
    total = overlap_add(prims.mul(cut, weights), sequence_stride)
    squares = prims.mul(weights, weights)
    count = cut.shape[-2]
    # Griffin and Lim 1984: weighed sums divided by the sum of the squared windows.
    power = overlap_add(
        prims.broadcast_to(squares, shape=(count, fft_length)), sequence_stride
    )
    covered = prims.gt(power, const(power, 1e-10))
    total = prims.div(total, prims.select(covered, power, const(power, 1)))
    axis, size = total.ndim - 1, total.shape[-1]
    start = fft_length // 2 if center else 0
    stop = size - start if length is None else min(size, start + int(length))
    if window is None:
        # Keras's scale: without a window the frames are summed, not averaged.
        total = prims.mul(total, const(total, fft_length / sequence_stride))
    return sub_slice(total, axis, start, stop)
