"""Windows cut out of a tensor, and put back by sums."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from minikeras.engine import prims
from minikeras.engine.aval import ShapeError, Unknown
from minikeras.engine.tensor import Tensor
from minikeras.ops.op import op, to_tensor
from minikeras.ops.support import boolean, const, numeric, sub_slice
from minikeras.types import ArrayLike, Sizes

__all__ = ["unfold", "fold"]

Two = tuple[int, int]


def _two(value: Any, name: str, argument: str, low: int = 1) -> Two:
    pair = (value, value) if isinstance(value, int) else tuple(int(v) for v in value)
    if len(pair) != 2 or min(pair) < low:
        raise ValueError(
            f"{name}: {argument}={value!r}; expected one or two integers, {low} or more."
        )
    return pair[0], pair[1]


def _places(
    size: Two, kernel: Two, dilation: Two, stride: Two, name: str
) -> tuple[Two, Iterator[tuple[Two, Two]]]:
    """How many windows there are, and starts and stops of each tap in all of them."""
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    known = [not isinstance(n, Unknown) for n in size]
    if any(k and n < r for k, n, r in zip(known, size, reach, strict=True)):
        raise ShapeError(
            f"{name}: a window reaches over {tuple(reach)}, the padded image is {size}; "
            "expected the window not to be larger."
        )
    counts = [(n - r) // s + 1 for n, r, s in zip(size, reach, stride, strict=True)]

    def taps() -> Iterator[tuple[Two, Two]]:
        # One strided slice for each tap holds that tap of all windows: few large steps,
        # not many small ones.
        for tap in itertools.product(*(range(k) for k in kernel)):
            start = [t * d for t, d in zip(tap, dilation, strict=True)]
            stop = [
                a + (c - 1) * s + 1
                for a, c, s in zip(start, counts, stride, strict=True)
            ]
            yield (start[0], start[1]), (stop[0], stop[1])

    return (counts[0], counts[1]), taps()


@op
def unfold(
    x: Tensor,
    kernel_size: object,
    dilation: object = 1,
    padding: Sizes = 0,
    stride: object = 1,
) -> Tensor:
    """Sliding windows of an image, each as a column.

    Args:
        x: Tensor `(batch, channels, height, width)`.
        kernel_size: Size of a window, one integer or two.
        dilation: Distance of the taps within a window.
        padding: Rows and columns of zeros added on each side.
        stride: Distance of windows.

    Returns:
        Tensor `(batch, channels * window, windows)`.

    Raises:
        ShapeError: If the image does not have four axes or is too small.

    Example:

    >>> keras.ops.unfold(keras.ops.ones((1, 2, 4, 4)), 2).shape
    (1, 8, 9)
    """
    x = to_tensor(x)
    if x.ndim != 4:
        raise ShapeError(
            f"unfold: shape {x.shape}; expected (batch, channels, height, width)."
        )
    kernel = _two(kernel_size, "unfold", "kernel_size")
    pads = _two(padding, "unfold", "padding", 0)
    steps = _two(stride, "unfold", "stride")
    widths = ((0, 0), (0, 0), (pads[0], pads[0]), (pads[1], pads[1]))
    x = prims.pad(x, const(x, 0), widths=widths)
    batch, channels = x.shape[:2]
    gaps = _two(dilation, "unfold", "dilation")
    size = (x.shape[2], x.shape[3])
    counts, taps = _places(size, kernel, gaps, steps, "unfold")
    columns = []
    for start, stop in taps:
        part = prims.slice(
            x,
            starts=(0, 0, *start),
            stops=(batch, channels, *stop),
            steps=(1, 1, *steps),
        )
        shape = (batch, channels, 1, counts[0] * counts[1])
        columns.append(prims.reshape(part, shape=shape))
    joined = prims.concat(*columns, axis=2)
    taken = channels * kernel[0] * kernel[1]
    return prims.reshape(joined, shape=(batch, taken, counts[0] * counts[1]))


@op
def fold(
    x: ArrayLike,
    output_size: object,
    kernel_size: object,
    dilation: Sizes = 1,
    padding: Sizes = 0,
    stride: Sizes = 1,
) -> Tensor:
    """The transpose of `unfold`: columns put back as windows; overlaps are summed.

    Args:
        x: Tensor `(batch, channels * window, windows)`.
        output_size: Height and width of the image.
        kernel_size: Size of a window, one integer or two.
        dilation: Distance of the taps within a window.
        padding: Rows and columns cut off on each side.
        stride: Distance of windows.

    Returns:
        Tensor `(batch, channels, height, width)`.

    Raises:
        ShapeError: If the columns do not fit the image.

    Example:

    >>> columns = keras.ops.unfold(keras.ops.ones((1, 1, 3, 3)), 2)
    >>> keras.ops.fold(columns, 3, 2).tolist()
    [[[[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]]]]
    """
    x = to_tensor(x)
    out = _two(output_size, "fold", "output_size")
    kernel = _two(kernel_size, "fold", "kernel_size")
    pads = _two(padding, "fold", "padding", 0)
    steps = _two(stride, "fold", "stride")
    gaps = _two(dilation, "fold", "dilation")
    size = (out[0] + 2 * pads[0], out[1] + 2 * pads[1])
    counts, taps = _places(size, kernel, gaps, steps, "fold")
    taken, windows = kernel[0] * kernel[1], counts[0] * counts[1]
    if x.ndim != 3 or x.shape[1] % taken or x.shape[2] != windows:
        raise ShapeError(
            f"fold: shape {x.shape}; expected (batch, channels * {taken}, {windows}) for "
            f"an image of {out}."
        )
    if x.dtype == "bool":
        return boolean(fold(numeric(x), out, kernel, gaps, pads, steps))
    batch, channels = x.shape[0], x.shape[1] // taken
    split = prims.reshape(x, shape=(batch, channels, taken, *counts))
    total: Any = None
    for i, (start, stop) in enumerate(taps):
        part = prims.reshape(
            sub_slice(split, 2, i, i + 1), shape=(batch, channels, *counts)
        )
        placed = prims.pad_strided(
            part,
            shape=(batch, channels, *size),
            starts=(0, 0, *start),
            stops=(batch, channels, *stop),
            steps=(1, 1, *steps),
        )
        total = placed if total is None else prims.add(total, placed)
    for axis, width, length in zip((2, 3), pads, out, strict=True):
        total = sub_slice(total, axis, width, width + length)
    return total
