"""Intersection over union of the regions of classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from minikeras import naming, ops, settings
from minikeras.engine.aval import ShapeError
from minikeras.engine.dtypes import is_float
from minikeras.engine.warn import warn_user
from minikeras.losses.reduction import align
from minikeras.metrics.metric import Metric
from minikeras.types import ArrayLike, PolicyLike

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor


class IoU(Metric):
    """Mean over some classes of `overlap / (labels + predictions - overlap)`.

    Entries whose label or prediction is no class do not count.

    Args:
        num_classes: How many classes there are.
        target_class_ids: The classes that the mean is over.
        name: Name of the metric.
        dtype: Of the counts; default `"int32"`. Weights are cast to it, so give
            `"float32"` for weights that are not whole.
        ignore_class: A label whose entries do not count.
        sparse_y_true: Whether targets are class indices, not one-hot.
        sparse_y_pred: Whether predictions are class indices, not scores.
        axis: The axis of one-hot targets and of scores.

    Raises:
        ValueError: If a target class is out of range.

    Example:

    >>> metric = keras.metrics.IoU(num_classes=2, target_class_ids=[0])
    >>> metric.update_state([0, 0, 1, 1], [0, 1, 0, 1])
    >>> float(metric.result())
    0.333
    """

    _direction = "up"

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: PolicyLike | None = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(name=name, dtype=dtype or "int32")
        # First, as a file may ask for too many classes.
        self.total_cm = self.add_variable(
            (num_classes, num_classes), "zeros", name="total_confusion_matrix"
        )
        bad = [i for i in target_class_ids if not 0 <= i < num_classes]
        if bad:
            raise ValueError(
                f"{type(self).__name__}: target_class_ids has {naming.shown(bad)}; "
                f"expected classes in [0, {num_classes})."
            )
        self.num_classes = num_classes
        self.target_class_ids = list(target_class_ids)
        self.ignore_class = ignore_class
        self.sparse_y_true = sparse_y_true
        self.sparse_y_pred = sparse_y_pred
        self.axis = axis

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Any = None
    ) -> None:
        """Take in one batch.

        Args:
            y_true: Class indices, `(batch, ...)`, or one-hot with `axis` more.
            y_pred: Class indices or scores.
            sample_weight: Weights that broadcast to the labels.

        Raises:
            ValueError: If shapes do not fit.
        """
        y_true = _classes(y_true, self.sparse_y_true, self.axis)
        y_pred = _classes(y_pred, self.sparse_y_pred, self.axis)
        weights = ops.ones(y_true.shape, dtype=self.dtype)
        if sample_weight is not None:
            given = self._weights(sample_weight)
            weights = weights * align(weights, given)[1]
        if y_true.size != y_pred.size:
            raise ShapeError(
                f"{type(self).__name__}: labels have shape {y_true.shape} and predictions "
                f"have shape {y_pred.shape}; expected equal shapes."
            )
        y_true, y_pred = ops.reshape(y_true, (-1,)), ops.reshape(y_pred, (-1,))
        weights = ops.reshape(weights, (-1,))
        n = self.num_classes
        valid = (y_true >= 0) & (y_true < n) & (y_pred >= 0) & (y_pred < n)
        if self.ignore_class is not None:
            valid = valid & ops.not_equal(y_true, self.ignore_class)
        cell = ops.where(valid, y_true * n + y_pred, 0)
        weights = ops.where(valid, weights, ops.zeros_like(weights))
        counts = ops.segment_sum(weights, cell, n * n)
        self.total_cm.assign_add(ops.reshape(counts, (n, n)))

    def _weights(self, sample_weight: ArrayLike) -> Tensor:
        weights = ops.convert_to_tensor(sample_weight)
        if is_float(weights.dtype) and not is_float(self.dtype):
            warn_user(
                f"{type(self).__name__} {self.name!r}: sample_weight is {weights.dtype} and is "
                f"cut to whole numbers, as the metric counts in {self.dtype}. Make the metric "
                'with dtype="float32".'
            )
        return ops.cast(weights, self.dtype)

    def result(self) -> Tensor:
        wide = "float64" if self.dtype == "float64" else settings.floatx()
        matrix = ops.cast(self.total_cm, wide)
        overlap = ops.diagonal(matrix)
        union = ops.sum(matrix, axis=0) + ops.sum(matrix, axis=1) - overlap
        chosen = ops.convert_to_tensor(self.target_class_ids, dtype="int32")
        overlap = ops.take(overlap, chosen, axis=0)
        union = ops.take(union, chosen, axis=0)
        seen = ops.sum(ops.cast(ops.not_equal(union, 0), overlap.dtype))
        shares = overlap / (union + settings.epsilon())
        return ops.divide_no_nan(ops.sum(shares), seen)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "target_class_ids": self.target_class_ids,
            "ignore_class": self.ignore_class,
            "sparse_y_true": self.sparse_y_true,
            "sparse_y_pred": self.sparse_y_pred,
            "axis": self.axis,
        }

    def _config_without(self, *names: str) -> dict[str, Any]:
        return {k: v for k, v in IoU.get_config(self).items() if k not in names}


def _classes(values: ArrayLike, sparse: bool, axis: int) -> Tensor:
    values = ops.convert_to_tensor(values)
    if not sparse:
        return ops.cast(ops.argmax(values, axis=axis), "int32")
    return ops.cast(values, "int32")


class MeanIoU(IoU):
    """The mean over all classes of `overlap / (labels + predictions - overlap)`.

    Args:
        num_classes: How many classes there are.
        name: Name of the metric.
        dtype: Of the counts; default `"int32"`.
        ignore_class: A label whose entries do not count.
        sparse_y_true: Whether targets are class indices, not one-hot.
        sparse_y_pred: Whether predictions are class indices, not scores.
        axis: The axis of one-hot targets and of scores.

    Example:

    >>> metric = keras.metrics.MeanIoU(num_classes=2)
    >>> metric.update_state([0, 0, 1, 1], [0, 1, 0, 1])
    >>> float(metric.result())
    0.333
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: PolicyLike | None = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes,
            range(num_classes),
            name,
            dtype,
            ignore_class,
            sparse_y_true,
            sparse_y_pred,
            axis,
        )

    def get_config(self) -> dict[str, Any]:
        return self._config_without("target_class_ids")


