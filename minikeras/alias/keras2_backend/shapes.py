"""Functions of Keras 2's backend that make, join and move."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from minikeras import ops
from minikeras.settings import floatx, image_data_format, set_image_data_format
from minikeras.types import ArrayLike, DTypeLike, ShapeLike

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor
    from minikeras.types import Sizes


def arange(
    start: ArrayLike, stop: object = None, step: object = 1, dtype: str = "int32"
) -> Tensor:
    """Numbers from `start` to before `stop`; from 0 to before `start` without it."""
    return ops.arange(start, stop, step, dtype)


def concatenate(tensors: Sequence[Any], axis: int = -1) -> Tensor:
    """Tensors behind one another along `axis`."""
    rank = len(ops.shape(tensors[0]))
    return ops.concatenate(tensors, axis % rank if rank else 0)


def expand_dims(x: ArrayLike, axis: int = -1) -> Tensor:
    """`x` with an axis of size 1 more."""
    return ops.expand_dims(x, axis)


def squeeze(x: ArrayLike, axis: int) -> Tensor:
    """`x` without one axis, which has size 1."""
    return ops.squeeze(x, axis)


def reshape(x: ArrayLike, shape: ShapeLike) -> Tensor:
    """`x` in another shape; one size may be -1."""
    return ops.reshape(x, shape)


def permute_dimensions(x: ArrayLike, pattern: Sequence[int]) -> Tensor:
    """`x` with its axes in another order."""
    return ops.transpose(x, pattern)


def flatten(x: ArrayLike) -> Tensor:
    """All values in one row."""
    return ops.reshape(x, (-1,))


def batch_flatten(x: Tensor) -> Tensor:
    """`(batch, values)`."""
    size = 1
    for length in x.shape[1:]:
        size *= length
    return ops.reshape(x, (-1, size))


def stack(x: Sequence[Any], axis: int = 0) -> Tensor:
    """Tensors beside one another along a new axis."""
    return ops.stack(x, axis)


def tile(x: ArrayLike, n: ArrayLike) -> Tensor:
    """`x` repeated as a whole, `n` times along each axis."""
    return ops.tile(x, [n] if isinstance(n, int) else n)


def repeat(x: ArrayLike, n: int) -> Tensor:
    """`(batch, values)` to `(batch, n, values)`."""
    return ops.repeat(ops.expand_dims(x, 1), n, 1)


def repeat_elements(x: ArrayLike, rep: int, axis: int) -> Tensor:
    """Each element `rep` times, along `axis`."""
    return ops.repeat(x, rep, axis)


def reverse(x: ArrayLike, axes: int | Sequence[int]) -> Tensor:
    """`x` backwards along the axes."""
    return ops.flip(x, axes)


def gather(reference: ArrayLike, indices: ArrayLike) -> Tensor:
    """The rows of `reference` at `indices`."""
    return ops.take(reference, indices, axis=0)


def one_hot(indices: ArrayLike, num_classes: int) -> Tensor:
    """Classes as rows of zeros with one 1."""
    return ops.one_hot(ops.cast(indices, "int64"), num_classes, dtype=floatx())


def eye(size: Sizes, dtype: DTypeLike | None = None, name: str | None = None) -> Tensor:
    """The identity matrix, as a variable's value."""
    rows, columns = (size, size) if isinstance(size, int) else size
    return ops.eye(rows, columns, dtype=dtype or floatx())


def ones(
    shape: ShapeLike, dtype: DTypeLike | None = None, name: str | None = None
) -> Tensor:
    """All 1."""
    return ops.ones(shape, dtype or floatx())


def zeros(
    shape: ShapeLike, dtype: DTypeLike | None = None, name: str | None = None
) -> Tensor:
    """All 0."""
    return ops.zeros(shape, dtype or floatx())


def ones_like(
    x: ArrayLike, dtype: DTypeLike | None = None, name: str | None = None
) -> Tensor:
    """All 1, in the shape of `x`."""
    return ops.ones_like(x, dtype)


def zeros_like(
    x: ArrayLike, dtype: DTypeLike | None = None, name: str | None = None
) -> Tensor:
    """All 0, in the shape of `x`."""
    return ops.zeros_like(x, dtype)


def temporal_padding(x: ArrayLike, padding: Sequence[int] = (1, 1)) -> Tensor:
    """Zeros before and after the steps of `(batch, steps, features)`."""
    return ops.pad(x, [(0, 0), tuple(padding), (0, 0)])


def spatial_2d_padding(
    x: ArrayLike, padding: Any = ((1, 1), (1, 1)), data_format: str | None = None
) -> Tensor:
    """Zeros around pictures."""
    return _pad(x, padding, data_format)


def spatial_3d_padding(
    x: ArrayLike,
    padding: Any = ((1, 1), (1, 1), (1, 1)),
    data_format: str | None = None,
) -> Tensor:
    """Zeros around volumes."""
    return _pad(x, padding, data_format)


def resize_images(
    x: Tensor,
    height_factor: int,
    width_factor: int,
    data_format: str,
    interpolation: str = "nearest",
) -> Tensor:
    """Pictures made larger by whole factors."""
    rows = 1 if data_format == "channels_last" else 2
    size = (x.shape[rows] * height_factor, x.shape[rows + 1] * width_factor)
    return ops.image.resize(x, size, interpolation, data_format=data_format)


def resize_volumes(
    x: ArrayLike,
    depth_factor: int,
    height_factor: int,
    width_factor: int,
    data_format: str,
) -> Any:
    """Volumes with every value repeated along the three axes."""
    first = 1 if data_format == "channels_last" else 2
    for axis, factor in enumerate((depth_factor, height_factor, width_factor), first):
        x = ops.repeat(x, factor, axis)
    return x


def _pad(x: ArrayLike, padding: str, data_format: str | None) -> Tensor:
    inner = [tuple(pair) for pair in padding]
    if (data_format or image_data_format()) == "channels_first":
        return ops.pad(x, [(0, 0), (0, 0), *inner])
    return ops.pad(x, [(0, 0), *inner, (0, 0)])


def image_dim_ordering() -> str:
    """Keras 1's word for the order of axes: `"tf"`, channels last, or `"th"`.

    >>> image_dim_ordering()
    'tf'
    """
    return "tf" if image_data_format() == "channels_last" else "th"


def set_image_dim_ordering(dim_ordering: str) -> None:
    """Sets the order of axes by Keras 1's word.

    Raises:
        ValueError: If it is neither `"tf"` nor `"th"`.
    """
    formats = {"tf": "channels_last", "th": "channels_first"}
    if dim_ordering not in formats:
        raise ValueError(
            f"set_image_dim_ordering: got {dim_ordering!r}; expected 'tf' or 'th'."
        )
    set_image_data_format(formats[dim_ordering])


__all__ = [
    "image_dim_ordering", "set_image_dim_ordering",
    "arange", "batch_flatten", "concatenate", "expand_dims", "eye", "flatten", "gather",
    "one_hot", "ones", "ones_like", "permute_dimensions", "repeat", "repeat_elements",
    "reshape", "resize_images", "resize_volumes", "reverse", "spatial_2d_padding",
    "spatial_3d_padding", "squeeze", "stack", "temporal_padding", "tile", "zeros",
    "zeros_like",
]  # fmt: skip
