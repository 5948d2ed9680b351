"""Batches of pictures in files, from folders or listed in a data frame."""

from __future__ import annotations

import os
from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras import settings
from minikeras.console import say
from minikeras.preprocessing.image.iterators import Array, Iterator, Saver
from minikeras.types import DTypeLike
from minikeras.utils.images import data_format_of, img_to_array, load_img
from minikeras.utils.resizing import Size

if TYPE_CHECKING:
    from minikeras.preprocessing.image.generator import ImageDataGenerator

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".tif", ".tiff")
_CHANNELS = {"rgb": 3, "rgba": 4, "grayscale": 1}


class FileIterator(Iterator):
    """What batches of files have in common.

    Attributes:
        filepaths: The files.
        labels: Their targets, or None.
        sample_weight: Their weights, or None.
        image_shape: The shape of a picture in a batch.
    """

    filepaths: list[str]
    labels: Any = None
    sample_weight: Any = None
    class_mode: Any = None
    class_indices: dict[Any, int]

    def _configure(
        self,
        image_data_generator: Any,
        target_size: Size,
        color_mode: str,
        data_format: str | None,
        saver: tuple[Any, str, str],
        subset: str | None,
        interpolation: str,
        keep_aspect_ratio: bool = False,
        dtype: DTypeLike | None = None,
    ) -> None:
        if color_mode not in _CHANNELS:
            raise ValueError(
                f"color_mode={color_mode!r}; expected 'rgb', 'rgba' or 'grayscale'."
            )
        self.image_data_generator = image_data_generator
        self.target_size: Size = (int(target_size[0]), int(target_size[1]))
        self.color_mode = color_mode
        self.data_format = data_format_of(data_format, type(self).__name__)
        self.interpolation = interpolation
        self.keep_aspect_ratio = keep_aspect_ratio
        self.dtype = dtype or settings.floatx()
        channels = _CHANNELS[color_mode]
        self.image_shape: tuple[int, ...] = (*self.target_size, channels)
        if self.data_format == "channels_first":
            self.image_shape = (channels, *self.target_size)
        self.subset = subset
        self.split: tuple[float, float] | None = None
        if subset is not None:
            held = image_data_generator._validation_split
            splits = {"validation": (0.0, held), "training": (held, 1.0)}
            if subset not in splits:
                raise ValueError(
                    f"subset={subset!r}; expected 'training' or 'validation'."
                )
            self.split = splits[subset]
        self._saver = Saver(*saver, self.data_format)

    def _part(self, files: list[Any]) -> list[Any]:
        """The files of the subset."""
        if self.split is None:
            return files
        start, stop = (int(at * len(files)) for at in self.split)
        return files[start:stop]

    def _get_batches_of_transformed_samples(self, index_array: Array) -> Any:
        batch = np.zeros((len(index_array), *self.image_shape), self.dtype)
        for i, row in enumerate(index_array):
            image = load_img(
                self.filepaths[row],
                color_mode=self.color_mode,
                target_size=self.target_size,
                interpolation=self.interpolation,
                keep_aspect_ratio=self.keep_aspect_ratio,
            )
            picture = img_to_array(image, data_format=self.data_format)
            if self.image_data_generator is not None:
                generator = self.image_data_generator
                chosen = generator.get_random_transform(picture.shape)
                picture = generator.apply_transform(picture, chosen)
                picture = generator.standardize(picture)
            batch[i] = picture
        self._saver.save(batch, index_array)
        target = self._targets(batch, index_array)
        if target is None:
            return batch
        if self.sample_weight is None:
            return batch, target
        return batch, target, self.sample_weight[index_array]

    def _targets(self, batch: Array, index_array: Array) -> Any:
        mode = self.class_mode
        if mode is None:
            return None
        if mode == "input":
            return batch.copy()
        if mode == "multi_output":
            return [part[index_array] for part in self.labels]
        if mode == "raw":
            return self.labels[index_array]
        if mode in ("binary", "sparse"):
            return np.array([self.labels[i] for i in index_array], self.dtype)
        rows = np.zeros((len(index_array), len(self.class_indices)), self.dtype)
        for row, i in zip(rows, index_array):
            row[self.labels[i]] = 1  # one class, or a list of them
        return rows


