"""`tf.nn`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from minikeras import ops, random
from minikeras.alias.tensorflow.maths import l2_normalize
from minikeras.alias.tensorflow.rows import functions
from minikeras.types import ArrayLike

if TYPE_CHECKING:
    from minikeras.types import Sizes


_FUNCTIONS = functions(
    {
        "elu": "elu:features alpha=1.0",
        "gelu": "gelu:features approximate=False",
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
        "top_k": "top_k:input k=1 sorted=True",
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
) -> Any:
    """Convolution of pictures; `padding` is `"SAME"` or `"VALID"`."""
    return ops.conv(
        input,
        filters,
        _inner(strides, data_format),
        padding.lower(),
        _format(data_format),
        _inner(dilations or 1, data_format),
    )


def depthwise_conv2d(
    input: ArrayLike,
    filter: ArrayLike,
    strides: int | Sequence[int],
    padding: str,
    data_format: str = "NHWC",
    dilations: Sizes | None = None,
    name: str | None = None,
) -> Any:
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
) -> Any:
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
) -> Any:
    """The mean of each window."""
    size, steps = _inner(ksize, data_format), _inner(strides, data_format)
    return ops.average_pool(input, size, steps, padding.lower(), _format(data_format))


max_pool, avg_pool = max_pool2d, avg_pool2d


def bias_add(
    value: Any, bias: ArrayLike, data_format: str | None = None, name: str | None = None
) -> Any:
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
) -> Any:
    """A share `rate` of the values becomes 0, the others grow to make up for it."""
    return random.dropout(x, rate, noise_shape, seed)


def embedding_lookup(
    params: ArrayLike, ids: object, max_norm: object = None, name: str | None = None
) -> Any:
    """Rows of a table."""
    return ops.take(params, ids, axis=0)


def l2_loss(t: ArrayLike, name: str | None = None) -> Any:
    """Half the sum of squares."""
    return ops.sum(ops.square(t)) / 2


def softmax_cross_entropy_with_logits(
    labels: ArrayLike, logits: ArrayLike, axis: int = -1, name: str | None = None
) -> Any:
    """The crossentropy of each sample, of one-hot classes or probabilities."""
    logits = ops.convert_to_tensor(logits)
    labels = ops.cast(labels, logits.dtype)
    return -ops.sum(labels * ops.log_softmax(logits, axis), axis)


def sparse_softmax_cross_entropy_with_logits(
    labels: ArrayLike, logits: ArrayLike, name: str | None = None
) -> Any:
    """The crossentropy of each sample, of class numbers."""
    return ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)


def sigmoid_cross_entropy_with_logits(
    labels: Any = None, logits: Any = None, name: str | None = None
) -> Any:
    """The crossentropy of each value, of zeros and ones."""
    logits = ops.convert_to_tensor(logits)
    return ops.binary_crossentropy(
        ops.cast(labels, logits.dtype), logits, from_logits=True
    )


def batch_normalization(
    x: ArrayLike,
    mean: ArrayLike,
    variance: ArrayLike,
    offset: ArrayLike,
    scale: ArrayLike,
    variance_epsilon: float,
    name: str | None = None,
) -> Any:
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
) -> Any:
    """Channels laid out as blocks of pixels."""
    return ops.nn.depth_to_space(input, block_size, _format(data_format))


def space_to_depth(
    input: ArrayLike,
    block_size: int,
    data_format: str = "NHWC",
    name: str | None = None,
) -> Any:
    """Blocks of pixels as channels."""
    return ops.nn.space_to_depth(input, block_size, _format(data_format))


__all__ = [
    *_FUNCTIONS, "avg_pool", "avg_pool2d", "batch_normalization", "bias_add", "conv2d",
    "depth_to_space", "depthwise_conv2d", "dropout", "embedding_lookup", "l2_loss",
    "l2_normalize", "max_pool", "max_pool2d", "sigmoid_cross_entropy_with_logits",
    "softmax_cross_entropy_with_logits", "space_to_depth",
    "sparse_softmax_cross_entropy_with_logits",
]  # fmt: skip
