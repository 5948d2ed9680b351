"""The merging layers as functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

from minikeras.engine.tensor import Tensor
from minikeras.layers.base.keywords import LayerOptions
from minikeras.layers.merging import joining, merge

if TYPE_CHECKING:
    from minikeras.types import ArrayLike


def add(inputs: object, **kwargs: Unpack[LayerOptions]) -> Tensor:
    """The sum of tensors.

    Args:
        inputs: List of tensors whose shapes broadcast.
        **kwargs: For the layer, see `Add`.

    Returns:
        A tensor.

    Example:

    >>> keras.layers.add([np.ones((1, 1)), np.ones((1, 1))]).numpy().tolist()
    [[2.0]]
    """
    return merge.Add(**kwargs)(inputs)


def subtract(inputs: Sequence[ArrayLike], **kwargs: Unpack[LayerOptions]) -> Tensor:
    """The first tensor minus the second.

    Args:
        inputs: List of tensors whose shapes broadcast.
        **kwargs: For the layer, see `Subtract`.

    Returns:
        A tensor.

    Example:

    >>> keras.layers.subtract([np.ones((1, 1)), np.ones((1, 1))]).numpy().tolist()
    [[0.0]]
    """
    return merge.Subtract(**kwargs)(inputs)


def multiply(inputs: Sequence[ArrayLike], **kwargs: Unpack[LayerOptions]) -> Tensor:
    """The product of tensors, element by element.

    Args:
        inputs: List of tensors whose shapes broadcast.
        **kwargs: For the layer, see `Multiply`.

    Returns:
        A tensor.

    Example:

    >>> keras.layers.multiply([np.ones((1, 1)), np.ones((1, 1))]).numpy().tolist()
    [[1.0]]
    """
    return merge.Multiply(**kwargs)(inputs)


def average(inputs: Sequence[ArrayLike], **kwargs: Unpack[LayerOptions]) -> Tensor:
    """The mean of tensors, element by element.

    Args:
        inputs: List of tensors whose shapes broadcast.
        **kwargs: For the layer, see `Average`.

    Returns:
        A tensor.

    Example:

    >>> keras.layers.average([np.ones((1, 1)), np.ones((1, 1))]).numpy().tolist()
    [[1.0]]
    """
    return merge.Average(**kwargs)(inputs)


def maximum(inputs: object, **kwargs: Unpack[LayerOptions]) -> Tensor:
    """The greatest of tensors, element by element.

    Args:
        inputs: List of tensors whose shapes broadcast.
        **kwargs: For the layer, see `Maximum`.

    Returns:
        A tensor.

    Example:

    >>> keras.layers.maximum([np.ones((1, 1)), np.ones((1, 1))]).numpy().tolist()
    [[1.0]]
    """
    return merge.Maximum(**kwargs)(inputs)


def minimum(inputs: object, **kwargs: Unpack[LayerOptions]) -> Tensor:
    """The least of tensors, element by element.

    Args:
        inputs: List of tensors whose shapes broadcast.
        **kwargs: For the layer, see `Minimum`.

    Returns:
        A tensor.

    Example:

    >>> keras.layers.minimum([np.ones((1, 1)), np.ones((1, 1))]).numpy().tolist()
    [[1.0]]
    """
    return merge.Minimum(**kwargs)(inputs)


def concatenate(
    inputs: Sequence[ArrayLike], axis: int = -1, **kwargs: Unpack[LayerOptions]
) -> Tensor:
    """Tensors one after the other along an axis.

    Args:
        inputs: List of tensors whose other axes agree.
        axis: The axis.
        **kwargs: For the layer, see `Concatenate`.

    Returns:
        A tensor.

    Example:

    >>> keras.layers.concatenate([np.ones((1, 2)), np.ones((1, 3))]).shape
    (1, 5)
    """
    return joining.Concatenate(axis=axis, **kwargs)(inputs)


def dot(
    inputs: Sequence[ArrayLike], axes: Any = -1, **kwargs: Unpack[LayerOptions]
) -> Tensor:
    """The dot product of two tensors along axes, sample by sample.

    Args:
        inputs: List of two tensors.
        axes: The axis in both, or a pair.
        **kwargs: For the layer, see `Dot`.

    Returns:
        A tensor.

    Example:

    >>> keras.layers.dot([np.ones((1, 3)), np.ones((1, 3))], axes=1).numpy().tolist()
    [[3.0]]
    """
    return joining.Dot(axes=axes, **kwargs)(inputs)
