"""`keras.src.utils`: checks of arguments, names, tracking, and what asks about the process."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from os import PathLike
from types import ModuleType
from typing import Any

from minikeras import naming, ops
from minikeras.engine import dtypes
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.tracker import (
    TrackedDict,
    TrackedList,
    TrackedSet,
    Tracker,
    untracked,
)
from minikeras.naming import auto_name, to_snake_case
from minikeras.random.seed_generator import set_global_seed
from minikeras.types import ArrayLike, DTypeLike, Sizes


def standardize_tuple(
    value: Sizes, n: int, name: str, allow_zero: bool = False
) -> tuple[int, ...]:
    """A number `n` times, or `n` numbers, as a tuple.

    Args:
        value: An integer, or `n` of them.
        n: How many are wanted.
        name: Of the argument, for the error.
        allow_zero: Whether 0 will do.

    Raises:
        ValueError: If there are not `n` integers, or one is too small.

    >>> standardize_tuple(2, 3, "strides")
    (2, 2, 2)
    """
    least = 0 if allow_zero else 1
    wanted = f"{n} integers of {least} or more"
    try:
        found = (value,) * n if isinstance(value, int) else tuple(int(v) for v in value)
        exact = isinstance(value, int) or all(int(v) == v for v in value)
    except (TypeError, ValueError):
        found, exact = (), False
    if len(found) != n or not exact or any(v < least for v in found):
        raise ValueError(
            f"{name}={value!r}; expected {wanted}, or one integer for all."
        )
    return found


def standardize_padding(
    value: object, allow_causal: bool = False
) -> list[Any] | tuple[Any, ...] | str:
    """`"valid"`, `"same"` or, where allowed, `"causal"`, in lower case.

    Raises:
        ValueError: If it is another word.
    """
    if isinstance(value, list | tuple):
        return value
    allowed = {"valid", "same"} | ({"causal"} if allow_causal else set())
    found = str(value).lower()
    if found not in allowed:
        raise ValueError(f"padding={value!r}; expected one of {sorted(allowed)}.")
    return found


def validate_string_arg(
    value: ArrayLike,
    allowable_strings: Iterable[str],
    caller_name: str,
    arg_name: str,
    allow_none: bool = False,
    allow_callables: bool = False,
) -> None:
    """Nothing, where the argument is one of the strings.

    Raises:
        ValueError: If it is not.
    """
    if allow_none and value is None:
        return
    if allow_callables and callable(value):
        return
    if not isinstance(value, str) or value not in allowable_strings:
        raise ValueError(
            f"{caller_name}: {arg_name}={value!r}; expected one of "
            f"{sorted(allowable_strings)}."
        )


def no_automatic_dependency_tracking(fn: Callable[..., Any]) -> Callable[..., Any]:
    """A method in which attributes are set as they are."""

    @functools.wraps(fn)
    def wrapped(*args: object, **kwargs: object) -> Any:
        with untracked():
            return fn(*args, **kwargs)

    return wrapped


class DotNotTrackScope:
    """A block in which attributes are set as they are."""

    def __enter__(self) -> None:
        self._block = untracked()
        self._block.__enter__()

    def __exit__(self, *exception: Any) -> None:
        self._block.__exit__(*exception)


def in_tf_graph() -> bool:
    """False: there is no TensorFlow."""
    return False


def in_grain_data_pipeline() -> bool:
    """False: nothing of a layer runs in grain's worker processes here."""
    return False


@contextmanager
def TFGraphScope() -> Iterator[None]:
    """A block that nothing is different in."""
    yield


def convert_tf_tensor(outputs: Any, dtype: DTypeLike | None = None) -> Tensor:
    """`outputs` as they are, or in another dtype."""
    return outputs if dtype is None else ops.cast(outputs, dtype)


def is_in_jax_tracing_scope(x: object | None = None) -> bool:
    """False: there is no JAX."""
    return False


