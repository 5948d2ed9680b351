"""Pictures in folders as a Dataset."""

from __future__ import annotations

import functools
import io
from collections.abc import Sequence
from os import PathLike
from typing import Any

import numpy as np

from minikeras.utils.directories import (
    check_arguments,
    dataset_of,
    find_files,
    subsets,
)
from minikeras.utils.images import data_format_of, pillow
from minikeras.utils.resizing import INTERPOLATIONS, Array, cropped, fitted, resized

ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
_MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}
_OWNER = "image_dataset_from_directory"


def image_dataset_from_directory(
    directory: str | PathLike[str],
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: tuple[int, int] = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """Batches of pictures from a folder with one folder for each class.

    Pictures (BMP, GIF, JPEG, PNG; of GIFs the first frame) are read, decoded and resized
    by several threads when they are asked for.

    Args:
        directory: The folder.
        labels: `"inferred"` from the folders' names, None for no labels, or a list of
            numbers, one for each file in the order of their sorted paths.
        label_mode: `"int"`: int32 `(batch,)`, of fractions float32; `"categorical"`:
            one-hot float32 `(batch, classes)`; `"binary"`: float32 `(batch, 1)`; None: no
            labels.
        class_names: The folders to take, in the order of the class numbers. Default: all,
            in alphabetical order.
        color_mode: `"rgb"`, `"rgba"` or `"grayscale"`: 3, 4 or 1 channels.
        batch_size: Pictures in a batch; None for single ones.
        image_size: Height and width to resize to.
        shuffle: Whether each pass has a new order.
        seed: For the shuffling and the split.
        validation_split: The fraction of the files, from the end, kept for validation.
        subset: `"training"`, `"validation"`, or `"both"` for two Datasets.
        interpolation: `"bilinear"`, `"nearest"`, `"bicubic"`, `"area"`, `"lanczos3"`,
            `"lanczos5"`, `"gaussian"` or `"mitchellcubic"`.
        follow_links: Whether to visit folders that links point to.
        crop_to_aspect_ratio: Whether to cut out the middle, such that nothing is stretched.
        pad_to_aspect_ratio: Whether to put zeros around instead.
        data_format: `"channels_last"` or `"channels_first"`; default of the settings.
        format: `"tf"` or `"grain"`, of Keras; a `keras.utils.Dataset` in any case.
        verbose: Whether to print how many files were found.

    Returns:
        A `keras.utils.Dataset` of `(images, labels)` or images, from 0 to 255, float32
        (uint8 for `"nearest"`); with `class_names` and `file_paths`.

    Raises:
        ImportError: If Pillow is not installed.
        ValueError: If arguments do not fit together, or there is no picture.

    Example:
        >>> import numpy as np, os, tempfile
        >>> folder = tempfile.mkdtemp()
        >>> for name in ("cat", "dog"):
        ...     os.mkdir(os.path.join(folder, name))
        ...     path = os.path.join(folder, name, "1.png")
        ...     keras.utils.save_img(path, np.zeros((9, 9, 3)))
        >>> data = keras.utils.image_dataset_from_directory(folder, image_size=(4, 4))
        Found 2 files belonging to 2 classes.
        >>> images, labels = next(iter(data))
        >>> images.shape, labels.shape, data.class_names
        ((2, 4, 4, 3), (2,), ['cat', 'dog'])
    """
    check_arguments(
        _OWNER, labels, label_mode, class_names, validation_split, subset, shuffle, seed
    )
    for name, value, known in (
        ("color_mode", color_mode, tuple(_MODES)),
        ("interpolation", interpolation, INTERPOLATIONS),
        ("format", format, ("tf", "grain")),
    ):
        if value not in known:
            raise ValueError(f"{_OWNER}: {name}={value!r}; expected one of {known}.")
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError(
            f"{_OWNER}: crop_to_aspect_ratio and pad_to_aspect_ratio are both True; expected "
            "one of them at most."
        )
    size = _size(image_size)
    pillow(_OWNER)
    read = functools.partial(
        _read,
        mode=color_mode,
        size=size,
        interpolation=interpolation,
        crop=crop_to_aspect_ratio,
        pad=pad_to_aspect_ratio,
        first=data_format_of(data_format, _OWNER) == "channels_first",
    )
    files = find_files(
        _OWNER,
        directory,
        labels,
        label_mode,
        class_names,
        ENDINGS,
        follow_links,
        verbose,
    )
    parts = subsets(files, shuffle, seed, validation_split, subset, verbose)
    # The held-out part of "both" is never shuffled anew, as in Keras.
    made = [
        dataset_of(part, read, label_mode, batch_size, shuffle and i == 0, seed)
        for i, part in enumerate(parts)
    ]
    return made if subset == "both" else made[0]


def _size(given: object) -> tuple[int, int]:
    sizes = list(given) if isinstance(given, Sequence) else []
    if len(sizes) != 2 or any(int(n) != n or n < 1 for n in sizes):
        raise ValueError(
            f"{_OWNER}: image_size={given!r}; expected height and width, as in (256, 256)."
        )
    return int(sizes[0]), int(sizes[1])


def _read(
    path: str,
    mode: str,
    size: tuple[int, int],
    interpolation: str,
    crop: bool,
    pad: bool,
    first: bool,
) -> Array:
    """A picture's pixels, float32 `(height, width, channels)`."""
    from PIL import Image, UnidentifiedImageError

    with open(path, "rb") as file:
        data = file.read()
    try:
        with Image.open(io.BytesIO(data)) as image:
            pixels = np.asarray(image.convert(_MODES[mode]))
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise ValueError(
            f"{_OWNER}: {path} cannot be decoded ({error}); expected a picture. Remove the "
            "file, or write it anew."
        ) from error
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if crop:
        pixels = cropped(pixels, size)
    change = fitted if pad else resized
    pixels = change(pixels, size, interpolation)
    return pixels.transpose(2, 0, 1) if first else pixels
