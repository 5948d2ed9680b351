"""TimeDistributed: one layer on every step of a sequence."""

from __future__ import annotations

import inspect
from typing import Any

from minikeras import ops
from minikeras.engine import tree
from minikeras.engine.aval import ShapeError, Unknown
from minikeras.layers.base.layer import Layer
from minikeras.layers.core.wrapper import Wrapper
from minikeras.layers.recurrent.bidirectional import Bidirectional
from minikeras.layers.recurrent.cell_layer import CellLayer


class TimeDistributed(Wrapper):
    """Applies a layer to each step of a sequence, with the same weights.

    Args:
        layer: The layer inside.
        **kwargs: See `Layer`.

    Call arguments:
        inputs: Tensor `(batch, steps, ...)`.
        training: For layers that take it.
        mask: Bools `(batch, steps)` or `(batch, steps, ...)`, of which a layer that takes a
            mask gets one step.

    Input shape:
        `(batch, steps, ...)`.

    Output shape:
        `(batch, steps, ...)`, the rest as the layer inside gives it.

    Raises:
        ValueError: If `layer` is no Layer.

    Example:

    >>> import numpy as np
    >>> import minikeras as keras
    >>> layer = keras.layers.TimeDistributed(keras.layers.Conv2D(8, 3))
    >>> layer(np.zeros((2, 5, 9, 9, 1))).shape
    (2, 5, 7, 7, 8)
    """

    def __init__(self, layer: Layer, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        self.supports_masking = True

    def _inner_shape(self, input_shape: Any) -> tuple[Any, ...]:
        if not isinstance(input_shape, (tuple, list)) or len(input_shape) < 3:
            raise ShapeError(
                f"{self._label()}: input has shape {input_shape}; expected at least 3 axes, "
                "(batch, steps, ...). One sample `x` is passed as `x[None]`."
            )
        return (input_shape[0], *input_shape[2:])

    def build(self, input_shape: Any = None) -> None:
        """Build the layer inside for one step."""
        shape = self._inner_shape(input_shape)
        if self.layer._has_build():
            super().build(shape)

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """The layer's results for all steps."""
        self._inner_shape(inputs.shape)
        batch, steps = inputs.shape[:2]
        if mask is not None and tuple(mask.shape[:2]) != (batch, steps):
            raise ShapeError(
                f"{self._label()}: mask has shape {tuple(mask.shape)}; expected "
                f"{(batch, steps)}, (batch, steps), or more axes after these."
            )
        known = inspect.signature(self.layer.call).parameters
        more = {"training": training} if "training" in known else {}
        mask = mask if "mask" in known else None

        def one(x: Any, m: Any) -> Any:
            given = {} if m is None else {"mask": m}
            return self.layer(x, **more, **given)

        if _folds(self.layer, training):
            return self._folded(one, inputs, mask)
        if isinstance(steps, Unknown):
            found = one(inputs[:, 0], None if mask is None else mask[:, 0])
            return tree.map_structure(
                lambda y: ops.broadcast_to(
                    ops.expand_dims(y, 1), (y.shape[0], steps, *y.shape[1:])
                ),
                found,
            )
        results = [
            one(inputs[:, i], None if mask is None else mask[:, i])
            for i in range(steps)
        ]
        return tree.map_structure(lambda *ys: ops.stack(ys, 1), *results)

    def _folded(self, one: Any, inputs: Any, mask: Any) -> Any:
        """All steps in one call, as so many samples."""
        batch, steps = inputs.shape[:2]

        def fold(t: Any) -> Any:
            return ops.reshape(t, (batch * steps, *t.shape[2:]))

        found = one(fold(inputs), None if mask is None else fold(mask))
        return tree.map_structure(
            lambda y: ops.reshape(y, (batch, steps, *y.shape[1:])), found
        )

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The layer's own output shape, with the steps put in."""
        inner = self.layer.compute_output_shape(self._inner_shape(input_shape))
        return (inner[0], input_shape[1], *inner[1:])


# Layers of this package that treat each sample alone, whatever else is in the batch.
_FOLDING = frozenset(
    {
        "InputLayer", "Dense", "Conv1D", "Conv2D", "Conv3D", "DepthwiseConv1D", "DepthwiseConv2D",
        "SeparableConv1D", "SeparableConv2D", "Conv1DTranspose", "Conv2DTranspose",
        "Conv3DTranspose", "MaxPooling1D", "MaxPooling2D", "MaxPooling3D",
        "AveragePooling1D", "AveragePooling2D", "AveragePooling3D",
        "GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D",
        "GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D",
        "Flatten", "Reshape", "Permute", "RepeatVector", "Activation", "ReLU", "Softmax",
        "LeakyReLU", "ELU", "PReLU", "LayerNormalization", "RMSNormalization",
        "UnitNormalization", "GroupNormalization", "Embedding", "Dropout", "Identity",
        "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D", "Cropping1D", "Cropping2D",
        "Cropping3D", "UpSampling1D", "UpSampling2D", "UpSampling3D",
    }
)  # fmt: skip


def _folds(layer: Any, training: Any) -> bool:
    """Whether a layer gives the same for all steps at once as for each by itself."""
    place = type(layer).__module__
    if place.startswith("minikeras.models."):
        parts = getattr(layer, "operations", None) or layer.layers
        return all(isinstance(p, Layer) and _folds(p, training) for p in parts)
    if not place.startswith("minikeras.layers.") or layer.activity_regularizer:
        return False
    if isinstance(layer, (CellLayer, Bidirectional)):
        return not layer.stateful
    if isinstance(getattr(layer, "noise_shape", None), tuple):
        return False
    if type(layer).__name__ == "BatchNormalization":
        return not training
    return type(layer).__name__ in _FOLDING