class LazyModule:
    """A module that is imported when a name of it is asked for."""

    def __init__(
        self,
        name: str,
        pip_name: str | None = None,
        import_error_msg: str | None = None,
    ) -> None:
        self._name = name
        self._say = import_error_msg or (
            f"This needs the package {pip_name or name}: pip install {pip_name or name}"
        )

    @property
    def available(self) -> bool:
        """Whether it can be imported."""
        try:
            self._module()
        except ImportError:
            return False
        return True

    def _module(self) -> ModuleType:
        try:
            return importlib.import_module(self._name)
        except ImportError as error:
            raise ImportError(f"{self._say} ({error})") from error

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what tools ask of any object
            raise AttributeError(name)
        return getattr(self._module(), name)


class _Absent(LazyModule):
    """A package that counts as not installed, since ours only stands in for it."""

    @property
    def available(self) -> bool:
        """False."""
        return False


tensorflow = _Absent("tensorflow")
jax = LazyModule("jax")
scipy = LazyModule("scipy")
h5py = LazyModule("h5py")
grain = LazyModule("grain")
optree = LazyModule("optree")


def keras_export(path: str | PathLike[str]) -> Callable[[Any], Any]:
    """A decorator that leaves things as they are."""
    return lambda thing: thing


def uniquify(name: str) -> str:
    """`name`, with a number where it was given before."""
    return naming.auto_name(name)


def get_object_name(obj: object) -> str:
    """The name of a function or an object, in snake case."""
    name = getattr(obj, "name", None) or getattr(obj, "__name__", None)
    return str(name) if name else to_snake_case(type(obj).__name__)


def default(method: Any) -> Any:
    """Marks a method as the one of the base class."""
    method._is_default = True
    return method


def is_default(method: object) -> bool:
    """Whether `default` marked it."""
    return bool(getattr(method, "_is_default", False))


def to_list(x: object) -> list[Any]:
    """`x` in a list, unless it is one."""
    return x if isinstance(x, list) else [x]


def pythonify_logs(logs: dict[str, Any] | None) -> dict[str, Any]:
    """Logs with Python floats in place of tensors."""
    found = {}
    for key, value in (logs or {}).items():
        try:
            found[key] = float(value)
        except (TypeError, ValueError):
            found[key] = value
    return found


def get_random_seed() -> int | None:
    """The seed of `set_random_seed` is not kept: None."""
    return None


def dtype_size(dtype: DTypeLike) -> int:
    """Bits of one number."""
    name = dtypes.standardize(dtype)
    return 8 if name == "bool" else int("".join(c for c in name[-3:] if c.isdigit()))


def is_float(dtype: DTypeLike) -> bool:
    """Whether it is a dtype of floats."""
    return dtypes.is_float(dtypes.standardize(dtype))


def count_params(weights: Any) -> int:
    """The number of values in weights."""
    return sum(int(weight.size) for weight in weights)


def filter_traceback(fn: Callable[..., Any]) -> Callable[..., Any]:
    """`fn`: there are no frames to hide here."""
    return fn


def inject_argument_info_in_traceback(
    fn: Callable[..., Any], object_name: str | None = None
) -> Callable[..., Any]:
    """`fn`: errors name their arguments themselves."""
    return fn


def print_msg(message: str, line_break: bool = True) -> None:
    """Prints a line, or hands it to `logging` where progress goes there."""
    from minikeras import config

    if config.is_interactive_logging_enabled():
        print(message, end="\n" if line_break else "", flush=True)
    else:
        import logging

        logging.getLogger("minikeras").info(message)


__all__ = [
    "DotNotTrackScope", "LazyModule", "TFGraphScope", "TrackedDict", "TrackedList",
    "TrackedSet", "Tracker", "auto_name", "convert_tf_tensor", "count_params", "default",
    "dtype_size", "filter_traceback", "get_object_name", "get_random_seed", "grain", "h5py",
    "in_grain_data_pipeline", "in_tf_graph", "inject_argument_info_in_traceback",
    "is_default", "is_float", "is_in_jax_tracing_scope", "jax", "keras_export",
    "no_automatic_dependency_tracking", "optree", "print_msg", "pythonify_logs", "scipy",
    "set_global_seed", "standardize_padding", "standardize_tuple", "tensorflow", "to_list",
    "to_snake_case", "uniquify", "validate_string_arg",
]  # fmt: skip
