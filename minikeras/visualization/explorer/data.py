"""The samples that a page is about: from arrays, files, folders or batches."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.engine import tree
from minikeras.engine.tensor import Tensor

if TYPE_CHECKING:
    from minikeras.models.model import Model
    from minikeras.types import ArrayLike


Array = np.ndarray[Any, Any]

MOST = 10_000  # samples that are looked at
_PIXELS = 255.0


@dataclass
class Samples:
    """Samples, arranged as the model takes them.

    Attributes:
        inputs: One array `(samples, ...)` for each input.
        structure: How they are arranged when the model is called.
        labels: True classes or targets `(samples, ...)`, or None.
        class_names: Names of classes, or none.
        names: Names of samples, or none.
    """

    inputs: list[Array]
    structure: Any
    labels: Array | None = None
    class_names: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.inputs[0]) if self.inputs else 0

    def taken(self, rows: Array) -> Samples:
        """Some of them."""
        return Samples(
            [x[rows] for x in self.inputs],
            self.structure,
            None if self.labels is None else self.labels[rows],
            self.class_names,
            [self.names[i] for i in rows] if self.names else [],
        )


def samples(
    model: Model, data: object, labels: ArrayLike | None = None
) -> Samples | None:
    """The samples that `data` stands for.

    Args:
        model: Whose input shapes files and folders are read for.
        data: Arrays `(samples, ...)` in the structure of the model's inputs; a tuple
            `(x, y)` of such and labels; batches of them (a Dataset, PyDataset or other
            iterable); `"mnist5k"`; the path of an `.npz` or of a folder of pictures; None.
        labels: Labels, where `data` has none.

    Returns:
        At most 10,000 of them; None for None.

    Raises:
        ValueError: If sizes do not fit, or a file holds something else.
    """
    if data is None:
        return None
    if isinstance(data, (str, os.PathLike)):
        found = _from_name(model, os.fspath(data))
    elif _is_batches(data):
        found = _from_batches(data)
    else:
        x, y = (
            (data[0], data[1])
            if type(data) is tuple and len(data) >= 2
            else (data, None)
        )
        found = _from_arrays(x[0] if type(x) is tuple and len(x) == 1 else x, y)
    if labels is not None:
        found.labels = _array(labels)[:MOST]
    _check(found)
    return found


def _check(found: Samples) -> None:
    sizes = {len(x) for x in found.inputs}
    if len(sizes) != 1:
        raise ValueError(
            f"explore: the inputs have {sorted(sizes)} samples; expected as many."
        )
    if found.labels is not None and len(found.labels) != len(found):
        raise ValueError(
            f"explore: {len(found)} samples, but {len(found.labels)} labels; expected one "
            "for each."
        )
    if not len(found):
        raise ValueError(
            "explore: the data have no samples; give at least one, or None."
        )


def _array(value: object) -> Array:
    if isinstance(value, Tensor):
        return value.numpy()
    return np.asarray(value)


def _from_arrays(x: object, y: object) -> Samples:
    leaves, structure = tree.flatten_spec(x)
    arrays = [_texts(_array(leaf))[:MOST] for leaf in leaves]
    for array in arrays:
        if array.ndim == 0 or array.dtype.kind in "OM":
            raise ValueError(
                f"explore: data holds {array.dtype} of shape {array.shape}; expected arrays "
                "(samples, ...) of numbers or text."
            )
    return Samples(arrays, structure, None if y is None else _array(y)[:MOST])


def _texts(array: Array) -> Array:
    """Objects that all are texts, as an array of text."""
    if array.dtype.kind == "O" and all(isinstance(v, str) for v in array.reshape(-1)):
        return array.astype(str)
    return array


def _is_batches(data: object) -> bool:
    plain = isinstance(data, (np.ndarray, Tensor, tuple, list, dict))
    if plain or hasattr(data, "__array__") or hasattr(data, "__dlpack__"):
        return False
    return isinstance(data, Iterable) or hasattr(data, "__getitem__")


def _from_batches(data: object) -> Samples:
    """Batches `x`, `(x, y)` or `(x, y, weights)`, as far as they are wanted."""
    inputs: list[list[Array]] = []
    targets: list[Array] = []
    structure: Any = None
    count = 0
    for batch in _batches(data):
        x, y = (batch[0], batch[1] if len(batch) > 1 else None) if isinstance(
            batch, (tuple, list)
        ) else (batch, None)  # fmt: skip
        leaves, structure = tree.flatten_spec(x)
        inputs.append([_array(leaf) for leaf in leaves])
        if y is not None:
            targets.append(_array(y))
        count += len(inputs[-1][0])
        if count >= MOST:
            break
    if not inputs:
        raise ValueError("explore: the data give no batches; expected at least one.")
    joined = [np.concatenate(parts)[:MOST] for parts in zip(*inputs, strict=True)]
    whole = len(targets) == len(inputs)
    labels = np.concatenate(targets)[:MOST] if whole else None
    return Samples(joined, structure, labels, list(getattr(data, "class_names", ())))


def _batches(data: Any) -> Iterable[Any]:
    if isinstance(data, Iterable):
        return data
    return (data[i] for i in range(len(data)))  # a PyDataset


def _from_name(model: Model, name: str) -> Samples:
    if name == "mnist5k":
        return _digits(model)
    path = Path(name)
    if path.is_dir():
        return _folder(model, path)
    if path.suffix == ".npz" and path.is_file():
        return _npz(path)
    raise ValueError(
        f"explore: data={name!r}; expected 'mnist5k', an .npz file or a folder of pictures "
        "that exists."
    )


def _shape(model: Any) -> tuple[int | None, ...]:
    shape = model.inputs[0].shape if getattr(model, "inputs", None) else ()
    return tuple(shape[1:])


def scales(model: Model) -> bool:
    """Whether a model scales pixels itself, by one of its first layers."""
    first = [type(layer).__name__ for layer in model._flatten_layers()[1:5]]
    return any(name in ("Rescaling", "Normalization") for name in first)


def _digits(model: Model) -> Samples:
    from minikeras.datasets import mnist5k

    _, (x, y) = mnist5k.load_data()
    factor = 1.0 if scales(model) else _PIXELS
    pixels = x.astype("float32") / np.float32(factor)
    shape = _shape(model)
    if shape == (784,):
        pixels = pixels.reshape(-1, 784)
    elif shape == (1, 28, 28):
        pixels = pixels[:, None]
    elif shape != (28, 28):
        pixels = pixels[..., None]
    return Samples([pixels], tree.flatten_spec(0)[1], y, [str(i) for i in range(10)])


_X = ("x_test", "x", "images", "data", "arr_0")
_Y = ("y_test", "y", "labels", "targets", "arr_1")


def _npz(path: Path) -> Samples:
    with np.load(path, allow_pickle=False) as archive:
        x, y = (next((k for k in keys if k in archive), None) for keys in (_X, _Y))
        if x is not None:
            return _from_arrays(archive[x], None if y is None else archive[y])
        if not archive.files:
            raise ValueError(f"explore: {path} holds no arrays.")
        # Several inputs, by name.
        rest = {k: archive[k] for k in archive.files if k != y}
        return _from_arrays(rest, None if y is None else archive[y])


def _folder(model: Model, path: Path) -> Samples:
    """Pictures in a folder for each class, or all in one."""
    from minikeras.utils import image_dataset_from_directory

    shape = _shape(model)
    first = len(shape) == 3 and shape[0] in (1, 3, 4) and shape[2] not in (1, 3, 4)
    rows, columns, channels = (*shape[1:], shape[0]) if first else (*shape, 1, 1, 1)[:3]
    classes = any(p.is_dir() for p in path.iterdir())
    found = image_dataset_from_directory(
        str(path),
        labels="inferred" if classes else None,
        color_mode={1: "grayscale", 4: "rgba"}.get(channels or 3, "rgb"),
        image_size=(rows or 64, columns or 64),
        shuffle=False,
        verbose=False,
    )
    made = _from_batches(found)
    pixels = made.inputs[0].astype("float32")
    if not scales(model):
        pixels = pixels / np.float32(_PIXELS)
    made.inputs = [pixels.transpose(0, 3, 1, 2) if first else pixels]
    made.names = [os.path.relpath(p, path) for p in found.file_paths][: len(pixels)]
    return made


def even(labels: Array | None, total: int, count: int, forced: Sequence[int]) -> Array:
    """Numbers of at most `count` samples, in order: those forced, then evenly by class."""
    if total <= count:
        return np.arange(total)
    chosen = dict.fromkeys(int(i) for i in forced)
    keys = np.zeros(total, int) if labels is None else labels
    rank = np.zeros(total, int)  # of each sample among those of its class
    for key in np.unique(keys):
        members = np.flatnonzero(keys == key)
        rank[members] = np.arange(len(members))
    for i in np.argsort(rank, kind="stable"):
        if len(chosen) >= count:
            break
        chosen.setdefault(int(i))
    return np.array(sorted(chosen), dtype=int)
