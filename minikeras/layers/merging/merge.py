"""Merging: several tensors of like shapes into one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.keywords import LayerOptions
from minikeras.layers.base.layer import Layer
from minikeras.layers.base.masking import mask_of, set_mask
from minikeras.types import PartialShape


class Merge(Layer):
    """What the elementwise merging layers share."""

    def __init__(self, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def _merge_function(self, inputs: list[Any]) -> Tensor:
        raise NotImplementedError

    def build(self, input_shape: PartialShape) -> None:
        """Check that there are several inputs."""
        if input_shape is None:  # there is no tensor that had one
            raise ValueError(
                f"{self._label()}: called on an empty list; expected a list of tensors."
            )
        if not input_shape or not isinstance(input_shape[0], (list, tuple)):
            raise ValueError(
                f"{self._label()}: called on one tensor of shape {input_shape}; expected a "
                "list of tensors."
            )
        if len(input_shape) < self._least_inputs:
            raise ValueError(
                f"{self._label()}: got {len(input_shape)} tensor(s); expected a list of "
                f"at least {self._least_inputs}."
            )
        self._check_batches([s[0] for s in input_shape if len(s)])
        if self._inputs is not None and len(input_shape) != self._inputs:
            raise ValueError(
                f"{self._label()}: got {len(input_shape)} tensors; expected exactly "
                f"{self._inputs}."
            )

    _least_inputs = 1
    _inputs: int | None = None  # how many there must be, where that is fixed

    def _check_batches(self, sizes: list[Any]) -> None:
        known = {s for s in sizes if s is not None}
        if len(known) > 1:
            raise ValueError(
                f"{self._label()}: the inputs have batch sizes {sorted(known)}; they must be "
                "equal."
            )

    def call(self, inputs: Tensor) -> Tensor:
        """The merged tensor; inputs of lower rank get axes after the batch axis."""
        if not isinstance(inputs, (list, tuple)):
            raise ValueError(
                f"{self._label()}: expected a list of tensors, got one tensor."
            )
        rank = max(len(x.shape) for x in inputs)
        return self._merge_function([_with_rank(x, rank) for x in inputs])

    def compute_mask(self, inputs: Any, mask: Any = None) -> Tensor | None:
        """True where a mask is; None unless all inputs have one."""
        if mask is None:
            return None
        if not isinstance(mask, (list, tuple)) or not isinstance(inputs, (list, tuple)):
            raise ValueError(f"{self._label()}: inputs and mask must both be lists.")
        if len(mask) != len(inputs):
            raise ValueError(
                f"{self._label()}: {len(mask)} masks for {len(inputs)} inputs; expected equal "
                "numbers."
            )
        if any(m is None for m in mask):
            return None
        found = mask[0]
        for m in mask[1:]:
            found = ops.logical_or(found, m)
        return found


def _with_rank(x: Tensor, rank: int) -> Tensor:
    shape = x.shape
    if len(shape) == rank or not shape:
        return x
    extra = [1] * (rank - len(shape))
    made = ops.reshape(x, (shape[0], *extra, *shape[1:]))
    mask = mask_of(x)
    if mask is not None:
        set_mask(made, ops.reshape(mask, (shape[0], *extra, *mask.shape[1:])))
    return made


def _counting(x: Tensor) -> Tensor | None:
    """The mask of a tensor, with axes of size 1 up to its rank; None without one."""
    mask = mask_of(x)
    if mask is None:
        return None
    sizes = (*mask.shape, *([1] * (len(x.shape) - len(mask.shape))))
    return ops.reshape(mask, sizes)


def _folded(function: Callable[[Any, Any], Any], inputs: list[Any]) -> Tensor:
    """Join inputs by twos; where one is masked, the other counts alone.

    Where all are masked, what is there is the first.
    """
    found, seen = inputs[0], _counting(inputs[0])
    for x in inputs[1:]:
        counts, both = _counting(x), function(found, x)
        if seen is not None:
            both = ops.where(seen, both, x)
        if counts is not None:
            both = ops.where(counts, both, found)
        found = both
        seen = None if seen is None or counts is None else ops.logical_or(seen, counts)
    return found


class Add(Merge):
    """The sum of the inputs.

    Inputs broadcast; those of lower rank get axes of size 1 after the batch axis.

    Args:
        **kwargs: See `Layer`.

    Input shape:
        A list of tensors `(batch, ...)`.

    Output shape:
        Their broadcast shape.

    Example:

    >>> keras.layers.Add()([np.ones((1, 2)), np.ones((1, 2))]).numpy().tolist()
    [[2.0, 2.0]]
    """

    def _merge_function(self, inputs: list[Any]) -> Tensor:
        total = inputs[0]
        for x in inputs[1:]:
            total = ops.add(total, x)
        return total


class Subtract(Merge):
    """The first input minus the second.

    Inputs broadcast; those of lower rank get axes of size 1 after the batch axis.

    Args:
        **kwargs: See `Layer`.

    Input shape:
        A list of two tensors `(batch, ...)`.

    Output shape:
        Their broadcast shape.

    Raises:
        ValueError: If there are not two inputs.

    Example:

    >>> keras.layers.Subtract()([np.full((1, 2), 3.0), np.ones((1, 2))]).numpy().tolist()
    [[2.0, 2.0]]
    """

    _inputs = 2

    def _merge_function(self, inputs: list[Any]) -> Tensor:
        return ops.subtract(inputs[0], inputs[1])


class Multiply(Merge):
    """The product of the inputs, element by element.

    Inputs broadcast; those of lower rank get axes of size 1 after the batch axis. Masked
    inputs do not count: where one is masked the others are multiplied, where all are it is 0.

    Args:
        **kwargs: See `Layer`.

    Input shape:
        A list of tensors `(batch, ...)`.

    Output shape:
        Their broadcast shape.

    Example:

    >>> x = np.full((1, 2), 3.0)
    >>> keras.layers.Multiply()([x, x]).numpy().tolist()
    [[9.0, 9.0]]
    """

    def _merge_function(self, inputs: list[Any]) -> Tensor:
        first, counts = inputs[0], _counting(inputs[0])
        if counts is None or len(inputs) == 1:
            return _folded(ops.multiply, inputs)
        start = ops.where(counts, first, ops.zeros_like(first))
        set_mask(start, mask_of(first))
        return _folded(ops.multiply, [start, *inputs[1:]])


class Average(Merge):
    """The mean of the inputs, element by element.

    Inputs broadcast; those of lower rank get axes of size 1 after the batch axis.

    Args:
        **kwargs: See `Layer`.

    Input shape:
        A list of tensors `(batch, ...)`.

    Output shape:
        Their broadcast shape.

    Example:

    >>> keras.layers.Average()([np.ones((1, 2)), np.zeros((1, 2))]).numpy().tolist()
    [[0.5, 0.5]]
    """

    def _merge_function(self, inputs: list[Any]) -> Tensor:
        total = inputs[0]
        for x in inputs[1:]:
            total = ops.add(total, x)
        return ops.divide(total, len(inputs))


class Maximum(Merge):
    """The greatest of the inputs, element by element.

    Inputs broadcast; those of lower rank get axes of size 1 after the batch axis. Masked
    inputs do not count.

    Args:
        **kwargs: See `Layer`.

    Input shape:
        A list of tensors `(batch, ...)`.

    Output shape:
        Their broadcast shape.

    Example:

    >>> keras.layers.Maximum()([np.ones((1, 2)), np.zeros((1, 2))]).numpy().tolist()
    [[1.0, 1.0]]
    """

    def _merge_function(self, inputs: list[Any]) -> Tensor:
        return _folded(ops.maximum, inputs)


class Minimum(Merge):
    """The least of the inputs, element by element.

    Inputs broadcast; those of lower rank get axes of size 1 after the batch axis. Masked
    inputs do not count.

    Args:
        **kwargs: See `Layer`.

    Input shape:
        A list of tensors `(batch, ...)`.

    Output shape:
        Their broadcast shape.

    Example:

    >>> keras.layers.Minimum()([np.ones((1, 2)), np.zeros((1, 2))]).numpy().tolist()
    [[0.0, 0.0]]
    """

    def _merge_function(self, inputs: list[Any]) -> Tensor:
        return _folded(ops.minimum, inputs)
