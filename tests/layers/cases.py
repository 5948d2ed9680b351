"""One row per layer and configuration: what drives the tests of all layers."""

from typing import Any

import numpy as np

from tests.layers.case import Case, Sub
from tests.layers.cases_attention import ATTENTION_CASES
from tests.layers.cases_recurrent import RECURRENT_CASES

C = Case
SEQ, IMG, VOL = (9, 4), (8, 7, 4), (5, 6, 4, 2)

CASES = [
    C("Dense", {"units": 3}, (5,)),
    C("Dense", {"units": 3, "activation": "tanh", "use_bias": False}, (4, 5)),
    C("Conv1D", {"filters": 6, "kernel_size": 3}, SEQ),
    C("Conv1D", {"filters": 6, "kernel_size": 3, "padding": "causal"}, SEQ),
    C("Conv1D", {"filters": 6, "kernel_size": 2, "padding": "same", "strides": 2}, SEQ),
    C("Conv1D", {"filters": 2, "kernel_size": 3, "padding": "causal",
                 "dilation_rate": 2}, SEQ),
    C("Conv2D", {"filters": 6, "kernel_size": 3, "activation": "relu"}, IMG),
    C("Conv2D", {"filters": 6, "kernel_size": (2, 3), "strides": 2,
                 "padding": "same"}, IMG),
    C("Conv2D", {"filters": 6, "kernel_size": 3, "groups": 2}, IMG),
    C("Conv2D", {"filters": 6, "kernel_size": 2, "dilation_rate": (2, 1),
                 "use_bias": False}, IMG),
    C("Conv2D", {"filters": 3, "kernel_size": 2,
                 "data_format": "channels_first"}, (4, 8, 7)),
    C("Conv3D", {"filters": 3, "kernel_size": 2, "strides": (1, 2, 1)}, VOL),
    C("DepthwiseConv1D", {"kernel_size": 3, "depth_multiplier": 2}, SEQ),
    C("DepthwiseConv2D", {"kernel_size": 3, "depth_multiplier": 2}, IMG),
    C("DepthwiseConv2D", {"kernel_size": 3, "strides": 2, "padding": "same",
                          "activation": "relu"}, IMG),
    C("SeparableConv1D", {"filters": 5, "kernel_size": 3}, SEQ),
    C("SeparableConv2D", {"filters": 5, "kernel_size": 3, "depth_multiplier": 2}, IMG),
    C("SeparableConv2D", {"filters": 5, "kernel_size": 3, "padding": "same",
                          "strides": 2}, IMG),
    C("Conv1DTranspose", {"filters": 3, "kernel_size": 3, "strides": 2}, SEQ),
    C("Conv2DTranspose", {"filters": 3, "kernel_size": 3, "strides": 2,
                          "padding": "same"}, IMG),
    C("Conv2DTranspose", {"filters": 3, "kernel_size": 3, "strides": 2,
                          "output_padding": 1, "activation": "relu"}, IMG),
    C("Conv3DTranspose", {"filters": 2, "kernel_size": 2}, VOL),
    C("MaxPooling1D", {}, SEQ),
    C("MaxPooling2D", {}, IMG),
    C("MaxPooling2D", {"pool_size": 3, "strides": 2, "padding": "same"}, IMG),
    C("MaxPooling2D", {"data_format": "channels_first"}, (4, 8, 7)),
    C("MaxPooling3D", {}, VOL),
    C("AveragePooling1D", {"pool_size": 3, "strides": 1}, SEQ),
    C("AveragePooling2D", {"pool_size": 3, "strides": 2, "padding": "same"}, IMG),
    C("AveragePooling3D", {"pool_size": 2}, VOL),
    C("GlobalAveragePooling1D", {}, SEQ),
    C("GlobalAveragePooling2D", {"keepdims": True}, IMG),
    C("GlobalAveragePooling3D", {}, VOL),
    C("GlobalMaxPooling1D", {"data_format": "channels_first"}, SEQ),
    C("GlobalMaxPooling2D", {}, IMG),
    C("GlobalMaxPooling3D", {}, VOL),
    C("BatchNormalization", {}, (5,)),
    C("BatchNormalization", {"axis": 1, "scale": False}, IMG),
    C("BatchNormalization", {"epsilon": 0.1, "center": False}, IMG),
    C("LayerNormalization", {}, SEQ),
    C("LayerNormalization", {"axis": [1, 2], "epsilon": 1e-5}, SEQ),
    C("LayerNormalization", {"center": False, "scale": False}, IMG),
    C("GroupNormalization", {"groups": 2}, IMG),
    C("GroupNormalization", {"groups": -1, "scale": False}, SEQ),
    C("RMSNormalization", {}, SEQ),
    C("UnitNormalization", {}, SEQ),
    C("UnitNormalization", {"axis": [1, 2]}, SEQ),
    C("Add", {}, [SEQ, SEQ, SEQ]),
    C("Add", {}, [SEQ, (4,)]),
    C("Subtract", {}, [SEQ, SEQ]),
    C("Multiply", {}, [SEQ, (9, 1)]),
    C("Average", {}, [SEQ, SEQ]),
    C("Maximum", {}, [SEQ, SEQ]),
    C("Minimum", {}, [SEQ, SEQ]),
    C("Concatenate", {}, [SEQ, (9, 2)]),
    C("Concatenate", {"axis": 1}, [SEQ, (3, 4)]),
    C("Dot", {"axes": 1}, [(5,), (5,)]),
    C("Dot", {"axes": (2, 1)}, [SEQ, (4, 3)]),
    C("Dot", {"axes": 2, "normalize": True}, [SEQ, (3, 4)]),
    C("Flatten", {}, IMG),
    C("Flatten", {"data_format": "channels_first"}, IMG),
    C("Flatten", {}, ()),
    C("Reshape", {"target_shape": (6, 6)}, SEQ),
    C("Reshape", {"target_shape": (-1, 2)}, SEQ),
    C("Permute", {"dims": (3, 1, 2)}, IMG),
    C("RepeatVector", {"n": 3}, (5,)),
    C("ZeroPadding1D", {"padding": (2, 1)}, SEQ),
    C("ZeroPadding2D", {"padding": ((1, 0), (2, 3))}, IMG),
    C("ZeroPadding2D", {"padding": (1, 2), "data_format": "channels_first"}, IMG),
    C("ZeroPadding3D", {"padding": 1}, VOL),
    C("Cropping1D", {"cropping": (1, 2)}, SEQ),
    C("Cropping2D", {"cropping": ((1, 0), (2, 3))}, IMG),
    C("Cropping2D", {"cropping": 1, "data_format": "channels_first"}, IMG),
    C("Cropping3D", {"cropping": ((1, 0), (0, 1), (1, 1))}, VOL),
    C("UpSampling1D", {"size": 3}, SEQ),
    C("UpSampling2D", {"size": (2, 3)}, IMG),
    C("UpSampling2D", {"data_format": "channels_first"}, IMG),
    C("UpSampling2D", {"interpolation": "bilinear"}, IMG),
    C("UpSampling2D", {"interpolation": "bicubic", "size": 3}, IMG),
    C("UpSampling2D", {"interpolation": "lanczos3"}, IMG),
    C("UpSampling3D", {}, VOL),
    C("Dropout", {"rate": 0.4}, SEQ),
    C("SpatialDropout1D", {"rate": 0.4}, SEQ),
    C("SpatialDropout2D", {"rate": 0.4}, IMG),
    C("SpatialDropout3D", {"rate": 0.4}, VOL),
    C("GaussianNoise", {"stddev": 0.4}, SEQ),
    C("GaussianDropout", {"rate": 0.4}, SEQ),
    C("AlphaDropout", {"rate": 0.4}, SEQ),
    C("ActivityRegularization", {"l1": 0.1, "l2": 0.2}, SEQ),
    C("Activation", {"activation": "gelu"}, SEQ),
    C("ReLU", {}, SEQ),
    C("ReLU", {"max_value": 1.0, "negative_slope": 0.1, "threshold": 0.2}, SEQ),
    C("LeakyReLU", {"negative_slope": 0.2}, SEQ),
    C("PReLU", {"alpha_initializer": "glorot_uniform"}, SEQ),
    C("PReLU", {"shared_axes": [1, 2], "alpha_initializer": "ones"}, IMG),
    C("ELU", {"alpha": 0.5}, SEQ),
    C("Softmax", {}, SEQ),
    C("Softmax", {"axis": [1, 2]}, SEQ),
    C("Embedding", {"input_dim": 7, "output_dim": 3}, (5,), "int"),
    C("Masking", {"mask_value": 0.0}, SEQ, "padded"),
    C("Identity", {}, SEQ),
    C("Conv1D", {"filters": 4, "kernel_size": 2, "padding": "causal", "groups": 2,
                 "dilation_rate": 2, "data_format": "channels_first"}, (4, 9)),
    C("Conv2D", {"filters": 4, "kernel_size": (3, 2), "padding": "same", "strides": 2,
                 "groups": 4, "data_format": "channels_first"}, (4, 8, 7)),
    C("Conv3D", {"filters": 2, "kernel_size": 2, "padding": "same",
                 "dilation_rate": (1, 2, 1)}, VOL),
    C("DepthwiseConv1D", {"kernel_size": 3, "padding": "same",
                          "data_format": "channels_first"}, (4, 9)),
    C("DepthwiseConv2D", {"kernel_size": 2, "dilation_rate": 2,
                          "data_format": "channels_first"}, (4, 8, 7)),
    C("SeparableConv1D", {"filters": 5, "kernel_size": 3, "dilation_rate": 2}, SEQ),
    C("SeparableConv2D", {"filters": 5, "kernel_size": 3, "padding": "same",
                          "data_format": "channels_first"}, (4, 8, 7)),
    C("Conv1DTranspose", {"filters": 3, "kernel_size": 3, "strides": 3,
                          "output_padding": 2, "data_format": "channels_first"}, (4, 9)),
    C("Conv2DTranspose", {"filters": 3, "kernel_size": (2, 3), "strides": (1, 2),
                          "padding": "same", "data_format": "channels_first"},
      (4, 8, 7)),
    C("Conv2DTranspose", {"filters": 3, "kernel_size": 3, "dilation_rate": (2, 1)}, IMG),
    C("Conv3DTranspose", {"filters": 2, "kernel_size": 2, "strides": 2,
                          "padding": "same", "use_bias": False}, VOL),
    C("MaxPooling1D", {"pool_size": 3, "strides": 2, "padding": "same",
                       "data_format": "channels_first"}, (4, 9)),
    C("MaxPooling3D", {"data_format": "channels_first"}, (2, 5, 6, 4)),
    C("AveragePooling1D", {"pool_size": 2, "padding": "same",
                           "data_format": "channels_first"}, (4, 9)),
    C("AveragePooling2D", {"pool_size": (2, 3), "data_format": "channels_first"},
      (4, 8, 7)),
    C("GlobalAveragePooling1D", {"data_format": "channels_first", "keepdims": True},
      (4, 9)),
    C("GlobalAveragePooling2D", {"data_format": "channels_first"}, (4, 8, 7)),
    C("GlobalMaxPooling3D", {"data_format": "channels_first", "keepdims": True}, VOL),
    C("AdaptiveAveragePooling1D", {"output_size": 4}, SEQ),
    C("AdaptiveAveragePooling2D", {"output_size": (3, 2)}, IMG),
    C("AdaptiveAveragePooling3D", {"output_size": 2}, VOL),
    C("AdaptiveMaxPooling1D", {"output_size": 2, "data_format": "channels_first"},
      (4, 9)),
    C("AdaptiveMaxPooling2D", {"output_size": 3}, IMG),
    C("AdaptiveMaxPooling3D", {"output_size": (1, 3, 2)}, VOL),
    C("BatchNormalization", {"axis": 1, "momentum": 0.5}, SEQ),
    C("BatchNormalization", {"renorm": True, "momentum": 0.5, "renorm_momentum": 0.7},
      (5,)),
    C("BatchNormalization", {"renorm": True, "center": False,
                             "renorm_clipping": {"rmax": 1.2, "rmin": 0.8,
                                                 "dmax": 0.3}}, IMG),
    C("GroupNormalization", {"groups": 2, "axis": 1, "epsilon": 0.1, "center": False},
      (4, 8, 7)),
    C("RMSNormalization", {"axis": (1, 2), "epsilon": 0.1}, SEQ),
    C("SpectralNormalization", {"layer": Sub("Dense", {"units": 3}),
                                "power_iterations": 3}, (5,)),
    C("SpectralNormalization", {"layer": Sub("Conv2D", {"filters": 3,
                                                        "kernel_size": 2})}, IMG),
    C("Add", {}, [(9, 1), (1, 4)]),
    C("Average", {}, [SEQ, (9, 1), SEQ]),
    C("Concatenate", {"axis": -2}, [SEQ, (3, 4), (1, 4)]),
    C("Dot", {"axes": -1}, [SEQ, (3, 4)]),
    C("Dot", {"axes": (3, 1), "normalize": True}, [IMG, (4,)]),
    C("Flatten", {"data_format": "channels_first"}, SEQ),
    C("Reshape", {"target_shape": (2, -1, 3)}, SEQ),
    C("ZeroPadding2D", {"padding": ((0, 2), (1, 0)), "data_format": "channels_first"},
      (4, 8, 7)),
    C("ZeroPadding3D", {"padding": ((1, 0), (0, 2), (1, 1)),
                        "data_format": "channels_first"}, VOL),
    C("Cropping3D", {"cropping": (1, 2, 1), "data_format": "channels_first"},
      (2, 5, 6, 4)),
    C("UpSampling2D", {"interpolation": "bilinear", "size": (3, 2),
                       "data_format": "channels_first"}, (4, 3, 2)),
    C("UpSampling2D", {"interpolation": "lanczos5"}, IMG),
    C("UpSampling3D", {"size": (1, 2, 3), "data_format": "channels_first"}, VOL),
    C("PReLU", {"shared_axes": [2], "alpha_initializer": "ones"}, SEQ),
    C("Embedding", {"input_dim": 7, "output_dim": 3, "mask_zero": True}, (5, 2), "int"),
    C("Dense", {"units": 3, "kernel_constraint": "unit_norm",
                "bias_regularizer": "l2"}, SEQ),
    C("DepthwiseConv2D", {"kernel_size": 2, "strides": 2, "dilation_rate": 2}, IMG),
    C("SeparableConv1D", {"filters": 3, "kernel_size": 2, "strides": 2,
                          "dilation_rate": 2, "depth_multiplier": 2}, SEQ),
    C("LayerNormalization", {"axis": (-1, -2)}, SEQ),
    C("ReversibleEmbedding", {"input_dim": 7, "output_dim": 3, "tie_weights": False,
                              "embeddings_regularizer": "l2"}, (5,), "int"),
    *RECURRENT_CASES,
    *ATTENTION_CASES,
]  # fmt: skip

# Layers whose training calls are not in the table: they draw random numbers.
RANDOM = ("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D",
          "GaussianNoise", "GaussianDropout", "AlphaDropout")  # fmt: skip


def data(case: Case, batch: int = 3, seed: int = 0) -> Any:
    """NumPy inputs for a case, in a list where it takes several."""
    rng = np.random.default_rng(seed)

    def one(shape):
        if case.kind == "int":
            return rng.integers(0, 7, (batch, *shape)).astype("int32")
        x = rng.normal(size=(batch, *shape)).astype("float32")
        if case.kind == "padded":
            x[:, shape[0] // 2 :] = 0
        return x

    if isinstance(case.inputs, list):
        return [one(shape) for shape in case.inputs]
    return one(case.inputs)


def dtype(case: Case) -> str:
    """The dtype of a case's inputs."""
    return "int32" if case.kind == "int" else "float32"


def symbols(case: Case, make: Any) -> Any:
    """Symbolic inputs with an unknown batch axis, made by `make(shape, dtype)`."""
    if isinstance(case.inputs, list):
        return [make(shape, dtype(case)) for shape in case.inputs]
    return make(case.inputs, dtype(case))