class BinaryIoU(IoU):
    """`IoU` of two classes, from predictions that are at least `threshold` for class 1.

    Args:
        target_class_ids: The classes that the mean is over.
        threshold: From it on, class 1 is meant.
        name: Name of the metric.
        dtype: Of the counts; default `"int32"`.

    Example:

    >>> metric = keras.metrics.BinaryIoU(threshold=0.3)
    >>> metric.update_state([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7])
    >>> float(metric.result())
    0.333
    """

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = threshold

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: object = None
    ) -> None:
        y_pred = ops.greater_equal(ops.convert_to_tensor(y_pred), self.threshold)
        super().update_state(y_true, ops.cast(y_pred, "int32"), sample_weight)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        kept = ("name", "dtype", "target_class_ids")
        return {**{k: config[k] for k in kept}, "threshold": self.threshold}


class OneHotIoU(IoU):
    """`IoU` for one-hot targets.

    Args:
        num_classes: How many classes there are.
        target_class_ids: The classes that the mean is over.
        name: Name of the metric.
        dtype: Of the counts; default `"int32"`.
        ignore_class: A label whose entries do not count.
        sparse_y_pred: Whether predictions are class indices, not scores.
        axis: The axis of the classes.

    Example:

    >>> metric = keras.metrics.OneHotIoU(num_classes=2, target_class_ids=[0])
    >>> metric.update_state([[1, 0], [0, 1]], [[0.7, 0.3], [0.2, 0.8]])
    >>> float(metric.result())
    1.0
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: PolicyLike | None = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes,
            target_class_ids,
            name,
            dtype,
            ignore_class,
            False,
            sparse_y_pred,
            axis,
        )

    def get_config(self) -> dict[str, Any]:
        return self._config_without("sparse_y_true")


class OneHotMeanIoU(MeanIoU):
    """`MeanIoU` for one-hot targets.

    Args:
        num_classes: How many classes there are.
        name: Name of the metric.
        dtype: Of the counts; default `"int32"`.
        ignore_class: A label whose entries do not count.
        sparse_y_pred: Whether predictions are class indices, not scores.
        axis: The axis of the classes.

    Example:

    >>> metric = keras.metrics.OneHotMeanIoU(num_classes=2)
    >>> metric.update_state([[1, 0], [0, 1]], [[0.7, 0.3], [0.2, 0.8]])
    >>> float(metric.result())
    1.0
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: PolicyLike | None = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis
        )

    def get_config(self) -> dict[str, Any]:
        return self._config_without("sparse_y_true", "target_class_ids")
