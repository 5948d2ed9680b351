"""Small functions below `keras.src.utils` and `keras.src.backend.common`."""

from __future__ import annotations

import hashlib
import os
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras import naming, ops
from minikeras.backend import result_type
from minikeras.console import say
from minikeras.engine import dtypes
from minikeras.engine.tensor import Tensor
from minikeras.layers.preprocessing.data_layer import encoded
from minikeras.models.summary import print_summary as _print_summary
from minikeras.saving.asking import may_overwrite
from minikeras.types import ArrayLike, DTypeLike
from minikeras.utils.downloading import file_digest

if TYPE_CHECKING:
    from minikeras.models.model import Model


def is_continuous_axis(axis: int | Sequence[int]) -> bool:
    """Whether axes are neighbours, in order.

    >>> is_continuous_axis([0, 1]), is_continuous_axis([0, 2]), is_continuous_axis([-2, -1])
    (True, False, True)
    """
    if isinstance(axis, int):
        return True
    positive = sorted(a for a in axis if a >= 0)
    negative = sorted(a for a in axis if a < 0)
    return all(
        group == list(range(group[0], group[0] + len(group)))
        for group in (positive, negative)
        if group
    )


def remove_long_seq(
    maxlen: int, seq: Sequence[Any], label: Sequence[Any]
) -> tuple[list[Any], list[Any]]:
    """The sequences shorter than `maxlen`, with their labels."""
    kept = [(s, y) for s, y in zip(seq, label) if len(s) < maxlen]
    return [s for s, _ in kept], [y for _, y in kept]


def removeprefix(x: str, prefix: str) -> str:
    """A text without its beginning, where it begins so."""
    return x.removeprefix(prefix)


def removesuffix(x: str, suffix: str) -> str:
    """A text without its end, where it ends so."""
    return x.removesuffix(suffix)


def remove_by_id(lst: list[Any], value: object) -> None:
    """Takes the very object out of a list; one that is only equal stays."""
    for place, one in enumerate(lst):
        if one is value:
            del lst[place]
            return


def cast_to_common_dtype(tensors: Sequence[Any]) -> list[Any]:
    """Tensors of one float dtype: the widest of theirs; those of no floats stay."""
    floats = [t.dtype for t in tensors if dtypes.is_float(str(t.dtype))]
    if not floats:
        return list(tensors)
    wanted = result_type(*floats)
    return [ops.cast(t, wanted) for t in tensors]


def encode_categorical_inputs(
    inputs: ArrayLike,
    output_mode: str,
    depth: int,
    dtype: DTypeLike,
    sparse: bool = False,
    count_weights: ArrayLike | None = None,
    backend_module: object = None,
) -> Any:
    """Numbers below `depth` as themselves, or as vectors.

    Args:
        inputs: Integers.
        output_mode: `"int"`, `"one_hot"`, `"multi_hot"` or `"count"`.
        depth: The length of the vectors.
        dtype: Of the result.
        sparse: Must be False.
        count_weights: What each counts.
        backend_module: Of no use here.

    Raises:
        ValueError: If the mode is unknown, or sparse results are wanted.
    """
    if sparse or output_mode not in ("int", "one_hot", "multi_hot", "count"):
        raise ValueError(
            f"encode_categorical_inputs: output_mode={output_mode!r}, sparse={sparse}; expected "
            "int, one_hot, multi_hot or count, and sparse=False."
        )
    if output_mode == "int":
        return ops.cast(inputs, dtype)
    numbers = ops.cast(inputs, "int32")
    return encoded(numbers, output_mode, depth, str(dtype), count_weights)


def build_pos_neg_masks(
    query_labels: ArrayLike, key_labels: ArrayLike, remove_diagonal: bool = True
) -> tuple[Any, Any]:
    """Which pairs have one label, and which two; the diagonal is no pair.

    Returns:
        Two bool tensors `(queries, keys)`.
    """
    query, key = ops.reshape(query_labels, (-1, 1)), ops.reshape(key_labels, (1, -1))
    same = ops.equal(query, key)
    other = ops.logical_not(same)
    if remove_diagonal:
        eye = ops.eye(same.shape[0], same.shape[1], dtype="bool")
        same = ops.logical_and(same, ops.logical_not(eye))
    return same, other


