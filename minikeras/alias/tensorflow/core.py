"""`tf.Variable`, `tf.function`, `tf.GradientTape` and what else is no plain function."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from minikeras import ops, scopes, tree
from minikeras import variable as own
from minikeras.engine.autodiff import GradientTape
from minikeras.engine.custom_gradients import custom_gradient
from minikeras.engine.interpret import base, current
from minikeras.engine.tensor import Tensor
from minikeras.training.function import CompiledFunction
from minikeras.types import ArrayLike

if TYPE_CHECKING:
    from minikeras.engine.aval import Shape
    from minikeras.types import DTypeLike, Identifier


__version__ = "2.21.0"  # the TensorFlow beside which Keras 3.15 stands
newaxis = None


class _AnyVariable(type(own.Variable)):  # type: ignore[misc]  # the class of classes
    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, own.Variable)


class Variable(own.Variable, metaclass=_AnyVariable):
    """minikeras's variable, with TensorFlow's arguments; every variable is one of these.

    Args:
        initial_value: Its first value, or a function of no arguments that gives it. The
            dtype is the value's: Python integers make an int32 variable.
        trainable: Whether tapes watch it.
        validate_shape: Accepted and ignored.
        name: A name.
        dtype: Another dtype than the value's.
        shape: Must be the value's, where it is given.
        constraint: Applied by optimizers after each update.
    """

    def __init__(
        self,
        initial_value: ArrayLike | None = None,
        trainable: bool = True,
        validate_shape: bool = True,
        name: str | None = None,
        dtype: DTypeLike | None = None,
        shape: Sequence[int | None] | None = None,
        constraint: Identifier = None,
    ) -> None:
        if initial_value is None:
            raise ValueError("tf.Variable: initial_value is missing.")
        value = initial_value() if callable(initial_value) else initial_value
        tensor = ops.convert_to_tensor(value, dtype)
        if shape is not None and tuple(shape) != tuple(tensor.shape):
            raise ValueError(
                f"tf.Variable: the value has shape {tensor.shape}; expected {tuple(shape)}."
            )
        super().__init__(
            tensor,
            dtype=tensor.dtype,
            trainable=trainable,
            name=name.replace("/", "_").replace(":", "_") if name else None,
        )
        self.constraint = constraint

    def read_value(self) -> Tensor:
        """The value."""
        return self.value


class function(CompiledFunction):
    """Compiles a function; used as `@tf.function` or `@tf.function(...)`.

    Args:
        func: The function. Python control flow on values makes it run uncompiled.
        input_signature: Accepted and ignored: every signature gets its program.
        autograph: Accepted and ignored.
        jit_compile: Accepted and ignored: it is compiled either way.
        reduce_retracing: Accepted and ignored.
    """

    def __new__(cls, func: object = None, *args: Any, **kwargs: Any) -> Any:
        if func is None:
            return lambda f: cls(f, *args, **kwargs)
        return super().__new__(cls)

    def __init__(
        self,
        func: Callable[..., Any],
        input_signature: object = None,
        autograph: bool = True,
        jit_compile: bool | None = None,
        reduce_retracing: bool = False,
        **kwargs: object,
    ) -> None:
        super().__init__(func)

    def __call__(self, *args: object, **kwargs: object) -> Any:
        if _eager:
            return self.python_function(*args, **kwargs)
        return super().__call__(*args, **kwargs)

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        if _eager and instance is not None:
            return functools.partial(self.python_function, instance)
        return super().__get__(instance, owner)

    def get_concrete_function(self, *args: object, **kwargs: object) -> function:
        """The function itself: programs are made when values come."""
        return self


_eager = False


def run_eagerly(value: bool) -> None:
    """Whether `tf.function` leaves functions as they are."""
    global _eager
    _eager = bool(value)


class TensorSpec:
    """A shape and a dtype, as `input_signature` takes them."""

    def __init__(
        self,
        shape: Shape | None = None,
        dtype: DTypeLike = "float32",
        name: str | None = None,
    ) -> None:
        self.shape = None if shape is None else tuple(shape)
        self.dtype = dtype
        self.name = name

    def __repr__(self) -> str:
        return (
            f"TensorSpec(shape={self.shape}, dtype={self.dtype!r}, name={self.name!r})"
        )


def executing_eagerly() -> bool:
    """Whether values are computed at once, and not traced."""
    return current() is base()


def print(*inputs: object, sep: str = " ", end: str = "\n", **options: object) -> None:
    """Prints values; shapes while a function is traced."""
    import builtins

    builtins.print(*inputs, sep=sep, end=end)


def cond(
    pred: ArrayLike, true_fn: Any = None, false_fn: Any = None, name: str | None = None
) -> Any:
    """What one of two functions gives."""
    return ops.cond(pred, true_fn, false_fn)


def while_loop(
    cond: Callable[..., Any],
    body: Callable[..., Any],
    loop_vars: object,
    shape_invariants: object = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    maximum_iterations: int | None = None,
    name: str | None = None,
) -> Any:
    """Applies `body` while `cond` holds."""
    return ops.while_loop(cond, body, loop_vars, maximum_iterations)


def map_fn(
    fn: Callable[[Any], Any], elems: ArrayLike, *args: object, **options: object
) -> Any:
    """`fn` of each slice along the first axis, stacked."""
    return ops.map(fn, elems)


vectorized_map = ops.vectorized_map


def group(*inputs: object, **options: object) -> None:
    """Nothing: what came before has run."""


no_op = group


def is_tensor(x: ArrayLike) -> bool:
    """Whether this is a tensor or a variable."""
    return isinstance(x, Tensor | own.Variable)


def get_logger() -> logging.Logger:
    """The logger of minikeras."""
    return logging.getLogger("minikeras")


def device(device_name: str) -> Any:
    """A block on a device, as `keras.device`; names as `"/GPU:0"` are understood."""
    return scopes.device(device_name.strip("/").removeprefix("device:").lower())


class UnconnectedGradients:
    """What a tape gives where a target does not depend on a source."""

    NONE = "none"
    ZERO = "zero"


class _Nest:
    """`tf.nest`."""

    flatten = staticmethod(tree.flatten)
    map_structure = staticmethod(tree.map_structure)
    pack_sequence_as = staticmethod(tree.pack_sequence_as)
    assert_same_structure = staticmethod(tree.assert_same_structure)
    is_nested = staticmethod(tree.is_nested)


nest = _Nest

__all__ = [
    "GradientTape", "Tensor", "TensorSpec", "UnconnectedGradients",
    "Variable", "cond",
    "custom_gradient", "device", "executing_eagerly", "function", "get_logger", "group",
    "is_tensor",
    "map_fn", "nest", "newaxis", "no_op", "print", "vectorized_map",
    "while_loop",
]  # fmt: skip
