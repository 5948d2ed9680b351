"""`tf.float32` and the other dtypes: names, which is what dtypes are here."""

from __future__ import annotations

from typing import Any

from minikeras import ops
from minikeras.engine.dtypes import is_float, is_integer, standardize
from minikeras.engine.tensor import Tensor
from minikeras.types import ArrayLike, DTypeLike


class DType(str):
    """The name of a dtype, with what TensorFlow's objects say about it.

    >>> float32 == "float32", float32.name, float32.is_floating
    (True, 'float32', True)
    """

    @property
    def name(self) -> str:
        """The name itself."""
        return str(self)

    @property
    def as_numpy_dtype(self) -> Any:
        """The dtype of arrays."""
        import numpy as np

        if self == "string":
            return np.object_
        if self == "bfloat16":
            import ml_dtypes

            return ml_dtypes.bfloat16
        return np.dtype(str(self)).type

    @property
    def is_floating(self) -> bool:
        """Whether it is of floats."""
        return self != "string" and is_float(str(self))

    @property
    def is_integer(self) -> bool:
        """Whether it is of integers."""
        return self != "string" and is_integer(str(self))

    @property
    def is_bool(self) -> bool:
        """Whether it is of booleans."""
        return self == "bool"

    @property
    def max(self) -> Any:
        """The largest number."""
        import ml_dtypes

        find = ml_dtypes.finfo if self.is_floating else ml_dtypes.iinfo
        return find(self.as_numpy_dtype).max

    @property
    def min(self) -> Any:
        """The smallest number."""
        import ml_dtypes

        find = ml_dtypes.finfo if self.is_floating else ml_dtypes.iinfo
        return find(self.as_numpy_dtype).min

    def __repr__(self) -> str:
        return f"tf.{self}"


_NAMES = ("bfloat16", "bool", "complex128", "complex64", "double", "float16", "float32",
          "float64", "half", "int16", "int32", "int64", "int8", "string", "uint16",
          "uint32", "uint64", "uint8")  # fmt: skip
_SAME = {"double": "float64", "half": "float16"}
globals().update({name: DType(_SAME.get(name, name)) for name in _NAMES})


def as_dtype(type_value: object) -> DType:
    """The dtype that a name, a NumPy dtype or a Python type stands for."""
    return DType("string" if type_value is str else standardize(type_value))


def cast(x: ArrayLike, dtype: DTypeLike, name: str | None = None) -> Tensor:
    """`x` in another dtype."""
    return ops.cast(x, dtype)


def saturate_cast(
    value: ArrayLike, dtype: DTypeLike, name: str | None = None
) -> Tensor:
    """`cast`, with numbers outside brought to the ends of the dtype."""
    return ops.saturate_cast(value, dtype)


__all__ = ["DType", "as_dtype", "cast", "saturate_cast", *_NAMES]
