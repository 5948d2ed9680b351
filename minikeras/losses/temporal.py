"""Connectionist temporal classification as a loss of sequences."""

from __future__ import annotations

from minikeras import ops
from minikeras.engine.aval import ShapeError
from minikeras.engine.tensor import Tensor
from minikeras.losses.loss import LossFunctionWrapper
from minikeras.types import ArrayLike, PolicyLike


def ctc(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """Minus the log probability of label sequences; class 0 is blank and padding.

    Args:
        y_true: Integer labels `(batch, labels)`, padded with 0 at the end.
        y_pred: Logits `(batch, steps, classes)`.

    Returns:
        Values of shape `(batch,)`.

    Raises:
        ValueError: If shapes do not fit.

    Example:

    >>> keras.losses.ctc([[1]], keras.ops.zeros((1, 2, 2))).tolist()
    [0.2877]

    Reference: Graves et al. (2006), Connectionist Temporal Classification, equation 8.
    """
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
    if y_true.ndim != 2 or y_pred.ndim != 3:
        raise ShapeError(
            f"ctc: y_true has shape {y_true.shape}, y_pred {y_pred.shape}; expected "
            "(batch, labels), integers, and (batch, steps, classes), logits."
        )
    given = ops.cast(ops.not_equal(y_true, 0), "int32")
    frames = ops.ones_like(y_true[:, 0], dtype="int32") * y_pred.shape[1]
    return ops.ctc_loss(y_true, y_pred, ops.sum(given, axis=1), frames, mask_index=0)


class CTC(LossFunctionWrapper):
    """Connectionist temporal classification; see `ctc`.

    Args:
        reduction: What becomes of the values, one for each sample; see `Loss`.
        name: Name of the loss.
        dtype: What to compute in, a name or a policy. Default: `floatx()`.

    Example:

    >>> round(float(keras.losses.CTC()([[1]], keras.ops.zeros((1, 2, 2)))), 4)
    0.2877

    Reference: Graves et al. (2006), Connectionist Temporal Classification, equation 8.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "ctc",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(ctc, reduction, name, dtype)
