"""TimeDistributed: one layer on every step of a sequence."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Unpack

from minikeras import ops
from minikeras.engine import tree
from minikeras.engine.aval import ShapeError, Unknown
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.keywords import LayerOptions
from minikeras.layers.base.layer import Layer
from minikeras.layers.core.wrapper import Wrapper
from minikeras.types import PartialShape


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

    >>> layer = keras.layers.TimeDistributed(keras.layers.Conv2D(8, 3))
    >>> layer(np.zeros((2, 5, 9, 9, 1))).shape
    (2, 5, 7, 7, 8)
    """

    def __init__(self, layer: Layer, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(layer, **kwargs)
        self.supports_masking = True

    def _inner_shape(self, input_shape: object) -> tuple[Any, ...]:
        if not isinstance(input_shape, (tuple, list)) or len(input_shape) < 3:
            raise ShapeError(
                f"{self._label()}: input has shape {input_shape}; expected at least 3 axes, "
                "(batch, steps, ...). One sample `x` is passed as `x[None]`."
            )
        return (input_shape[0], *input_shape[2:])

    def build(self, input_shape: PartialShape | None = None) -> None:
        """Build the layer inside for one step."""
        shape = self._inner_shape(input_shape)
        if self.layer._has_build():
            super().build(shape)

    def call(
        self, inputs: Tensor, training: bool | None = None, mask: Any = None
    ) -> Any:
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

        def one(x: Tensor, m: object) -> Any:
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

    def _folded(
        self, one: Callable[..., Any], inputs: Tensor, mask: Tensor | None
    ) -> Tensor:
        """All steps in one call, as so many samples."""
        batch, steps = inputs.shape[:2]

        def fold(t: Tensor) -> Tensor:
            return ops.reshape(t, (batch * steps, *t.shape[2:]))

        found = one(fold(inputs), None if mask is None else fold(mask))
        return tree.map_structure(
            lambda y: ops.reshape(y, (batch, steps, *y.shape[1:])), found
        )

    def compute_output_shape(self, input_shape: PartialShape) -> PartialShape:
        """The layer's own output shape, with the steps put in."""
        inner = self.layer.compute_output_shape(self._inner_shape(input_shape))
        return (inner[0], input_shape[1], *inner[1:])


def _folds(layer: Any, training: object) -> bool:
    """Whether a layer gives the same for all steps at once as for each by itself."""
    caller = next(cls for cls in type(layer).__mro__ if "call" in cls.__dict__)
    if not caller.__module__.startswith("minikeras."):
        return False  # a user's call may do anything with the batch
    if caller.__module__.startswith("minikeras.models."):
        parts = getattr(layer, "operations", None) or layer.layers
        return all(isinstance(p, Layer) and _folds(p, training) for p in parts)
    return not (layer.activity_regularizer or layer._mixes_samples(training))
