"""Products with weights in integers: exact sums of small integers, and their gradients."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from minikeras import ops
from minikeras.engine.custom_gradients import custom_gradient
from minikeras.engine.tensor import Tensor
from minikeras.layers.core.quantized.grouped import Grouped
from minikeras.layers.core.quantized.stored import Stored
from minikeras.quantizers import AbsMaxQuantizer

# So many products of two bytes add up to less than 2 ** 24: float32 holds each sum exactly.
_EXACT = 1024


@dataclass(frozen=True)
class Contraction:
    """A product of inputs and a weight.

    Attributes:
        product: Of inputs and weight.
        back: Of the result's gradient and the weight: the gradient of the inputs.
        summed: The axes of the inputs that are summed over, in the order of the weight's.
        scale: Scales of outputs as 8 bits keep them, and the rank of the result: what the
            result is divided by.
        inputs_scale: The same of the inputs' scales, of size 1 along what is summed.
    """

    product: Callable[[Any, Any], Any]
    back: Callable[[Any, Any], Any]
    summed: Callable[[int], tuple[int, ...]]
    scale: Callable[[Any, int], Any]
    inputs_scale: Callable[[Any], Any]


def multiply(
    stored: Stored | Grouped,
    contraction: Contraction,
    inputs: Tensor,
    get: Callable[[str], Any],
    quantizer: AbsMaxQuantizer | None,
    dtype: str,
) -> Tensor:
    """The product of `inputs` and a weight in integers.

    With a quantizer the inputs are rounded too, and the product is one of integers; its
    gradient is that of the product of floats.

    Args:
        stored: How the weight is kept.
        contraction: Which product.
        inputs: Floats of dtype `dtype`.
        get: Gives a variable by its name.
        quantizer: Of the inputs, or None.
        dtype: Of the result.
    """
    if isinstance(stored, Grouped) or stored.block is not None:
        return contraction.product(inputs, stored.floats(get, dtype))
    if stored.bits == 4 and not stored.view.in_columns:  # a scale is no output's
        if quantizer is not None:
            inputs = _rounded(inputs, quantizer, contraction.summed(inputs.ndim))
        return contraction.product(inputs, stored.floats(get, dtype))
    outputs = stored.outputs_scale(get, dtype)
    if quantizer is None:
        weight = ops.cast(stored.integers(get), dtype)
        y = contraction.product(inputs, weight)
        return y / contraction.scale(outputs, y.ndim)

    @custom_gradient
    def product(x: Tensor) -> Any:
        whole, own = quantizer(x, axis=contraction.summed(x.ndim))
        weight = stored.integers(get)
        sums = exact(contraction, stored.view.summed, whole, weight)
        scales = contraction.inputs_scale(ops.cast(own, dtype)) * contraction.scale(
            outputs, sums.ndim
        )

        def grad(g: Tensor) -> Tensor:
            return contraction.back(g, stored.floats(get, dtype))

        return ops.cast(sums, dtype) / scales, grad

    return product(inputs)


def _rounded(
    inputs: Tensor, quantizer: AbsMaxQuantizer, axes: tuple[int, ...]
) -> Tensor:
    """The inputs as their integers say them, with the gradient of the inputs."""

    @custom_gradient
    def rounded(x: Tensor) -> Any:
        whole, scale = quantizer(x, axis=axes)
        return ops.cast(whole, x.dtype) / scale, lambda g: g

    return rounded(inputs)


def exact(
    contraction: Contraction, summed: tuple[int, ...], x: Tensor, weight: Tensor
) -> Tensor:
    """The sums of products of two arrays of bytes, as floats or, if those are long, int32.

    Backends multiply floats fastest. Sums that float32 may not hold are taken in parts.
    """
    sizes = [weight.shape[a] for a in summed]
    if math.prod(sizes) <= _EXACT:
        return contraction.product(ops.cast(x, "float32"), ops.cast(weight, "float32"))
    longest = max(range(len(sizes)), key=sizes.__getitem__)
    size = sizes[longest]
    others = math.prod(sizes) // size
    step = max(1, _EXACT // others)
    if step >= size:
        step = -(-size // 2)
    axes = contraction.summed(x.ndim)[longest] % x.ndim, summed[longest]
    total: Tensor | None = None
    for start in range(0, size, step):
        part = exact(
            contraction,
            summed,
            _cut(x, axes[0], start, start + step),
            _cut(weight, axes[1], start, start + step),
        )
        part = ops.cast(part, "int32")
        total = part if total is None else ops.add(total, part)
    return total  # type: ignore[return-value]  # there is a part at least


def _cut(x: Tensor, axis: int, start: int, stop: int) -> Tensor:
    return x[(slice(None),) * axis + (slice(start, stop),)]
