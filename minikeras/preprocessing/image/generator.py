"""ImageDataGenerator: pictures changed at random while they are read."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any

import numpy as np

from minikeras import settings
from minikeras.engine.warn import warn_user
from minikeras.preprocessing.image.affine import (
    Array,
    apply_affine_transform,
    apply_brightness_shift,
    apply_channel_shift,
)
from minikeras.preprocessing.image.files import DirectoryIterator
from minikeras.preprocessing.image.frames import DataFrameIterator
from minikeras.preprocessing.image.iterators import NumpyArrayIterator
from minikeras.preprocessing.notes import note
from minikeras.types import ArrayLike, DTypeLike
from minikeras.utils.images import data_format_of
from minikeras.utils.resizing import Size

_TINY = 1e-6


class ImageDataGenerator:
    """Batches of pictures that are changed at random each time they are read.

    Random numbers are NumPy's global ones. Rotations, shifts, shears and zooms need SciPy,
    brightness and files Pillow: `pip install minikeras[image]`.

    Args:
        featurewise_center: Whether to subtract the mean of the data (`fit` finds it).
        samplewise_center: Whether to subtract each picture's mean.
        featurewise_std_normalization: Whether to divide by the data's deviation.
        samplewise_std_normalization: Whether to divide by each picture's deviation.
        zca_whitening: Whether to whiten the data (`fit` finds how).
        zca_epsilon: Keeps whitening finite.
        rotation_range: Degrees.
        width_shift_range: A fraction of the width, or pixels if at least 1, or a list of
            pixels to choose from.
        height_shift_range: The same along the height.
        brightness_range: Two factors to draw one between, or None.
        shear_range: Degrees.
        zoom_range: Two factors to draw between, or one number for 1 - z to 1 + z.
        channel_shift_range: The greatest number that is added.
        fill_mode: What lies outside: `"nearest"`, `"constant"`, `"reflect"` or `"wrap"`.
        cval: The value outside for `"constant"`.
        horizontal_flip: Whether every other picture is mirrored, left to right.
        vertical_flip: Whether every other picture is turned upside down.
        rescale: A factor for all values, or None.
        preprocessing_function: Called with each picture after the changes, or None.
        data_format: `"channels_last"` or `"channels_first"`; default of the settings.
        validation_split: The fraction of the data for `subset="validation"`.
        interpolation_order: Of the splines that sample, 0 to 5.
        dtype: Of the batches; default of the settings.

    Raises:
        ValueError: If an argument makes no sense.

    Example:
        >>> import warnings
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     made = keras.preprocessing.image.ImageDataGenerator(horizontal_flip=True)
        >>> x, y = np.zeros((5, 4, 4, 1)), np.arange(5)
        >>> [images.shape for images, _ in (made.flow(x, y, batch_size=2)[i] for i in range(3))]
        [(2, 4, 4, 1), (2, 4, 4, 1), (1, 4, 4, 1)]
    """

    def __init__(
        self,
        featurewise_center: bool = False,
        samplewise_center: bool = False,
        featurewise_std_normalization: bool = False,
        samplewise_std_normalization: bool = False,
        zca_whitening: bool = False,
        zca_epsilon: float = 1e-6,
        rotation_range: float = 0,
        width_shift_range: float | Sequence[float] = 0.0,
        height_shift_range: float | Sequence[float] = 0.0,
        brightness_range: Sequence[float] | None = None,
        shear_range: float = 0.0,
        zoom_range: float | Sequence[float] = 0.0,
        channel_shift_range: float = 0.0,
        fill_mode: str = "nearest",
        cval: float = 0.0,
        horizontal_flip: bool = False,
        vertical_flip: bool = False,
        rescale: float | None = None,
        preprocessing_function: Callable[[Array], Array] | None = None,
        data_format: str | None = None,
        validation_split: float = 0.0,
        interpolation_order: int = 1,
        dtype: DTypeLike | None = None,
    ) -> None:
        note(
            "image.ImageDataGenerator",
            "keras.utils.image_dataset_from_directory and the layers keras.layers.Random...",
        )
        self.featurewise_center = featurewise_center
        self.samplewise_center = samplewise_center
        self.featurewise_std_normalization = featurewise_std_normalization
        self.samplewise_std_normalization = samplewise_std_normalization
        self.zca_whitening = zca_whitening
        self.zca_epsilon = zca_epsilon
        self.rotation_range = rotation_range
        self.width_shift_range = width_shift_range
        self.height_shift_range = height_shift_range
        self.shear_range = shear_range
        self.channel_shift_range = channel_shift_range
        self.fill_mode = fill_mode
        self.cval = cval
        self.horizontal_flip = horizontal_flip
        self.vertical_flip = vertical_flip
        self.rescale = rescale
        self.preprocessing_function = preprocessing_function
        self.dtype = dtype or settings.floatx()
        self.interpolation_order = interpolation_order
        self.data_format = data_format_of(data_format, "ImageDataGenerator")
        first = self.data_format == "channels_first"
        # Of batches; those of a picture are one less.
        self.channel_axis, self.row_axis, self.col_axis = (
            (1, 2, 3) if first else (3, 1, 2)
        )
        if validation_split and not 0 < validation_split < 1:
            raise ValueError(
                f"ImageDataGenerator: validation_split={validation_split}; expected between 0 "
                "and 1."
            )
        self._validation_split = validation_split
        self.mean: Any = None
        self.std: Any = None
        self.zca_whitening_matrix: Any = None
        self.zoom_range = _zoom(zoom_range)
        if brightness_range is not None and np.shape(brightness_range) != (2,):
            raise ValueError(
                f"ImageDataGenerator: brightness_range={brightness_range}; expected two factors."
            )
        self.brightness_range = brightness_range
        self._imply()

    def _imply(self) -> None:
        """Whitening and deviations need the mean."""
        if self.zca_whitening and not self.featurewise_center:
            self.featurewise_center = True
            _warn("zca_whitening implies featurewise_center=True, which is set.")
        if self.zca_whitening and self.featurewise_std_normalization:
            self.featurewise_std_normalization = False
            _warn("zca_whitening makes featurewise_std_normalization needless; unset.")
        if self.featurewise_std_normalization and not self.featurewise_center:
            self.featurewise_center = True
            _warn("featurewise_std_normalization implies featurewise_center=True; set.")
        if self.samplewise_std_normalization and not self.samplewise_center:
            self.samplewise_center = True
            _warn("samplewise_std_normalization implies samplewise_center=True; set.")

    # --- sources of batches

    def flow(
        self,
        x: Any,
        y: Any = None,
        batch_size: int = 32,
        shuffle: bool = True,
        sample_weight: ArrayLike | None = None,
        seed: int | None = None,
        save_to_dir: str | os.PathLike[str] | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        ignore_class_split: bool = False,
        subset: str | None = None,
    ) -> NumpyArrayIterator:
        """Batches of changed pictures from arrays, without end.

        Args:
            x: Pictures, of rank 4; or a pair of them and further inputs.
            y: Targets, or None.
            batch_size: Samples in a batch.
            shuffle: Whether each epoch has a new order.
            sample_weight: Weights, or None.
            seed: For NumPy's global generator, before each batch.
            save_to_dir: A folder to write the pictures to, or None.
            save_prefix: What their names begin with.
            save_format: Their format.
            ignore_class_split: Whether one subset may lack a class.
            subset: `"training"` or `"validation"`, of `validation_split`.

        Returns:
            A `NumpyArrayIterator`, which `fit` takes.
        """
        return NumpyArrayIterator(
            x, y, self, batch_size=batch_size, shuffle=shuffle,
            sample_weight=sample_weight, seed=seed, data_format=self.data_format,
            save_to_dir=save_to_dir, save_prefix=save_prefix, save_format=save_format,
            subset=subset, ignore_class_split=ignore_class_split, dtype=self.dtype,
        )  # fmt: skip

    def flow_from_directory(
        self,
        directory: str | PathLike[str],
        target_size: Size = (256, 256),
        color_mode: str = "rgb",
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: str | PathLike[str] | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        follow_links: bool = False,
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
    ) -> DirectoryIterator:
        """Batches of changed pictures from a folder with one folder for each class.

        Args:
            directory: The folder.
            target_size: Height and width to resize to.
            color_mode: `"rgb"`, `"rgba"` or `"grayscale"`.
            classes: Folders to take, in the order of the class numbers. Default: all.
            class_mode: `"categorical"`: one-hot targets; `"binary"` or `"sparse"`:
                numbers; `"input"`: the pictures themselves; None: no targets.
            batch_size: Pictures in a batch.
            shuffle: Whether each epoch has a new order.
            seed: For NumPy's global generator, before each batch.
            save_to_dir: A folder to write the pictures to, or None.
            save_prefix: What their names begin with.
            save_format: Their format.
            follow_links: Whether to visit folders that links point to.
            subset: `"training"` or `"validation"`, of `validation_split`.
            interpolation: How pictures are resized; see `load_img`.
            keep_aspect_ratio: Whether to cut out the middle, such that nothing is
                stretched.

        Returns:
            A `DirectoryIterator`, which `fit` takes.
        """
        return DirectoryIterator(
            directory, self, target_size=target_size, color_mode=color_mode,
            classes=classes, class_mode=class_mode, data_format=self.data_format,
            batch_size=batch_size, shuffle=shuffle, seed=seed, save_to_dir=save_to_dir,
            save_prefix=save_prefix, save_format=save_format, follow_links=follow_links,
            subset=subset, interpolation=interpolation,
            keep_aspect_ratio=keep_aspect_ratio, dtype=self.dtype,
        )  # fmt: skip

    def flow_from_dataframe(
        self,
        dataframe: Any,
        directory: str | PathLike[str] | None = None,
        x_col: str = "filename",
        y_col: str | Sequence[str] | None = "class",
        weight_col: str | None = None,
        target_size: Size = (256, 256),
        color_mode: str = "rgb",
        classes: Sequence[Any] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: str | PathLike[str] | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        interpolation: str = "nearest",
        validate_filenames: bool = True,
        **kwargs: Any,
    ) -> DataFrameIterator:
        """Batches of changed pictures whose names and targets stand in a data frame.

        Args:
            dataframe: A frame of pandas.
            directory: The folder of the pictures; None for whole paths.
            x_col: The column of the names.
            y_col: The column (or columns) of the targets.
            weight_col: The column of the weights, or None.
            target_size: Height and width to resize to.
            color_mode: `"rgb"`, `"rgba"` or `"grayscale"`.
            classes: Classes to take, in the order of their numbers. Default: all.
            class_mode: As for `flow_from_directory`; and `"raw"`: the values of the
                columns; `"multi_output"`: a list with one array for each column.
            batch_size: Pictures in a batch.
            shuffle: Whether each epoch has a new order.
            seed: For NumPy's global generator, before each batch.
            save_to_dir: A folder to write the pictures to, or None.
            save_prefix: What their names begin with.
            save_format: Their format.
            subset: `"training"` or `"validation"`, of `validation_split`.
            interpolation: How pictures are resized; see `load_img`.
            validate_filenames: Whether entries that are no files are left out.
            **kwargs: `keep_aspect_ratio`.

        Returns:
            A `DataFrameIterator`, which `fit` takes.
        """
        keep = kwargs.pop("keep_aspect_ratio", False)
        if kwargs:
            raise TypeError(f"flow_from_dataframe: unknown arguments {sorted(kwargs)}.")
        return DataFrameIterator(
            dataframe, directory, self, x_col=x_col, y_col=y_col, weight_col=weight_col,
            target_size=target_size, color_mode=color_mode, classes=classes,
            class_mode=class_mode, data_format=self.data_format, batch_size=batch_size,
            shuffle=shuffle, seed=seed, save_to_dir=save_to_dir, save_prefix=save_prefix,
            save_format=save_format, subset=subset, interpolation=interpolation,
            keep_aspect_ratio=keep, dtype=self.dtype, validate_filenames=validate_filenames,
        )  # fmt: skip

    # --- one picture

    def get_random_transform(
        self, img_shape: Sequence[int], seed: int | None = None
    ) -> dict[str, Any]:
        """The changes of one picture, drawn at random.

        Args:
            img_shape: Its shape.
            seed: For NumPy's global generator; None leaves it alone.

        Returns:
            A dict for `apply_transform`.
        """
        draw: Any = np.random
        if seed is not None:
            draw.seed(seed)
        rotation, shear = self.rotation_range, self.shear_range
        found: dict[str, Any] = {
            "theta": draw.uniform(-rotation, rotation) if rotation else 0
        }
        found["ty"] = _shift(self.height_shift_range, img_shape[self.row_axis - 1])
        found["tx"] = _shift(self.width_shift_range, img_shape[self.col_axis - 1])
        found["shear"] = draw.uniform(-shear, shear) if shear else 0
        found["zx"], found["zy"] = 1, 1
        if self.zoom_range[0] != 1 or self.zoom_range[1] != 1:
            found["zx"], found["zy"] = draw.uniform(*self.zoom_range, 2)
        found["flip_horizontal"] = bool((draw.random() < 0.5) * self.horizontal_flip)
        found["flip_vertical"] = bool((draw.random() < 0.5) * self.vertical_flip)
        shift = self.channel_shift_range
        found["channel_shift_intensity"] = (
            draw.uniform(-shift, shift) if shift else None
        )
        found["brightness"] = None
        if self.brightness_range is not None:
            found["brightness"] = draw.uniform(*self.brightness_range)
        return found

    def apply_transform(self, x: Array, transform_parameters: dict[str, Any]) -> Array:
        """A picture with given changes.

        Args:
            x: The picture, of rank 3.
            transform_parameters: Any of `theta`, `tx`, `ty`, `shear`, `zx`, `zy`,
                `flip_horizontal`, `flip_vertical`, `channel_shift_intensity`,
                `brightness`; see `apply_affine_transform`.

        Returns:
            The changed picture.
        """
        rows, cols, channels = (
            self.row_axis - 1,
            self.col_axis - 1,
            self.channel_axis - 1,
        )
        asked = transform_parameters
        x = apply_affine_transform(
            x,
            asked.get("theta", 0),
            asked.get("tx", 0),
            asked.get("ty", 0),
            asked.get("shear", 0),
            asked.get("zx", 1),
            asked.get("zy", 1),
            rows,
            cols,
            channels,
            self.fill_mode,
            self.cval,
            self.interpolation_order,
        )
        if asked.get("channel_shift_intensity") is not None:
            x = apply_channel_shift(x, asked["channel_shift_intensity"], channels)
        if asked.get("flip_horizontal", False):
            x = np.flip(x, cols)
        if asked.get("flip_vertical", False):
            x = np.flip(x, rows)
        if asked.get("brightness") is not None:
            x = apply_brightness_shift(x, asked["brightness"], False)
        return x

    def random_transform(self, x: Array, seed: int | None = None) -> Array:
        """A picture with changes drawn at random.

        Args:
            x: The picture, of rank 3.
            seed: For NumPy's global generator; None leaves it alone.
        """
        return self.apply_transform(x, self.get_random_transform(x.shape, seed))

    def standardize(self, x: Array) -> Array:
        """A picture normalised as the settings say; `x` itself may change.

        Args:
            x: The picture, of floats.
        """
        if self.preprocessing_function is not None:
            x = self.preprocessing_function(x)
        if self.rescale:
            x *= self.rescale
        if self.samplewise_center:
            x -= np.mean(x, keepdims=True)
        if self.samplewise_std_normalization:
            x /= np.std(x, keepdims=True) + _TINY
        if self.featurewise_center:
            if self._fitted(self.mean, "featurewise_center"):
                x -= self.mean
        if self.featurewise_std_normalization:
            if self._fitted(self.std, "featurewise_std_normalization"):
                x /= self.std + _TINY
        if self.zca_whitening:
            if self._fitted(self.zca_whitening_matrix, "zca_whitening"):
                x = (x.reshape(-1, x.size) @ self.zca_whitening_matrix).reshape(x.shape)
        return x

    def _fitted(self, value: object, name: str) -> bool:
        if value is None:
            _warn(f"{name} needs .fit(x) before, so it is left out now.")
        return value is not None

    def fit(
        self,
        x: ArrayLike,
        augment: bool = False,
        rounds: int = 1,
        seed: int | None = None,
    ) -> None:
        """Find the data's mean, deviation and whitening, where the settings ask for them.

        Args:
            x: Pictures, of rank 4.
            augment: Whether to look at changed pictures.
            rounds: How many changes of each.
            seed: For NumPy's global generator; None leaves it alone.

        Raises:
            ValueError: If `x` has another rank.
        """
        x = np.array(x, self.dtype)
        if x.ndim != 4:
            raise ValueError(
                f"ImageDataGenerator.fit: x has shape {x.shape}; expected rank 4."
            )
        if seed is not None:
            np.random.seed(seed)  # noqa: NPY002
        if augment:
            rows = [self.random_transform(p) for _ in range(rounds) for p in x]
            x = np.array(rows, self.dtype)
        axes = (0, self.row_axis, self.col_axis)
        shape = [1, 1, 1]
        shape[self.channel_axis - 1] = x.shape[self.channel_axis]
        if self.featurewise_center:
            self.mean = np.mean(x, axis=axes).reshape(shape)
            x -= self.mean
        if self.featurewise_std_normalization:
            self.std = np.std(x, axis=axes).reshape(shape)
            x /= self.std + _TINY
        if self.zca_whitening:
            flat = x.reshape(len(x), -1).astype("float64")
            vectors, values, _ = np.linalg.svd(flat.T @ flat / len(flat))
            scale = 1.0 / np.sqrt(values + self.zca_epsilon)
            matrix = (vectors * scale) @ vectors.T
            self.zca_whitening_matrix = matrix.astype(self.dtype)


def _zoom(zoom_range: float | Sequence[float]) -> tuple[float, float]:
    if isinstance(zoom_range, (int, float)):
        return (1 - zoom_range, 1 + zoom_range)
    pair = tuple(zoom_range)
    if len(pair) != 2 or not all(isinstance(z, (int, float)) for z in pair):
        raise ValueError(
            f"ImageDataGenerator: zoom_range={zoom_range!r}; expected a number or two factors."
        )
    return pair[0], pair[1]


def _shift(range_of: Any, size: int) -> Any:
    """A shift in pixels: out of a list, up to a number of pixels, or up to a fraction."""
    draw: Any = np.random
    if isinstance(range_of, (int, np.integer)) or np.ndim(range_of) == 1:
        if np.ndim(range_of) == 0 and not range_of:
            return 0
        shift = draw.choice(range_of) * draw.choice([-1, 1])
    elif not range_of:
        return 0
    else:
        shift = draw.uniform(-range_of, range_of)
    return shift * size if np.max(range_of) < 1 else shift


def _warn(text: str) -> None:
    warn_user(f"ImageDataGenerator: {text}")
