"""`tf.strings`: functions of strings, one by one; they work on values, not while staged."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras import ops
from minikeras.alias.tensorflow.values import texts
from minikeras.engine.strings import StringArray
from minikeras.engine.tensor import Tensor
from minikeras.types import DTypeLike

if TYPE_CHECKING:
    from minikeras.types import ArrayLike, Nested


def _each(function: Callable[[str], Any], values: ArrayLike) -> StringArray:
    found = texts(values)
    made = [function(text) for text in found.ravel()]
    return texts(np.array(made, object).reshape(found.shape))


def _numbers(
    function: Callable[[str], Any], values: ArrayLike, dtype: DTypeLike
) -> Tensor:
    found = texts(values)
    made = [function(text) for text in found.ravel()]
    array = np.array(made, str(dtype)).reshape(found.shape)
    return ops.convert_to_tensor(array)


def lower(input: ArrayLike, encoding: str = "", name: str | None = None) -> StringArray:
    """Small letters; without `encoding="utf-8"` those of ASCII alone."""
    return _each(str.lower if encoding else _ascii(str.lower), input)


def upper(input: ArrayLike, encoding: str = "", name: str | None = None) -> StringArray:
    """Capital letters; without `encoding="utf-8"` those of ASCII alone."""
    return _each(str.upper if encoding else _ascii(str.upper), input)


def _ascii(change: Callable[[str], str]) -> Callable[[str], str]:
    return lambda text: re.sub(
        "[A-Za-z]+", lambda found: change(found[0]), text
    )  # no letter beyond


def strip(input: ArrayLike, name: str | None = None) -> StringArray:
    """Without white space at both ends."""
    return _each(str.strip, input)


def length(input: ArrayLike, unit: str = "BYTE", name: str | None = None) -> Tensor:
    """How long each is: in bytes of UTF-8, or in characters by `unit="UTF8_CHAR"`."""
    count = len if unit == "UTF8_CHAR" else lambda text: len(text.encode())
    return _numbers(count, input, "int32")


def substr(
    input: ArrayLike, pos: int, len: int, unit: str = "BYTE", name: str | None = None
) -> StringArray:
    """`len` bytes (or characters, by `unit="UTF8_CHAR"`) from `pos` on."""
    start = int(pos)

    def part(text: str) -> str:
        if unit == "UTF8_CHAR":
            return text[start:][: int(len)]
        return text.encode()[start:][: int(len)].decode(errors="replace")

    return _each(part, input)


def regex_replace(
    input: ArrayLike,
    pattern: str,
    rewrite: str,
    replace_global: bool = True,
    name: str | None = None,
) -> StringArray:
    """Each with what fits a regular expression replaced; a backslash and a digit mean a group."""
    found, new = re.compile(str(pattern)), str(rewrite).replace("\\0", "\\g<0>")
    return _each(lambda text: found.sub(new, text, 0 if replace_global else 1), input)


def regex_full_match(input: ArrayLike, pattern: str, name: str | None = None) -> Tensor:
    """Whether each is what a regular expression describes, as a whole."""
    whole = re.compile(str(pattern))
    return _numbers(lambda text: bool(whole.fullmatch(text)), input, "bool")


def split(
    input: ArrayLike,
    sep: str | None = None,
    maxsplit: int = -1,
    name: str | None = None,
) -> StringArray:
    """The words of each string, along a new last axis.

    Shorter rows are filled up with empty strings: there are no ragged tensors here.
    """
    cut = sep or None
    return _rows(lambda text: text.split(cut, maxsplit), input)


def unicode_split(
    input: ArrayLike, input_encoding: str = "UTF-8", errors: str = "replace"
) -> StringArray:
    """The characters of each string, along a new last axis; filled up as by `split`."""
    return _rows(list, input)


bytes_split = unicode_split


def _rows(function: Callable[[str], list[str]], values: ArrayLike) -> StringArray:
    found = texts(values)
    made = [function(text) for text in found.ravel()]
    most = max(map(len, made), default=0)
    filled = [row + [""] * (most - len(row)) for row in made]
    return texts(np.array(filled, object).reshape(*found.shape, most))


def join(
    inputs: Sequence[ArrayLike], separator: str = "", name: str | None = None
) -> StringArray:
    """Strings of several arrays put together, element by element."""
    parts = np.broadcast_arrays(*[np.asarray(texts(part)) for part in inputs])
    rows = zip(*[part.ravel() for part in parts], strict=True)
    made = np.array([separator.join(row) for row in rows], object)
    return texts(made.reshape(parts[0].shape))


def reduce_join(
    inputs: Nested[ArrayLike],
    axis: int | None = None,
    keepdims: bool = False,
    separator: str = "",
    name: str | None = None,
) -> StringArray:
    """The strings along an axis put together; all of them without one."""
    found = texts(inputs)
    flat = found.reshape(-1) if axis is None else np.moveaxis(found, axis, -1)
    made = np.array(
        [separator.join(row) for row in flat.reshape(-1, flat.shape[-1])], object
    ).reshape(flat.shape[:-1])
    if keepdims:
        made = np.expand_dims(made, tuple(range(found.ndim)) if axis is None else axis)
    return texts(made)


def to_number(
    input: ArrayLike, out_type: DTypeLike = "float32", name: str | None = None
) -> Tensor:
    """The numbers that strings spell."""
    read = float if "float" in str(out_type) else int
    return _numbers(read, input, out_type)


def as_string(
    input: object, precision: int = -1, scientific: bool = False, **options: object
) -> StringArray:
    """Numbers as strings; floats with six digits behind the point, or `precision`."""
    array = np.asarray(input.numpy() if isinstance(input, Tensor) else input)
    digits = 6 if precision < 0 else precision

    def spelled(value: object) -> str:
        if array.dtype.kind == "f":
            return f"{value:.{digits}{'e' if scientific else 'f'}}"
        return str(value).lower() if array.dtype.kind == "b" else str(value)

    made = np.array([spelled(v) for v in array.ravel()], object)
    return texts(made.reshape(array.shape))


def format(
    template: str, inputs: ArrayLike, placeholder: str = "{}", name: str | None = None
) -> StringArray:
    """A string in which each placeholder became a value."""
    values = inputs if isinstance(inputs, (list, tuple)) else [inputs]
    text = template
    for value in values:
        text = text.replace(
            placeholder, str(getattr(value, "numpy", lambda v=value: v)()), 1
        )
    return texts(text)


def to_hash_bucket_fast(
    input: ArrayLike, num_buckets: int, name: str | None = None
) -> Tensor:
    """A number below `num_buckets` for each string, always the same (not TensorFlow's)."""
    import hashlib

    def bucket(text: str) -> int:
        found = hashlib.blake2b(text.encode(), digest_size=8).digest()
        return int.from_bytes(found, "little") % int(num_buckets)

    return _numbers(bucket, input, "int64")


to_hash_bucket = to_hash_bucket_fast

__all__ = [
    "as_string", "bytes_split", "format", "join", "length", "lower", "reduce_join",
    "regex_full_match", "regex_replace", "split", "strip", "substr", "to_hash_bucket",
    "to_hash_bucket_fast", "to_number", "unicode_split", "upper",
]  # fmt: skip
