"""Tables and columns of pandas, polars and pyarrow, known by what they can do."""

from __future__ import annotations

from typing import Any

import numpy as np

from minikeras.engine import dtypes

Array = np.ndarray[Any, Any]


def is_frame(value: object) -> bool:
    """Whether it is a table: a DataFrame of pandas or polars, a Table of pyarrow."""
    return hasattr(value, "columns") and (
        hasattr(value, "to_numpy") or hasattr(value, "column_names")
    )


def frame_array(frame: object, name: str) -> Array:
    """The columns as one array `(rows, columns)` of the dtype that holds them all.

    Raises:
        ValueError: If a column holds no numbers.
    """
    array = np.asarray(frame.to_numpy() if hasattr(frame, "to_numpy") else frame)
    if array.dtype.kind in "fiub":
        return array
    named = zip(*_columns(frame), strict=True)
    return np.column_stack([_numbers(column, f"{name}[{c!r}]") for c, column in named])


def column_array(column: Any) -> Array:
    """The values of a Series or the like; missing ones among numbers become NaN.

    A column of equally long lists is an array `(rows, length)`.
    """
    # to_numpy of a pyarrow array refuses what it would have to copy.
    copied = hasattr(column, "to_pylist")
    array = np.asarray(column if copied else column.to_numpy())
    if array.dtype.kind != "O":
        return array
    try:
        return _numbers(column, "")
    except ValueError:
        return array  # of strings, it may be


def _columns(frame: Any) -> tuple[list[Any], list[Any]]:
    """Names, of which some may be equal, and columns."""
    if hasattr(frame, "iloc"):  # pandas
        return [*frame.columns], [frame.iloc[:, i] for i in range(frame.shape[1])]
    if hasattr(frame, "column_names"):  # pyarrow
        return [*frame.column_names], [*frame.columns]
    return [*frame.columns], [frame[name] for name in frame.columns]


def _is_list(value: object) -> bool:
    return isinstance(value, (list, tuple, np.ndarray)) or hasattr(value, "to_numpy")


def _numbers(column: Any, name: str) -> Array:
    """A column as floats; missing values become NaN."""
    floatx = dtypes.numpy_dtype(dtypes.floatx())
    try:
        values = np.asarray(column)
        if values.dtype.kind in "Mmc":
            raise TypeError("times have units, complex numbers two parts")
        if values.dtype.kind == "O" and values.size and _is_list(values[0]):
            return np.stack([np.asarray(row, floatx) for row in values])
        # pandas has nullable dtypes, with a NA of their own
        if hasattr(column, "isna"):
            return np.asarray(column.to_numpy("float64", na_value=np.nan), floatx)
        return values.astype(floatx)
    except (TypeError, ValueError):
        raise ValueError(
            f"{name} holds {column.dtype if hasattr(column, 'dtype') else column.type}; "
            "expected a column of numbers. Encode strings, categories and times as "
            "numbers first, or leave the column out."
        ) from None
