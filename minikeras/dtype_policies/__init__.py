"""Dtype policies: the dtype a layer keeps its weights in, and the one it computes in."""

from __future__ import annotations

from minikeras.dtype_policies.finding import (
    deserialize,
    get,
    serialize,
)
from minikeras.dtype_policies.finding import (
    dtype_policy as dtype_policy,
)
from minikeras.dtype_policies.finding import (
    set_dtype_policy as set_dtype_policy,
)
from minikeras.dtype_policies.map import DTypePolicyMap
from minikeras.dtype_policies.policy import DTypePolicy, FloatDTypePolicy
from minikeras.dtype_policies.quantized import (
    AWQDTypePolicy,
    GPTQDTypePolicy,
    Int4DTypePolicy,
    QuantizedDTypePolicy,
    QuantizedFloat8DTypePolicy,
)


def __dir__() -> list[str]:
    return __all__


__all__ = [
    "AWQDTypePolicy",
    "DTypePolicy",
    "DTypePolicyMap",
    "FloatDTypePolicy",
    "GPTQDTypePolicy",
    "Int4DTypePolicy",
    "QuantizedDTypePolicy",
    "QuantizedFloat8DTypePolicy",
    "deserialize",
    "get",
    "serialize",
]
