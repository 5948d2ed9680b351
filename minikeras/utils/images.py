"""Pictures: between files, Pillow's images and arrays."""

from __future__ import annotations

import io
import os
import pathlib
from os import PathLike
from types import ModuleType
from typing import Any

import numpy as np

from minikeras import settings
from minikeras.engine.tensor import Tensor
from minikeras.engine.warn import warn_user
from minikeras.types import ArrayLike, DTypeLike
from minikeras.utils.resizing import Array, cropped, resized

_MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}
_INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")
_SMART = ("bilinear", "nearest", "lanczos3", "lanczos5", "bicubic", "area")


def pillow(what: str) -> ModuleType:
    """The module `PIL.Image`.

    Raises:
        ImportError: If Pillow is not installed.
    """
    try:
        from PIL import Image
    except ImportError:
        raise ImportError(
            f"{what} needs the package Pillow. Install it by `pip install minikeras[image]` or "
            "`pip install pillow`."
        ) from None
    return Image


def data_format_of(data_format: str | None, owner: str) -> str:
    """The data format, by default that of the settings.

    Raises:
        ValueError: If it is unknown.
    """
    found = data_format or settings.image_data_format()
    if found not in ("channels_first", "channels_last"):
        raise ValueError(
            f"{owner}: data_format={data_format!r}; expected 'channels_first' or "
            "'channels_last'."
        )
    return found


