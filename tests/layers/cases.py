"""One row per layer and configuration: what drives the tests of all layers."""

from typing import Any, NamedTuple

import numpy as np


class Case(NamedTuple):
    """A layer, how to make it, and the shapes of its inputs (without the batch axis).

    `inputs` is one shape, or a list of shapes. `kind` says what the values are.
    """

    layer: str
    kwargs: dict[str, Any]
    inputs: Any
    kind: str = "float"

    @property
    def id(self) -> str:
        shown = ",".join(f"{k}={v}" for k, v in self.kwargs.items())
        return f"{self.layer}({shown})on{self.inputs}".replace(" ", "")


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
]  # fmt: skip

# Layers that draw random numbers while training.
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


def symbols(case: Case, make: Any) -> Any:
    """Symbolic inputs with an unknown batch axis, made by `make(shape, dtype)`."""
    dtype = "int32" if case.kind == "int" else "float32"
    if isinstance(case.inputs, list):
        return [make(shape, dtype) for shape in case.inputs]
    return make(case.inputs, dtype)
