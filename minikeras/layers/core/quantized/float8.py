"""Products in floats of 8 bits, in training too.

Inputs and kernel are rounded to e4m3, gradients to e5m2, each divided by a scale before.
The scales follow the largest values of the steps before (delayed scaling); scales and
histories are variables whose "gradients" are their next values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minikeras import ops
from minikeras.engine.custom_gradients import custom_gradient
from minikeras.engine.tensor import Tensor
from minikeras.quantizers import (
    compute_float8_amax_history,
    compute_float8_scale,
    quantize_and_dequantize,
)
from minikeras.quantizers.float8 import MOST

if TYPE_CHECKING:
    from minikeras.layers.base.layer import Layer

NAMES = ("inputs", "kernel", "outputs_grad")


def add_variables(layer: Layer, length: int) -> None:
    """Gives a layer the scales and histories of `length` steps."""
    for name in NAMES:
        for suffix, shape, first in (
            ("scale", (), "ones"),
            ("amax_history", (length,), "zeros"),
        ):
            made = layer.add_weight(
                name=f"{name}_{suffix}",
                shape=shape,
                initializer=first,
                dtype="float32",
                autocast=False,
                trainable=True,
                overwrite_with_gradient=True,
            )
            setattr(layer, f"{name}_{suffix}", made)


def multiply(
    layer: Layer,
    product: Callable[[Tensor, Tensor], Tensor],
    inputs: Tensor,
    kernel: Tensor,
    training: bool | None,
) -> Tensor:
    """`product(inputs, kernel)` of rounded factors.

    Args:
        layer: Whose scales and histories are used.
        product: Of inputs and kernel.
        inputs: Floats.
        kernel: Floats.
        training: Whether the scales and histories move on.
    """
    dtype = layer._run_dtype

    def there_and_back(x: Tensor, name: str) -> Tensor:
        @custom_gradient
        def rounded(x: Tensor, scale: Tensor, history: Tensor) -> Any:
            following = _next(x, scale, history, "float8_e4m3fn", training)
            result = quantize_and_dequantize(x, scale, "float8_e4m3fn", dtype)
            return result, lambda g: (g, *following)

        return rounded(x, *_state(layer, name))

    @custom_gradient
    def outgoing(y: Tensor, scale: Tensor, history: Tensor) -> Any:
        def grad(g: Tensor) -> Any:
            narrow = quantize_and_dequantize(g, scale, "float8_e5m2", dtype)
            return narrow, *_next(g, scale, history, "float8_e5m2", training)

        return y, grad

    x = there_and_back(inputs, "inputs")
    y = product(x, there_and_back(ops.convert_to_tensor(kernel), "kernel"))
    return outgoing(y, *_state(layer, "outputs_grad"))


def _state(layer: Layer, name: str) -> tuple[Any, Any]:
    scale = getattr(layer, f"{name}_scale")
    history = getattr(layer, f"{name}_amax_history")
    return ops.convert_to_tensor(scale), ops.convert_to_tensor(history)


def _next(
    x: Tensor, scale: Tensor, history: Tensor, dtype: str, training: bool | None
) -> tuple[Any, Any]:
    if not training:
        return scale, history
    amax = ops.max(history)
    return (
        compute_float8_scale(amax, scale, MOST[dtype]),
        compute_float8_amax_history(x, history),
    )