def load_img(
    path: str | PathLike[str],
    color_mode: str = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Any:
    """A picture from a file, as an image of Pillow.

    Args:
        path: A path, or the file's bytes in an `io.BytesIO`.
        color_mode: `"rgb"`, `"rgba"` or `"grayscale"`.
        target_size: Height and width to resize to, or None.
        interpolation: `"nearest"`, `"bilinear"`, `"bicubic"`, `"hamming"`, `"box"` or
            `"lanczos"`, by Pillow, which smooths where a picture shrinks.
        keep_aspect_ratio: Whether to cut out the middle before, such that nothing is
            stretched.

    Returns:
        A `PIL.Image.Image`.

    Raises:
        ImportError: If Pillow is not installed.
        TypeError: If `path` is no path.
        ValueError: If `color_mode` or `interpolation` is unknown.

    Example:
        >>> import numpy as np, os, tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "grey.png")
        >>> keras.utils.save_img(path, np.full((4, 6, 1), 90.0), scale=False)
        >>> keras.utils.load_img(path, target_size=(2, 3)).size
        (3, 2)
    """
    if color_mode not in _MODES:
        raise ValueError(
            f"load_img: color_mode={color_mode!r}; expected 'grayscale', 'rgb' or 'rgba'."
        )
    if target_size is not None and interpolation not in _INTERPOLATIONS:
        raise ValueError(
            f"load_img: interpolation={interpolation!r}; expected one of "
            f"{', '.join(_INTERPOLATIONS)}."
        )
    image_module = pillow("load_img")
    if isinstance(path, io.BytesIO):
        image = image_module.open(path)
        image.load()
    elif isinstance(path, (str, bytes, pathlib.Path, os.PathLike)):
        with open(path, "rb") as file:
            image = image_module.open(io.BytesIO(file.read()))
    else:
        raise TypeError(
            f"load_img: path is a {type(path).__name__}; expected a path or io.BytesIO."
        )
    wide = color_mode == "grayscale" and image.mode in ("I;16", "I;16B", "I", "L")
    if image.mode != _MODES[color_mode] and not wide:
        image = image.convert(_MODES[color_mode])
    if target_size is None:
        return image
    height, width = target_size
    if image.size == (width, height):
        return image
    resample = getattr(image_module.Resampling, interpolation.upper())
    box = None
    if keep_aspect_ratio:
        wide, high = image.size
        part = (
            min(wide, int(high * width / height)),
            min(high, int(wide * height / width)),
        )
        left, top = (wide - part[0]) // 2, (high - part[1]) // 2
        box = (left, top, left + part[0], top + part[1])
    return image.resize((width, height), resample, box=box)


def img_to_array(
    img: object, data_format: str | None = None, dtype: DTypeLike | None = None
) -> Array:
    """A picture as an array.

    Args:
        img: An image of Pillow, or an array `(height, width)` or of rank 3.
        data_format: `"channels_last"` or `"channels_first"`; default of the settings.
        dtype: Default: `keras.config.floatx()`.

    Returns:
        `(height, width, channels)`, or `(channels, height, width)`.

    Raises:
        ValueError: If the rank or `data_format` does not fit.

    Example:

    >>> from PIL import Image  # doctest: +SKIP
    >>> keras.utils.img_to_array(Image.new("RGB", (6, 4))).shape  # doctest: +SKIP
    (4, 6, 3)
    """
    form = data_format_of(data_format, "img_to_array")
    array = np.asarray(img, dtype=dtype or settings.floatx())
    if array.ndim == 2:
        return array[None] if form == "channels_first" else array[..., None]
    if array.ndim != 3:
        raise ValueError(
            f"img_to_array: a picture of shape {array.shape}; expected rank 2 or 3."
        )
    return array.transpose(2, 0, 1) if form == "channels_first" else array


def array_to_img(
    x: ArrayLike,
    data_format: str | None = None,
    scale: bool = True,
    dtype: DTypeLike | None = None,
) -> Any:
    """An array as an image of Pillow.

    Args:
        x: `(height, width, channels)` with 1, 3 or 4 channels.
        data_format: `"channels_last"` or `"channels_first"`; default of the settings.
        scale: Whether to stretch the values to 0 to 255.
        dtype: In which to compute. Default: `keras.config.floatx()`.

    Returns:
        A `PIL.Image.Image`.

    Raises:
        ImportError: If Pillow is not installed.
        ValueError: If the shape or `data_format` does not fit.

    Example:

    >>> picture = keras.utils.array_to_img(np.zeros((4, 6, 3)))  # doctest: +SKIP
    >>> picture.size  # doctest: +SKIP
    (6, 4)
    """
    form = data_format_of(data_format, "array_to_img")
    image_module = pillow("array_to_img")
    array = np.array(x, dtype=dtype or settings.floatx())
    if array.ndim != 3:
        raise ValueError(
            f"array_to_img: x has shape {array.shape}; expected rank 3, one picture."
        )
    if form == "channels_first":
        array = array.transpose(1, 2, 0)
    if scale:
        array = array - array.min()
        greatest = array.max()
        array = (array / greatest if greatest else array) * 255
    channels = array.shape[2]
    if channels == 1:
        plain = array[..., 0]
        if plain.max(initial=0) > 255:
            return image_module.fromarray(plain.astype("int32"))
        return image_module.fromarray(plain.astype("uint8"))
    if channels in (3, 4):
        return image_module.fromarray(array.astype("uint8"))
    raise ValueError(
        f"array_to_img: x has {channels} channels; expected 1, 3 or 4 ({form})."
    )


def save_img(
    path: str | PathLike[str],
    x: ArrayLike,
    data_format: str | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **kwargs: object,
) -> None:
    """Write an array as a picture.

    Args:
        path: Path or open file.
        x: `(height, width, channels)` with 1, 3 or 4 channels.
        data_format: `"channels_last"` or `"channels_first"`; default of the settings.
        file_format: Name of a format; default by the path's ending.
        scale: Whether to stretch the values to 0 to 255.
        **kwargs: For Pillow's `Image.save`.

    Raises:
        ImportError: If Pillow is not installed.
        ValueError: If the shape or `data_format` does not fit.

    Example:

    >>> keras.utils.save_img("grey.png", np.full((4, 6, 3), 128))  # doctest: +SKIP
    """
    image = array_to_img(x, data_format=data_format, scale=scale)
    named = file_format or os.path.splitext(str(path))[1].lstrip(".")
    if image.mode == "RGBA" and named.lower() in ("jpg", "jpeg"):
        warn_user("save_img: JPEG has no transparency; the picture is written as RGB.")
        image = image.convert("RGB")
    if file_format is not None and file_format.lower() == "jpg":
        file_format = "jpeg"  # Pillow knows it by this name
    image.save(path, format=file_format, **kwargs)


def smart_resize(
    x: ArrayLike,
    size: tuple[int, int],
    interpolation: str = "bilinear",
    data_format: str = "channels_last",
    **kwargs: object,
) -> Tensor | np.ndarray[Any, Any]:
    """Pictures at another size without stretching: the middle is cut out first.

    Args:
        x: `(height, width, channels)` or `(batch, height, width, channels)`.
        size: New height and width.
        interpolation: `"bilinear"`, `"nearest"`, `"bicubic"`, `"area"`, `"lanczos3"` or
            `"lanczos5"`.
        data_format: `"channels_last"` or `"channels_first"`.
        **kwargs: Keras's `backend_module`, which is not used.

    Returns:
        float32 array for an array, tensor for a tensor.

    Raises:
        ValueError: If shapes or names do not fit.

    Example:
        >>> x = np.zeros((20, 30, 3))
        >>> keras.preprocessing.image.smart_resize(x, (8, 8)).shape
        (8, 8, 3)
    """
    form = data_format_of(data_format, "smart_resize")
    if kwargs.keys() - {"backend_module"}:
        raise TypeError(f"smart_resize: unknown arguments {sorted(kwargs)}.")
    if len(size) != 2:
        raise ValueError(f"smart_resize: size={size}; expected height and width.")
    if interpolation not in _SMART:
        raise ValueError(
            f"smart_resize: interpolation={interpolation!r}; expected one of "
            f"{', '.join(_SMART)}."
        )
    array = np.asarray(x)
    if array.ndim not in (3, 4):
        raise ValueError(
            f"smart_resize: x has shape {array.shape}; expected (height, width, channels) or "
            "(batch, height, width, channels)."
        )
    if form == "channels_first":
        array = np.moveaxis(array, -3, -1)
    wanted = (int(size[0]), int(size[1]))
    array = resized(cropped(array, wanted), wanted, interpolation).astype("float32")
    if form == "channels_first":
        array = np.moveaxis(array, -1, -3)
    if isinstance(x, Tensor):
        from minikeras import ops

        return ops.convert_to_tensor(array)
    return array
