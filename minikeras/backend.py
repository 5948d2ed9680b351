"""`keras.backend`: settings and small helpers under the names that older code uses."""

from minikeras import naming as _naming
from minikeras.engine.backend import release as _release
from minikeras.engine.dtypes import is_float as _is_float
from minikeras.engine.dtypes import is_float8 as _is_float8
from minikeras.engine.dtypes import is_integer as _is_integer
from minikeras.engine.dtypes import result_type
from minikeras.engine.dtypes import standardize as standardize_dtype
from minikeras.engine.symbolic import is_keras_tensor
from minikeras.settings import (
    backend,
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)


def clear_session(free_memory: bool = True) -> None:
    """Start counting automatic names anew.

    Args:
        free_memory: Whether to give back to a GPU what was kept for later.

    Example:

    >>> keras.backend.clear_session()
    >>> keras.layers.Dense(1).name
    'dense'
    """
    _naming.reset()
    if free_memory:
        _release()


def get_uid(prefix: str = "") -> int:
    """A number that rises with each call for the same prefix, from 1.

    >>> get_uid("get_uid example"), get_uid("get_uid example")
    (1, 2)
    """
    return _naming.count_up(prefix)


def is_float_dtype(dtype: object) -> bool:
    """Whether this is a float dtype.

    >>> is_float_dtype("bfloat16")
    True
    """
    name = standardize_dtype(dtype)
    return _is_float(name) or _is_float8(name)


def is_int_dtype(dtype: object) -> bool:
    """Whether this is an integer dtype.

    >>> is_int_dtype("uint8")
    True
    """
    return _is_integer(standardize_dtype(dtype))


def __dir__() -> list[str]:
    return __all__


__all__ = [
    "backend",
    "clear_session",
    "epsilon",
    "floatx",
    "get_uid",
    "image_data_format",
    "is_float_dtype",
    "is_int_dtype",
    "is_keras_tensor",
    "result_type",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "standardize_dtype",
]
