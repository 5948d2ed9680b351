"""Functions of neural networks: `keras.ops.nn`."""

from minikeras.ops.activation import (
    celu,
    elu,
    gelu,
    glu,
    log_sigmoid,
    selu,
    sigmoid,
    silu,
    softplus,
    softsign,
    squareplus,
    swish,
    tanh_shrink,
)
from minikeras.ops.attention import dot_product_attention
from minikeras.ops.complex import polar
from minikeras.ops.convolution import (
    conv,
    conv_transpose,
    depthwise_conv,
    separable_conv,
)
from minikeras.ops.crossentropy import (
    binary_crossentropy,
    categorical_crossentropy,
    multi_hot,
    one_hot,
    sparse_categorical_crossentropy,
)
from minikeras.ops.ctc import ctc_loss
from minikeras.ops.ctc_decode import ctc_decode
from minikeras.ops.normalization import (
    batch_normalization,
    layer_normalization,
    moments,
    normalize,
    rms_normalization,
)
from minikeras.ops.norms import psnr
from minikeras.ops.padding import (
    depth_to_space,
    space_to_depth,
)
from minikeras.ops.patches import (
    fold,
    unfold,
)
from minikeras.ops.pooling import (
    adaptive_average_pool,
    adaptive_max_pool,
    average_pool,
    max_pool,
)
from minikeras.ops.rectifiers import (
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_swish,
    hard_tanh,
    leaky_relu,
    relu,
    relu6,
    soft_shrink,
    sparse_plus,
    sparse_sigmoid,
    threshold,
)
from minikeras.ops.softmax import (
    log_softmax,
    softmax,
    sparsemax,
)


def __dir__() -> list[str]:
    return __all__


__all__ = [
    "adaptive_average_pool",
    "adaptive_max_pool",
    "average_pool",
    "batch_normalization",
    "binary_crossentropy",
    "categorical_crossentropy",
    "celu",
    "conv",
    "conv_transpose",
    "ctc_decode",
    "ctc_loss",
    "depth_to_space",
    "depthwise_conv",
    "dot_product_attention",
    "elu",
    "fold",
    "gelu",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "layer_normalization",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "max_pool",
    "moments",
    "multi_hot",
    "normalize",
    "one_hot",
    "polar",
    "psnr",
    "relu",
    "relu6",
    "rms_normalization",
    "selu",
    "separable_conv",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "space_to_depth",
    "sparse_categorical_crossentropy",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh_shrink",
    "threshold",
    "unfold",
]
