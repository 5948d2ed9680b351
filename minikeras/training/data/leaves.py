"""Host arrays from whatever a user passes as data, and the checks on their values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minikeras.engine import dtypes, tree
from minikeras.engine.errors import see
from minikeras.engine.frames import column_array, frame_array, is_frame
from minikeras.engine.given import refuse_masked
from minikeras.engine.strings import is_strings
from minikeras.engine.tensor import Tensor, host_array
from minikeras.training.data.rows import Array, Rows, is_sparse, rows_of
from minikeras.variable import Variable


def is_array(value: object) -> bool:
    """Whether `value` is something with a shape and values: one leaf of data."""
    known = (np.ndarray, Tensor, Variable, Rows, memoryview)
    if isinstance(value, known) or is_sparse(value) or _is_lazy_column(value):
        return True
    return hasattr(value, "__array__") and (
        hasattr(value, "shape") or hasattr(value, "to_numpy")
    )


def _is_lazy_column(value: object) -> bool:
    """Whether it is a column of a Hugging Face dataset, which is read when asked for."""
    return hasattr(value, "column_name") and hasattr(value, "source")


def is_array_structure(value: object) -> bool:
    """Whether `value` is an array, or lists, tuples and dicts with arrays in them."""
    if is_array(value) or value is None:
        return True
    if isinstance(value, (list, tuple, dict)):
        leaves = tree.flatten(value)
        return bool(leaves) and all(is_array(v) or _is_plain(v) for v in leaves)
    return False


def _is_plain(value: object) -> bool:
    """Whether it is a bare value, which `host` then refuses with a hint."""
    return value is None or isinstance(value, (bool, int, float, complex, str, bytes))


def host(value: object, name: str) -> Array:
    """One leaf of data as a NumPy array of a dtype that models take.

    float64 becomes `floatx()`, as in Keras; other dtypes stay, strings too: whether a
    model takes them is known later (`refuse_strings`).

    Args:
        value: NumPy array, tensor of ours or of another library, frame or column of
            pandas, polars or pyarrow, sparse matrix of SciPy.
        name: What to call it in messages, e.g. `"x"` or `"y['label']"`.

    Raises:
        ValueError: If it is no array, has no batch axis, or does not hold numbers.
    """
    array = value if type(value) is np.ndarray else _array_of(value, name)
    # NumPy's default width is nobody's wish: Keras casts it to floatx too.
    if array.dtype.kind == "f" and array.dtype.itemsize == 8:
        array = array.astype(dtypes.numpy_dtype(dtypes.floatx()), copy=False)
    _check_leaf(array, name)
    return array


def _check_leaf(array: Array | Rows, name: str) -> None:
    numbers = array.dtype.kind in "fiubc" or array.dtype.name == "bfloat16"
    if not numbers and not is_strings(array):
        raise _not_numbers(array, name)
    if not array.ndim:
        raise ValueError(
            f"{name} has shape (), a scalar; expected a batch axis first, as in "
            "np.array([value])."
        )


def _not_numbers(array: Array | Rows, name: str) -> ValueError:
    return ValueError(
        f"{name} has dtype {array.dtype}; expected numbers or booleans. Encode "
        "strings as numbers first, and convert ragged or mixed columns to one dtype."
    )


def refuse_strings(structure: object, name: str) -> None:
    """Raise if strings are anywhere in host arrays."""
    for where, leaf in named_leaves(structure, name):
        if is_strings(leaf):
            raise _not_numbers(leaf, where)


def host_or_rows(value: object, name: str) -> Array | Rows:
    """The same, but what lies in a file or is sparse is left to be read by batches."""
    rows = rows_of(value)
    if rows is None:
        return host(value, name)
    _check_leaf(rows, name)
    return rows


def _array_of(value: Any, name: str) -> Array:
    if isinstance(value, Variable):
        value = value.value
    if isinstance(value, Tensor):
        return host_array(value.value)
    if is_frame(value):
        return frame_array(value, name)
    if hasattr(value, "to_numpy"):  # columns of pandas, polars, pyarrow
        return column_array(value)
    if is_sparse(value):
        return np.asarray(value.toarray())
    if _is_lazy_column(value):
        value = value[:]
        value = np.array(value) if isinstance(value, list) else value
    if hasattr(value, "detach"):  # torch
        value = value.detach().cpu()
        if str(value.dtype) == "torch.bfloat16":  # NumPy has none
            value = value.float()
    if not is_array(value):
        raise ValueError(
            f"{name} is a {type(value).__name__}; expected an array (or lists, tuples "
            f"and dicts of arrays). Use np.array({name.split('[')[0]}) on lists of numbers."
        )
    refuse_masked(value, name)
    return np.asarray(value)


def host_structure(structure: object, name: str, by_batch: bool = False) -> Any:
    """The structure with every leaf made a host array; None leaves stay.

    Args:
        structure: A leaf, or lists, tuples and dicts of them.
        name: What to call it in messages.
        by_batch: Whether leaves may stay `Rows`, read batch by batch.
    """
    convert = host_or_rows if by_batch else host
    # The common case, before any walk.
    if type(structure) is np.ndarray:
        return convert(structure, name)
    return map_named(convert, structure, name)


def map_named(function: Callable[[Any, str], Any], structure: object, name: str) -> Any:
    """`function(leaf, path)` on every leaf that is not None."""
    if isinstance(structure, dict) and not is_sparse(structure):  # "dok" is one
        return {
            k: map_named(function, v, f"{name}[{k!r}]") for k, v in structure.items()
        }
    if isinstance(structure, (list, tuple)):
        parts = [
            map_named(function, v, f"{name}[{i}]") for i, v in enumerate(structure)
        ]
        if isinstance(structure, list):
            return parts
        kind = type(structure)
        return kind(*parts) if hasattr(structure, "_fields") else tuple(parts)
    return None if structure is None else function(structure, name)


def named_leaves(structure: object, name: str) -> list[tuple[str, Array]]:
    """Every leaf that is not None with its path, in order."""
    if type(structure) is np.ndarray:
        return [(name, structure)]
    found: list[tuple[str, Array]] = []
    map_named(lambda leaf, where: found.append((where, leaf)), structure, name)
    return found


def check_lengths(parts: list[tuple[str, Array]], owner: str) -> int:
    """The common number of samples of all arrays.

    Raises:
        ValueError: If there is no array, no sample, or the lengths differ.
    """
    if not parts:
        raise ValueError(f"{owner}: x is None; expected data, e.g. {owner}(x, y).")
    size = len(parts[0][1])
    for _, array in parts:
        if len(array) != size:
            odd = [part for part in parts if len(part[1]) != size]
            shown = (
                [*parts[:4], *(p for p in odd if p not in parts[:4])][:5]
                if len(parts) > 6
                else parts
            )
            listed = ", ".join(f"{name} has {len(a)}" for name, a in shown)
            raise ValueError(
                f"{owner}: the arrays hold different numbers of samples: {listed}; "
                "expected the same size of the first axis everywhere."
                + see("guides/data.md#arrays")
            )
    if not size:
        name, array = parts[0]
        raise ValueError(
            f"{owner}: {name} is empty (shape {array.shape}); expected at least one sample."
        )
    return size
