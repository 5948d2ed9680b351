"""Convolutions over one, two or three spatial axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minikeras import settings
from minikeras.engine import prims
from minikeras.engine.aval import Shape, ShapeError
from minikeras.engine.tensor import Tensor
from minikeras.ops.op import op, to_tensor
from minikeras.ops.support import boolean, numeric
from minikeras.types import ArrayLike

__all__ = ["conv", "depthwise_conv", "separable_conv", "conv_transpose"]

Ints = tuple[int, ...]

Pads = tuple[tuple[int, int], ...]


def channels_first(data_format: str | None, op: str) -> bool:
    """Whether channels stand before the spatial axes.

    Raises:
        ValueError: If the name is not known.
    """
    name = settings.image_data_format() if data_format is None else data_format
    if name not in ("channels_first", "channels_last"):
        raise ValueError(
            f"{op}: data_format={data_format!r}; expected 'channels_first' or 'channels_last'."
        )
    return name == "channels_first"


def to_last(x: Tensor) -> Tensor:
    """(batch, channels, *spatial) as (batch, *spatial, channels)."""
    return prims.transpose(x, perm=(0, *range(2, x.ndim), 1))


def to_first(x: Tensor) -> Tensor:
    """(batch, *spatial, channels) as (batch, channels, *spatial)."""
    return prims.transpose(x, perm=(0, x.ndim - 1, *range(1, x.ndim - 1)))


def each(value: Any, rank: int, op: str, name: str) -> Ints:
    """One integer for each spatial axis, out of one or several.

    Raises:
        ValueError: If there are not as many as axes, or one is not positive.
    """
    if isinstance(value, int):
        result = (value,) * rank
    else:
        result = tuple(int(v) for v in value)
        if len(result) == 1:
            result = result * rank
    if len(result) != rank or min(result, default=1) < 1:
        raise ValueError(
            f"{op}: {name}={value!r}; expected a positive integer, or {rank} of them."
        )
    return result


def same_padding(spatial: Shape, kernel: Ints, strides: Ints, dilation: Ints) -> Pads:
    """What makes the output `ceil(size / stride)` long; an odd rest goes to the end."""
    pads = []
    for n, k, s, d in zip(spatial, kernel, strides, dilation, strict=True):
        reach = (k - 1) * d + 1
        # The last of ceil(n / s) windows starts at (that - 1) s and needs `reach`
        # places. With stride 1 no size is needed, which may be unknown.
        total = max((-(-n // s) - 1) * s + reach - n, 0) if s > 1 else reach - 1
        pads.append((total // 2, total - total // 2))
    return tuple(pads)


def padding_of(
    padding: str, spatial: Shape, kernel: Ints, strides: Ints, dilation: Ints, op: str
) -> Pads:
    """Explicit padding for `"valid"` or `"same"`.

    Raises:
        ValueError: If the name is not known.
    """
    name = padding.lower() if isinstance(padding, str) else padding
    if name == "valid":
        return ((0, 0),) * len(spatial)
    if name == "same":
        return same_padding(spatial, kernel, strides, dilation)
    raise ValueError(f"{op}: padding={padding!r}; expected 'valid' or 'same'.")


def _prepared(
    inputs: ArrayLike, kernel: ArrayLike, op: str
) -> tuple[Tensor, Tensor, int]:
    # The kernel's dtype counts, as in Keras: there is no promotion.
    w = to_tensor(kernel)
    x = to_tensor(inputs, w.dtype)
    if x.ndim != w.ndim or x.ndim < 3:
        raise ShapeError(
            f"{op}: inputs have shape {x.shape}, the kernel {w.shape}; expected equal ranks, "
            "3 or more: a batch axis, spatial axes and channels."
        )
    return x, w, x.ndim - 2


@op
def conv(
    inputs: ArrayLike,
    kernel: ArrayLike,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> Tensor:
    """The convolution (without flipping the kernel) over the spatial axes.

    Inputs with more channels than the kernel takes are convolved in groups.

    Args:
        inputs: Tensor `(batch, *spatial, channels)`, or `(batch, channels, *spatial)`.
        kernel: Tensor `(*window, channels // groups, filters)`.
        strides: Distance of windows, one for all axes or one for each.
        padding: `"valid"`: windows lie within the input; `"same"`: zeros around it make
            the output `ceil(size / stride)` long.
        data_format: `"channels_last"` or `"channels_first"`; by default
            `keras.config.image_data_format()`.
        dilation_rate: Distance of the taps within a window.

    Returns:
        Tensor `(batch, *new_spatial, filters)`, channels where the inputs have them.

    Raises:
        ShapeError: If channels do not fit, or a window is larger than the input.

    Example:

    >>> x = keras.ops.ones((1, 4, 4, 1))
    >>> keras.ops.conv(x, keras.ops.ones((3, 3, 1, 2))).shape
    (1, 2, 2, 2)
    """
    x, w, rank = _prepared(inputs, kernel, "conv")
    if w.dtype == "bool":
        how = (strides, padding, data_format, dilation_rate)
        return boolean(conv(numeric(x), numeric(w), *how))
    first = channels_first(data_format, "conv")
    x = to_last(x) if first else x
    steps = each(strides, rank, "conv", "strides")
    holes = each(dilation_rate, rank, "conv", "dilation_rate")
    pads = padding_of(padding, x.shape[1:-1], w.shape[:-2], steps, holes, "conv")
    # As in Keras, the shapes say how many groups there are.
    groups = x.shape[-1] // w.shape[-2] if w.shape[-2] else 0
    y = prims.conv(x, w, strides=steps, padding=pads, dilation=holes, groups=groups)
    return to_first(y) if first else y


@op
def depthwise_conv(
    inputs: ArrayLike,
    kernel: ArrayLike,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> Tensor:
    """The convolution of each channel with filters of its own.

    Args:
        inputs: Tensor `(batch, *spatial, channels)`, or `(batch, channels, *spatial)`.
        kernel: Tensor `(*window, channels, multiplier)`.
        strides: Distance of windows, one for all axes or one for each.
        padding: `"valid"` or `"same"`, as for `conv`.
        data_format: `"channels_last"` or `"channels_first"`; by default
            `keras.config.image_data_format()`.
        dilation_rate: Distance of the taps within a window.

    Returns:
        Tensor `(batch, *new_spatial, channels * multiplier)`.

    Raises:
        ShapeError: If channels do not fit, or a window is larger than the input.

    Example:

    >>> x = keras.ops.ones((1, 4, 4, 3))
    >>> keras.ops.depthwise_conv(x, keras.ops.ones((3, 3, 3, 2))).shape
    (1, 2, 2, 6)
    """
    x, w, _ = _prepared(inputs, kernel, "depthwise_conv")
    first = channels_first(data_format, "depthwise_conv")
    channels = x.shape[1 if first else -1]
    if channels != w.shape[-2]:
        raise ShapeError(
            f"depthwise_conv: inputs of shape {x.shape} have {channels} channels, the kernel "
            f"of shape {w.shape} takes {w.shape[-2]}; expected as many."
        )
    # As many groups as channels, of which each has `multiplier` filters of one channel.
    flat = prims.reshape(w, shape=(*w.shape[:-2], 1, w.shape[-2] * w.shape[-1]))
    return conv(x, flat, strides, padding, data_format, dilation_rate)


@op
def separable_conv(
    inputs: ArrayLike,
    depthwise_kernel: ArrayLike,
    pointwise_kernel: ArrayLike,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> Tensor:
    """A depthwise convolution, then one over channels alone.

    Args:
        inputs: Tensor `(batch, *spatial, channels)`, or `(batch, channels, *spatial)`.
        depthwise_kernel: Tensor `(*window, channels, multiplier)`.
        pointwise_kernel: Tensor `(*ones, channels * multiplier, filters)`.
        strides: Distance of windows, one for all axes or one for each.
        padding: `"valid"` or `"same"`, as for `conv`.
        data_format: `"channels_last"` or `"channels_first"`; by default
            `keras.config.image_data_format()`.
        dilation_rate: Distance of the taps within a window.

    Returns:
        Tensor `(batch, *new_spatial, filters)`.

    Raises:
        ShapeError: If channels do not fit, or a window is larger than the input.

    Example:

    >>> x = keras.ops.ones((1, 4, 3))
    >>> y = keras.ops.separable_conv(x, keras.ops.ones((3, 3, 2)), keras.ops.ones((1, 6, 5)))
    >>> y.shape
    (1, 2, 5)
    """
    y = depthwise_conv(
        inputs, depthwise_kernel, strides, padding, data_format, dilation_rate
    )
    return conv(y, pointwise_kernel, 1, "valid", data_format)


def transposed_size(
    n: int, k: int, s: int, d: int, padding: str, output_padding: int | None
) -> int:
    """The size of an axis after a transposed convolution."""
    reach = (k - 1) * d + 1
    if output_padding is None:
        return n * s if padding == "same" else n * s + max(reach - s, 0)
    inner = (n - 1) * s + reach + output_padding
    return inner - 2 * (reach // 2) if padding == "same" else inner


@op
def conv_transpose(
    inputs: ArrayLike,
    kernel: ArrayLike,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    output_padding: int | Sequence[int] | None = None,
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> Tensor:
    """The transpose of a convolution: it goes from the output's shape to the input's.

    Args:
        inputs: Tensor `(batch, *spatial, channels)`, or `(batch, channels, *spatial)`.
        kernel: Tensor `(*window, filters, channels)`.
        strides: How many outputs lie between neighbours of the input.
        padding: `"valid"`: windows stick out; `"same"`: the output is `size * stride`
            long.
        output_padding: Places to add to one end of each axis, less than the stride; None:
            as `padding` says.
        data_format: `"channels_last"` or `"channels_first"`; by default
            `keras.config.image_data_format()`.
        dilation_rate: Distance of the taps within a window.

    Returns:
        Tensor `(batch, *new_spatial, filters)`.

    Raises:
        ShapeError: If channels do not fit.

    Example:

    >>> x = keras.ops.ones((1, 4, 4, 3))
    >>> keras.ops.conv_transpose(x, keras.ops.ones((2, 2, 5, 3)), strides=2).shape
    (1, 8, 8, 5)
    """
    name = "conv_transpose"
    x, w, rank = _prepared(inputs, kernel, name)
    if w.dtype == "bool":
        how = (strides, padding, output_padding, data_format, dilation_rate)
        return boolean(conv_transpose(numeric(x), numeric(w), *how))
    first = channels_first(data_format, name)
    x = to_last(x) if first else x
    steps = each(strides, rank, name, "strides")
    holes = each(dilation_rate, rank, name, "dilation_rate")
    mode = padding.lower()
    padding_of(mode, x.shape[1:-1], w.shape[:-2], steps, holes, name)
    extra = _extra(output_padding, rank)
    if x.shape[-1] != w.shape[-1] and type(x.shape[-1]) is int:
        raise ShapeError(
            f"{name}: inputs have {x.shape[-1]} channels, the kernel of shape {w.shape} takes "
            f"{w.shape[-1]} (its last axis); expected as many."
        )
    sizes, pads, cuts = [], [], []
    rows = zip(x.shape[1:-1], w.shape[:-2], steps, holes, extra, strict=True)
    for n, k, s, d, more in rows:
        out = transposed_size(n, k, s, d, mode, more)
        reach = (k - 1) * d + 1
        low = _low(reach, s, mode, more)
        # The forward convolution of what comes out must give back n places.
        need = (n - 1) * s + reach
        whole = max(need, out + low)
        sizes.append(whole)
        cuts.append((low, low + out))
        pads.append((0, 0))
    # The gradient of a convolution by its input is the transposed convolution.
    full = prims.conv_input_grad(
        x,
        w,
        input_shape=(x.shape[0], *sizes, w.shape[-2]),
        strides=steps,
        padding=tuple(pads),
        dilation=holes,
        groups=1,
    )
    y = prims.slice(
        full,
        starts=(0, *(a for a, _ in cuts), 0),
        stops=(x.shape[0], *(b for _, b in cuts), w.shape[-2]),
        steps=(1,) * full.ndim,
    )
    return to_first(y) if first else y


def _extra(output_padding: Any, rank: int) -> Sequence[int | None]:
    if output_padding is None or isinstance(output_padding, int):
        return (output_padding,) * rank
    return tuple(output_padding)


def _low(reach: int, stride: int, mode: str, extra: int | None) -> int:
    """How many places of the full result are cut off at the front."""
    if mode == "valid":
        return 0
    if extra is None:
        return max(reach - stride, 0) // 2
    return max(2 * (reach // 2) - extra, 0) // 2
