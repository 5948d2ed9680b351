"""Metrics: numbers about predictions that are gathered batch by batch."""

from __future__ import annotations

import inspect
from typing import Any

from minikeras.metrics.accuracy import (Accuracy, BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy, SparseTopKCategoricalAccuracy, TopKCategoricalAccuracy)
from minikeras.metrics.accuracy_functions import (accuracy, binary_accuracy, categorical_accuracy, sparse_categorical_accuracy, sparse_top_k_categorical_accuracy, top_k_categorical_accuracy)
from minikeras.metrics.correlation import (ConcordanceCorrelation, PearsonCorrelation, concordance_correlation, pearson_correlation)
from minikeras.metrics.hinge import (CategoricalHinge, Hinge, SquaredHinge)
from minikeras.metrics.metric import (Metric)
from minikeras.metrics.probabilistic import (BinaryCrossentropy, CategoricalCrossentropy, KLDivergence, Poisson, SparseCategoricalCrossentropy)
from minikeras.metrics.reductions import (Mean, MeanMetricWrapper, Sum)
from minikeras.metrics.regression import (CosineSimilarity, LogCoshError, MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredError, MeanSquaredLogarithmicError, RootMeanSquaredError, cosine_similarity)
from minikeras.saving.serialization import deserialize_keras_object, serialize_keras_object
from minikeras.losses import (binary_crossentropy, binary_focal_crossentropy, categorical_crossentropy, categorical_focal_crossentropy, categorical_hinge, hinge, huber, kl_divergence, log_cosh, mean_absolute_error, mean_absolute_percentage_error, mean_squared_error, mean_squared_logarithmic_error, poisson, sparse_categorical_crossentropy, squared_hinge)

__all__ = ["Accuracy", "BinaryAccuracy", "BinaryCrossentropy", "CategoricalAccuracy", "CategoricalCrossentropy", "CategoricalHinge", "ConcordanceCorrelation", "CosineSimilarity", "Hinge", "KLDivergence", "LogCoshError", "Mean", "MeanAbsoluteError", "MeanAbsolutePercentageError", "MeanMetricWrapper", "MeanSquaredError", "MeanSquaredLogarithmicError", "Metric", "PearsonCorrelation", "Poisson", "RootMeanSquaredError", "SparseCategoricalAccuracy", "SparseCategoricalCrossentropy", "SparseTopKCategoricalAccuracy", "SquaredHinge", "Sum", "TopKCategoricalAccuracy", "accuracy", "binary_accuracy", "binary_crossentropy", "binary_focal_crossentropy", "categorical_accuracy", "categorical_crossentropy", "categorical_focal_crossentropy", "categorical_hinge", "concordance_correlation", "cosine_similarity", "deserialize", "get", "hinge", "huber", "kl_divergence", "log_cosh", "mean_absolute_error", "mean_absolute_percentage_error", "mean_squared_error", "mean_squared_logarithmic_error", "pearson_correlation", "poisson", "serialize", "sparse_categorical_accuracy", "sparse_categorical_crossentropy", "sparse_top_k_categorical_accuracy", "squared_hinge", "top_k_categorical_accuracy",]

_NOT_METRICS = ("deserialize", "get", "serialize")
_NAMES: dict[str, Any] = {n: globals()[n] for n in __all__ if n not in _NOT_METRICS}
for _found, *_aliases in (
    (BinaryCrossentropy, "bce", "BCE"),
    (KLDivergence, "kld", "KLD"),
    (MeanAbsoluteError, "mae", "MAE"),
    (MeanSquaredError, "mse", "MSE"),
    (RootMeanSquaredError, "rmse", "RMSE"),
    (MeanAbsolutePercentageError, "mape", "MAPE"),
    (MeanSquaredLogarithmicError, "msle", "MSLE"),
):
    _NAMES.update(dict.fromkeys(_aliases, _found))


def serialize(metric: Any) -> Any:
    """The config of a metric, a JSON-ready dict."""
    return serialize_keras_object(metric)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The metric of a name or of a config."""
    return deserialize_keras_object(
        config, custom_objects=custom_objects, module_objects=_NAMES
    )


def get(identifier: Any) -> Any:
    """The metric that `identifier` means: a name, config, function, class or `Metric`.

    Raises:
        ValueError: If it means none.

    >>> import minikeras as keras
    >>> keras.metrics.get("mse").name
    'mean_squared_error'
    """
    if identifier is None:
        return None
    found = identifier
    if isinstance(identifier, (str, dict)):
        found = deserialize(identifier)
    if inspect.isclass(found):
        return found()
    if callable(found):
        return found
    raise ValueError(
        f"metrics.get: {identifier!r} is no metric; expected a metric, a function, a config "
        f"or one of {', '.join(sorted(_NAMES))}."
    )
