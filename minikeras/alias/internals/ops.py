"""`keras.src.ops`: nodes, operations, and shapes that ops would give."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from minikeras import ops
from minikeras.alias.internals.backend import any_symbolic_tensors
from minikeras.engine.symbolic import KerasTensor, infer_call
from minikeras.layers.base.node import KerasHistory, Node, Operation
from minikeras.models import Function
from minikeras.types import Axis, ShapeLike
from minikeras.utils.sources import get_source_inputs

if TYPE_CHECKING:
    from minikeras.engine.aval import Shape
    from minikeras.types import PartialShape, Sizes


def _shape_of(
    op: Callable[..., Any], *shapes: Any, **options: object
) -> tuple[int | None, ...]:
    found = infer_call(
        lambda *xs: op(*xs, **options), *(KerasTensor(s) for s in shapes)
    )
    return tuple(found.shape)


def broadcast_shapes(shape1: ShapeLike, shape2: ShapeLike) -> list[int | None]:
    """The shape of what two shapes broadcast to."""
    return list(_shape_of(ops.add, shape1, shape2))


def compute_pooling_output_shape(
    input_shape: ShapeLike,
    pool_size: Sizes,
    strides: Sizes,
    padding: str = "valid",
    data_format: str = "channels_last",
) -> tuple[int | None, ...]:
    """The shape that a pooling gives."""
    return _shape_of(
        ops.max_pool,
        input_shape,
        pool_size=pool_size,
        strides=strides,
        padding=padding,
        data_format=data_format,
    )


def compute_conv_output_shape(
    input_shape: PartialShape,
    filters: int,
    kernel_size: Sizes,
    strides: Sizes = 1,
    padding: str = "valid",
    data_format: str = "channels_last",
    dilation_rate: Sizes = 1,
) -> tuple[int | None, ...]:
    """The shape that a convolution gives."""
    rank = len(input_shape) - 2
    size = (kernel_size,) * rank if isinstance(kernel_size, int) else tuple(kernel_size)
    channels = input_shape[-1] if data_format == "channels_last" else input_shape[1]
    if padding == "causal":
        steps = strides if isinstance(strides, int) else strides[0]
        axis = 1 if data_format == "channels_last" else 2
        found = list(input_shape)
        length = input_shape[axis]
        found[axis] = None if length is None else -(-length // steps)
        found[3 - axis] = filters
        return tuple(found)
    return _shape_of(
        lambda x, k: ops.conv(x, k, strides, padding, data_format, dilation_rate),
        input_shape,
        (*size, channels, filters),
    )


def compute_matmul_output_shape(
    shape1: ShapeLike, shape2: ShapeLike
) -> tuple[int | None, ...]:
    """The shape of a product of matrices."""
    return _shape_of(ops.matmul, shape1, shape2)


def compute_transpose_output_shape(
    input_shape: PartialShape, axes: Sequence[int]
) -> tuple[int | None, ...]:
    """The shape with its axes in another order."""
    order = axes or range(len(input_shape))[::-1]
    return tuple(input_shape[axis] for axis in order)


def compute_reshape_output_shape(
    input_shape: ShapeLike, newshape: Shape, newshape_arg_name: str = "newshape"
) -> tuple[int | None, ...]:
    """The shape after a reshape, -1 worked out where it can be."""
    return _shape_of(lambda x: ops.reshape(x, tuple(newshape)), input_shape)


def compute_expand_dims_output_shape(
    input_shape: ShapeLike, axis: Axis
) -> tuple[int | None, ...]:
    """The shape with an axis of size 1 more."""
    return _shape_of(lambda x: ops.expand_dims(x, axis), input_shape)


def reduce_shape(
    shape: ShapeLike, axis: Axis = None, keepdims: bool = False
) -> tuple[int | None, ...]:
    """The shape after a reduction."""
    return _shape_of(lambda x: ops.sum(x, axis, keepdims), shape)


__all__ = [
    "Function", "KerasHistory", "Node", "Operation", "any_symbolic_tensors",
    "broadcast_shapes", "compute_conv_output_shape", "compute_expand_dims_output_shape",
    "compute_matmul_output_shape", "compute_pooling_output_shape",
    "compute_reshape_output_shape", "compute_transpose_output_shape", "get_source_inputs",
    "reduce_shape",
]  # fmt: skip
