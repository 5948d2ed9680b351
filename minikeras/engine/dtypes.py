"""Dtype names and Keras's promotion rules.

Dtypes are plain strings everywhere (`"float32"`); what users see as `tensor.dtype` is
one too that also compares with NumPy's (`DType`). Promotion follows the lattice
that Keras 3 documents (the one JAX uses): Python scalars are weak, integers
never widen to float64, bfloat16 and float16 meet in float32. With 64-bit
integers Keras stops at int64/uint64 + signed -> float.
"""

from __future__ import annotations

import functools
from typing import Any, TypeAlias

import numpy as np

from minikeras.engine import config_file
from minikeras.engine.forgetting import forget

# What users may name a dtype by.
DTypeLike: TypeAlias = str | np.dtype[Any] | type

BOOL = ("bool",)
UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
SIGNED = ("int8", "int16", "int32", "int64")
FLOATS = ("bfloat16", "float16", "float32", "float64")
COMPLEX = ("complex64", "complex128")
# What quantized training rounds to. They are kept and cast, and meet no other dtype unasked.
FLOAT8 = ("float8_e4m3fn", "float8_e5m2")
ALLOWED = BOOL + UNSIGNED + SIGNED + FLOATS + COMPLEX + FLOAT8
# Not a dtype of tensors: what an input and a layer of text say of their values, which are
# NumPy arrays of strings. Nothing computes with it.
STRING = "string"

_ITEMSIZE = {
    "bool": 1, "uint8": 1, "int8": 1, "uint16": 2, "int16": 2, "bfloat16": 2, "float16": 2,
    "uint32": 4, "int32": 4, "float32": 4, "uint64": 8, "int64": 8, "float64": 8,
    "complex64": 8, "complex128": 16, "float8_e4m3fn": 1, "float8_e5m2": 1,
    STRING: 8,
}  # fmt: skip

# Each dtype and the ones directly above it; the result of a pair is their least
# common ancestor. "int", "float" and "complex" are the weak types of Python scalars.
_ABOVE = {
    "bool": ("int",),
    "int": ("uint8", "int8"),
    "uint8": ("int16", "uint16"),
    "uint16": ("int32", "uint32"),
    "uint32": ("int64", "uint64"),
    "uint64": ("float",),
    "int8": ("int16",),
    "int16": ("int32",),
    "int32": ("int64",),
    "int64": ("float",),
    "float": ("bfloat16", "float16", "complex"),
    "complex": ("complex64",),
    "bfloat16": ("float32",),
    "float16": ("float32",),
    "float32": ("float64", "complex64"),
    "float64": ("complex128",),
    "complex64": ("complex128",),
    "complex128": (),
}


class DType(str):
    """The name of a dtype, which also is what NumPy's dtypes are: `tensor.dtype`.

    Equal to `"float32"`, `np.float32` and `np.dtype("float32")`, with the attributes of
    the last (`name`, `kind`, `itemsize`, ...). There is one object for each name.

    >>> float32 = DTYPES["float32"]
    >>> float32 == np.float32, float32 == "float32", np.float64 == float32
    (True, True, False)
    >>> float32.name, float32.kind, float32.itemsize
    ('float32', 'f', 4)
    """

    __slots__ = ("name",)

    name: str

    def __new__(cls, name: str) -> DType:
        made = str.__new__(cls, name)
        made.name = name
        return made

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if isinstance(other, str):
            return str.__eq__(self, other)
        if isinstance(other, (np.dtype, type)):
            try:
                return bool(numpy_dtype(self.name) == other)
            except TypeError:  # a class that is no dtype
                return False
        return NotImplemented

    def __ne__(self, other: object) -> bool:
        equal = self.__eq__(other)
        return equal if equal is NotImplemented else not equal

    __hash__ = str.__hash__

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return getattr(numpy_dtype(self.name), attribute)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_dtype_called, (self.name,))


DTYPES = {name: DType(name) for name in (*ALLOWED, STRING)}


def _dtype_called(name: str) -> DType:
    return DTYPES[name]


def itemsize(dtype: str) -> int:
    """Bytes of one element."""
    return _ITEMSIZE[dtype]


def is_float(dtype: str) -> bool:
    return dtype in FLOATS


def is_complex(dtype: str) -> bool:
    return dtype in COMPLEX


def is_float8(dtype: str) -> bool:
    return dtype in FLOAT8


def is_rare(dtype: str) -> bool:
    """Complex, or a float of 8 bits: NumPy's kernels alone know these."""
    return dtype in COMPLEX or dtype in FLOAT8


def is_inexact(dtype: str) -> bool:
    """Float, of 8 bits too, or complex: what has gradients."""
    return dtype in FLOATS or dtype in COMPLEX or dtype in FLOAT8


