"""Functions of Keras 2's backend about variables, values and control flow."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras import ops
from minikeras.engine.symbolic import KerasTensor, is_keras_tensor
from minikeras.naming import name_scope
from minikeras.ops import cast, shape
from minikeras.settings import floatx
from minikeras.types import ArrayLike, DTypeLike, ShapeLike
from minikeras.variable import Variable

if TYPE_CHECKING:
    from minikeras.engine.aval import Shape
    from minikeras.engine.tensor import Tensor
    from minikeras.types import Identifier


def variable(
    value: object,
    dtype: str | None = None,
    name: str | None = None,
    constraint: Identifier = None,
) -> Variable:
    """A variable that starts with `value`."""
    made = Variable(np.asarray(value), dtype=dtype or floatx(), name=name)
    made.constraint = constraint
    return made


def constant(
    value: ArrayLike,
    dtype: DTypeLike | None = None,
    shape: ShapeLike | None = None,
    name: str | None = None,
) -> Tensor:
    """A tensor of `value`, spread over `shape` where one is given."""
    tensor = ops.convert_to_tensor(value, dtype or floatx())
    return tensor if shape is None else ops.broadcast_to(tensor, shape)


def cast_to_floatx(x: ArrayLike) -> np.ndarray[Any, Any] | Tensor:
    """`x` in the default float dtype; an array where it was one."""
    if isinstance(x, np.ndarray | list | tuple | int | float):
        return np.asarray(x, floatx())
    return ops.cast(x, floatx())


def get_value(x: ArrayLike) -> np.ndarray[Any, Any]:
    """The values as an array."""
    return x if isinstance(x, np.ndarray) else ops.convert_to_numpy(x)


eval = get_value


def batch_get_value(tensors: Sequence[Any]) -> list[Any]:
    """The values of several."""
    return [get_value(tensor) for tensor in tensors]


def set_value(x: Variable, value: ArrayLike) -> None:
    """Gives a variable other values."""
    x.assign(np.asarray(value, dtype=x.dtype))


def batch_set_value(tuples: Sequence[tuple[Variable, Any]]) -> None:
    """Gives several variables other values."""
    for x, value in tuples:
        set_value(x, value)


def stop_gradient(variables: ArrayLike) -> list[Any] | Tensor:
    """Tensors through which no gradient goes; of a list, each."""
    if isinstance(variables, list | tuple):
        return [ops.stop_gradient(v) for v in variables]
    return ops.stop_gradient(variables)


def update(x: Variable, new_x: object) -> Variable:
    """Sets a variable."""
    return x.assign(new_x)


def update_add(x: Variable, increment: object) -> Variable:
    """Adds to a variable."""
    return x.assign_add(increment)


def update_sub(x: Variable, decrement: object) -> Variable:
    """Takes from a variable."""
    return x.assign_sub(decrement)


def moving_average_update(x: Variable, value: ArrayLike, momentum: float) -> Variable:
    """`x` becomes `momentum * x + (1 - momentum) * value`."""
    share = ops.cast(momentum, x.dtype)
    return x.assign(x * share + ops.cast(value, x.dtype) * (1 - share))


def dtype(x: Tensor) -> str:
    """The name of the dtype."""
    return str(x.dtype)


def int_shape(x: ArrayLike) -> tuple[int | None, ...] | None:
    """The shape, None where a size is not known; None for what has no shape."""
    found = getattr(x, "shape", None)
    return None if found is None else tuple(found)


def ndim(x: Tensor) -> int:
    """The number of axes."""
    return len(x.shape)


def count_params(x: Tensor) -> int:
    """The number of values."""
    return int(np.prod(x.shape, dtype=np.int64))


def is_sparse(tensor: ArrayLike) -> bool:
    """Whether only some values are stored: never, here."""
    return False


def to_dense(tensor: ArrayLike) -> Any:
    """`tensor`: all are dense here."""
    return tensor


def is_tensor(x: ArrayLike) -> bool:
    """Whether this is a tensor, or a symbolic one."""
    return ops.is_tensor(x) or is_keras_tensor(x)


def switch(
    condition: ArrayLike, then_expression: ArrayLike, else_expression: ArrayLike
) -> Tensor:
    """One of two values or functions, element by element or for one condition."""
    then = then_expression() if callable(then_expression) else then_expression
    other = else_expression() if callable(else_expression) else else_expression
    condition = ops.cast(condition, "bool")
    behind = len(ops.shape(then)) - len(condition.shape)
    if behind > 0:
        condition = ops.reshape(condition, (*ops.shape(condition), *[1] * behind))
    return ops.where(condition, then, other)


def map_fn(
    fn: Callable[[Any], Any],
    elems: ArrayLike,
    name: str | None = None,
    dtype: DTypeLike | None = None,
) -> Tensor:
    """`fn` of each slice along the first axis, stacked."""
    found = ops.map(fn, elems)
    return found if dtype is None else ops.cast(found, dtype)


def foldl(
    fn: Callable[[Any, Any], Any],
    elems: ArrayLike,
    initializer: Any = None,
    name: str | None = None,
) -> Tensor:
    """`fn(fn(initializer, first), second)` and so on; the first element starts by default."""
    elems = ops.convert_to_tensor(elems)
    total = elems[0] if initializer is None else ops.convert_to_tensor(initializer)
    rest = elems[1:] if initializer is None else elems
    return ops.scan(lambda carry, x: (fn(carry, x), None), total, rest)[0]


def foldr(
    fn: Callable[[Any, Any], Any],
    elems: ArrayLike,
    initializer: Identifier = None,
    name: str | None = None,
) -> Tensor:
    """`foldl` from the last element to the first."""
    return foldl(fn, ops.flip(ops.convert_to_tensor(elems), 0), initializer)


def in_top_k(predictions: ArrayLike, targets: ArrayLike, k: int) -> Tensor:
    """Whether the class of each sample is among its `k` best."""
    return ops.in_top_k(targets, predictions, k)


def manual_variable_initialization(value: bool) -> None:
    """Kept for old scripts: variables are initialised when they are made."""


def get_session() -> Any:
    """A session of TensorFlow 1, which reads values."""
    from minikeras.alias.tensorflow.compat import Session

    return Session()


def set_session(session: object) -> None:
    """Accepted and ignored: nothing runs in a session here."""


def is_placeholder(x: ArrayLike) -> bool:
    """Whether this is the input of a model."""
    return is_keras_tensor(x)


def placeholder(
    shape: Shape | None = None,
    ndim: int | None = None,
    dtype: DTypeLike | None = None,
    sparse: bool = False,
    name: str | None = None,
    ragged: bool = False,
) -> KerasTensor:
    """A symbolic tensor, as `keras.Input` gives it; `shape` has the batch."""
    if sparse or ragged:
        raise ValueError("K.placeholder: sparse and ragged tensors are not here.")
    whole = tuple(shape) if shape is not None else (None,) * (ndim or 0)
    from minikeras.layers import Input

    return Input(batch_shape=whole, dtype=dtype or floatx(), name=name)


def in_train_phase(x: ArrayLike, alt: ArrayLike, training: object = None) -> Any:
    """`x` (or what it returns) when training, else `alt`."""
    chosen = x if training is True or training == 1 else alt
    return chosen() if inspect.isfunction(chosen) else chosen


def in_test_phase(x: ArrayLike, alt: ArrayLike, training: bool | None = None) -> Any:
    """`alt` (or what it returns) when training, else `x`."""
    return in_train_phase(alt, x, training)


__all__ = [
    "batch_get_value", "batch_set_value", "cast", "cast_to_floatx", "constant",
    "count_params", "dtype", "eval", "foldl", "foldr", "get_session", "get_value",
    "in_test_phase", "in_top_k", "in_train_phase", "int_shape",
    "is_placeholder", "is_sparse", "is_tensor",
    "manual_variable_initialization", "map_fn", "moving_average_update", "name_scope",
    "ndim", "placeholder", "set_session", "set_value", "shape", "stop_gradient",
    "switch", "to_dense", "update", "update_add", "update_sub", "variable",
]  # fmt: skip
