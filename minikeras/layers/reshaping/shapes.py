"""Flatten, Reshape, Permute, RepeatVector: the same values in another shape."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Unpack

from minikeras import naming, ops
from minikeras.engine.aval import ShapeError, Unknown
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.input_spec import InputSpec
from minikeras.layers.base.keywords import LayerOptions
from minikeras.layers.base.layer import Layer
from minikeras.layers.base.options import (
    ArgumentError,
    as_integer,
    positive,
    samples_apart,
)
from minikeras.layers.base.options import data_format as checked_format


class Flatten(Layer):
    """Each sample as one row.

    Args:
        data_format: With `"channels_first"`, channels are moved last before flattening.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, ...)`.

    Output shape:
        `(batch, product of the rest)`.

    Example:

    >>> keras.layers.Flatten()(np.zeros((2, 3, 4))).shape
    (2, 12)
    """

    _mixes_samples = samples_apart

    def __init__(
        self, data_format: str | None = None, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**kwargs)
        self.data_format = checked_format(data_format, self._label())
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, inputs: Tensor) -> Tensor:
        """The samples as rows."""
        shape = inputs.shape
        if self.data_format == "channels_first" and len(shape) > 2:
            inputs = ops.transpose(inputs, (0, *range(2, len(shape)), 1))
        return ops.reshape(inputs, (shape[0], math.prod(shape[1:])))

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {**super().get_config(), "data_format": self.data_format}


class Reshape(Layer):
    """Each sample in another shape.

    Args:
        target_shape: Sizes without the batch axis; one may be -1, to be worked out.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, ...)`.

    Output shape:
        `(batch, *target_shape)`.

    Raises:
        ShapeError: When called, if the number of values differs.

    Example:

    >>> keras.layers.Reshape((3, -1))(np.zeros((2, 12))).shape
    (2, 3, 4)
    """

    _mixes_samples = samples_apart

    def __init__(
        self, target_shape: Sequence[int], **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**kwargs)
        shape = (
            (target_shape,) if isinstance(target_shape, int) else tuple(target_shape)
        )
        shape = tuple(-1 if d is None else d for d in shape)
        whole = all(isinstance(d, int) for d in shape)
        if not whole or shape.count(-1) > 1 or any(d < -1 for d in shape):
            raise (ValueError if whole else ArgumentError)(
                f"{self._label()}: target_shape={naming.shown(target_shape)}; "
                "expected sizes, of which at "
                "most one is -1."
            )
        self.target_shape = shape
        self._build_at_init()

    def call(self, inputs: Tensor) -> Tensor:
        """The samples in the target shape."""
        if any(isinstance(d, Unknown) for d in inputs.shape[1:]):
            return self._unsure(inputs)
        size, known = math.prod(inputs.shape[1:]), math.prod(self.target_shape)
        if size != known if -1 not in self.target_shape else not known or size % known:
            raise ShapeError(
                f"samples of shape {inputs.shape[1:]} cannot take "
                f"target_shape={self.target_shape}: the numbers of values differ."
            )
        return ops.reshape(inputs, (inputs.shape[0], *self.target_shape))

    def _unsure(self, inputs: Tensor) -> Tensor:
        """What a call on sizes still unknown gives: the target shape is all there is."""
        sizes = self.target_shape
        if -1 in sizes:
            left = math.prod(inputs.shape[1:]) // -math.prod(sizes)
            sizes = tuple(Unknown(left) if d == -1 else d for d in sizes)
        return ops.zeros((inputs.shape[0], *sizes), inputs.dtype)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {**super().get_config(), "target_shape": self.target_shape}


class Permute(Layer):
    """The axes of each sample in another order.

    Args:
        dims: Axes of the input, counted from 1 (the batch axis is 0 and stays).
        **kwargs: See `Layer`.

    Input shape:
        `(batch, ...)`.

    Output shape:
        As the input, with the axes in the order of `dims`.

    Raises:
        ValueError: If `dims` is no order of 1, 2, ..., n.

    Example:

    >>> keras.layers.Permute((2, 1))(np.zeros((2, 3, 4))).shape
    (2, 4, 3)
    """

    _mixes_samples = samples_apart

    def __init__(self, dims: Sequence[int], **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        whole = [as_integer(axis) for axis in dims]
        self.dims = tuple(axis for axis in whole if axis is not None)
        if None in whole or sorted(self.dims) != list(range(1, len(whole) + 1)):
            raise ValueError(
                f"{self._label()}: dims={naming.shown(dims)}; "
                f"expected the numbers 1 to {len(whole)}, "
                "each once."
            )
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs: Tensor) -> Tensor:
        """The inputs with their axes reordered."""
        return ops.transpose(inputs, (0, *self.dims))

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {**super().get_config(), "dims": self.dims}


class RepeatVector(Layer):
    """Each row repeated as the steps of a sequence.

    Args:
        n: Number of steps.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, features)`.

    Output shape:
        `(batch, n, features)`.

    Raises:
        ValueError: If `n` is not a positive integer.

    Example:

    >>> keras.layers.RepeatVector(3)(np.zeros((2, 4))).shape
    (2, 3, 4)
    """

    _mixes_samples = samples_apart

    def __init__(self, n: int, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.n = positive(n, "n", self._label())
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs: Tensor) -> Tensor:
        """The rows, repeated."""
        batch, features = inputs.shape
        rows = ops.reshape(inputs, (batch, 1, features))
        return ops.broadcast_to(rows, (batch, self.n, features))

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {**super().get_config(), "n": self.n}
