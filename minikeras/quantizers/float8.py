"""Products in floats of 8 bits: scales by the largest values of past steps.

Reference:
    Micikevicius et al., FP8 formats for deep learning, 2022,
    https://arxiv.org/abs/2209.05433; the delayed scaling of NVIDIA's Transformer Engine.
"""

from __future__ import annotations

from typing import Any

from minikeras import ops
from minikeras.engine import dtypes
from minikeras.engine.tensor import Tensor
from minikeras.types import ArrayLike, DTypeLike

# The greatest number of each format.
MOST = {"float8_e4m3fn": 448.0, "float8_e5m2": 57344.0}


def compute_float8_scale(
    amax: ArrayLike, scale: ArrayLike, dtype_max: float, margin: int = 0
) -> Tensor:
    """What to divide by before rounding to 8 bits: `amax / dtype_max * 2 ** margin`.

    Args:
        amax: The largest absolute value seen.
        scale: The scale so far, which stays where `amax` is 0, infinite or NaN.
        dtype_max: The greatest number of the format, such as 448.
        margin: How many powers of two to stay away from it.

    Example:

    >>> float(keras.quantizers.compute_float8_scale(896.0, 1.0, 448.0))
    2.0
    """
    amax = ops.convert_to_tensor(amax)
    factor = ops.divide(ops.divide(dtype_max, amax), 2**margin)
    before = ops.divide(1.0, scale)
    known = ops.logical_and(ops.greater(amax, 0.0), ops.isfinite(amax))
    return ops.divide(1.0, ops.where(known, factor, before))


def compute_float8_amax_history(x: ArrayLike, amax_history: ArrayLike) -> Tensor:
    """The history of largest values `(steps,)` with that of `x` in the first place.

    Args:
        x: Tensor of this step.
        amax_history: Largest values of past steps, the latest first but for one turn.

    Example:

    >>> keras.quantizers.compute_float8_amax_history(
    ...     np.array([2.0, -5.0]), np.array([0.0, 1.0, 3.0])).numpy().tolist()
    [5.0, 3.0, 0.0]
    """
    history: Any = ops.convert_to_tensor(amax_history)
    largest = ops.cast(ops.max(ops.abs(ops.convert_to_tensor(x))), history.dtype)
    turned = ops.roll(history, -1)
    return ops.concatenate([ops.reshape(largest, (1,)), turned[1:]])


def quantize_and_dequantize(
    inputs: ArrayLike,
    scale: ArrayLike,
    quantized_dtype: DTypeLike,
    compute_dtype: DTypeLike,
) -> Tensor:
    """`inputs` as 8 bits can say them: divided by `scale`, rounded, multiplied again.

    Args:
        inputs: Floats.
        scale: Scalar.
        quantized_dtype: `"float8_e4m3fn"` or `"float8_e5m2"`.
        compute_dtype: Dtype of the result.

    Raises:
        ValueError: If `quantized_dtype` is another.

    Example:

    >>> x = np.array([1.0, 2.3, 1000.0], "float32")
    >>> keras.quantizers.quantize_and_dequantize(
    ...     x, 1.0, "float8_e4m3fn", "float32").numpy().tolist()
    [1.0, 2.25, 448.0]
    """
    name = dtypes.standardize(quantized_dtype)
    if name not in MOST:
        raise ValueError(
            f"quantize_and_dequantize: quantized_dtype={quantized_dtype!r}; expected one of "
            f"{', '.join(MOST)}."
        )
    most = MOST[name]
    factor = ops.cast(scale, compute_dtype)
    x = ops.divide(ops.cast(inputs, compute_dtype), factor)
    x = ops.cast(ops.clip(x, -most, most), name)
    return ops.multiply(ops.cast(x, compute_dtype), factor)
