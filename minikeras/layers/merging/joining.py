"""Merging that changes shapes: concatenation and dot products."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

from minikeras import naming, ops
from minikeras.engine.aval import ShapeError, Unknown
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.keywords import LayerOptions
from minikeras.layers.base.options import ArgumentError
from minikeras.layers.merging.merge import Merge

if TYPE_CHECKING:
    from minikeras.engine.aval import Shape


class Concatenate(Merge):
    """The inputs one after the other along an axis.

    Args:
        axis: The axis.
        **kwargs: See `Layer`.

    Input shape:
        A list of tensors whose shapes agree in all other axes.

    Output shape:
        The sizes of the axis added up.

    Raises:
        ShapeError: If other axes differ.

    Example:

    >>> keras.layers.Concatenate()([np.zeros((2, 3)), np.zeros((2, 4))]).shape
    (2, 7)
    """

    def __init__(self, axis: int = -1, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def _check_batches(self, sizes: list[Any]) -> None:
        if self.axis != 0:
            super()._check_batches(sizes)

    def call(self, inputs: Tensor) -> Tensor:
        """The joined tensor."""
        if not isinstance(inputs, (list, tuple)):
            raise ValueError(
                f"{self._label()}: expected a list of tensors, got one tensor."
            )
        return ops.concatenate(list(inputs), axis=self.axis)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Tensor | None:
        """The masks joined; an input without one counts as unmasked."""
        if mask is None or all(m is None for m in mask):
            return None
        parts = []
        for x, m in zip(inputs, mask):
            if m is None:
                parts.append(ops.ones_like(x, dtype="bool"))
            elif _is_whole(m.shape, x.shape):  # then `x` may be symbolic and `m` not
                parts.append(ops.cast(m, "bool"))
            else:
                while len(m.shape) < len(x.shape):
                    m = ops.expand_dims(m, -1)
                parts.append(ops.logical_and(m, ops.ones_like(x, dtype="bool")))
        joined = ops.concatenate(parts, axis=self.axis)
        return ops.any(joined, axis=-1) if len(joined.shape) > 1 else joined

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {**super().get_config(), "axis": self.axis}


def _is_whole(mask: tuple[int, ...], shape: Shape) -> bool:
    """Whether a mask has an entry for each entry of a tensor of this shape."""
    return len(mask) == len(shape) and all(
        a == b or b is None for a, b in zip(mask, shape)
    )


class Dot(Merge):
    """The dot product of two tensors along an axis of each, sample by sample.

    Args:
        axes: The axis in both, or a pair.
        normalize: Whether vectors are brought to length 1 first (cosine proximity).
        **kwargs: See `Layer`.

    Input shape:
        A list of two tensors `(batch, ...)`.

    Output shape:
        The batch axis, the other axes of the first, the other axes of the second; at
        least `(batch, 1)`.

    Raises:
        ValueError: If `axes` is not understood, or there are not two inputs.
        ShapeError: If the sizes of the two axes differ.

    Example:

    >>> x = np.array([[1.0, 2.0]])
    >>> keras.layers.Dot(axes=1)([x, x]).numpy().tolist()
    [[5.0]]
    """

    def __init__(
        self,
        axes: Sequence[int],
        normalize: bool = False,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        pair = isinstance(axes, (list, tuple)) and len(axes) == 2
        if not isinstance(axes, int) and not (
            pair and all(isinstance(a, int) for a in axes)
        ):
            raise ArgumentError(
                f"{self._label()}: axes={naming.shown(axes)}; expected an integer or two."
            )
        self.axes = axes if isinstance(axes, int) else tuple(axes)
        self.normalize = normalize

    _inputs = 2

    def call(self, inputs: Tensor) -> Tensor:
        """The dot products."""
        x, y = inputs
        pair = (self.axes,) * 2 if isinstance(self.axes, int) else self.axes
        if pair[0] % len(x.shape) == 0 or pair[1] % len(y.shape) == 0:
            raise ValueError(
                f"{self._label()}: axes={self.axes!r} names axis 0, the batch axis; samples "
                "are multiplied one by one, along axes from 1."
            )
        a, b = pair[0] % len(x.shape), pair[1] % len(y.shape)
        if _known_and_different(x.shape[a], y.shape[b]):
            raise ShapeError(
                f"inputs of shapes {x.shape} and {y.shape} have sizes {x.shape[a]} and "
                f"{y.shape[b]} in axes {pair}; expected equal sizes."
            )
        if self.normalize:
            x, y = ops.normalize(x, axis=a), ops.normalize(y, axis=b)
        return _batch_dot(x, y, a, b)

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """None: the masked axes may be gone."""
        return None

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {**super().get_config(), "axes": self.axes, "normalize": self.normalize}


def _known_and_different(a: Tensor, b: Tensor) -> bool:
    return a != b and not isinstance(a, Unknown) and not isinstance(b, Unknown)


def _batch_dot(x: Tensor, y: Tensor, a: int, b: int) -> Tensor:
    """Sum over axis `a` of x and `b` of y, for each sample."""
    rest_x = [i for i in range(1, len(x.shape)) if i != a]
    rest_y = [i for i in range(1, len(y.shape)) if i != b]
    shape = (x.shape[0], *[x.shape[i] for i in rest_x], *[y.shape[i] for i in rest_y])
    n, size = x.shape[0], x.shape[a]
    rows, columns = _product(x, rest_x), _product(y, rest_y)
    left = ops.reshape(ops.transpose(x, (0, *rest_x, a)), (n, rows, size))
    right = ops.reshape(ops.transpose(y, (0, b, *rest_y)), (n, size, columns))
    return ops.reshape(
        ops.matmul(left, right), shape if len(shape) > 1 else (*shape, 1)
    )


def _product(x: Tensor, axes: list[int]) -> int:
    result = 1
    for i in axes:
        result *= x.shape[i]
    return result
