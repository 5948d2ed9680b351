"""Batches of pictures whose names and targets stand in a data frame of pandas."""

from __future__ import annotations

import os
from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.console import say
from minikeras.preprocessing.image.files import ENDINGS, FileIterator
from minikeras.types import DTypeLike
from minikeras.utils.resizing import Size

if TYPE_CHECKING:
    from minikeras.preprocessing.image.generator import ImageDataGenerator

_CLASSED = ("binary", "categorical", "sparse")
_MODES = (*_CLASSED, "input", "multi_output", "raw", None)


class DataFrameIterator(FileIterator):
    """Batches of pictures listed in a data frame.

    Made by `ImageDataGenerator.flow_from_dataframe`, which says what the arguments are.

    Attributes:
        class_indices: Name of a class -> its number.
        classes: The class of each file.
        filenames: The files, as in the frame.
        samples: How many there are.

    Example:

    >>> generator = keras.preprocessing.image.ImageDataGenerator(rescale=1 / 255)  # doctest: +SKIP
    >>> batches = generator.flow_from_dataframe(table, "photos")  # doctest: +SKIP
    >>> model.fit(batches)  # doctest: +SKIP
    """

    def __init__(
        self,
        dataframe: Any,
        directory: str | PathLike[str] | None = None,
        image_data_generator: ImageDataGenerator | None = None,
        x_col: str = "filename",
        y_col: object = "class",
        weight_col: str | None = None,
        target_size: Size = (256, 256),
        color_mode: str = "rgb",
        classes: Sequence[Any] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        data_format: str | None = "channels_last",
        save_to_dir: str | PathLike[str] | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
        dtype: DTypeLike | None = None,
        validate_filenames: bool = True,
    ) -> None:
        self._configure(
            image_data_generator,
            target_size,
            color_mode,
            data_format,
            (save_to_dir, save_prefix, save_format),
            subset,
            interpolation,
            keep_aspect_ratio,
            dtype,
        )
        self.directory = os.fspath(directory or "")
        self.class_mode = class_mode
        _check(dataframe, x_col, y_col, weight_col, classes, class_mode)
        rows = _rows(dataframe, x_col, y_col, weight_col)
        if validate_filenames:
            rows = [row for row in rows if self._is_picture(row[0])]
            if missing := len(dataframe) - len(rows):
                say(
                    f"Left out {missing} entries of {x_col!r} that are no picture files."
                )
        self.class_indices = {}
        if class_mode in _CLASSED:
            rows = self._classed(rows, classes)
        rows = self._part(rows)
        self.filenames = [row[0] for row in rows]
        self.filepaths = [os.path.join(self.directory, name) for name in self.filenames]
        self.samples = len(rows)
        if weight_col is not None:
            self.sample_weight = np.array([row[2] for row in rows])
        self._set_labels([row[1] for row in rows], class_mode)
        kind = "validated" if validate_filenames else "non-validated"
        classed = f" belonging to {len(self.class_indices)} classes"
        say(
            f"Found {self.samples} {kind} image filenames"
            f"{classed if class_mode in _CLASSED else ''}."
        )
        super().__init__(self.samples, batch_size, shuffle, seed)

    def _is_picture(self, name: str) -> bool:
        path = os.path.join(self.directory, name)
        return name.lower().endswith(ENDINGS) and os.path.isfile(path)

    def _classed(self, rows: list[Any], classes: Sequence[Any] | None) -> list[Any]:
        """The rows with class numbers instead of names; those of other classes left out."""
        found = {label for row in rows for label in _several(row[1])}
        names = list(classes) if classes else sorted(found)
        self.class_indices = {name: i for i, name in enumerate(names)}
        kept = []
        for name, label, weight in rows:
            numbers = [
                self.class_indices[one]
                for one in _several(label)
                if one in self.class_indices
            ]
            if numbers:
                several = isinstance(label, (list, tuple))
                kept.append((name, numbers if several else numbers[0], weight))
        return kept

    def _set_labels(self, labels: list[Any], class_mode: str | None) -> None:
        if class_mode in _CLASSED:
            self.labels = self.classes = labels
        elif class_mode == "raw":
            self.labels = np.array(labels)
        elif class_mode == "multi_output":
            columns = zip(*labels) if labels else ()
            self.labels = [np.array(list(column)) for column in columns]


def _several(label: object) -> Sequence[Any]:
    return label if isinstance(label, (list, tuple)) else (label,)


def _rows(frame: Any, x_col: str, y_col: Any, weight_col: str | None) -> list[Any]:
    """`(file name, target or targets, weight)` for each row."""
    names = list(frame[x_col])
    targets: list[Any] = [None] * len(names)
    if isinstance(y_col, (list, tuple)):
        targets = list(zip(*[list(frame[column]) for column in y_col]))
    elif y_col is not None and y_col in frame.columns:
        targets = list(frame[y_col])
    weights: list[Any] = [None] * len(names)
    if weight_col is not None:
        weights = list(frame[weight_col])
    return list(zip(names, targets, weights))


def _check(
    frame: Any,
    x_col: str,
    y_col: Any,
    weight_col: str | None,
    classes: Any,
    mode: str | None,
) -> None:
    """Raise where columns and mode do not go together."""
    owner = "flow_from_dataframe"
    if mode not in _MODES:
        raise ValueError(f"{owner}: class_mode={mode!r}; expected one of {_MODES}.")
    wanted = [x_col] + ([] if weight_col is None else [weight_col])
    if mode not in ("input", None):
        wanted += list(y_col) if isinstance(y_col, (list, tuple)) else [y_col]
    missing = [column for column in wanted if column not in frame.columns]
    if missing:
        raise ValueError(
            f"{owner}: the frame has no columns {missing}; it has {list(frame.columns)}."
        )
    if mode == "multi_output" and not isinstance(y_col, (list, tuple)):
        raise TypeError(f"{owner}: class_mode='multi_output' needs a list as y_col.")
    if not all(isinstance(name, str) for name in frame[x_col]):
        raise TypeError(
            f"{owner}: {x_col!r} holds other things than strings; expected the names of files."
        )
    if mode in ("binary", "sparse") and not all(
        isinstance(label, str) for label in frame[y_col]
    ):
        raise TypeError(
            f"{owner}: class_mode={mode!r} needs strings in {y_col!r}. Use 'raw' for numbers."
        )
    if mode == "categorical" and not all(
        isinstance(label, (str, list, tuple)) for label in frame[y_col]
    ):
        raise TypeError(
            f"{owner}: class_mode='categorical' needs strings, lists or tuples in {y_col!r}. "
            "Use 'raw' for numbers."
        )
    if mode == "binary" and len(set(classes or frame[y_col])) != 2:
        raise ValueError(f"{owner}: class_mode='binary' needs two classes.")
