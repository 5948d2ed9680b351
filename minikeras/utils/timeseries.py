"""Windows of a time series as a Dataset."""

from __future__ import annotations

from typing import Any

import numpy as np

from minikeras.engine.tensor import Tensor
from minikeras.settings import floatx
from minikeras.training.data.dataset import Dataset
from minikeras.training.data.rows import gathered, rows_of
from minikeras.types import ArrayLike
from minikeras.utils.directories import new_seed

_OWNER = "timeseries_dataset_from_array"


def timeseries_dataset_from_array(
    data: object,
    targets: ArrayLike,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
    format: str = "tf",
) -> Dataset:
    """Windows that slide over a series, with the targets of their first steps.

    Window `i` holds the steps `i * sequence_stride + k * sampling_rate` for `k` from 0 to
    `sequence_length - 1`; its target is `targets[i * sequence_stride]`. So that windows
    predict what comes `d` steps after them, pass `data[:-d]` and `targets` shifted by as
    many. Windows are cut when they are asked for; memory maps stay in their file.

    Args:
        data: Array `(steps, ...)`.
        targets: Array `(steps, ...)`, or None for windows alone.
        sequence_length: Steps in a window.
        sequence_stride: Steps between the starts of windows.
        sampling_rate: Steps between the steps of a window.
        batch_size: Windows in a batch; None for single ones.
        shuffle: Whether each pass has a new order.
        seed: For the shuffling.
        start_index: The first step that is used. Default: the first one.
        end_index: The step after the last one that is used. Default: all.
        format: `"tf"` or `"grain"`, of Keras; a `keras.utils.Dataset` in any case.

    Returns:
        A `keras.utils.Dataset` of `(windows, targets)` or windows
        `(batch, sequence_length, ...)`.

    Raises:
        ValueError: If a number makes no sense.

    Example:
        >>> series = np.arange(10)
        >>> data = keras.utils.timeseries_dataset_from_array(
        ...     series[:-3], series[3:], sequence_length=3, batch_size=2)
        >>> windows, targets = next(iter(data))
        >>> windows.tolist(), targets.tolist()
        ([[0, 1, 2], [1, 2, 3]], [3, 4])
    """
    series, labels = _rows(data), None if targets is None else _rows(targets)
    size = len(series)
    start, stop = start_index or 0, size if end_index is None else end_index
    _check(
        size, sequence_length, sequence_stride, sampling_rate, start_index, end_index
    )
    if format not in ("tf", "grain"):
        raise ValueError(f"{_OWNER}: format={format!r}; expected 'tf' or 'grain'.")
    windows = stop - start - (sequence_length - 1) * sampling_rate
    if labels is not None:
        windows = min(windows, len(labels) - start)
    starts = np.arange(0, max(windows, 0), sequence_stride)
    if shuffle:
        order = np.random.RandomState(new_seed() if seed is None else seed)
        order.shuffle(starts)
    within = np.arange(sequence_length) * sampling_rate

    def gather(numbers: list[int]) -> Any:
        first = starts[np.array(numbers)]
        steps = (first[:, None] + within).reshape(-1) + start
        found = gathered(series, steps)
        found = found.reshape(len(first), sequence_length, *found.shape[1:])
        return found if labels is None else (found, gathered(labels, first + start))

    def element(number: int) -> Any:
        batch = gather([number])
        return batch[0] if labels is None else tuple(part[0] for part in batch)

    made = Dataset(lambda: iter(range(len(starts))), len(starts), element, gather)
    if shuffle:
        made = made.shuffle(max(len(starts), 1), seed=seed)
    return made if batch_size is None else made.batch(batch_size).prefetch(1)


def _rows(data: object) -> Any:
    if isinstance(data, Tensor):
        return data.numpy()
    found = rows_of(data)
    if found is not None:
        return found
    array = np.asarray(data)
    if isinstance(data, (list, tuple)) and array.dtype in ("float64", "int64"):
        return array.astype(floatx() if array.dtype.kind == "f" else "int32")
    return array


def _check(
    size: int,
    length: object,
    stride: object,
    rate: object,
    start: int | None,
    end: int | None,
) -> None:
    for name, value in (
        ("sequence_length", length),
        ("sequence_stride", stride),
        ("sampling_rate", rate),
    ):
        if not isinstance(value, (int, np.integer)) or not 0 < value < max(size, 2) + (
            name == "sequence_length"
        ):
            raise ValueError(
                f"{_OWNER}: {name}={value!r} for {size} steps of data; expected an integer "
                f"from 1 to {size}."
            )
    if start is not None and not 0 <= start < size:
        raise ValueError(f"{_OWNER}: start_index={start}; expected 0 to {size - 1}.")
    if end is not None and not 0 < end <= size:
        raise ValueError(f"{_OWNER}: end_index={end}; expected 1 to {size}.")
    if start and end and start >= end:
        raise ValueError(f"{_OWNER}: start_index={start} is not below end_index={end}.")
