"""Functions of Keras 2's `keras.utils.conv_utils`, `generic_utils` and `tf_utils`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from minikeras import ops, settings
from minikeras.alias.internals.utils import standardize_tuple, to_list
from minikeras.engine.symbolic import KerasTensor


def normalize_tuple(value: int | Sequence[int], n: int, name: str) -> tuple[int, ...]:
    """A number `n` times, or `n` numbers, as a tuple."""
    return standardize_tuple(value, n, name, allow_zero=True)


def normalize_padding(value: str) -> str:
    """`"valid"`, `"same"` or `"causal"`, in lower case.

    Raises:
        ValueError: If it is none of these.
    """
    padding = str(value).lower()
    if padding not in ("valid", "same", "causal"):
        raise ValueError(f"padding={value!r}; expected 'valid', 'same' or 'causal'.")
    return padding


def normalize_data_format(value: str | None) -> str:
    """The data format, the default one where it is None.

    Raises:
        ValueError: If it is unknown.
    """
    found = str(value or settings.image_data_format()).lower()
    if found not in settings.DATA_FORMATS:
        raise ValueError(
            f"data_format={value!r}; expected one of {', '.join(settings.DATA_FORMATS)}."
        )
    return found


def convert_data_format(data_format: str, ndim: int) -> str:
    """TensorFlow's name of a data format, for tensors of 3 to 5 axes.

    >>> convert_data_format("channels_last", 4)
    'NHWC'
    """
    sides = "DHW"[5 - ndim :] if 3 <= ndim <= 5 else ""
    if not sides or data_format not in settings.DATA_FORMATS:
        raise ValueError(
            f"data_format={data_format!r}, ndim={ndim}; expected 3 to 5 axes."
        )
    return f"N{sides}C" if data_format == "channels_last" else f"NC{sides}"


def conv_output_length(
    input_length: int | None,
    filter_size: int,
    padding: str,
    stride: int,
    dilation: int = 1,
) -> int | None:
    """The length that a convolution gives.

    >>> [conv_output_length(10, 3, p, 2) for p in ("valid", "same", "causal", "full")]
    [4, 5, 5, 6]
    """
    if input_length is None:
        return None
    window = filter_size + (filter_size - 1) * (dilation - 1)
    grown = {"same": 0, "causal": 0, "valid": 1 - window, "full": window - 1}
    if padding not in grown:
        raise ValueError(f"padding={padding!r}; expected one of {', '.join(grown)}.")
    return (input_length + grown[padding] + stride - 1) // stride


def conv_input_length(
    output_length: int | None, filter_size: int, padding: str, stride: int
) -> int | None:
    """The least length of which a convolution gives this one.

    >>> [conv_input_length(5, 3, p, 2) for p in ("valid", "same", "full")]
    [11, 9, 7]
    """
    if output_length is None:
        return None
    border = {"same": filter_size // 2, "valid": 0, "full": filter_size - 1}
    if padding not in border:
        raise ValueError(f"padding={padding!r}; expected one of {', '.join(border)}.")
    return (output_length - 1) * stride - 2 * border[padding] + filter_size


def deconv_output_length(
    input_length: int | None,
    filter_size: int,
    padding: str,
    output_padding: int | None = None,
    stride: int = 0,
    dilation: int = 1,
) -> int | None:
    """The length that a transposed convolution gives.

    >>> [deconv_output_length(5, 3, p, stride=2) for p in ("valid", "same", "full")]
    [11, 10, 7]
    """
    if input_length is None:
        return None
    window = filter_size + (filter_size - 1) * (dilation - 1)
    if padding not in ("same", "valid", "full"):
        raise ValueError(f"padding={padding!r}; expected 'same', 'valid' or 'full'.")
    if output_padding is None:
        more = {
            "same": 0,
            "valid": max(window - stride, 0),
            "full": -(stride + window - 2),
        }
        return input_length * stride + more[padding]
    border = {"same": window // 2, "valid": 0, "full": window - 1}[padding]
    return (input_length - 1) * stride + window - 2 * border + output_padding


def has_arg(fn: Callable[..., Any], name: str, accept_all: bool = False) -> bool:
    """Whether a function takes an argument; `accept_all`: `**kwargs` is enough."""
    parameters = inspect.signature(fn).parameters
    if accept_all and any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return True
    found = parameters.get(name)
    return found is not None and found.kind in (
        found.POSITIONAL_OR_KEYWORD,
        found.KEYWORD_ONLY,
    )


def unpack_singleton(x: object) -> Any:
    """The element of a list or tuple of one; anything else stays."""
    return x[0] if isinstance(x, (list, tuple)) and len(x) == 1 else x


def slice_arrays(arrays: Any, start: object = None, stop: int | None = None) -> Any:
    """Rows of an array, or of each in a list: from start to stop, or those listed."""
    if arrays is None:
        return [None]
    rows = start if hasattr(start, "__len__") else slice(start, stop)
    if isinstance(arrays, list):
        return [None if a is None else a[rows] for a in arrays]
    return arrays[rows]


def object_list_uid(object_list: object) -> str:
    """What tells one list of objects from another."""
    return ", ".join(str(abs(id(one))) for one in to_list(object_list))


def shape_type_conversion(fn: Callable[..., Any]) -> Callable[..., Any]:
    """A method that gets shapes as tuples, and gives them so."""

    @wraps(fn)
    def wrapper(instance: object, input_shape: object) -> Any:
        return fn(instance, input_shape)

    return wrapper


def is_symbolic_tensor(tensor: object) -> bool:
    """Whether it stands for data that come later."""
    return isinstance(tensor, KerasTensor) or bool(getattr(tensor, "staged", False))


def is_tensor_or_variable(x: Any) -> bool:
    """Whether it is a tensor, a variable or a KerasTensor."""
    return ops.is_tensor(x) or hasattr(x, "assign") or isinstance(x, KerasTensor)