def canonicalize_axes(axis: int | Sequence[int], num_dims: int) -> tuple[int, ...]:
    """Axes as numbers from 0.

    Raises:
        ValueError: If one is out of range.
    """
    given = (axis,) if isinstance(axis, int) else tuple(axis)
    wrong = [a for a in given if not -num_dims <= a < num_dims]
    if wrong:
        raise ValueError(
            f"axis={wrong[0]} is out of bounds for an array of {num_dims} axes."
        )
    return tuple(a % num_dims for a in given)


def standardize_axis_for_numpy(axis: object) -> Any:
    """A list of axes as a tuple; numbers and None stay."""
    return tuple(axis) if isinstance(axis, list) else axis


def slice_along_axis(
    x: Any, start: int = 0, stop: int | None = None, step: int = 1, axis: int = 0
) -> Any:
    """A part of an array along one axis."""
    where = [slice(None)] * len(x.shape)
    where[axis] = slice(start, stop, step)
    return x[tuple(where)]


def compute_conv_transpose_output_shape(
    input_shape: Sequence[int | None],
    kernel_size: Sequence[int],
    filters: int,
    strides: object,
    padding: str,
    output_padding: object = None,
    data_format: str = "channels_last",
    dilation_rate: object = 1,
) -> list[int | None]:
    """The shape that a transposed convolution gives."""
    shape = list(input_shape)
    count = len(shape) - 2
    first = 2 if data_format == "channels_first" else 1

    def each(value: object) -> list[Any]:
        return list(value) if isinstance(value, (tuple, list)) else [value] * count

    sizes, steps, gaps, extra = map(
        each, (kernel_size, strides, dilation_rate, output_padding)
    )
    for n in range(count):
        old = shape[first + n]
        if old is None:
            continue
        window = (sizes[n] - 1) * gaps[n] + 1
        if extra[n] is None:
            grown = max(window - steps[n], 0) if padding == "valid" else 0
            shape[first + n] = old * steps[n] + grown
        else:
            pad = window // 2 if padding == "same" else 0
            shape[first + n] = (old - 1) * steps[n] + window - 2 * pad + extra[n]
    shape[1 if data_format == "channels_first" else -1] = filters
    return shape


def check_conv_input_channels(inputs: Any, kernel: Any, data_format: str) -> None:
    """Nothing, where a convolution's kernel fits the channels.

    Raises:
        ValueError: If it does not.
    """
    channels = inputs.shape[1 if data_format == "channels_first" else -1]
    if channels is not None and channels % kernel.shape[-2]:
        raise ValueError(
            f"the input has {channels} channels, and the kernel is for {kernel.shape[-2]}."
        )


def readable_memory_size(weight_memory_size: float) -> str:
    """Bytes in a unit that suits them.

    >>> readable_memory_size(5000)
    '4.88 KB'
    """
    units = ("B", "KB", "MB", "GB", "TB", "PB")
    size, place = float(weight_memory_size), 0
    while size >= 1024 and place < len(units) - 1:
        size, place = size / 1024, place + 1
    return f"{size:.2f} {units[place]}"


def weight_memory_size(weights: Iterable[Any]) -> float:
    """The bytes of variables, each counted once."""
    found = {id(w): w for w in weights}.values()
    return float(sum(w.size * dtypes.itemsize(str(w.dtype)) for w in found))


def print_summary(
    model: Model,
    line_length: int | None = None,
    positions: list[float] | None = None,
    print_fn: Callable[[str], Any] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: object = None,
) -> None:
    """`model.summary()`."""
    _print_summary(
        model,
        line_length,
        positions,
        print_fn,
        expand_nested,
        show_trainable,
        layer_range,
    )


def ask_to_proceed_with_overwrite(filepath: str | os.PathLike[str]) -> bool:
    """Whether a file may be replaced: asks."""
    return may_overwrite(str(filepath), overwrite=False)


def hash_file(
    fpath: str | os.PathLike[str], algorithm: str = "sha256", chunk_size: int = 65535
) -> str:
    """The hash of a file, in hexadecimal digits."""
    return file_digest(fpath, "md5" if algorithm == "md5" else "sha256")


