"""Metrics: numbers about predictions that are gathered batch by batch."""

from __future__ import annotations

import inspect
from typing import Any

from minikeras.losses import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
)
from minikeras.metrics.accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
)
from minikeras.metrics.accuracy_functions import (
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from minikeras.metrics.auc import (
    AUC,
)
from minikeras.metrics.confusion import (
    FalseNegatives,
    FalsePositives,
    Precision,
    Recall,
    TrueNegatives,
    TruePositives,
)
from minikeras.metrics.constrained import (
    PrecisionAtRecall,
    RecallAtPrecision,
    SensitivityAtSpecificity,
    SpecificityAtSensitivity,
)
from minikeras.metrics.correlation import (
    ConcordanceCorrelation,
    PearsonCorrelation,
    concordance_correlation,
    pearson_correlation,
)
from minikeras.metrics.iou import (
    BinaryIoU,
    IoU,
    MeanIoU,
    OneHotIoU,
    OneHotMeanIoU,
)
from minikeras.metrics.margin import (
    CategoricalHinge,
    Hinge,
    SquaredHinge,
)
from minikeras.metrics.metric import (
    Metric,
)
from minikeras.metrics.probabilistic import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    KLDivergence,
    Poisson,
    SparseCategoricalCrossentropy,
)
from minikeras.metrics.reductions import (
    Mean,
    MeanMetricWrapper,
    Sum,
)
from minikeras.metrics.regression import (
    CosineSimilarity,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    RootMeanSquaredError,
)
from minikeras.metrics.scores import (
    F1Score,
    FBetaScore,
    R2Score,
)
from minikeras.naming import to_snake_case
from minikeras.saving.identifiers import called
from minikeras.saving.serialization import (
    deserialize_keras_object,
    serialize_keras_object,
)
from minikeras.types import Identifier


def __dir__() -> list[str]:
    return __all__


__all__ = [
    "AUC",
    "Accuracy",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "BinaryIoU",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "ConcordanceCorrelation",
    "CosineSimilarity",
    "F1Score",
    "FBetaScore",
    "FalseNegatives",
    "FalsePositives",
    "Hinge",
    "IoU",
    "KLDivergence",
    "LogCoshError",
    "Mean",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanIoU",
    "MeanMetricWrapper",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Metric",
    "OneHotIoU",
    "OneHotMeanIoU",
    "PearsonCorrelation",
    "Poisson",
    "Precision",
    "PrecisionAtRecall",
    "R2Score",
    "Recall",
    "RecallAtPrecision",
    "RootMeanSquaredError",
    "SensitivityAtSpecificity",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy",
    "SpecificityAtSensitivity",
    "SquaredHinge",
    "Sum",
    "TopKCategoricalAccuracy",
    "TrueNegatives",
    "TruePositives",
    "binary_accuracy",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_accuracy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "concordance_correlation",
    "deserialize",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "pearson_correlation",
    "poisson",
    "serialize",
    "sparse_categorical_accuracy",
    "sparse_categorical_crossentropy",
    "sparse_top_k_categorical_accuracy",
    "squared_hinge",
    "top_k_categorical_accuracy",
]

_CLASSES: list[type[Metric]] = [
    globals()[name] for name in __all__ if name[0].isupper()
]
_NAMES: dict[str, Any] = {
    **{cls.__name__: cls for cls in _CLASSES},
    **{to_snake_case(cls.__name__): cls for cls in _CLASSES},
}
for _metric, *_aliases in (
    (BinaryCrossentropy, "bce", "BCE"),
    (MeanSquaredError, "mse", "MSE"),
    (MeanAbsoluteError, "mae", "MAE"),
    (MeanAbsolutePercentageError, "mape", "MAPE"),
    (MeanSquaredLogarithmicError, "msle", "MSLE"),
):
    _NAMES.update(dict.fromkeys(_aliases, _metric))


def serialize(metric: Metric) -> Any:
    """The config of a metric, a JSON-ready dict without its state.

    Args:
        metric: A `Metric`, or a function.

    Returns:
        What `deserialize` takes.

    Example:

    >>> keras.metrics.serialize(keras.metrics.AUC())["class_name"]
    'AUC'
    """
    return serialize_keras_object(metric)


def deserialize(config: object, custom_objects: dict[str, Any] | None = None) -> Any:
    """The metric of a name or of a config.

    Args:
        config: Name or config.
        custom_objects: Names of classes and functions that are not part of the package.

    Returns:
        A `Metric`, a class of one, or a function.

    Example:

    >>> config = keras.metrics.serialize(keras.metrics.Recall(top_k=3))
    >>> keras.metrics.deserialize(config).top_k
    3
    """
    return deserialize_keras_object(
        config, custom_objects=custom_objects, module_objects=_NAMES
    )


def get(identifier: Identifier) -> Any:
    """The metric that `identifier` means.

    Args:
        identifier: Name (`"mse"`, `"auc"`, `"Precision"`), config, function, `Metric` or
            class of one; or None. `"accuracy"` here is plain equality; `compile()`
            chooses the kind of accuracy by loss and shapes.

    Returns:
        A `Metric`, a function, or None.

    Raises:
        ValueError: If it means none.

    Example:

    >>> keras.metrics.get("mse")
    <MeanSquaredError name=mean_squared_error>
    """
    if identifier is None:
        return None
    # An unknown name is `deserialize`'s error here, which also says how to register one.
    found = (
        deserialize(identifier) if isinstance(identifier, (str, dict)) else identifier
    )
    if inspect.isclass(found):
        return found()
    wanted = " is no metric; expected a metric, a function, a config or a name."
    return called(found, identifier, "metrics", wanted, _NAMES)
