"""`tf.nn`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from minikeras import ops, random
from minikeras.alias.tensorflow.maths import l2_normalize, top_k
from minikeras.alias.tensorflow.rows import functions
from minikeras.engine.tensor import Tensor
from minikeras.types import ArrayLike

if TYPE_CHECKING:
    from minikeras.types import Sizes


_FUNCTIONS = functions(
    {
        "elu": "elu:features alpha=1.0",
        "gelu": "gelu:features approximate=False",
        "in_top_k": "in_top_k:targets predictions k",
        "leaky_relu": "leaky_relu:features alpha=0.2",
        "log_softmax": "log_softmax:logits axis=-1",
        "moments": "moments:x axes keepdims=False",
        "relu": "relu:features",
        "relu6": "relu6:features",
        "selu": "selu:features",
        "sigmoid": "sigmoid:x",
        "silu": "silu:features",
        "softmax": "softmax:logits axis=-1",
        "softplus": "softplus:features",
        "softsign": "softsign:features",
        "swish": "silu:features",
        "tanh": "tanh:x",
    }
)
globals().update(_FUNCTIONS)


def _inner(value: Any, data_format: str) -> Any:
    """Strides without those of batch and channels, where they are given too."""
    if isinstance(value, int) or len(value) not in (4, 5):
        return value
    inner = value[2:] if data_format.startswith("NC") else value[1:-1]
    return tuple(inner)


def _format(data_format: str) -> str:
    return "channels_first" if data_format.startswith("NC") else "channels_last"


def conv2d(
    input: ArrayLike,
    filters: Any,
    strides: int | Sequence[int],
    padding: str,
    data_format: str = "NHWC",
    dilations: Sizes | None = None,
    name: str | None = None,
) -> Tensor:
    """Convolution of pictures; `padding` is `"SAME"` or `"VALID"`."""
    return ops.conv(
        input,
        filters,
        _inner(strides, data_format),
        padding.lower(),
        _format(data_format),
        _inner(dilations or 1, data_format),
    )


def conv1d(
    input: ArrayLike,
    filters: ArrayLike,
    stride: Sizes,
    padding: str,
    data_format: str = "NWC",
    dilations: Sizes | None = None,
    name: str | None = None,
) -> Tensor:
    """Convolution of sequences."""
    step = stride if isinstance(stride, int) else int(max(stride))
    form = _format(data_format)
    return ops.conv(input, filters, step, padding.lower(), form, dilations or 1)


def conv2d_transpose(
    input: ArrayLike,
    filters: ArrayLike,
    output_shape: Any,
    strides: int | Sequence[int],
    padding: str = "SAME",
    data_format: str = "NHWC",
    dilations: Sizes | None = None,
    name: str | None = None,
) -> Tensor:
    """The gradient of a convolution `(height, width, out, in)`, to a given shape.

    Raises:
        ValueError: If no convolution of that shape gives one of the input's.
    """
    steps = _inner(strides, data_format)
    steps = (steps, steps) if isinstance(steps, int) else tuple(steps)
    sizes = _inner(tuple(int(n) for n in output_shape), data_format)
    kernel = ops.shape(filters)[:2]
    inputs = _inner(ops.shape(input), data_format)
    for want, have, step, size in zip(sizes, inputs, steps, kernel, strict=True):
        back = -(-want // step) if padding == "SAME" else -(-(want - size + 1) // step)
        if back != have:
            raise ValueError(
                f"tf.nn.conv2d_transpose: output_shape={tuple(output_shape)}: a convolution of "
                f"that gives {back} rows or columns, not the {have} of the input."
            )
    form = _format(data_format)
    whole = ops.conv_transpose(input, filters, steps, "valid", data_format=form)
    axes = (1, 2) if form == "channels_last" else (2, 3)
    borders, cuts = [(0, 0)] * 4, [slice(None)] * 4
    for axis, want in zip(axes, sizes, strict=True):
        more = int(whole.shape[axis]) - want
        before = max(more, 0) // 2 if padding == "SAME" else 0
        cuts[axis] = slice(before, before + want)
        borders[axis] = (0, max(-more, 0))
    return ops.pad(whole[tuple(cuts)], borders)


def separable_conv2d(
    input: ArrayLike,
    depthwise_filter: ArrayLike,
    pointwise_filter: object,
    strides: int | Sequence[int],
    padding: str,
    data_format: str = "NHWC",
    dilations: Sizes | None = None,
    name: str | None = None,
) -> Tensor:
    """Each channel convolved by itself, then mixed pixel by pixel."""
    apart = depthwise_conv2d(
        input, depthwise_filter, strides, padding, data_format, dilations
    )
    return conv2d(apart, pointwise_filter, 1, "VALID", data_format)


def depthwise_conv2d(
    input: ArrayLike,
    filter: ArrayLike,
    strides: int | Sequence[int],
    padding: str,
    data_format: str = "NHWC",
    dilations: Sizes | None = None,
    name: str | None = None,
) -> Tensor:
    """Each channel convolved with kernels of its own."""
    return ops.depthwise_conv(
        input,
        filter,
        _inner(strides, data_format),
        padding.lower(),
        _format(data_format),
        _inner(dilations or 1, data_format),
    )


def max_pool2d(
    input: ArrayLike,
    ksize: int | Sequence[int],
    strides: int | Sequence[int],
    padding: str,
    data_format: str = "NHWC",
    name: str | None = None,
) -> Tensor:
    """The largest value of each window."""
    size, steps = _inner(ksize, data_format), _inner(strides, data_format)
    return ops.max_pool(input, size, steps, padding.lower(), _format(data_format))


def avg_pool2d(
    input: ArrayLike,
    ksize: int | Sequence[int],
    strides: int | Sequence[int],
    padding: str,
    data_format: str = "NHWC",
    name: str | None = None,
) -> Tensor:
    """The mean of each window."""
    size, steps = _inner(ksize, data_format), _inner(strides, data_format)
    return ops.average_pool(input, size, steps, padding.lower(), _format(data_format))


max_pool, avg_pool = max_pool2d, avg_pool2d


def bias_add(
    value: Any, bias: ArrayLike, data_format: str | None = None, name: str | None = None
) -> Tensor:
    """Adds one bias for each channel."""
    if data_format is not None and data_format.startswith("NC"):
        bias = ops.reshape(bias, (1, -1, *[1] * (len(value.shape) - 2)))
    return ops.add(value, bias)


def dropout(
    x: ArrayLike,
    rate: float,
    noise_shape: Any = None,
    seed: int | None = None,
    name: str | None = None,
) -> Tensor:
    """A share `rate` of the values becomes 0, the others grow to make up for it."""
    return random.dropout(x, rate, noise_shape, seed)


def embedding_lookup(
    params: ArrayLike, ids: object, max_norm: object = None, name: str | None = None
) -> Tensor:
    """Rows of a table."""
    return ops.take(params, ids, axis=0)


def l2_loss(t: ArrayLike, name: str | None = None) -> Tensor:
    """Half the sum of squares."""
    return ops.sum(ops.square(t)) / 2


def softmax_cross_entropy_with_logits(
    labels: ArrayLike, logits: ArrayLike, axis: int = -1, name: str | None = None
) -> Tensor:
    """The crossentropy of each sample, of one-hot classes or probabilities."""
    logits = ops.convert_to_tensor(logits)
    labels = ops.cast(labels, logits.dtype)
    return -ops.sum(labels * ops.log_softmax(logits, axis), axis)


def sparse_softmax_cross_entropy_with_logits(
    labels: ArrayLike, logits: ArrayLike, name: str | None = None
) -> Tensor:
    """The crossentropy of each sample, of class numbers."""
    return ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)


def sigmoid_cross_entropy_with_logits(
    labels: Any = None, logits: Any = None, name: str | None = None
) -> Tensor:
    """The crossentropy of each value, of zeros and ones."""
    logits = ops.convert_to_tensor(logits)
    return ops.binary_crossentropy(
        ops.cast(labels, logits.dtype), logits, from_logits=True
    )


def weighted_cross_entropy_with_logits(
    labels: ArrayLike, logits: ArrayLike, pos_weight: object, name: str | None = None
) -> Tensor:
    """The crossentropy of each value; that of ones counts `pos_weight` times."""
    logits = ops.convert_to_tensor(logits)
    labels = ops.cast(labels, logits.dtype)
    return pos_weight * labels * ops.softplus(-logits) + (1 - labels) * ops.softplus(
        logits
    )


def compute_average_loss(
    per_example_loss: ArrayLike,
    sample_weight: ArrayLike | None = None,
    global_batch_size: object = None,
) -> Tensor:
    """The sum of losses over the number of samples, or `global_batch_size`."""
    loss = ops.convert_to_tensor(per_example_loss)
    if sample_weight is not None:
        loss = loss * ops.cast(sample_weight, loss.dtype)
    count: Any = ops.shape(loss)[0] if global_batch_size is None else global_batch_size
    return ops.sum(loss) / ops.cast(count, loss.dtype)


def scale_regularization_loss(regularization_loss: ArrayLike) -> Tensor | int:
    """The loss itself: there is one replica. The sum of several."""
    if isinstance(regularization_loss, (list, tuple)):
        return sum(map(ops.sum, regularization_loss))
    return ops.sum(regularization_loss)


def crelu(features: ArrayLike, axis: int = -1, name: str | None = None) -> Tensor:
    """`relu` of values and of their negatives, one behind the other."""
    features = ops.convert_to_tensor(features)
    return ops.relu(ops.concatenate([features, -features], axis))


def batch_normalization(
    x: ArrayLike,
    mean: ArrayLike,
    variance: ArrayLike,
    offset: ArrayLike,
    scale: ArrayLike,
    variance_epsilon: float,
    name: str | None = None,
) -> Tensor:
    """`scale * (x - mean) / sqrt(variance + variance_epsilon) + offset`."""
    factor = ops.rsqrt(ops.add(variance, variance_epsilon))
    factor = factor if scale is None else factor * scale
    out = (ops.convert_to_tensor(x) - mean) * factor
    return out if offset is None else out + offset


def depth_to_space(
    input: ArrayLike,
    block_size: int,
    data_format: str = "NHWC",
    name: str | None = None,
) -> Tensor:
    """Channels laid out as blocks of pixels."""
    return ops.nn.depth_to_space(input, block_size, _format(data_format))


def space_to_depth(
    input: ArrayLike,
    block_size: int,
    data_format: str = "NHWC",
    name: str | None = None,
) -> Tensor:
    """Blocks of pixels as channels."""
    return ops.nn.space_to_depth(input, block_size, _format(data_format))


__all__ = [
    *_FUNCTIONS, "top_k", "avg_pool", "avg_pool2d", "batch_normalization", "bias_add",
    "compute_average_loss", "conv1d", "conv2d", "conv2d_transpose", "crelu",
    "depth_to_space", "depthwise_conv2d", "dropout", "embedding_lookup", "l2_loss",
    "l2_normalize", "max_pool", "max_pool2d", "scale_regularization_loss", "separable_conv2d",
    "sigmoid_cross_entropy_with_logits",
    "softmax_cross_entropy_with_logits", "space_to_depth",
    "sparse_softmax_cross_entropy_with_logits", "weighted_cross_entropy_with_logits",
]  # fmt: skip
