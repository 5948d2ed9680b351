"""Arrays as users give them, made such as kernels read them."""

from __future__ import annotations

from typing import Any

import numpy as np


def plain(value: Any) -> np.ndarray[Any, Any]:
    """`value` as an array of NumPy's own class, in the machine's byte order, aligned.

    It is the same array, or a view of it, where it is so already.

    Raises:
        ValueError: If elements are masked, since what lies under a mask means nothing; or
            if they are no numbers.

    >>> plain(np.array([1, 2], ">i4")).dtype.isnative
    True
    """
    array: np.ndarray[Any, Any] = value
    if type(value) is not np.ndarray:
        refuse_masked(value)
        array = np.asarray(value)
    if array.dtype.kind in "OSUMm" or array.dtype.names is not None:
        raise ValueError(
            f"cannot convert {type(value).__name__} of dtype {array.dtype} to a tensor; "
            "expected numbers in a rectangular array."
        )
    if array.dtype.isnative and array.flags.aligned:
        return array
    return array.astype(array.dtype.newbyteorder("="))


def refuse_masked(value: object, name: str = "") -> None:
    """Raise `ValueError` for a masked array with masked elements."""
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise ValueError(
            f"{name or 'an array'} of shape {value.shape} has {int(value.mask.sum())} "
            "masked elements; expected all values to be there. Fill them with "
            ".filled(value), or give those samples the weight 0."
        )
