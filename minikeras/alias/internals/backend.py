"""`keras.src.backend`: what stands beside the public names of `keras.backend` and `keras.ops`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from minikeras import naming, ops, scopes, settings
from minikeras.alias.identity import backend
from minikeras.engine import dtypes
from minikeras.engine.interpret import current
from minikeras.engine.prims import cast as _cast_value
from minikeras.engine.symbolic import (
    KerasTensor,
    any_symbolic,
    infer_call,
    is_keras_tensor,
)
from minikeras.layers.base.masking import mask_of, set_mask
from minikeras.layers.base.stateless import StatelessScope, SymbolicScope
from minikeras.ops import convert_to_numpy, convert_to_tensor, is_tensor
from minikeras.random.seed_generator import draw_seed
from minikeras.scopes import device
from minikeras.types import ArrayLike, DTypeLike
from minikeras.variable import Variable, autocast_dtype, autocast_scope

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor


IS_THREAD_SAFE = True
SUPPORTS_COMPLEX_DTYPES = True
SUPPORTS_RAGGED_TENSORS = False
SUPPORTS_SPARSE_TENSORS = False
BackendVariable = Variable
DATA_FORMATS = settings.DATA_FORMATS

_global: dict[str, Any] = {}


def get_keras_mask(x: object) -> Tensor:
    """The mask that a tensor carries, or None."""
    return mask_of(x)


def set_keras_mask(x: object, mask: ArrayLike) -> None:
    """Attach a mask to a tensor; None takes it away."""
    set_mask(x, mask)


def any_symbolic_tensors(args: object = None, kwargs: object = None) -> bool:
    """Whether a KerasTensor is among the arguments."""
    return any_symbolic(args or (), kwargs or {})


def compute_output_spec(fn: Callable[..., Any], *args: object, **kwargs: object) -> Any:
    """What a function gives for KerasTensors."""
    return infer_call(fn, *args, **kwargs)


def standardize_shape(shape: Any) -> tuple[int | None, ...]:
    """A shape as a tuple of sizes and None.

    Raises:
        ValueError: If an entry is no size.
    """
    found = tuple(None if n is None else int(n) for n in shape)
    if any(n is not None and n < 0 for n in found):
        raise ValueError(f"shape {shape}: expected sizes of 0 or more, or None.")
    return found


def standardize_data_format(data_format: str | None) -> str:
    """`data_format`, the default one where it is None.

    Raises:
        ValueError: If it is none of the two.
    """
    found = (
        settings.image_data_format()
        if data_format is None
        else str(data_format).lower()
    )
    if found not in DATA_FORMATS:
        raise ValueError(
            f"data_format={data_format!r}; expected one of {', '.join(DATA_FORMATS)}."
        )
    return found


def shape_equal(a_shape: Sequence[Any], b_shape: Sequence[Any]) -> bool:
    """Whether two shapes agree, None fitting anything."""
    if len(a_shape) != len(b_shape):
        return False
    return all(a is None or b is None or a == b for a, b in zip(a_shape, b_shape))


def canonicalize_axis(axis: int, num_dims: int) -> int:
    """An axis as a number from 0.

    Raises:
        ValueError: If there is no such axis.
    """
    if not -num_dims <= axis < num_dims:
        raise ValueError(
            f"axis {axis} is out of bounds; expected {-num_dims} to {num_dims - 1}."
        )
    return axis % num_dims


def to_tuple_or_list(value: object) -> list[Any] | tuple[Any, ...] | None:
    """A number as a tuple of itself; None, tuples and lists stay."""
    return value if value is None or isinstance(value, list | tuple) else (value,)


def cast(x: ArrayLike, dtype: DTypeLike) -> Tensor:
    """`x` in another dtype."""
    return ops.cast(x, dtype)


def shape(x: ArrayLike) -> Any:
    """The shape, a tuple."""
    return ops.shape(x)


def get_autocast_scope() -> AutocastScope | None:
    """The scope that casts variables now, or None."""
    found = autocast_dtype()
    return None if found is None else AutocastScope(found)


class AutocastScope:
    """A block in which float variables are read in another dtype; None: as they are."""

    def __init__(self, dtype: DTypeLike) -> None:
        self.dtype = None if dtype is None else dtypes.standardize(dtype)
        self._scope: Any = None

    def maybe_cast(self, value: Any) -> Any:
        """`value` in the scope's dtype, where both are of floats."""
        if self.dtype is None or not dtypes.is_float(value.dtype):
            return value
        return _cast_value(value, dtype=self.dtype)

    def __enter__(self) -> AutocastScope:
        self._scope = autocast_scope(self.dtype)
        self._scope.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._scope.__exit__(*exception)


