"""Iterator: batches of pictures without end, and by number for `fit`; and those of arrays."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator as PyIterator
from os import PathLike
from typing import Any

import numpy as np

from minikeras import settings
from minikeras.training.data import PyDataset
from minikeras.types import ArrayLike, DTypeLike
from minikeras.utils.images import array_to_img, data_format_of

Array = np.ndarray[Any, Any]


class Iterator(PyDataset):
    """Base of the batches that `ImageDataGenerator` makes.

    `next()` gives batches without end; as a `PyDataset` it gives those of one epoch.

    Args:
        n: How many samples there are.
        batch_size: Samples in a batch.
        shuffle: Whether each epoch has a new order.
        seed: For NumPy's global generator, before each batch; None leaves it alone.

    Example:

    >>> generator = keras.preprocessing.image.ImageDataGenerator()  # doctest: +SKIP
    >>> isinstance(generator.flow(pictures), keras.preprocessing.image.Iterator)  # doctest: +SKIP
    True
    """

    def __init__(
        self, n: int, batch_size: int, shuffle: bool, seed: int | None
    ) -> None:
        super().__init__()
        self.n = n
        self.batch_size = batch_size
        self.seed = seed
        self.shuffle = shuffle
        self.batch_index = 0
        self.total_batches_seen = 0
        self.lock = threading.Lock()
        self.index_array: Array | None = None
        self.index_generator = self._flow_index()

    def __getstate__(self) -> dict[str, Any]:
        # For worker processes: each has a lock and a place of its own.
        state = dict(self.__dict__)
        del state["lock"], state["index_generator"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.lock = threading.Lock()
        self.index_generator = self._flow_index()

    def _set_index_array(self) -> None:
        self.index_array = np.arange(self.n)
        if self.shuffle:
            self.index_array = np.random.permutation(self.n)  # noqa: NPY002

    def _seed_batch(self) -> None:
        if self.seed is not None:
            np.random.seed(self.seed + self.total_batches_seen)  # noqa: NPY002
        self.total_batches_seen += 1

    def __getitem__(self, index: int) -> Any:
        if not 0 <= index < len(self):
            raise ValueError(
                f"{type(self).__name__}: batch {index}; expected 0 to {len(self) - 1}."
            )
        self._seed_batch()
        if self.index_array is None:
            self._set_index_array()
        assert self.index_array is not None
        start = self.batch_size * index
        chosen = self.index_array[start : start + self.batch_size]
        return self._get_batches_of_transformed_samples(chosen)

    def __len__(self) -> int:
        return -(-self.n // self.batch_size)

    def on_epoch_end(self) -> None:
        """A new order."""
        self._set_index_array()

    def reset(self) -> None:
        """Begin with the first batch again."""
        self.batch_index = 0

    def _flow_index(self) -> PyIterator[Array]:
        self.reset()
        while True:
            if self.seed is not None:
                np.random.seed(self.seed + self.total_batches_seen)  # noqa: NPY002
            if self.batch_index == 0:
                self._set_index_array()
            assert self.index_array is not None
            if not self.n:
                return
            start = (self.batch_index * self.batch_size) % self.n
            if self.n > start + self.batch_size:
                self.batch_index += 1
            else:
                self.batch_index = 0
            self.total_batches_seen += 1
            yield self.index_array[start : start + self.batch_size]

    def __iter__(self) -> Iterator:
        return self

    def __next__(self) -> Any:
        return self.next()

    def next(self) -> Any:
        """The next batch; after the last one the first of a new epoch."""
        with self.lock:
            chosen = next(self.index_generator)
        return self._get_batches_of_transformed_samples(chosen)

    def _get_batches_of_transformed_samples(self, index_array: Array) -> Any:
        raise NotImplementedError(
            f"{type(self).__name__} must define _get_batches_of_transformed_samples."
        )


class Saver:
    """Writes the pictures of batches into a folder, to look at them.

    Args:
        folder: The folder; None writes nothing.
        prefix: What file names begin with.
        form: `"png"`, `"jpeg"`, ...
        data_format: Of the pictures.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str] | None,
        prefix: str,
        form: str,
        data_format: str | None,
    ) -> None:
        self._folder, self._prefix, self._form = folder, prefix, form
        self._data_format = data_format

    def save(self, batch: Array, index_array: Array) -> None:
        """Write a batch's pictures."""
        if not self._folder:
            return
        for picture, index in zip(batch, index_array):
            image = array_to_img(picture, self._data_format, scale=True)
            number = np.random.randint(10_000_000)  # noqa: NPY002
            name = f"{self._prefix}_{index}_{number}.{self._form}"
            image.save(os.path.join(self._folder, name))


