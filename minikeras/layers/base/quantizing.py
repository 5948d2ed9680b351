"""What is said where Keras would quantize."""

from __future__ import annotations

from typing import Any, NoReturn


def refuse_to_quantize(owner: str, mode: Any) -> NoReturn:
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
