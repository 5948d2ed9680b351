"""What NumPy's and SciPy's functions do with a Tensor.

As with the arrays below other frameworks, they work on its values and give NumPy arrays;
`np.sum` and others that NumPy itself hands to the method of that name give Tensors. So do
the operators with an array on the left, `array + tensor`, which to NumPy are ufuncs.

A result of NumPy's depends on nothing: no gradient would come through it, and a compiled
function would hold it for ever. So where a tape or a compiled function needs to see what
happens to a tensor, all that cannot be done by our ops is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.engine import operators
from minikeras.engine.errors import NumPyCallError
from minikeras.engine.interpret import current

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor


# Ufuncs that stand for an operator, by the name of the op.
_OPERATORS = {
    np.add: "add",
    np.subtract: "subtract",
    np.multiply: "multiply",
    np.true_divide: "true_divide",
    np.floor_divide: "floor_divide",
    np.remainder: "mod",
    np.power: "power",
    np.matmul: "matmul",
    np.bitwise_and: "bitwise_and",
    np.bitwise_or: "bitwise_or",
    np.bitwise_xor: "bitwise_xor",
    np.left_shift: "left_shift",
    np.right_shift: "right_shift",
    np.less: "less",
    np.less_equal: "less_equal",
    np.greater: "greater",
    np.greater_equal: "greater_equal",
    np.equal: "equal",
    np.not_equal: "not_equal",
}
# Functions that NumPy hands to the method of its argument, by the name of the op.
_METHODS: dict[Any, str] = {
    np.sum: "sum",
    np.mean: "mean",
    np.max: "max",
    np.min: "min",
    np.prod: "prod",
    np.std: "std",
    np.var: "var",
    np.all: "all",
    np.any: "any",
    np.argmax: "argmax",
    np.argmin: "argmin",
    np.cumsum: "cumsum",
    np.cumprod: "cumprod",
    np.reshape: "reshape",
    np.transpose: "transpose",
    np.squeeze: "squeeze",
    np.swapaxes: "swapaxes",
    np.repeat: "repeat",
    np.searchsorted: "searchsorted",
    np.split: "split",
    np.round: "round",
    np.take: "take",
    np.ravel: "ravel",
}


def call_ufunc(
    ufunc: np.ufunc, method: str, inputs: Sequence[object], kwargs: dict[str, Any]
) -> Any:
    """`Tensor.__array_ufunc__`."""
    if is_operator(ufunc, method, kwargs):
        return getattr(operators.namespace(), _OPERATORS[ufunc])(*inputs)
    return _on_arrays(getattr(ufunc, method), ufunc.__name__, inputs, kwargs)


def call_function(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """`Tensor.__array_function__`."""
    name = _METHODS.get(function)
    if name is not None and args and hasattr(args[0], "aval"):
        try:
            return getattr(operators.namespace(), name)(*args, **kwargs)
        except TypeError:  # an argument that NumPy's has and ours has not
            pass
    return _on_arrays(function, function.__name__, args, kwargs)


def call_on_values(
    function: Callable[..., Any], args: Sequence[object], kwargs: dict[str, Any]
) -> Any:
    """A function of NumPy's on the values of tensors, even where a tape is recording.

    TensorFlow's tensors are taken so: the result is an array that no gradient comes through.

    Raises:
        NumPyCallError: If a tensor is one of a function being compiled.
    """
    for tensor in _tensors((args, kwargs)):
        if tensor.staged:
            raise _refusal(getattr(function, "__name__", "function"), tensor)
    args, kwargs = _plain((args, kwargs))
    return function(*args, **kwargs)


def is_operator(ufunc: np.ufunc, method: str, kwargs: Mapping[str, object]) -> bool:
    """Whether a call of a ufunc may stand for an operator, `array + tensor`."""
    return ufunc in _OPERATORS and method == "__call__" and not kwargs


def _on_arrays(
    function: Callable[..., Any], name: str, args: Sequence[Any], kwargs: dict[str, Any]
) -> Any:
    for tensor in _tensors((args, kwargs)):
        if tensor.staged or _is_recorded(tensor):
            raise _refusal(name, tensor)
    for target in _tensors(kwargs.get("out", ())):
        raise TypeError(
            f"numpy.{name}: out is a Tensor of shape {target.shape}, which never changes; "
            "expected a NumPy array."
        )
    args, kwargs = _plain((args, kwargs))
    return function(*args, **kwargs)


def _tensors(value: object) -> Iterator[Any]:
    if isinstance(value, Mapping):
        value = value.values()
    elif not isinstance(value, (list, tuple)):
        found = getattr(value, "value", None) if hasattr(value, "state") else value
        if hasattr(found, "aval") and hasattr(found, "staged"):
            yield found
        return
    for part in value:
        yield from _tensors(part)


def _plain(value: object) -> Any:
    """The structure with arrays in place of tensors and variables."""
    if type(value) is dict:
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        parts = [_plain(part) for part in value]
        if hasattr(value, "_fields"):
            return type(value)(*parts)
        return type(value)(parts) if type(value) in (list, tuple) else value
    ours = hasattr(value, "aval") or hasattr(value, "state")
    return np.asarray(value) if ours and hasattr(value, "__array__") else value


def _is_recorded(tensor: Tensor) -> bool:
    """Whether a tape that is recording follows this tensor."""
    interpreter: Any = current()
    while interpreter is not None:
        if id(tensor) in getattr(interpreter, "tracked", ()):
            return True
        interpreter = getattr(interpreter, "parent", None)
    return False


def _refusal(name: str, tensor: Tensor) -> NumPyCallError:
    ours = hasattr(operators.namespace(), name)
    where = "a compiled function" if tensor.staged else "a GradientTape"
    better = f"keras.ops.{name}" if ours else "functions of keras.ops"
    return NumPyCallError(
        f"numpy.{name} was called inside {where} on a tensor of shape {tensor.shape}; NumPy "
        f"cannot be followed there. Use {better}, or convert with .numpy() what no gradient "
        "has to come through, outside of compiled functions."
    )