class NumpyArrayIterator(Iterator):
    """Batches of pictures in arrays; made by `ImageDataGenerator.flow`.

    Args:
        x: Pictures, of rank 4; or a pair of them and further inputs.
        y: Targets, or None.
        image_data_generator: What changes the pictures, or None.
        batch_size: Samples in a batch.
        shuffle: Whether each epoch has a new order.
        sample_weight: Weights, or None.
        seed: For NumPy's global generator, before each batch.
        data_format: `"channels_last"` or `"channels_first"`; default of the settings.
        save_to_dir: A folder to write the pictures to, or None.
        save_prefix: What their names begin with.
        save_format: Their format.
        subset: `"training"` or `"validation"`, of the generator's `validation_split`.
        ignore_class_split: Whether one of the two may lack a class.
        dtype: Of the batches. Default: that of the generator, or of the settings.

    Example:

    >>> generator = keras.preprocessing.image.ImageDataGenerator(rescale=1 / 255)  # doctest: +SKIP
    >>> batches = generator.flow(pictures, labels, batch_size=32)  # doctest: +SKIP
    >>> model.fit(batches)  # doctest: +SKIP
    """

    def __init__(
        self,
        x: ArrayLike,
        y: ArrayLike,
        image_data_generator: Any,
        batch_size: int = 32,
        shuffle: bool = False,
        sample_weight: Any = None,
        seed: int | None = None,
        data_format: str | None = None,
        save_to_dir: str | PathLike[str] | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        ignore_class_split: bool = False,
        dtype: DTypeLike | None = None,
    ) -> None:
        self.data_format = data_format_of(data_format, "flow")
        self.dtype = dtype or settings.floatx()
        misc: list[Array] = []
        if isinstance(x, (tuple, list)):
            rest = x[1] if len(x) > 1 else []
            misc = [
                np.asarray(part)
                for part in (rest if isinstance(rest, list) else [rest])
            ]
            x = x[0]
        x = np.asarray(x)
        parts = {"y": y, "sample_weight": sample_weight}
        for name, part in [*parts.items(), *(("x[1]", part) for part in misc)]:
            if part is not None and len(part) != len(x):
                raise ValueError(
                    f"flow: {len(x)} pictures and {len(part)} entries of {name}; expected as "
                    "many."
                )
        if x.ndim != 4:
            raise ValueError(
                f"flow: x has shape {x.shape}; expected pictures of rank 4, as in (samples, "
                "height, width, channels)."
            )
        y = None if y is None else np.asarray(y)
        weight = None if sample_weight is None else np.asarray(sample_weight)
        if subset is not None:
            where = _subset(len(x), y, image_data_generator, subset, ignore_class_split)
            x, misc = x[where], [part[where] for part in misc]
            y = None if y is None else y[where]
            weight = None if weight is None else weight[where]
        self.x = np.asarray(x, self.dtype)
        self.x_misc = misc
        self.y = y
        self.sample_weight = weight
        self.image_data_generator = image_data_generator
        self._saver = Saver(save_to_dir, save_prefix, save_format, self.data_format)
        super().__init__(len(self.x), batch_size, shuffle, seed)

    def _get_batches_of_transformed_samples(self, index_array: Array) -> Any:
        batch = np.zeros((len(index_array), *self.x.shape[1:]), self.dtype)
        for i, row in enumerate(index_array):
            picture = self.x[row]
            if self.image_data_generator is not None:
                generator = self.image_data_generator
                chosen = generator.get_random_transform(picture.shape)
                picture = generator.apply_transform(picture.astype(self.dtype), chosen)
                picture = generator.standardize(picture)
            batch[i] = picture
        self._saver.save(batch, index_array)
        misc = [part[index_array] for part in self.x_misc]
        found: tuple[Any, ...] = ([batch, *misc] if misc else batch,)
        if self.y is None:
            return found[0]
        found = (*found, self.y[index_array])
        if self.sample_weight is not None:
            found = (*found, self.sample_weight[index_array])
        return found


def _subset(
    size: int, y: Any, generator: Any, subset: str, ignore_class_split: bool
) -> slice:
    """The rows of a subset: the first ones validate."""
    if subset not in ("training", "validation"):
        raise ValueError(
            f"flow: subset={subset!r}; expected 'training' or 'validation'."
        )
    at = int(size * generator._validation_split)
    if y is not None and not ignore_class_split:
        if not np.array_equal(np.unique(y[:at]), np.unique(y[at:])):
            raise ValueError(
                "flow: the training and validation subsets have different classes; shuffle the "
                "arrays first, or pass ignore_class_split=True."
            )
    return slice(0, at) if subset == "validation" else slice(at, size)
