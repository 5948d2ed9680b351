"""Blocks of pixels as channels, and back."""

from __future__ import annotations

from minikeras.engine import prims
from minikeras.engine.aval import ShapeError
from minikeras.engine.tensor import Tensor
from minikeras.ops.nn.convolution import channels_first, to_first, to_last
from minikeras.ops.op import op, to_tensor
from minikeras.types import ArrayLike

__all__ = ["depth_to_space", "space_to_depth"]


def _blocks(
    x: ArrayLike, block_size: int, data_format: str | None, name: str
) -> tuple[Tensor, bool]:
    first = channels_first(data_format, name)
    x = to_tensor(x)
    if x.ndim != 4 or block_size < 1:
        raise ShapeError(
            f"{name}: `x` of shape {x.shape} with block_size={block_size}; expected rank 4 and a "
            "positive block."
        )
    return (to_last(x) if first else x), first


@op
def depth_to_space(
    x: ArrayLike, block_size: int, data_format: str = "channels_last"
) -> Tensor:
    """Groups of channels laid out as blocks of space.

    Args:
        x: Tensor `(batch, height, width, channels)`, or channels first.
        block_size: Size of a block; its square divides the channels.
        data_format: `"channels_last"` or `"channels_first"`; by default
            `keras.config.image_data_format()`.

    Returns:
        Tensor `(batch, height * block, width * block, channels / block**2)`.

    Raises:
        ShapeError: If the channels do not divide.

    Example:

    >>> keras.ops.depth_to_space(keras.ops.ones((1, 2, 2, 12)), 2).shape
    (1, 4, 4, 3)
    """
    x, first = _blocks(x, block_size, data_format, "depth_to_space")
    n, h, w, c = x.shape
    b = block_size
    if c % (b * b):
        raise ShapeError(f"depth_to_space: {c} channels are not divisible by {b}**2.")
    if first:
        parts = prims.reshape(x, shape=(n, h, w, c // (b * b), b, b))
        # Channels first, the block's position is the faster part of a channel's number;
        # channels last, the slower one.
        parts = prims.transpose(parts, perm=(0, 1, 4, 2, 5, 3))
    else:
        parts = prims.reshape(x, shape=(n, h, w, b, b, c // (b * b)))
        parts = prims.transpose(parts, perm=(0, 1, 3, 2, 4, 5))
    y = prims.reshape(parts, shape=(n, h * b, w * b, c // (b * b)))
    return to_first(y) if first else y


@op
def space_to_depth(
    x: ArrayLike, block_size: int, data_format: str = "channels_last"
) -> Tensor:
    """Blocks of space laid out as channels.

    Args:
        x: Tensor `(batch, height, width, channels)`, or channels first.
        block_size: Size of a block; it divides height and width.
        data_format: `"channels_last"` or `"channels_first"`; by default
            `keras.config.image_data_format()`.

    Returns:
        Tensor `(batch, height / block, width / block, channels * block**2)`.

    Raises:
        ShapeError: If height or width do not divide.

    Example:

    >>> keras.ops.space_to_depth(keras.ops.ones((1, 4, 4, 3)), 2).shape
    (1, 2, 2, 12)
    """
    x, first = _blocks(x, block_size, data_format, "space_to_depth")
    n, h, w, c = x.shape
    b = block_size
    if h % b or w % b:
        raise ShapeError(f"space_to_depth: size {h}x{w} is not divisible by {b}.")
    parts = prims.reshape(x, shape=(n, h // b, b, w // b, b, c))
    perm = (0, 1, 3, 5, 2, 4) if first else (0, 1, 3, 2, 4, 5)
    parts = prims.transpose(parts, perm=perm)
    y = prims.reshape(parts, shape=(n, h // b, w // b, c * b * b))
    return to_first(y) if first else y
