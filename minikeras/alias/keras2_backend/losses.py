"""Losses of Keras 2's backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minikeras import losses, ops
from minikeras.types import ArrayLike

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor


def binary_crossentropy(
    target: ArrayLike, output: ArrayLike, from_logits: bool = False
) -> Tensor:
    """The crossentropy of each value, of zeros and ones."""
    return ops.binary_crossentropy(target, output, from_logits)


def categorical_crossentropy(
    target: ArrayLike, output: ArrayLike, from_logits: bool = False, axis: int = -1
) -> Tensor:
    """The crossentropy of each sample, of one-hot classes."""
    return ops.categorical_crossentropy(target, output, from_logits, axis)


def sparse_categorical_crossentropy(
    target: ArrayLike,
    output: ArrayLike,
    from_logits: bool = False,
    axis: int = -1,
    ignore_class: int | None = None,
) -> Tensor:
    """The crossentropy of each sample, of class numbers."""
    return losses.sparse_categorical_crossentropy(
        target, output, from_logits=from_logits, ignore_class=ignore_class, axis=axis
    )


def binary_focal_crossentropy(
    target: ArrayLike,
    output: ArrayLike,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
) -> Tensor:
    """`binary_crossentropy`, with less weight for what is nearly right."""
    target, output = ops.convert_to_tensor(target), ops.convert_to_tensor(output)
    sure = ops.sigmoid(output) if from_logits else output
    right = target * sure + (1 - target) * (1 - sure)
    loss = ops.power(1.0 - right, gamma) * binary_crossentropy(
        target, output, from_logits
    )
    if apply_class_balancing:
        loss = loss * (target * alpha + (1 - target) * (1 - alpha))
    return loss


def categorical_focal_crossentropy(
    target: ArrayLike,
    output: ArrayLike,
    alpha: ArrayLike = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    axis: int = -1,
) -> Tensor:
    """`categorical_crossentropy`, with less weight for what is nearly right."""
    return losses.categorical_focal_crossentropy(
        target, output, alpha, gamma, from_logits, axis=axis
    )


def ctc_batch_cost(
    y_true: ArrayLike, y_pred: Tensor, input_length: ArrayLike, label_length: ArrayLike
) -> Tensor:
    """`(batch, 1)`: the CTC loss, with the last class as the blank.

    Args:
        y_true: Labels `(batch, labels)`.
        y_pred: Probabilities `(batch, frames, classes)`.
        input_length: Frames of each sample `(batch, 1)`.
        label_length: Labels of each sample `(batch, 1)`.
    """
    scores = ops.log(ops.convert_to_tensor(y_pred) + 1e-7)
    loss = ops.ctc_loss(
        ops.cast(y_true, "int32"),
        scores,
        ops.reshape(ops.cast(label_length, "int32"), (-1,)),
        ops.reshape(ops.cast(input_length, "int32"), (-1,)),
        mask_index=int(y_pred.shape[-1]) - 1,
    )
    return ops.expand_dims(loss, -1)


def ctc_decode(
    y_pred: Tensor,
    input_length: ArrayLike,
    greedy: bool = True,
    beam_width: int = 100,
    top_paths: int = 1,
) -> tuple[list[Any], Any]:
    """The likeliest labels of each sample, padded with -1, and their scores.

    Args:
        y_pred: Probabilities `(batch, frames, classes)`; the last class is the blank.
        input_length: Frames of each sample `(batch,)`.
        greedy: Whether each frame is taken for itself.
        beam_width: Prefixes that a beam search keeps.
        top_paths: How many answers it gives.
    """
    decoded, scores = ops.ctc_decode(
        ops.log(ops.convert_to_tensor(y_pred) + 1e-7),
        ops.cast(input_length, "int32"),
        strategy="greedy" if greedy else "beam_search",
        beam_width=beam_width,
        top_paths=top_paths,
        mask_index=int(y_pred.shape[-1]) - 1,
    )
    return [decoded[i] for i in range(1 if greedy else top_paths)], scores


__all__ = [
    "binary_crossentropy", "binary_focal_crossentropy", "categorical_crossentropy",
    "categorical_focal_crossentropy", "ctc_batch_cost", "ctc_decode",
    "sparse_categorical_crossentropy",
]  # fmt: skip
