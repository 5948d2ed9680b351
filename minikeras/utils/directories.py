"""Files in folders, and their labels: what the datasets of pictures, texts and sounds share."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.console import say
from minikeras.training.data.dataset import Dataset
from minikeras.training.data.dataset.streams import new_seed as global_words
from minikeras.types import ArrayLike

if TYPE_CHECKING:
    from collections.abc import Callable

MODES = ("int", "categorical", "binary", None)


def check_arguments(
    owner: str,
    labels: ArrayLike,
    label_mode: str | None,
    class_names: Sequence[str] | None,
    validation_split: float | None,
    subset: str | None,
    shuffle: bool,
    seed: int | None,
) -> None:
    """Raise ValueError where the arguments make no sense together."""
    if labels not in ("inferred", None) if not _is_list(labels) else False:
        raise ValueError(
            f"{owner}: labels={labels!r}; expected 'inferred', None, or a list of numbers, "
            "one for each file in the order of their sorted paths."
        )
    if _is_list(labels) and class_names:
        raise ValueError(
            f"{owner}: class_names goes with labels='inferred' only; got both."
        )
    if label_mode not in MODES:
        raise ValueError(
            f"{owner}: label_mode={label_mode!r}; expected 'int', 'categorical', 'binary' or "
            "None."
        )
    if (validation_split is None) != (subset is None):
        raise ValueError(
            f"{owner}: validation_split={validation_split} and subset={subset!r}; expected "
            "both or none of them."
        )
    if validation_split is None:
        return
    if not 0 < validation_split < 1:
        raise ValueError(
            f"{owner}: validation_split={validation_split}; expected between 0 and 1."
        )
    if subset not in ("training", "validation", "both"):
        raise ValueError(
            f"{owner}: subset={subset!r}; expected 'training', 'validation' or 'both'."
        )
    if shuffle and seed is None:
        raise ValueError(
            f"{owner}: validation_split with shuffle=True and no seed, so the two subsets "
            "could overlap; expected a seed, the same for both (or shuffle=False)."
        )


def _is_list(labels: ArrayLike) -> bool:
    return not isinstance(labels, str) and hasattr(labels, "__len__")


class Files:
    """Paths and class numbers.

    Attributes:
        paths: The files.
        labels: Their class numbers, or None.
        class_names: The classes, or None.
    """

    def __init__(
        self,
        paths: list[str],
        labels: list[float] | None,
        class_names: list[str] | None,
    ) -> None:
        self.paths, self.labels, self.class_names = paths, labels, class_names

    def shuffled(self, seed: int) -> Files:
        """In the order that Keras gives them for a seed."""
        order = list(range(len(self.paths)))
        np.random.RandomState(seed).shuffle(order)
        return self._picked(order)

    def part(self, subset: str, validation_split: float) -> Files:
        """The first files for training, the last for validation."""
        at = len(self.paths) - int(validation_split * len(self.paths))
        order = range(len(self.paths))
        return self._picked(order[:at] if subset == "training" else order[at:])

    def _picked(self, order: Sequence[int]) -> Files:
        labels = None if self.labels is None else [self.labels[i] for i in order]
        return Files([self.paths[i] for i in order], labels, self.class_names)

    def targets(self, label_mode: str | None) -> Any:
        """The labels as an array of the mode, or None."""
        if self.labels is None or label_mode is None:
            return None
        numbers = np.array(self.labels)
        if label_mode == "binary":
            return numbers.astype("float32")[:, None]
        if label_mode == "categorical":
            return np.eye(len(self.class_names or ()), dtype="float32")[numbers]
        if numbers.dtype.kind == "f":
            return numbers.astype("float32")
        small = numbers.size == 0 or np.abs(numbers).max() < 1 << 31
        return numbers.astype("int32") if small else numbers


def _names_of(
    owner: str, numbers: list[float], label_mode: str | None
) -> list[str] | None:
    """The classes of labels that were given: their numbers as texts."""
    if label_mode is None:
        return None
    names = [str(i) for i in sorted(set(numbers))]
    if label_mode == "categorical" and not set(numbers) <= set(range(len(names))):
        raise ValueError(
            f"{owner}: label_mode='categorical' with the labels {', '.join(names)}; "
            f"expected class numbers from 0 to {len(names) - 1}, each of them."
        )
    return names


def find_files(
    owner: str,
    directory: Any,
    labels: Any,
    label_mode: str | None,
    class_names: Sequence[str] | None,
    endings: tuple[str, ...],
    follow_links: bool,
    verbose: bool,
) -> Files:
    """The files of a folder in the order of their sorted paths, with labels.

    Raises:
        ValueError: If labels and files do not fit, or there is no file.
        FileNotFoundError: If there is no such folder.
    """
    directory = os.path.expanduser(os.fspath(directory))
    inferred = labels == "inferred" if isinstance(labels, str) else False
    names: list[str] | None = None
    numbers: list[float] | None = None
    if inferred and label_mode is not None:
        found = sorted(
            name for name in os.listdir(directory)
            if os.path.isdir(os.path.join(directory, name)) and not name.startswith(".")
        )  # fmt: skip
        names = found if class_names is None else list(class_names)
        if not set(names) <= set(found):
            raise ValueError(
                f"{owner}: class_names holds {sorted(set(names) - set(found))}, of which "
                f"{directory} has no folders; it has {found}."
            )
        paths, numbers = [], []
        for number, name in enumerate(names):
            inside = _walk(os.path.join(directory, name), endings, follow_links)
            paths += inside
            numbers += [number] * len(inside)
    else:
        os.listdir(directory)  # raises where there is none
        paths = _walk(directory, endings, follow_links)
        if _is_list(labels):
            if len(labels) != len(paths):
                raise ValueError(
                    f"{owner}: {len(labels)} labels for the {len(paths)} files of {directory}; "
                    "expected one for each file, in the order of their sorted paths."
                )
            numbers = _numbers(owner, labels)
            names = _names_of(owner, numbers, label_mode)
    if verbose:
        classes = "" if names is None else f" belonging to {len(names)} classes"
        say(f"Found {len(paths)} files{classes}.")
    if not paths:
        raise ValueError(
            f"{owner}: no file in {directory} ends in one of {', '.join(endings)}; expected "
            "one folder for each class (or files, with labels=None)."
        )
    if label_mode == "binary" and numbers is not None and len(names or ()) != 2:
        raise ValueError(
            f"{owner}: label_mode='binary' with {len(names or ())} classes {names}; expected 2."
        )
    return Files(paths, numbers, names)


def _numbers(owner: str, labels: Any) -> list[float]:
    """Labels as integers, or as they are where one is not whole.

    Raises:
        ValueError: If they are no numbers.
    """
    array = np.asarray(labels)
    if array.ndim != 1 or array.dtype.kind not in "iufb":
        raise ValueError(
            f"{owner}: labels has elements such as {labels[0]!r}; expected a number for each "
            "file. Number the classes: 0, 1, ..."
        )
    found: list[float] = array.tolist()
    return found if array.dtype.kind == "f" else [int(i) for i in found]


def _walk(folder: str, endings: tuple[str, ...], follow_links: bool) -> list[str]:
    """Files below a folder, folder by folder in sorted order."""
    found: list[str] = []
    walk = os.walk(folder, followlinks=follow_links)
    for root, _, names in sorted(walk, key=lambda entry: entry[0]):
        found += [
            os.path.join(root, name)
            for name in sorted(names)
            if name.lower().endswith(endings)
        ]
    return found


def subsets(
    files: Files,
    shuffle: bool,
    seed: int | None,
    validation_split: float | None,
    subset: str | None,
    verbose: bool,
) -> list[Files]:
    """The files in order, cut into what was asked for: one or, for `"both"`, two parts."""
    if shuffle:
        files = files.shuffled(new_seed() if seed is None else seed)
    if subset is None or validation_split is None:
        return [files]
    wanted = ("training", "validation") if subset == "both" else (subset,)
    parts = [files.part(name, validation_split) for name in wanted]
    if verbose:
        for name, part in zip(wanted, parts):
            say(f"Using {len(part.paths)} files for {name}.")
    return parts


def new_seed() -> int:
    """A seed from the global generator."""
    return int(np.random.SeedSequence(global_words()).generate_state(1)[0])


def dataset_of(
    files: Files,
    load: Callable[..., Any],
    label_mode: str | None,
    batch_size: int | None,
    shuffle: bool,
    seed: int | None,
    padded: bool = False,
) -> Dataset:
    """A Dataset that loads files when they are asked for, some at the same time."""
    targets = files.targets(label_mode)

    def element(item: Any) -> Any:
        return load(files.paths[int(item)])

    def pair(item: Any) -> Any:
        return load(files.paths[int(item)]), targets[int(item)]

    data = Dataset.range(len(files.paths))
    if shuffle:
        data = data.shuffle(len(files.paths), seed=seed)
    data = data._map_host(element if targets is None else pair, threads=-1)
    if batch_size is not None:
        data = data.padded_batch(batch_size) if padded else data.batch(batch_size)
    data.file_paths = list(files.paths)
    names = files.class_names
    data.class_names = None if names is None else list(names)
    return data.prefetch(1)
