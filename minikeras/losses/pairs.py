"""Targets and predictions as tensors that fit each other."""

from __future__ import annotations

from typing import Any

from minikeras import ops, settings
from minikeras.engine.aval import ShapeError, broadcast_shapes
from minikeras.engine.tensor import Tensor
from minikeras.losses.reduction import match_ranks
from minikeras.types import ArrayLike, Axis


def pair(name: str, y_true: Any, y_pred: Any) -> tuple[Tensor, Tensor]:
    """Both as tensors of one dtype, ranks matched; see `widened`.

    Raises:
        ValueError: If the shapes cannot be broadcast together.
    """
    y_true, y_pred = widened(y_true, ops.convert_to_tensor(y_pred))
    y_true, y_pred = match_ranks(y_true, y_pred)
    try:
        broadcast_shapes(y_true.shape, y_pred.shape, op=name)
    except ShapeError as error:
        raise ShapeError(
            f"{name}: y_true has shape {y_true.shape} and y_pred has shape {y_pred.shape}; "
            "expected equal shapes. Check the units of the last layer and the form of the "
            "targets."
        ) from error
    return y_true, y_pred


def widened(y_true: ArrayLike, y_pred: Tensor) -> tuple[Tensor, Tensor]:
    """Both in the dtype of `y_pred`; of targets that are wider than its 16 bits, in theirs."""
    if y_pred.dtype in ("float16", "bfloat16"):
        y_true = ops.convert_to_tensor(y_true)
        if y_true.dtype in ("float32", "float64"):
            return y_true, ops.cast(y_pred, y_true.dtype)
    return ops.convert_to_tensor(y_true, dtype=y_pred.dtype), y_pred


def floats(y_pred: ArrayLike) -> Tensor:
    """Predictions as a tensor of their own float dtype, or of `floatx()`."""
    y_pred = ops.convert_to_tensor(y_pred)
    return y_pred if "float" in y_pred.dtype else ops.cast(y_pred, settings.floatx())


def float_pair(
    name: str, y_true: ArrayLike, y_pred: ArrayLike
) -> tuple[Tensor, Tensor]:
    """As `pair`, but integer predictions become `floatx()`."""
    return pair(name, y_true, floats(y_pred))


def smooth_to_uniform(y_true: ArrayLike, label_smoothing: Any, classes: int) -> Any:
    """Targets moved towards `1 / classes` (Szegedy et al. 2016, section 7)."""
    if type(label_smoothing) in (int, float) and label_smoothing == 0:
        return y_true
    return y_true * (1.0 - label_smoothing) + label_smoothing / classes


def check_classes(name: str, y_true: Tensor, y_pred: Tensor, axis: Axis) -> None:
    """Class axes must agree, and there must be more than one class.

    Raises:
        ValueError: If shapes or axis do not fit.
    """
    if type(axis) is bool or not isinstance(axis, int):
        raise ValueError(f"{name}: axis={axis!r}; expected an integer.")
    if y_true.shape != y_pred.shape:
        hint = (
            " Integer labels go with sparse_categorical_crossentropy."
            if y_true.ndim < y_pred.ndim or y_true.shape[-1:] == (1,)
            else " Check the units of the last layer."
        )
        raise ShapeError(
            f"{name}: y_true has shape {y_true.shape} and y_pred has shape {y_pred.shape}; "
            f"expected equal shapes with one-hot targets.{hint}"
        )
