"""`tf.io`: files as bytes, pictures out of bytes, and `tf.io.gfile` for this machine."""

from __future__ import annotations

import csv
import glob as _glob
import io
import os
from collections.abc import Sequence
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
from minikeras.alias.tensorflow.dtypes import DType
from minikeras.alias.tensorflow.strings import to_number
from minikeras.alias.tensorflow.values import texts
from minikeras.engine.tensor import Tensor
from minikeras.types import DTypeLike

mkdir = makedirs

_MODES = {0: None, 1: "L", 3: "RGB", 4: "RGBA"}


def glob(pattern: str | os.PathLike[str]) -> list[str]:
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
) -> Tensor:
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


def decode_csv(
    records: object,
    record_defaults: Sequence[Any],
    field_delim: str = ",",
    use_quote_delim: bool = True,
    na_value: str = "",
    select_cols: Sequence[int] | None = None,
    name: str | None = None,
) -> list[Any]:
    """The columns of lines of CSV, each with the shape of `records`.

    Args:
        records: A line, or an array of lines.
        record_defaults: For each column what stands for an empty field, as `[0.0]`, which
            also says the dtype; a dtype (or an empty tensor) where the field must be there.
        field_delim: What parts fields.
        use_quote_delim: Whether quotes can hold delimiters.
        na_value: What also counts as empty.
        select_cols: Which columns, counted from 0; all by default.
        name: Accepted and ignored.

    Raises:
        ValueError: If a line has another number of fields, or one that must be there is
            empty.
    """
    lines = texts(records)
    quoting: Any = csv.QUOTE_MINIMAL if use_quote_delim else csv.QUOTE_NONE
    rows: list[list[str]] = list(
        csv.reader(map(str, lines.ravel()), delimiter=field_delim, quoting=quoting)
    )
    kinds = list(map(_default, record_defaults))
    picked = range(len(kinds)) if select_cols is None else select_cols
    for row in rows:
        if select_cols is None and len(row) != len(kinds):
            raise ValueError(
                f"tf.io.decode_csv: {len(row)} fields in {row}; expected {len(kinds)}."
            )
    columns = []
    for at, (dtype, default) in zip(picked, kinds, strict=True):
        fields = [row[at] for row in rows]
        empty = [field in ("", na_value) for field in fields]
        if any(empty) and default is None:
            raise ValueError(f"tf.io.decode_csv: column {at} must not be empty.")
        filled = [default if no else f for f, no in zip(fields, empty, strict=True)]
        array = np.array(filled, object).reshape(lines.shape)
        columns.append(texts(array) if dtype == "string" else to_number(array, dtype))
    return columns


def _default(value: object) -> tuple[str, str | None]:
    """The dtype of a column, and what stands for an empty field, as text."""
    if isinstance(value, str) and isinstance(value, DType):
        return str(value), None
    array = np.asarray(value.numpy() if hasattr(value, "numpy") else value)
    if array.dtype.kind in "OU":
        return "string", str(array.ravel()[0]) if array.size else None
    given = hasattr(value, "dtype")
    dtype = (
        array.dtype.name if given else {"f": "float32", "i": "int32"}[array.dtype.kind]
    )
    return dtype, str(array.ravel()[0]) if array.size else None


def decode_jpeg(contents: bytes, channels: int = 0, **options: object) -> Tensor:
    """The picture in the bytes of a JPEG file."""
    return decode_image(contents, channels)


def decode_png(
    contents: bytes, channels: int = 0, dtype: DTypeLike = "uint8"
) -> Tensor:
    """The picture in the bytes of a PNG file."""
    return decode_image(contents, channels, dtype)


__all__ = [
    "GFile", "copy", "decode_csv", "decode_image", "decode_jpeg", "decode_png", "exists",
    "get_registered_schemes", "glob", "isdir", "join", "listdir", "makedirs", "mkdir",
    "read_file", "remove", "rmtree", "write_file",
]  # fmt: skip
