"""`keras.src.layers`: names beside the layers themselves."""

from __future__ import annotations

from typing import Any

from minikeras import layers, ops, random
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.call_context import CallContext
from minikeras.layers.base.input_spec import check
from minikeras.layers.base.layer import Layer
from minikeras.layers.base.node import Node, Operation
from minikeras.layers.base.shapes import is_shape as is_shape_tuple
from minikeras.types import ArrayLike


def assert_input_compatibility(
    input_spec: object, inputs: ArrayLike, layer_name: str
) -> None:
    """Nothing, where inputs are as a layer wants them.

    Raises:
        ValueError: If they are not.
    """
    if input_spec is not None:
        check(input_spec, inputs, lambda: layer_name)


class DropoutRNNCell:
    """Masks for a recurrent cell of one's own, the same for all steps of a call.

    The class that mixes this in sets `dropout`, `recurrent_dropout` and `seed_generator`,
    and `dropout_mask_count` where it wants a list of masks, one for each gate.
    """

    dropout: float
    recurrent_dropout: float
    seed_generator: Any
    dropout_mask_count: int | None = None
    holds_masks = True
    _drawn: dict[str, Any] | None = None

    def hold(self, inputs: object, states: Any, training: bool | None) -> None:
        """The layer around begins a call: masks are drawn once until `release`."""
        self.__dict__["_drawn"] = {}
        if training:
            self.__dict__["_drawn"] = {
                "dropout": self._draw(inputs, self.dropout),
                "recurrent_dropout": self._draw(states[0], self.recurrent_dropout),
            }

    def release(self) -> None:
        """Forget the masks."""
        self.__dict__["_drawn"] = None

    def _draw(self, like: Any, rate: float) -> Tensor | list[Tensor] | None:
        if not rate:
            return None
        ones = ops.ones(tuple(like.shape), like.dtype)
        masks = [
            random.dropout(ones, rate, seed=self.seed_generator)
            for _ in range(self.dropout_mask_count or 1)
        ]
        return masks[0] if self.dropout_mask_count is None else masks

    def get_dropout_mask(self, step_input: object) -> Any:
        """The mask for inputs, a list where there are several, or None without dropout."""
        held = (self.__dict__.get("_drawn") or {}).get("dropout")
        return self._draw(step_input, self.dropout) if held is None else held

    def get_recurrent_dropout_mask(self, step_input: object) -> Any:
        """As `get_dropout_mask`, for the state."""
        held = (self.__dict__.get("_drawn") or {}).get("recurrent_dropout")
        return self._draw(step_input, self.recurrent_dropout) if held is None else held

    def reset_dropout_mask(self) -> None:
        """Forget the masks."""
        self.release()

    reset_recurrent_dropout_mask = reset_dropout_mask


def batch_dot(x: Any, y: Any, axes: Any = None) -> Tensor:
    """`K.batch_dot`."""
    from minikeras.alias.keras2_backend import batch_dot as found

    return found(x, y, axes)


# What convolutions, poolings and merging layers derive from.
BaseConv = layers.Conv2D.__mro__[1]
BaseConvTranspose = layers.Conv2DTranspose.__mro__[1]
BaseDepthwiseConv = layers.DepthwiseConv2D.__mro__[1]
BaseSeparableConv = layers.SeparableConv2D.__mro__[1]
BaseGlobalPooling = layers.GlobalMaxPooling2D.__mro__[1]
BasePooling = layers.MaxPooling2D.__mro__[1]
Merge = layers.Add.__mro__[1]
BaseAdaptivePooling = layers.AdaptiveMaxPooling2D.__mro__[1]
BaseAdaptiveMaxPooling, BaseAdaptiveAveragePooling = (
    one.__mro__[1]
    for one in (layers.AdaptiveMaxPooling2D, layers.AdaptiveAveragePooling2D)
)
BaseSpatialDropout = layers.SpatialDropout2D.__mro__[1]

__all__ = [
    "BaseAdaptiveAveragePooling", "BaseAdaptiveMaxPooling", "BaseAdaptivePooling",
    "BaseConv", "BaseConvTranspose", "BaseDepthwiseConv",
    "BaseGlobalPooling", "BasePooling", "BaseSeparableConv", "BaseSpatialDropout",
    "CallContext", "DropoutRNNCell", "Layer", "Merge", "Node", "Operation",
    "assert_input_compatibility", "batch_dot", "is_shape_tuple",
]  # fmt: skip
