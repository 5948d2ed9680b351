"""Quantization: floats as small integers, and how layers are told to: `keras.quantizers`."""

from __future__ import annotations

from minikeras.quantizers.calibrated import AWQConfig, GPTQConfig
from minikeras.quantizers.configs import (
    Float8QuantizationConfig,
    Int4QuantizationConfig,
    Int8QuantizationConfig,
    QuantizationConfig,
)
from minikeras.quantizers.fake import fake_quant_with_min_max_vars
from minikeras.quantizers.finding import deserialize, get, serialize
from minikeras.quantizers.float8 import (
    compute_float8_amax_history,
    compute_float8_scale,
    quantize_and_dequantize,
)
from minikeras.quantizers.packing import pack_int4, unpack_int4
from minikeras.quantizers.quantizer import AbsMaxQuantizer, Quantizer
from minikeras.quantizers.scaling import (
    abs_max_quantize,
    abs_max_quantize_grouped_with_zero_point,
)


def __dir__() -> list[str]:
    return __all__


__all__ = [
    "AWQConfig",
    "AbsMaxQuantizer",
    "Float8QuantizationConfig",
    "GPTQConfig",
    "Int4QuantizationConfig",
    "Int8QuantizationConfig",
    "QuantizationConfig",
    "Quantizer",
    "abs_max_quantize",
    "abs_max_quantize_grouped_with_zero_point",
    "compute_float8_amax_history",
    "compute_float8_scale",
    "deserialize",
    "fake_quant_with_min_max_vars",
    "get",
    "pack_int4",
    "quantize_and_dequantize",
    "serialize",
    "unpack_int4",
]
