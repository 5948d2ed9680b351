"""`tf.data.experimental.make_csv_dataset`: batches of columns from tables in files."""

from __future__ import annotations

import csv
import glob
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from minikeras.engine.strings import StringArray, as_strings
from minikeras.training.data.dataset import Dataset

_READ: tuple[tuple[Callable[[str], Any], str], ...] = (
    (int, "int32"),
    (float, "float32"),
)


def make_csv_dataset(
    file_pattern: str | Sequence[str],
    batch_size: int,
    column_names: Sequence[str] | None = None,
    column_defaults: Sequence[Any] | None = None,
    label_name: str | None = None,
    select_columns: Sequence[str] | None = None,
    field_delim: str = ",",
    use_quote_delim: bool = True,
    na_value: str = "",
    header: bool = True,
    num_epochs: int | None = None,
    shuffle: bool = True,
    shuffle_buffer_size: int = 10000,
    shuffle_seed: int | None = None,
    **options: object,
) -> Dataset:
    """A Dataset of dicts of columns, `(batch,)` each, with the labels beside them.

    Args:
        file_pattern: Name of a file, pattern, or a list of them.
        batch_size: Rows in a batch.
        column_names: Names of the columns; default: the first line.
        column_defaults: For each column read a value for empty cells, whose type is the
            column's; or a dtype. Default: judged by the cells.
        label_name: The column that becomes the label.
        select_columns: Names of the columns to read; default: all.
        field_delim: What stands between cells.
        use_quote_delim: Whether `"` encloses cells.
        na_value: What an empty cell holds.
        header: Whether the first line of a file holds names.
        num_epochs: How often the rows come; None: without end.
        shuffle: Whether rows are shuffled.
        shuffle_buffer_size: Of how many rows at a time.
        shuffle_seed: Seed of that.
        **options: What chooses ways of TensorFlow's; taken, and not looked at.

    Raises:
        ValueError: If there is no file, or no such column.
    """
    patterns = [file_pattern] if isinstance(file_pattern, str) else list(file_pattern)
    paths = [path for one in patterns for path in sorted(glob.glob(str(one)))]
    if not paths:
        raise ValueError(f"make_csv_dataset: no file fits {file_pattern!r}.")
    rows: list[list[str]] = []
    names = list(column_names or ())
    for path in paths:
        with open(path, encoding="utf-8", newline="") as file:
            read = partial(csv.reader, file, delimiter=field_delim)
            cells = read() if use_quote_delim else read(quoting=csv.QUOTE_NONE)
            lines = [line for line in cells if line]
        if header and lines:
            names = names or lines[0]
            lines = lines[1:]
        rows += lines
    if not names and rows:
        names = [str(i) for i in range(len(rows[0]))]
    chosen = list(select_columns or names)
    for name in [*chosen, *([label_name] if label_name else [])]:
        if name not in chosen or name not in names:
            raise ValueError(f"make_csv_dataset: no column {name!r} among {names}.")
    defaults = list(column_defaults or [None] * len(chosen))
    columns = {
        name: _column([row[names.index(name)] for row in rows], default, na_value)
        for name, default in zip(chosen, defaults)
    }
    labels = columns.pop(label_name) if label_name else None
    found = Dataset.from_tensor_slices(columns if labels is None else (columns, labels))
    if shuffle:
        found = found.shuffle(shuffle_buffer_size, seed=shuffle_seed)
    return found.repeat(num_epochs).batch(batch_size)


def _column(
    cells: list[str], default: object, empty: str
) -> np.ndarray[Any, Any] | StringArray:
    """Cells as numbers of the narrowest kind that takes all, or as strings."""
    if isinstance(default, (list, tuple)):
        default = default[0]
    if isinstance(default, str) and default in ("int32", "int64", "float32", "float64"):
        kind = default
        return np.asarray([float(c) if c != empty else 0 for c in cells]).astype(kind)
    if isinstance(default, str):
        return as_strings([default if c == empty else c for c in cells])
    for read, dtype in (
        _READ if default is None else _READ[isinstance(default, float) :]
    ):
        try:
            values = [read(c) if c != empty else (default or 0) for c in cells]
        except ValueError:
            continue
        return np.asarray(values, dtype)
    return as_strings(cells)


__all__ = ["make_csv_dataset"]
