"""What every op is made with: the decorator, conversion and promotion.

An op is one plain function over primitives. `@op` adds the symbolic case: called
on a KerasTensor it is recorded as one node, and its result's shape comes from
running the same function on abstract values.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from minikeras.engine import dtypes, forgetting, prims
from minikeras.engine.frames import column_array, frame_array, is_frame
from minikeras.engine.given import plain, refuse_masked
from minikeras.engine.interpret import MISS
from minikeras.engine.recipes import Recipe, follow
from minikeras.engine.symbolic import KerasTensor, any_symbolic
from minikeras.engine.tensor import Tensor, from_numpy
from minikeras.engine.tracebacks import shorten
from minikeras.ops.keys import PLAIN, Constant, Known, add_key, add_keywords, remember
from minikeras.types import ArrayLike
from minikeras.variable import Variable

if TYPE_CHECKING:
    from minikeras.types import Nested


F = TypeVar("F", bound=Callable[..., Any])

# Set by minikeras.layers.base.node: records a call on KerasTensors as a node.
_record: Callable[[Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any] | None = (
    None
)


def set_recorder(recorder: Callable[..., Any]) -> None:
    """Give the function that records `(op, args, kwargs)` and returns KerasTensors."""
    global _record
    _record = recorder


def op(function: F) -> F:
    """Make a function over primitives an op that also takes KerasTensors."""

    known: Known = forgetting.remembered()

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        # How it is called: shapes and dtypes of tensors, types and values of the rest.
        key: list[Any] = []
        tensors: list[Tensor] = []
        # Written out, and not a call of `add_key` per argument: this runs for every
        # eager op.
        for a in args:
            kind = type(a)
            if kind is Variable:
                a = a.value
                kind = type(a)
            if kind is Tensor:
                aval = a.aval
                tensors.append(a)
                key.append(aval.shape)
                key.append(aval.dtype)
            elif kind in PLAIN:
                key.append(kind)
                key.append(a)
            elif kind is float:
                key.append(kind)
                key.append(a or str(a))  # 0.0 is not -0.0
            elif not add_key(a, key, tensors):
                break
        else:
            if not kwargs or add_keywords(kwargs, key, tensors):
                at = tuple(key)
                recipe = known.get(at, 0)
                if type(recipe) is Recipe:
                    try:
                        found = follow(recipe, tensors)
                    except Exception as error:
                        shorten(error)
                        raise
                    if found is not MISS:
                        return found
                    if recipe.stale:
                        known.pop(at, None)
                elif type(recipe) is Constant:
                    result = recipe.tensor()
                    if result is not None:
                        return result
                elif type(recipe) is int:
                    found = remember(known, at, recipe, function, args, kwargs, tensors)
                    if found is not MISS:
                        return found
        if any_symbolic(*args) or (kwargs and any_symbolic(kwargs)):
            return _symbolic(wrapper, args, kwargs)
        try:
            return function(*args, **kwargs)
        except Exception as error:
            shorten(error)
            raise

    return cast(F, wrapper)


def _symbolic(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Nested[KerasTensor]:
    if _record is None:
        raise RuntimeError(
            "import minikeras (the whole package) before symbolic calls."
        )
    return _record(function, args, kwargs)


def to_tensor(value: ArrayLike, dtype: str | None = None) -> Tensor:
    """Any array-like as a Tensor; float Python numbers and lists become `floatx()`."""
    if type(value) is Tensor:
        return (
            value
            if dtype is None or value.aval.dtype == dtype
            else prims.cast(value, dtype=dtype)
        )
    if isinstance(value, Variable):
        return to_tensor(value.value, dtype)
    if isinstance(value, KerasTensor):
        raise ValueError(f"{value!r} is symbolic; expected an array or a number.")
    return _convert(value, dtype)


def _convert(value: ArrayLike, dtype: str | None) -> Tensor:
    if isinstance(value, (list, tuple)) and _holds_tensors(value):
        parts = [to_tensor(v) for v in value]
        common = dtype or dtypes.result_type(*[p.dtype for p in parts])
        return stack_tensors([to_tensor(p, common) for p in parts])
    array = _as_array(value)
    if dtype is None and not hasattr(value, "dtype"):
        if array.dtype.kind == "f":
            dtype = dtypes.floatx()
        elif array.dtype.kind in "iu":
            dtype = "int32"
        elif array.dtype.kind == "c":
            dtype = dtypes.complex_of(dtypes.floatx())
    return from_numpy(array, dtype or dtypes.standardize(array.dtype))


def _as_array(value: ArrayLike) -> np.ndarray[Any, Any]:
    if isinstance(value, np.ndarray):
        value = plain(value)
    elif isinstance(value, (list, tuple)):
        for part in value:
            refuse_masked(part)  # NumPy would take what lies under the mask
    try:
        array = np.asarray(value)
    except ValueError:  # nested lists of different lengths
        array = np.asarray(None)
    if array.dtype.kind == "O" and is_frame(value):
        array = frame_array(value, type(value).__name__)
    elif array.dtype.kind == "O" and hasattr(value, "to_numpy"):
        array = column_array(value)
    if array.dtype.kind in "OUSMmV" and array.dtype.name not in _OF_ML_DTYPES:
        sparse = " Make it dense with .toarray()." if hasattr(value, "toarray") else ""
        raise ValueError(
            f"cannot convert {type(value).__name__} of dtype {array.dtype} to a tensor; "
            f"expected numbers in a rectangular array.{sparse}"
        )
    return array


_OF_ML_DTYPES = ("bfloat16", *dtypes.FLOAT8)


def _holds_tensors(value: Any) -> bool:
    return any(
        isinstance(v, (Tensor, Variable))
        or (isinstance(v, (list, tuple)) and _holds_tensors(v))
        for v in value
    )


def stack_tensors(parts: list[Tensor]) -> Tensor:
    """Tensors of one shape and dtype, stacked along a new first axis."""
    rows = [prims.reshape(p, shape=(1, *p.shape)) for p in parts]
    return prims.concat(*rows, axis=0)


def promote(*values: Any) -> tuple[Tensor, ...]:
    """The values as Tensors of the dtype that Keras's promotion gives them."""
    if not values:
        raise ValueError("got an empty list of tensors; expected at least one tensor.")
    if type(values[0]) is Tensor and len(values) == 2:
        # The common case, at a fraction of the cost: tensors and variables of one dtype.
        a, b = values
        b = b.value if isinstance(b, Variable) else b
        if type(b) is Tensor and a.aval.dtype == b.aval.dtype:
            return a, b
    dtype = dtypes.result_type(*[weak(v) for v in values])
    return tuple(to_tensor(v, dtype) for v in values)


def promote_float(*values: ArrayLike) -> tuple[Tensor, ...]:
    """As `promote`, but integers and bools become `floatx()`."""
    dtype = dtypes.result_type(*[weak(v) for v in values], float)
    return tuple(to_tensor(v, dtype) for v in values)


def promote_strong(*values: ArrayLike) -> tuple[Tensor, ...]:
    """As `promote_float`, but Python floats are not weak: they are `floatx()`.

    Keras does so in a few functions, so a half and a Python float meet in float32.
    """
    kinds = [dtypes.floatx() if type(v) is float else weak(v) for v in values]
    dtype = dtypes.result_type(*kinds, float)
    return tuple(to_tensor(v, dtype) for v in values)


def weak(value: ArrayLike) -> Any:
    """What takes part in promotion: a dtype name, or int/float for Python scalars."""
    if type(value) is bool:
        return "bool"
    if type(value) is int:
        return int
    if type(value) is float:
        return float
    if type(value) is complex:
        return complex
    if type(value) is np.float64:
        return dtypes.floatx()  # `x * np.sqrt(2.0)` is not meant to widen x
    dtype = getattr(value, "dtype", None)
    if dtype is not None:
        return dtypes.standardize(dtype)
    return to_tensor(value).aval.dtype