def in_stateless_scope() -> bool:
    """Whether a `StatelessScope` is open."""
    return get_stateless_scope() is not None


def get_stateless_scope() -> StatelessScope | None:
    """The innermost open `StatelessScope`, or None."""
    return getattr(current(), "scope", None)


def in_symbolic_scope() -> bool:
    """Whether a `SymbolicScope` is open: never to be asked here, where tracing is general."""
    return False


def set_global_attribute(name: str, value: object) -> None:
    """Keeps a value under a name, for the whole process."""
    _global[name] = value


def get_global_attribute(
    name: str, default: object = None, set_to_default: bool = False
) -> Any:
    """The value kept under a name."""
    if _global.get(name) is None and default is not None:
        if set_to_default:
            _global[name] = default
        return default
    return _global.get(name)


def keras_home() -> str:
    """The folder of data sets, weights and settings."""
    import os

    return os.environ.get("KERAS_HOME") or os.path.join(
        os.path.expanduser("~"), ".keras"
    )


def is_nnx_enabled() -> bool:
    """False: that is a switch of the JAX backend."""
    return False


def random_seed_dtype() -> str:
    """The dtype of seeds."""
    return "uint32"


@contextmanager
def name_scope(name: str, **kwargs: object) -> Iterator[None]:
    """A block whose variables have `name` in their paths."""
    with naming.name_scope(name):
        yield


backend_name_scope = name_scope
device_scope = scopes.device


def cond(
    pred: ArrayLike, true_fn: Callable[..., Any], false_fn: Callable[..., Any]
) -> Any:
    """What one of two functions gives."""
    return ops.cond(pred, true_fn, false_fn)


def rnn(*args: Any, **kwargs: Any) -> tuple[Any, ...]:
    """The loop of recurrent layers, as `K.rnn`."""
    from minikeras.alias.keras2_backend.loop import rnn as run

    return run(*args, **kwargs)


def cudnn_ok(*args: object, **kwargs: object) -> bool:
    """False: recurrent layers have kernels of their own."""
    return False


__all__ = [
    "AutocastScope", "BackendVariable", "DATA_FORMATS", "IS_THREAD_SAFE",
    "KerasTensor", "SUPPORTS_COMPLEX_DTYPES", "SUPPORTS_RAGGED_TENSORS",
    "SUPPORTS_SPARSE_TENSORS", "StatelessScope", "SymbolicScope", "Variable",
    "any_symbolic_tensors", "backend", "backend_name_scope", "canonicalize_axis", "cast",
    "compute_output_spec", "cond", "convert_to_numpy", "convert_to_tensor", "cudnn_ok",
    "device", "device_scope", "draw_seed", "get_autocast_scope", "get_global_attribute",
    "get_keras_mask", "get_stateless_scope", "in_stateless_scope", "in_symbolic_scope",
    "is_keras_tensor", "is_nnx_enabled", "is_tensor", "keras_home", "name_scope",
    "random_seed_dtype", "rnn", "set_global_attribute", "set_keras_mask", "shape",
    "shape_equal", "standardize_data_format", "standardize_shape", "to_tuple_or_list",
]  # fmt: skip
