"""What is said where a layer cannot be quantized."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from minikeras.layers.base.layer import Layer

KNOWN = "Dense, EinsumDense, Embedding and ReversibleEmbedding"


def refuse_to_quantize(owner: str, mode: object) -> NoReturn:
    """The layer has nothing that is quantized.

    Raises:
        NotImplementedError: Always.
    """
    asked = f"(mode={mode!r})" if mode is not None else "()"
    raise NotImplementedError(
        f"{owner}.quantize{asked}: this class says of no weights that they can be quantized; "
        f"{KNOWN} do, and layers that are made of them. A subclass of one of them, which may "
        "compute something else, is quantized with type_check=False."
    )


def check_built(layer: Layer) -> None:
    """A layer with weights has them in the way that its policy says.

    Raises:
        NotImplementedError: If the policy is quantized, and the weights cannot be.
    """
    policy = layer.dtype_policy
    if policy.quantization_mode is None or layer._modes:
        return
    if layer._tracker.trainable or layer._tracker.non_trainable:
        raise NotImplementedError(
            f"{layer._label()}: dtype={policy.name!r}, but this layer has no weights that "
            f"can be quantized; {KNOWN} have. Give it a policy without quantization, "
            f"such as {policy.get_config()['source_name']!r}."
        )
