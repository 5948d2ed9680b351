"""The straight way through a call: a built layer, one tensor, and nothing to do on the way.

Nearly every call inside an eager model is one of these. Nothing is converted, cast, built
or named then, no mask travels and no loss is added; `LayerCalls._run` would find that out
with ten questions for each layer. Here they are asked at once, and whatever is out of the ordinary
is left to `_run`.
"""

from __future__ import annotations

from typing import Any

from minikeras.dtype_policies import DTypePolicy
from minikeras.engine.interpret import MISS, current
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.call_context import CallContext, call_context
from minikeras.layers.base.call_info import call_info
from minikeras.layers.base.input_spec import check
from minikeras.variable import autocast_dtype


def straight(layer: Any, x: Tensor) -> Any:
    """`layer(x)` where that is `layer.call(x)`; `MISS` where it is more."""
    fields = layer.__dict__
    policy = fields["_dtype_policy"]
    if (
        not layer._goes_straight
        or layer.activity_regularizer is not None
        or getattr(x, "_keras_mask", None) is not None
        or type(policy) is not DTypePolicy
        or not policy.compute_dtype == policy.variable_dtype == x.aval.dtype
        or autocast_dtype() is not None
        or not getattr(type(layer).compute_mask, "passive", False)
        or current().wants_paths
    ):
        return MISS
    outer = call_context.get()
    info = call_info(type(layer).call)
    if outer is None:
        layer._clear_losses()
        training = info.training_default
        call_context.set(CallContext(layer, training))  # in the call's own context
    else:
        training = outer.training
        if training is None and info.training_default is not None:
            return MISS
    if layer.input_spec is not None:
        check(layer.input_spec, x, layer._label)
    if training is not None and info.takes_training:
        return layer.call(x, training=training)
    return layer.call(x)
