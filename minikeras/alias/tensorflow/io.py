"""`tf.io`: files as bytes, pictures out of bytes, and `tf.io.gfile` for this machine."""

from __future__ import annotations

import glob as _glob
import io
import os
from os import PathLike
from typing import Any

import numpy as np

from minikeras import ops
from minikeras.alias.internals.files import File as GFile
from minikeras.alias.internals.files import (
    copy,
    exists,
    isdir,
    join,
    listdir,
    makedirs,
    remove,
    rmtree,
)
from minikeras.types import DTypeLike

mkdir = makedirs

_MODES = {0: None, 1: "L", 3: "RGB", 4: "RGBA"}


def glob(pattern: Any) -> list[str]:
    """The paths that fit a pattern, sorted."""
    return sorted(_glob.glob(os.fspath(pattern)))


def get_registered_schemes() -> list[str]:
    """What a path may begin with: nothing, or `file`."""
    return ["", "file"]


def read_file(filename: str | PathLike[str], name: str | None = None) -> bytes:
    """What a file holds; bytes, as tensors hold numbers only."""
    filename = filename.item() if isinstance(filename, np.ndarray) else filename
    with open(filename, "rb") as file:
        return file.read()


def write_file(
    filename: str | PathLike[str], contents: bytes, name: str | None = None
) -> None:
    """Writes bytes into a file; folders are made where missing."""
    makedirs(os.path.dirname(os.path.abspath(filename)))
    with open(filename, "wb") as file:
        file.write(contents)


def decode_image(
    contents: bytes,
    channels: int | None = None,
    dtype: DTypeLike = "uint8",
    name: str | None = None,
    expand_animations: bool = True,
) -> Any:
    """The picture `(height, width, channels)` in the bytes of a JPEG, PNG, BMP or GIF file.

    Args:
        contents: What `read_file` gave.
        channels: 1, 3 or 4; 0 or None for what the file has.
        dtype: `"uint8"`, or floats from 0 to 1.
        name: Accepted and ignored.
        expand_animations: Accepted and ignored: a GIF's first picture is taken.

    Raises:
        ValueError: If `channels` is another number, or the bytes are no picture.
        ImportError: If Pillow is not installed.
    """
    if (channels or 0) not in _MODES:
        raise ValueError(
            f"tf.io.decode_image: channels={channels}; expected 0, 1, 3 or 4."
        )
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError as error:
        raise ImportError(
            "tf.io.decode_image needs Pillow: pip install pillow"
        ) from error
    try:
        picture = Image.open(io.BytesIO(bytes(contents)))
    except UnidentifiedImageError as error:
        raise ValueError(
            f"tf.io.decode_image: these bytes are no picture ({error})."
        ) from None
    mode = _MODES[channels or 0]
    if mode is None:
        mode = picture.mode if picture.mode in ("L", "RGB", "RGBA") else "RGB"
    array = np.asarray(picture.convert(mode))
    array = array[..., None] if array.ndim == 2 else array
    tensor = ops.convert_to_tensor(array)
    return tensor if str(dtype) == "uint8" else ops.cast(tensor, dtype) / 255.0


def decode_jpeg(contents: bytes, channels: int = 0, **options: object) -> Any:
    """The picture in the bytes of a JPEG file."""
    return decode_image(contents, channels)


def decode_png(contents: bytes, channels: int = 0, dtype: DTypeLike = "uint8") -> Any:
    """The picture in the bytes of a PNG file."""
    return decode_image(contents, channels, dtype)


__all__ = [
    "GFile", "copy", "decode_image", "decode_jpeg", "decode_png", "exists",
    "get_registered_schemes", "glob", "isdir", "join", "listdir", "makedirs", "mkdir",
    "read_file", "remove", "rmtree", "write_file",
]  # fmt: skip
