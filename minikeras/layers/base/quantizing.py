"""What is said where Keras would quantize."""

from __future__ import annotations

from typing import NoReturn

from minikeras.dtype_policies import DTypePolicy, DTypePolicyMap


def refuse_to_quantize(owner: str, mode: object) -> NoReturn:
    """There is no quantization; there are ways to smaller numbers.

    Raises:
        NotImplementedError: Always.
    """
    asked = "" if mode is None else f"(mode={mode!r})"
    raise NotImplementedError(
        f"{owner}.quantize{asked}: minikeras does not quantize. Smaller numbers: "
        "dtype='mixed_float16' or 'bfloat16' for the model; or model.export('m.onnx'), which "
        "ONNX Runtime quantizes to int8 (onnxruntime.quantization.quantize_dynamic)."
    )


def refuse_quantized(owner: str, policy: DTypePolicy) -> None:
    """A policy says what a layer computes, and no layer computes with quantized weights.

    Of a map each layer's own policy is looked at, when it is known.

    Raises:
        ValueError: If the policy is quantized.
    """
    if policy.quantization_mode is not None and not isinstance(policy, DTypePolicyMap):
        raise ValueError(
            f"{owner}: dtype={policy.name!r} is a quantized policy; minikeras does not "
            "quantize. Expected 'mixed_float16', 'float32' or the like. A model of Keras "
            "that was quantized can be exported there, or saved before it is quantized."
        )