def real_of(dtype: str) -> str:
    """The dtype of the parts of a complex dtype; any other is its own."""
    return {"complex64": "float32", "complex128": "float64"}.get(dtype, dtype)


def complex_of(dtype: str) -> str:
    """The complex dtype whose parts hold a float dtype."""
    return "complex128" if dtype in ("float64", "complex128") else "complex64"


def is_integer(dtype: str) -> bool:
    """Signed or unsigned integer; bool is neither integer nor float."""
    return dtype in SIGNED or dtype in UNSIGNED


@functools.cache
def numpy_dtype(dtype: str) -> np.dtype[Any]:
    """The NumPy dtype of a name; bfloat16 and floats of 8 bits are ml_dtypes's, on first use."""
    if dtype == STRING:
        raise ValueError(
            "strings are not numbers: only layers such as StringLookup, TextVectorization and "
            "Hashing take them, and turn them into numbers."
        )
    if dtype == "bfloat16" or dtype in FLOAT8:
        import ml_dtypes

        made: np.dtype[Any] = np.dtype(getattr(ml_dtypes, dtype))
        return made
    return np.dtype(dtype)


@functools.cache
def _dtype_name(dtype: DTypeLike) -> str:
    try:
        name: str = np.dtype(dtype).name
    except SyntaxError:  # NumPy reads texts with commas as lists of fields
        raise TypeError(f"dtype {dtype!r} not understood") from None
    if name.startswith("str") or name == "object" or name not in ALLOWED:
        raise ValueError(
            f"dtype {name!r} is not supported; expected one of {', '.join(ALLOWED)}."
        )
    return name


def standardize(dtype: object) -> str:
    """The name of any dtype-like: a string, a NumPy or Python type, or an object with one.

    Raises:
        ValueError: If it names no supported dtype.
    """
    if type(dtype) is str:
        if dtype in _ITEMSIZE:
            return dtype
        if dtype == "float":
            return floatx()
        if dtype == "int":
            return "int32"
    if type(dtype) is DType:
        return dtype.name
    if isinstance(dtype, np.dtype):
        return _dtype_name(dtype)
    if dtype is None or dtype is float:
        return floatx()
    if dtype is int:
        return "int32"
    if dtype is bool:
        return "bool"
    if dtype is complex:
        return complex_of(floatx())
    name = getattr(dtype, "name", None)
    if isinstance(name, str) and name in _ITEMSIZE:
        return name
    try:
        return _dtype_name(dtype)
    except TypeError:
        raise ValueError(
            f"dtype {repr(dtype)[:120]} is not understood; expected one of {', '.join(ALLOWED)}."
        ) from None


@functools.cache
def _ancestors(dtype: str) -> frozenset[str]:
    found = {dtype}
    for above in _ABOVE[dtype]:
        found |= _ancestors(above)
    return frozenset(found)


@functools.cache
def _promote(a: str, b: str) -> str:
    common = _ancestors(a) & _ancestors(b)
    for candidate in common:
        if common == _ancestors(candidate):
            return candidate
    raise AssertionError(f"the promotion lattice has no join for {a} and {b}")


@functools.cache
def _result_type(names: tuple[str, ...], float_default: str) -> str:
    if STRING in names:
        numpy_dtype(STRING)  # says what takes strings
    if not _ABOVE.keys() >= set(names):
        raise ValueError(
            f"dtypes {', '.join(names)}: floats of 8 bits are not converted by themselves. "
            'Cast them first, as in `ops.cast(x, "float32")`.'
        )
    result = functools.reduce(_promote, names)
    if result == "int":
        return "int32"
    if result == "float":
        return float_default
    if result == "complex":
        return complex_of(float_default)
    if result == "float64" and "float64" not in names:
        return float_default
    return result


def result_type(*dtypes: object) -> str:
    """The dtype an op on these dtypes computes in, by Keras's rules.

    `int` and `float` (the Python types, or the names "int" and "float") are weak.

    >>> result_type("int32", "float32"), result_type("int8", float)
    ('float32', 'float32')
    """
    names = []
    for d in dtypes:
        if d is int or d == "int":
            names.append("int")
        elif d is float or d == "float":
            names.append("float")
        elif d is complex or d == "complex":
            names.append("complex")
        else:
            names.append(standardize(d))
    if not names:
        return floatx()
    return _result_type(tuple(names), floatx())


_floatx: str | None = None


def floatx() -> str:
    """The default float dtype; the config file is asked on first use."""
    global _floatx
    if _floatx is None:
        _floatx = config_file.file_choice("floatx", FLOATS, "float32")
    return _floatx


def set_floatx(value: str) -> None:
    global _floatx
    if value not in FLOATS:
        raise ValueError(
            f"set_floatx: got {value!r}; expected one of {', '.join(FLOATS)}."
        )
    _floatx = value
    forget()
