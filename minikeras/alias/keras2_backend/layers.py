"""Activations, convolutions and poolings of Keras 2's backend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from minikeras import ops
from minikeras.ops import elu
from minikeras.settings import image_data_format
from minikeras.types import ArrayLike

if TYPE_CHECKING:
    from minikeras.engine.aval import Shape
    from minikeras.engine.tensor import Tensor


Size = int | Sequence[int]


def relu(
    x: ArrayLike,
    alpha: float = 0.0,
    max_value: float | None = None,
    threshold: float = 0.0,
) -> Tensor:
    """`x` above `threshold`, at most `max_value`; below, `alpha * (x - threshold)`."""
    from minikeras.activations import relu as found

    return found(x, alpha, max_value, threshold)


def hard_sigmoid(x: ArrayLike) -> Tensor:
    """`0.2 * x + 0.5`, kept between 0 and 1: Keras 2's, which is steeper than Keras 3's."""
    return ops.clip(ops.convert_to_tensor(x) * 0.2 + 0.5, 0.0, 1.0)


def softmax(x: ArrayLike, axis: int = -1) -> Tensor:
    """Positive numbers that sum to 1 along `axis`; of a single axis too."""
    return ops.softmax(x, axis)


def bias_add(x: ArrayLike, bias: ArrayLike, data_format: str | None = None) -> Tensor:
    """Adds `(channels,)`, or one bias for every place `(*spatial, channels)`."""
    x, bias = ops.convert_to_tensor(x), ops.convert_to_tensor(bias)
    rank = len(x.shape)
    if len(bias.shape) not in (1, rank - 1):
        raise ValueError(
            f"bias_add: bias has shape {bias.shape}; expected one axis, or {rank - 1}."
        )
    if (data_format or image_data_format()) == "channels_last" or rank < 3:
        return x + bias
    if len(bias.shape) == 1:
        return x + ops.reshape(bias, (1, -1, *[1] * (rank - 2)))
    return x + ops.moveaxis(bias, -1, 0)


def batch_normalization(
    x: ArrayLike,
    mean: ArrayLike,
    var: Tensor,
    beta: ArrayLike,
    gamma: ArrayLike,
    axis: int = -1,
    epsilon: float = 1e-3,
) -> Tensor:
    """`gamma * (x - mean) / sqrt(var + epsilon) + beta`."""
    return ops.batch_normalization(
        x, mean, var, axis, offset=beta, scale=gamma, epsilon=epsilon
    )


def conv1d(
    x: Tensor,
    kernel: Tensor,
    strides: Size = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Size = 1,
) -> Tensor:
    """Convolution along steps; `padding="causal"` looks back only."""
    if padding == "causal":
        rate = dilation_rate if isinstance(dilation_rate, int) else dilation_rate[0]
        back = (rate * (int(kernel.shape[0]) - 1), 0)
        first = (data_format or image_data_format()) == "channels_first"
        x = ops.pad(x, [(0, 0), (0, 0), back] if first else [(0, 0), back, (0, 0)])
        padding = "valid"
    return ops.conv(x, kernel, strides, padding, data_format, dilation_rate)


def conv2d(
    x: ArrayLike,
    kernel: ArrayLike,
    strides: Size = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Size = (1, 1),
) -> Tensor:
    """Convolution of pictures."""
    return ops.conv(x, kernel, strides, padding, data_format, dilation_rate)


def conv3d(
    x: ArrayLike,
    kernel: ArrayLike,
    strides: Size = (1, 1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Size = (1, 1, 1),
) -> Tensor:
    """Convolution of volumes."""
    return ops.conv(x, kernel, strides, padding, data_format, dilation_rate)


def conv2d_transpose(
    x: Tensor,
    kernel: Tensor,
    output_shape: Shape,
    strides: Size = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Size = (1, 1),
) -> Tensor:
    """The gradient of a convolution with respect to its pictures.

    Args:
        x: `(batch, height, width, channels)`.
        kernel: `(rows, columns, filters, channels)`.
        output_shape: Of the result, which settles how rows that a stride skips count.
        strides: Steps of the window.
        padding: `"valid"` or `"same"`.
        data_format: Where the channels are.
        dilation_rate: Gaps between the kernel's rows and columns.
    """
    first = (data_format or image_data_format()) == "channels_first"
    wanted = tuple(output_shape)[2:4] if first else tuple(output_shape)[1:3]
    plain = ops.conv_transpose(
        x, kernel, strides, padding, None, data_format, dilation_rate
    )
    rows = 2 if first else 1
    got = plain.shape[rows : rows + 2]
    if tuple(wanted) == tuple(got) or None in wanted or -1 in wanted:
        return plain
    steps = (strides, strides) if isinstance(strides, int) else tuple(strides)
    rate = (
        (dilation_rate,) * 2 if isinstance(dilation_rate, int) else tuple(dilation_rate)
    )
    size = [(k - 1) * r + 1 for k, r in zip(kernel.shape[:2], rate)]
    border = [k // 2 if padding == "same" else 0 for k in size]
    output_padding = tuple(
        want - ((n - 1) * s + k - 2 * p)
        for want, n, s, k, p in zip(
            wanted, x.shape[rows : rows + 2], steps, size, border
        )
    )
    return ops.conv_transpose(
        x, kernel, strides, padding, output_padding, data_format, dilation_rate
    )


def depthwise_conv2d(
    x: ArrayLike,
    depthwise_kernel: ArrayLike,
    strides: Size = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Size = (1, 1),
) -> Tensor:
    """Each channel convolved with kernels of its own."""
    return ops.depthwise_conv(
        x, depthwise_kernel, strides, padding, data_format, dilation_rate
    )


def separable_conv2d(
    x: ArrayLike,
    depthwise_kernel: ArrayLike,
    pointwise_kernel: ArrayLike,
    strides: Size = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Size = (1, 1),
) -> Tensor:
    """Each channel convolved alone, then channels mixed at each place."""
    return ops.separable_conv(
        x,
        depthwise_kernel,
        pointwise_kernel,
        strides,
        padding,
        data_format,
        dilation_rate,
    )


def pool2d(
    x: ArrayLike,
    pool_size: Size,
    strides: Size = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    pool_mode: str = "max",
) -> Tensor:
    """The largest or mean value of each window of pictures."""
    return _pool(x, pool_size, strides, padding, data_format, pool_mode)


def pool3d(
    x: ArrayLike,
    pool_size: Size,
    strides: Size = (1, 1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    pool_mode: str = "max",
) -> Tensor:
    """The largest or mean value of each window of volumes."""
    return _pool(x, pool_size, strides, padding, data_format, pool_mode)


def _pool(
    x: ArrayLike,
    size: Size,
    strides: Size,
    padding: str,
    data_format: str | None,
    mode: str,
) -> Tensor:
    kinds = {"max": ops.max_pool, "avg": ops.average_pool}
    if mode not in kinds:
        raise ValueError(f'pool: pool_mode={mode!r}; expected "max" or "avg".')
    return kinds[mode](x, size, strides, padding, data_format)


__all__ = [
    "batch_normalization", "bias_add", "conv1d", "conv2d", "conv2d_transpose", "conv3d",
    "depthwise_conv2d", "elu", "hard_sigmoid", "pool2d", "pool3d", "relu",
    "separable_conv2d", "softmax",
]  # fmt: skip
