"""Rounding as a quantized network would, with gradients as if nothing were rounded."""

from __future__ import annotations

from typing import Any

from minikeras import ops
from minikeras.engine import dtypes
from minikeras.engine.custom_gradients import custom_gradient
from minikeras.engine.symbolic import KerasTensor, any_symbolic
from minikeras.engine.tensor import Tensor
from minikeras.types import ArrayLike


def fake_quant_with_min_max_vars(
    inputs: ArrayLike,
    min_vals: ArrayLike,
    max_vals: ArrayLike,
    num_bits: int = 8,
    narrow_range: bool = False,
    axis: int | None = None,
) -> Any:
    """`inputs` on the grid of `2 ** num_bits` values between `min_vals` and `max_vals`.

    The grid is moved so that 0 lies on it. The gradient of an input inside of the range
    goes through, of one outside it goes to the end that it was cut at.

    Args:
        inputs: Floats.
        min_vals: The least value, a scalar or one for each channel `(channels,)`.
        max_vals: The greatest value, in the same way.
        num_bits: How many bits a value would have.
        narrow_range: Whether the least integer is left out.
        axis: The axis of the channels; None where there is one range.

    Example:

    >>> x = np.array([-0.2, 0.3, 1.6], "float32")
    >>> keras.quantizers.fake_quant_with_min_max_vars(x, 0.0, 1.5, 2).numpy().tolist()
    [0.0, 0.5, 1.5]

    Reference:
        Jacob et al., 2018, https://arxiv.org/abs/1712.05877, section 3.
    """
    if any_symbolic((inputs, min_vals, max_vals)):
        shape: Any = getattr(inputs, "shape", ())
        dtype: Any = getattr(inputs, "dtype", None)
        return KerasTensor(shape, dtypes.standardize(dtype))
    x: Any = ops.convert_to_tensor(inputs)
    kept = x.dtype
    if not dtypes.is_float(kept):
        x = ops.cast(x, dtypes.floatx())
    ends = [ops.cast(ops.convert_to_tensor(e), x.dtype) for e in (min_vals, max_vals)]
    first, last = float(narrow_range), float(2**num_bits - 1)
    # Scalars and vectors of channels come back as they came.
    along = None if axis is None else axis % x.ndim
    sums = None if along is None else [a for a in range(x.ndim) if a != along]
    shape = [-1 if a == along else 1 for a in range(x.ndim)]

    def spread(end: Tensor) -> Tensor:
        channels = along is not None and end.ndim == 1
        return ops.reshape(end, shape) if channels else end

    @custom_gradient
    def rounded(x: Tensor, low: Tensor, top: Tensor) -> Any:
        wide, high = spread(low), spread(top)
        scale = (high - wide) / (last - first)
        steps = 1.0 / scale
        zero = ops.clip(ops.round(first - wide * steps), first, last)
        least, most = (first - zero) * scale, (last - zero) * scale
        cut = ops.clip(x, least, most)
        result = ops.floor((cut - least) * steps + 0.5) * scale + least

        def folded(g: Tensor, end: Tensor) -> Tensor:
            total = ops.sum(g, axis=sums) if end.ndim and sums else ops.sum(g)
            return total if total.shape == end.shape else _fold(g, end)

        def grad(g: Tensor) -> Any:
            zeros = ops.zeros_like(g)
            below, above = x < least, x > most
            inside = ops.logical_not(ops.logical_or(below, above))
            return (
                ops.where(inside, g, zeros),
                folded(ops.where(below, g, zeros), low),
                folded(ops.where(above, g, zeros), top),
            )

        return result, grad

    return ops.cast(rounded(x, *ends), kept)


def _fold(g: Tensor, end: Tensor) -> Tensor:
    """Sums over the axes that broadcasting had stretched."""
    extra = g.ndim - end.ndim
    g = ops.sum(g, axis=tuple(range(extra))) if extra else g
    axes = tuple(a for a, n in enumerate(end.shape) if n == 1 != g.shape[a])
    return ops.sum(g, axis=axes, keepdims=True) if axes else g
