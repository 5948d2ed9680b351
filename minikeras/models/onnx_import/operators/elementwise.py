"""Operators that give one value for each index."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from minikeras import ops
from minikeras.engine.dtypes import is_float, standardize
from minikeras.engine.tensor import Tensor
from minikeras.models.onnx_import.description import dtype_of
from minikeras.models.onnx_import.values import Call, Operator, Value


def dtype(value: Value) -> str:
    """Our name of a value's dtype."""
    return standardize(value.dtype)


def like(value: Value, number: float) -> Tensor:
    """A number of a value's dtype."""
    return ops.cast(number, dtype(value))


def _of(function: Callable[..., Any]) -> Operator:
    """A function of the inputs alone, whose result has the dtype of the first."""

    def operator(call: Call, x: Value, *rest: Value) -> Value:
        return ops.cast(function(x, *rest), dtype(x))

    return operator


def _test(function: Callable[..., Any]) -> Operator:
    return lambda call, *inputs: function(*inputs)


def _folded(function: Callable[[Any, Any], Any]) -> Operator:
    """A function of two, over any number of inputs."""

    def operator(call: Call, *inputs: Value) -> Value:
        return ops.cast(reduce(function, inputs), dtype(inputs[0]))

    return operator


def _div(call: Call, a: Value, b: Value) -> Value:
    if is_float(dtype(a)):
        return ops.divide(a, b)
    whole = ops.floor_divide(a, b)  # ONNX cuts off, we round down
    rest = ops.subtract(a, ops.multiply(whole, b))
    up = ops.logical_and(
        ops.not_equal(rest, 0), ops.not_equal(ops.less(a, 0), ops.less(b, 0))
    )
    return ops.cast(ops.add(whole, ops.cast(up, dtype(a))), dtype(a))


def _mod(call: Call, a: Value, b: Value) -> Value:
    if not call.get("fmod", 0):
        return ops.cast(ops.mod(a, b), dtype(a))
    rest = ops.mod(ops.abs(a), ops.abs(b))  # the sign of what is divided
    return ops.cast(
        ops.where(ops.less(a, like(a, 0)), ops.negative(rest), rest), dtype(a)
    )


def _pow(call: Call, a: Value, b: Value) -> Value:
    if is_float(dtype(a)):
        return ops.power(a, ops.cast(b, dtype(a)))
    if is_float(dtype(b)):
        return ops.cast(ops.power(ops.cast(a, "float64"), b), dtype(a))
    return ops.cast(ops.power(a, b), dtype(a))


def _shift(call: Call, a: Value, b: Value) -> Value:
    left = call.get("direction") == "LEFT"
    return ops.cast((ops.left_shift if left else ops.right_shift)(a, b), dtype(a))


def _mean(call: Call, *inputs: Value) -> Value:
    return ops.divide(reduce(ops.add, inputs), like(inputs[0], len(inputs)))


def _clip(call: Call, x: Value, low: Value = None, high: Value = None) -> Value:
    low = call.get("min") if low is None else low
    high = call.get("max") if high is None else high
    if high is None:
        made = x if low is None else ops.maximum(x, low)
    else:
        made = ops.minimum(x if low is None else ops.maximum(x, low), high)
    return ops.cast(made, dtype(x))


def _is_inf(call: Call, x: Value) -> Value:
    both = call.get("detect_negative", 1), call.get("detect_positive", 1)
    found = ops.isinf(x)
    if both == (1, 1):
        return found
    if both == (0, 0):
        return ops.zeros_like(found)
    side = ops.less(x, like(x, 0)) if both[0] else ops.greater(x, like(x, 0))
    return ops.logical_and(found, side)


def cast(call: Call, x: Value, target: str) -> Value:
    """To another dtype. Floats are cut off, and to bool everything but 0 is true."""
    return ops.not_equal(x, like(x, 0)) if target == "bool" else ops.cast(x, target)


def _cast(call: Call, x: Value) -> Value:
    return cast(call, x, dtype_of(call.get("to"), f"{call.node.kind}: `to`"))


def _cast_like(call: Call, x: Value, other: Value) -> Value:
    return cast(call, x, dtype(other))


# --- activations ----------------------------------------------------------------------------


def _leaky_relu(call: Call, x: Value) -> Value:
    slope = like(x, call.get("alpha", 0.01))
    return ops.where(ops.less(x, like(x, 0)), ops.multiply(x, slope), x)


def _prelu(call: Call, x: Value, slope: Value) -> Value:
    return ops.where(ops.less(x, like(x, 0)), ops.multiply(x, slope), x)


def _elu(call: Call, x: Value) -> Value:
    return ops.elu(x, alpha=call.get("alpha", 1.0))


def _celu(call: Call, x: Value) -> Value:
    return ops.celu(x, alpha=call.get("alpha", 1.0))


def _selu(call: Call, x: Value) -> Value:
    alpha = like(x, call.get("alpha", 1.67326319217681884765625))
    gamma = like(x, call.get("gamma", 1.05070102214813232421875))
    below = ops.multiply(alpha, ops.expm1(ops.minimum(x, like(x, 0))))
    return ops.multiply(gamma, ops.where(ops.greater(x, like(x, 0)), x, below))


def _thresholded_relu(call: Call, x: Value) -> Value:
    bound = like(x, call.get("alpha", 1.0))
    return ops.where(ops.greater(x, bound), x, like(x, 0))


