"""Tables of pandas, polars and pyarrow, known by what they can do."""

from __future__ import annotations

from typing import Any

import numpy as np

from minikeras.engine import dtypes
from minikeras.training.data.rows import Array


def is_frame(value: object) -> bool:
    """Whether it is a table: a DataFrame of pandas or polars, a Table of pyarrow."""
    return hasattr(value, "columns") and (
        hasattr(value, "to_numpy") or hasattr(value, "column_names")
    )


def frame_array(frame: Any, name: str) -> Array:
    """The columns as one array `(rows, columns)` of the dtype that holds them all.

    Raises:
        ValueError: If a column holds no numbers.
    """
    array = np.asarray(frame.to_numpy() if hasattr(frame, "to_numpy") else frame)
    if array.dtype.kind in "fiub":
        return array
    columns = list(getattr(frame, "column_names", frame.columns))
    return np.column_stack([_numbers(frame[c], f"{name}[{c!r}]") for c in columns])


def _numbers(column: Any, name: str) -> Array:
    """A column as floats; missing values become NaN."""
    floatx = dtypes.numpy_dtype(dtypes.floatx())
    try:
        if hasattr(
            column, "isna"
        ):  # pandas, whose nullable dtypes have a NA of their own
            return np.asarray(column.to_numpy("float64", na_value=np.nan), floatx)
        return np.asarray(column).astype(floatx)
    except (TypeError, ValueError):
        raise ValueError(
            f"{name} holds {column.dtype if hasattr(column, 'dtype') else column.type}; "
            "expected a column of numbers. Encode strings and categories as numbers "
            "first, or leave the column out."
        ) from None
