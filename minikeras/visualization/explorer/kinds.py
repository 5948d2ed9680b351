"""What kind a layer is of, to the page, and how its values are drawn."""

from __future__ import annotations

from typing import Any

from minikeras.layers.base.node import OpCall

Json = Any
Shape = tuple[int, ...]

# Kind -> the classes of layers that are of it.
_CLASSES = {
    "conv": "Conv1D Conv2D Conv3D",
    "depthwise": "DepthwiseConv1D DepthwiseConv2D",
    "separable": "SeparableConv1D SeparableConv2D",
    "transposed": "Conv1DTranspose Conv2DTranspose Conv3DTranspose",
    "dense": "Dense",
    "pool": "MaxPooling1D MaxPooling2D MaxPooling3D AveragePooling1D AveragePooling2D "
    "AveragePooling3D",
    "globalpool": "GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D "
    "GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D",
    "normalization": "BatchNormalization LayerNormalization GroupNormalization "
    "RMSNormalization UnitNormalization SpectralNormalization Normalization",
    "activation": "Activation ReLU LeakyReLU PReLU ELU Softmax",
    "merge": "Add Subtract Multiply Average Maximum Minimum Concatenate Dot",
    "reshape": "Flatten Reshape Permute RepeatVector Identity",
    "upsample": "UpSampling1D UpSampling2D UpSampling3D",
    "pad": "ZeroPadding1D ZeroPadding2D ZeroPadding3D",
    "crop": "Cropping1D Cropping2D Cropping3D",
    "dropout": "Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D AlphaDropout "
    "GaussianDropout GaussianNoise ActivityRegularization",
    "embedding": "Embedding",
    "recurrent": "RNN SimpleRNN LSTM GRU ConvLSTM1D ConvLSTM2D ConvLSTM3D Bidirectional "
    "TimeDistributed",
    "attention": "Attention AdditiveAttention MultiHeadAttention GroupQueryAttention",
    "model": "Model Functional Sequential",
    "text": "TextVectorization StringLookup",
}
_KINDS = {name: kind for kind, names in _CLASSES.items() for name in names.split()}
# Where they change the axes, inputs say nothing of how the result is to be drawn.
_REARRANGE = ("reshape", "other", "operation", "model", "attention", "embedding")


def kind_of(operation: object) -> str:
    """The page's kind of a layer or function."""
    if isinstance(operation, OpCall):
        return "operation"
    for cls in type(operation).__mro__:
        if cls.__module__.startswith("minikeras.") and cls.__name__ in _KINDS:
            return _KINDS[cls.__name__]
    return "other" if hasattr(operation, "weights") else "operation"


def view_of(operation: object, kind: str, shape: Shape, before: Json | None) -> Json:
    """How values of `shape` (without the batch) are drawn.

    Args:
        operation: What made them.
        kind: Its kind.
        shape: Sizes.
        before: The view of its first argument, or None.
    """
    rank = len(shape)
    if rank == 0:
        return {"kind": "scalar"}
    if rank == 1:
        return {"kind": "vector"}
    if rank > 3:
        return {"kind": "tensor"}
    order = getattr(operation, "data_format", None)
    if kind == "dense":
        order = "channels_last"
    if order is None and before is not None and kind not in _REARRANGE:
        if before["kind"] in ("maps", "sequence", "plane") and _rank(before) == rank:
            return before
    first = order == "channels_first"
    if rank == 2:
        return {"kind": "sequence", "steps": int(first), "features": int(not first)}
    if first:
        return {"kind": "maps", "channels": 0, "rows": 1, "columns": 2}
    return {"kind": "maps", "rows": 0, "columns": 1, "channels": 2}


def _rank(view: Json) -> int:
    return 3 if view["kind"] == "maps" else 2


def channel_axis(view: Json) -> int | None:
    """The axis of channels, features or units; None where there is none."""
    if view["kind"] == "maps":
        return int(view["channels"])
    if view["kind"] == "sequence":
        return int(view["features"])
    return 0 if view["kind"] == "vector" else None