def _hard_sigmoid(call: Call, x: Value) -> Value:
    line = ops.add(
        ops.multiply(x, like(x, call.get("alpha", 0.2))), like(x, call.get("beta", 0.5))
    )
    return ops.minimum(ops.maximum(line, like(x, 0)), like(x, 1))


def _hard_swish(call: Call, x: Value) -> Value:
    line = ops.add(ops.multiply(x, like(x, 1 / 6)), like(x, 0.5))
    return ops.multiply(x, ops.minimum(ops.maximum(line, like(x, 0)), like(x, 1)))


def _gelu(call: Call, x: Value) -> Value:
    return ops.gelu(x, approximate=call.get("approximate", "none") == "tanh")


def _swish(call: Call, x: Value) -> Value:
    return ops.multiply(
        x, ops.sigmoid(ops.multiply(x, like(x, call.get("alpha", 1.0))))
    )


def _mish(call: Call, x: Value) -> Value:
    return ops.multiply(x, ops.tanh(ops.softplus(x)))


def _shrink(call: Call, x: Value) -> Value:
    bias, bound = like(x, call.get("bias", 0.0)), like(x, call.get("lambd", 0.5))
    above = ops.where(ops.greater(x, bound), ops.subtract(x, bias), like(x, 0))
    return ops.where(ops.less(x, ops.negative(bound)), ops.add(x, bias), above)


def _softmax(function: Callable[..., Any]) -> Operator:
    def operator(call: Call, x: Value) -> Value:
        if call.opset >= 13:
            return function(x, axis=call.get("axis", -1))
        # Before version 13 all axes from this one on were one.
        axis = call.axis(call.get("axis", 1), max(len(x.shape), 1))
        flat = ops.reshape(x, (math.prod(x.shape[:axis]), math.prod(x.shape[axis:])))
        return ops.reshape(function(flat, axis=-1), x.shape)

    return operator


def _hardmax(x: Value, axis: int) -> Value:
    place = ops.argmax(x, axis=axis)
    return ops.one_hot(place, x.shape[axis], axis=axis % len(x.shape), dtype=dtype(x))


def _identity(call: Call, x: Value) -> Value:
    return x


def _dropout(
    call: Call, x: Value, ratio: Value = None, training: Value = None
) -> list[Value]:
    """As in prediction: everything is kept."""
    if training is not None and np.any(call.known(training, "training_mode")):
        if ratio is None or np.any(call.known(ratio, "ratio") != 0):
            raise call.fail("training_mode is true; graphs for inference are read.")
    return [x, ops.ones(x.shape, "bool")]


OPERATORS: dict[str, Operator] = {
    "Abs": _of(ops.abs),
    "Acos": _of(ops.arccos),
    "Acosh": _of(ops.arccosh),
    "Add": _of(ops.add),
    "And": _test(ops.logical_and),
    "Asin": _of(ops.arcsin),
    "Asinh": _of(ops.arcsinh),
    "Atan": _of(ops.arctan),
    "Atanh": _of(ops.arctanh),
    "BitShift": _shift,
    "BitwiseAnd": _of(ops.bitwise_and),
    "BitwiseNot": _of(ops.bitwise_not),
    "BitwiseOr": _of(ops.bitwise_or),
    "BitwiseXor": _of(ops.bitwise_xor),
    "Cast": _cast,
    "CastLike": _cast_like,
    "Ceil": _of(ops.ceil),
    "Celu": _celu,
    "Clip": _clip,
    "Cos": _of(ops.cos),
    "Cosh": _of(ops.cosh),
    "Div": _div,
    "Dropout": _dropout,
    "Elu": _elu,
    "Equal": _test(ops.equal),
    "Erf": _of(ops.erf),
    "Exp": _of(ops.exp),
    "Floor": _of(ops.floor),
    "Gelu": _gelu,
    "Greater": _test(ops.greater),
    "GreaterOrEqual": _test(ops.greater_equal),
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _hard_swish,
    "Hardmax": _softmax(_hardmax),
    "Identity": _identity,
    "IsInf": _is_inf,
    "IsNaN": _test(ops.isnan),
    "LeakyRelu": _leaky_relu,
    "Less": _test(ops.less),
    "LessOrEqual": _test(ops.less_equal),
    "Log": _of(ops.log),
    "LogSoftmax": _softmax(ops.log_softmax),
    "Max": _folded(ops.maximum),
    "Mean": _mean,
    "Min": _folded(ops.minimum),
    "Mish": _mish,
    "Mod": _mod,
    "Mul": _of(ops.multiply),
    "Neg": _of(ops.negative),
    "Not": _test(ops.logical_not),
    "Or": _test(ops.logical_or),
    "PRelu": _prelu,
    "Pow": _pow,
    "Reciprocal": _of(ops.reciprocal),
    "Relu": _of(ops.relu),
    "Round": _of(ops.round),
    "Selu": _selu,
    "Shrink": _shrink,
    "Sigmoid": _of(ops.sigmoid),
    "Sign": _of(ops.sign),
    "Sin": _of(ops.sin),
    "Sinh": _of(ops.sinh),
    "Softmax": _softmax(ops.softmax),
    "Softplus": _of(ops.softplus),
    "Softsign": _of(ops.softsign),
    "Sqrt": _of(ops.sqrt),
    "Sub": _of(ops.subtract),
    "Sum": _folded(ops.add),
    "Swish": _swish,
    "Tan": _of(ops.tan),
    "Tanh": _of(ops.tanh),
    "ThresholdedRelu": _thresholded_relu,
    "Where": _test(ops.where),
    "Xor": _test(ops.logical_xor),
}
