"""Arrays of text: what stands in the place of a tensor where values are strings."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


class StringArray(np.ndarray):
    """An array of Python strings; it has `.numpy()`, as tensors of numbers have."""

    def numpy(self) -> Array:
        """The strings as a plain array of dtype `object`."""
        return self.view(np.ndarray)


def is_strings(value: Any) -> bool:
    """Whether `value` is an array, or a NumPy scalar, of strings or bytes.

    Of an array of objects every element is looked at.
    """
    dtype = getattr(value, "dtype", None)
    if not isinstance(dtype, np.dtype):
        return False
    if isinstance(value, StringArray) or dtype.kind in "UST":
        return True
    return dtype.kind == "O" and _all_strings(value)


def _all_strings(array: Array) -> bool:
    # Of one element of each type, since objects of one type are the rule.
    kinds = set(map(type, array.ravel().tolist()))
    return all(issubclass(kind, (str, bytes)) for kind in kinds)


def as_strings(values: object) -> StringArray:
    """Strings in lists or arrays as a `StringArray`; bytes are read as UTF-8."""
    array = np.asarray(values)
    if array.dtype.kind == "S":
        array = np.char.decode(array, "utf-8")
    if array.dtype.kind != "O":
        array = array.astype(object)
    return array.view(StringArray)
