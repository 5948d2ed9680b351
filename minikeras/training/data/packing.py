"""The three parts of a batch, x, y and sample_weight, in one value and out of it."""

from __future__ import annotations

from typing import Any

from minikeras.types import ArrayLike, Nested


def pack_x_y_sample_weight(
    x: object, y: object = None, sample_weight: Nested[ArrayLike] | None = None
) -> Any:
    """What a step gets as `data`: as few parts as were given.

    Args:
        x: Inputs.
        y: Targets, or None.
        sample_weight: Weights, or None.

    Returns:
        `x` itself where it comes alone and is no tuple or list, else `(x,)`, `(x, y)` or
        `(x, y, sample_weight)`.

    Example:
        >>> pack_x_y_sample_weight({"a": 1})
        {'a': 1}
        >>> pack_x_y_sample_weight([1, 2], [3, 4])
        ([1, 2], [3, 4])
    """
    if sample_weight is not None:
        return (x, y, sample_weight)
    if y is not None:
        return (x, y)
    # A bare tuple would be read as (x, y).
    return (x,) if isinstance(x, (tuple, list)) else x


def unpack_x_y_sample_weight(data: object) -> tuple[Any, Any, Any]:
    """Inputs, targets and weights of a step's `data`; None for what is missing.

    Args:
        data: What `pack_x_y_sample_weight` gives, or what a generator yields.

    Returns:
        `(x, y, sample_weight)`.

    Raises:
        ValueError: If a tuple has no part, or more than three.

    Example:
        >>> unpack_x_y_sample_weight(([1, 2], [3, 4]))
        ([1, 2], [3, 4], None)
    """
    if isinstance(data, list):
        data = tuple(data)
    if not isinstance(data, tuple):
        return (data, None, None)
    if not 1 <= len(data) <= 3:
        raise ValueError(
            f"a batch is a tuple of {len(data)} parts; expected (x,), (x, y) or "
            "(x, y, sample_weight). Put several inputs into one list or dict as x."
        )
    x, y, weight = (*data, None, None)[:3]
    return (x, y, weight)