class DirectoryIterator(FileIterator):
    """Batches of pictures from a folder with one folder for each class.

    Made by `ImageDataGenerator.flow_from_directory`.

    Args:
        directory: The folder.
        image_data_generator: What changes the pictures, or None.
        target_size: Height and width to resize to.
        color_mode: `"rgb"`, `"rgba"` or `"grayscale"`.
        classes: Folders to take, in the order of the class numbers. Default: all, sorted.
        class_mode: `"categorical"`: one-hot targets; `"binary"` or `"sparse"`: numbers;
            `"input"`: the pictures themselves; None: no targets.
        batch_size: Pictures in a batch.
        shuffle: Whether each epoch has a new order.
        seed: For NumPy's global generator, before each batch.
        data_format: `"channels_last"` or `"channels_first"`; default of the settings.
        save_to_dir: A folder to write the pictures to, or None.
        save_prefix: What their names begin with.
        save_format: Their format.
        follow_links: Whether to visit folders that links point to.
        subset: `"training"` or `"validation"`, of the generator's `validation_split`.
        interpolation: How pictures are resized; see `load_img`.
        keep_aspect_ratio: Whether to cut out the middle, such that nothing is stretched.
        dtype: Of the batches.

    Attributes:
        class_indices: Name of a class -> its number.
        classes: The class of each file.
        filenames: The files, relative to the folder.
        samples: How many there are.

    Example:

    >>> generator = keras.preprocessing.image.ImageDataGenerator(rescale=1 / 255)  # doctest: +SKIP
    >>> batches = generator.flow_from_directory("photos", target_size=(64, 64))  # doctest: +SKIP
    >>> model.fit(batches)  # doctest: +SKIP
    """

    def __init__(
        self,
        directory: str | PathLike[str],
        image_data_generator: ImageDataGenerator | None,
        target_size: Size = (256, 256),
        color_mode: str = "rgb",
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        data_format: str | None = None,
        save_to_dir: str | PathLike[str] | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        follow_links: bool = False,
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
        dtype: DTypeLike | None = None,
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
        modes = ("categorical", "binary", "sparse", "input", None)
        if class_mode not in modes:
            raise ValueError(
                f"flow_from_directory: class_mode={class_mode!r}; expected one of {modes}."
            )
        self.directory = os.fspath(directory)
        self.class_mode = class_mode
        names = list(classes or ())
        if not names:
            names = sorted(
                name
                for name in os.listdir(self.directory)
                if os.path.isdir(os.path.join(self.directory, name))
            )
        self.num_classes = len(names)
        self.class_indices = {name: i for i, name in enumerate(names)}
        self.filenames: list[str] = []
        numbers: list[int] = []
        for name, number in self.class_indices.items():
            found = self._part(self._files(name, follow_links))
            self.filenames += found
            numbers += [number] * len(found)
        self.classes = np.array(numbers, "int32")
        self.labels = self.classes
        self.samples = len(self.filenames)
        self.filepaths = [os.path.join(self.directory, f) for f in self.filenames]
        say(f"Found {self.samples} images belonging to {self.num_classes} classes.")
        super().__init__(self.samples, batch_size, shuffle, seed)

    def _files(self, name: str, follow_links: bool) -> list[str]:
        top = os.path.join(self.directory, name)
        walk = os.walk(top, followlinks=follow_links)
        return [
            os.path.relpath(os.path.join(root, file), self.directory)
            for root, _, files in sorted(walk, key=lambda entry: entry[0])
            for file in sorted(files)
            if file.lower().endswith(ENDINGS)
        ]
