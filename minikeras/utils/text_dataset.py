"""Texts in folders as a Dataset."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any

import numpy as np

from minikeras.engine.strings import StringArray
from minikeras.types import ArrayLike
from minikeras.utils.directories import (
    check_arguments,
    dataset_of,
    find_files,
    subsets,
)

_OWNER = "text_dataset_from_directory"


def text_dataset_from_directory(
    directory: str | PathLike[str],
    labels: ArrayLike = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    max_length: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """Batches of texts from a folder with one folder of `.txt` files for each class.

    Args:
        directory: The folder.
        labels: `"inferred"` from the folders' names, None for no labels, or a list of
            numbers, one for each file in the order of their sorted paths.
        label_mode: `"int"`: int32 `(batch,)`, of fractions float32; `"categorical"`:
            one-hot float32 `(batch, classes)`; `"binary"`: float32 `(batch, 1)`; None: no
            labels.
        class_names: The folders to take, in the order of the class numbers. Default: all,
            in alphabetical order.
        batch_size: Texts in a batch; None for single ones.
        max_length: Longer texts are cut off after so many characters.
        shuffle: Whether each pass has a new order.
        seed: For the shuffling and the split.
        validation_split: The fraction of the files, from the end, kept for validation.
        subset: `"training"`, `"validation"`, or `"both"` for two Datasets.
        follow_links: Whether to visit folders that links point to.
        format: `"tf"` or `"grain"`, of Keras; a `keras.utils.Dataset` in any case.
        verbose: Whether to print how many files were found.

    Returns:
        A `keras.utils.Dataset` of `(texts, labels)` or texts: arrays of Python strings,
        read as UTF-8; with `class_names` and `file_paths`.

    Raises:
        ValueError: If arguments do not fit together, or there is no text.

    Example:
        >>> import os, tempfile
        >>> folder = tempfile.mkdtemp()
        >>> for name in ("neg", "pos"):
        ...     os.mkdir(os.path.join(folder, name))
        ...     with open(os.path.join(folder, name, "1.txt"), "w") as file:
        ...         _ = file.write(f"a {name} text")
        >>> data = keras.utils.text_dataset_from_directory(folder, shuffle=False)
        Found 2 files belonging to 2 classes.
        >>> texts, labels = next(iter(data))
        >>> texts.tolist(), labels.tolist()
        (['a neg text', 'a pos text'], [0, 1])
    """
    check_arguments(
        _OWNER, labels, label_mode, class_names, validation_split, subset, shuffle, seed
    )
    if format not in ("tf", "grain"):
        raise ValueError(f"{_OWNER}: format={format!r}; expected 'tf' or 'grain'.")
    files = find_files(
        _OWNER,
        directory,
        labels,
        label_mode,
        class_names,
        (".txt",),
        follow_links,
        verbose,
    )

    def read(path: str) -> np.ndarray[Any, Any]:
        with open(path, encoding="utf-8", errors="replace", newline="") as file:
            text = file.read(max_length or -1)
        return np.array(text, object).view(StringArray)

    parts = subsets(files, shuffle, seed, validation_split, subset, verbose)
    made = [
        dataset_of(part, read, label_mode, batch_size, shuffle and i == 0, seed)
        for i, part in enumerate(parts)
    ]
    return made if subset == "both" else made[0]