def resolve_hasher(algorithm: str, file_hash: str | None = None) -> Any:
    """A new `hashlib` object of an algorithm; `"auto"` goes by the length of a hash."""
    short = algorithm == "auto" and file_hash is not None and len(file_hash) != 64
    return hashlib.md5() if algorithm == "md5" or short else hashlib.sha256()


def validate_file(
    fpath: str | os.PathLike[str],
    file_hash: str,
    algorithm: str = "auto",
    chunk_size: int = 65535,
) -> bool:
    """Whether a file has a hash."""
    name = resolve_hasher(algorithm, file_hash).name
    return hash_file(fpath, name) == file_hash


def get_training_or_validation_split(
    samples: Sequence[Any],
    labels: Sequence[Any] | None,
    validation_split: float | None,
    subset: str | None,
) -> tuple[Any, Any]:
    """The first samples to train with, the last to validate with.

    Raises:
        ValueError: If the subset has another name.
    """
    if not validation_split:
        return samples, labels
    at = len(samples) - int(validation_split * len(samples))
    parts = {"training": slice(at), "validation": slice(at, None)}
    if subset not in parts:
        raise ValueError(f"subset={subset!r}; expected 'training' or 'validation'.")
    part = parts[subset]
    say(f"Using {len(samples[part])} files for {subset}.")
    return samples[part], None if labels is None else labels[part]


def check_validation_split_arg(
    validation_split: float | None,
    subset: str | None,
    shuffle: bool,
    seed: int | None,
) -> None:
    """Nothing, where the arguments of datasets from folders fit.

    Raises:
        ValueError: If they do not.
    """
    if (validation_split is None) != (subset is None):
        raise ValueError(
            f"validation_split={validation_split}, subset={subset!r}; expected both or neither."
        )
    if validation_split is not None and not 0 < validation_split < 1:
        raise ValueError(
            f"validation_split={validation_split}; expected a number between 0 and 1."
        )
    if subset not in (None, "training", "validation", "both"):
        raise ValueError(
            f"subset={subset!r}; expected 'training', 'validation' or 'both'."
        )
    if validation_split and shuffle and seed is None:
        raise ValueError(
            "validation_split with shuffle=True needs a seed, so that the subsets share no "
            "sample; give one, or shuffle=False."
        )


def get_tensor_attr(tensor: object, attr: str) -> Any:
    """What `set_tensor_attr` attached, or None."""
    return _ATTACHED.get(id(tensor), (None, {}))[1].get(attr)


def set_tensor_attr(tensor: object, attr: str, value: object) -> None:
    """Attaches a value to a tensor, for as long as the tensor lives."""
    place = id(tensor)
    if place not in _ATTACHED:
        gone = weakref.ref(tensor, lambda _: _ATTACHED.pop(place, None))
        _ATTACHED[place] = (gone, {})
    _ATTACHED[place][1][attr] = value


_ATTACHED: dict[int, tuple[Any, dict[str, Any]]] = {}


def current_path() -> str:
    """The names of the open name scopes."""
    return naming.scoped("").removesuffix("/")


def get_symbolic_scope() -> None:
    """None: tracing is general here, and has no scope."""


def is_tracking_enabled() -> bool:
    """Whether setting an attribute registers what it holds: always."""
    return True


def is_ragged_tensor(x: object) -> bool:
    """False: all tensors are dense."""
    return False


def ensure_tensor(inputs: ArrayLike, dtype: DTypeLike | None = None) -> Tensor:
    """A tensor, of the dtype where one is given."""
    return ops.convert_to_tensor(inputs, dtype=dtype)


def reset_uids() -> None:
    """Names begin again with the first number."""
    naming.reset()


def format_argument_value(value: Any) -> str:
    """An argument in few words, for messages."""
    if isinstance(value, np.ndarray) or ops.is_tensor(value):
        return f"Tensor(shape={tuple(value.shape)}, dtype={value.dtype})"
    return repr(value)


__all__ = [name for name, value in list(globals().items())
           if getattr(value, "__module__", None) == __name__ and name[0] != "_"]  # fmt: skip
