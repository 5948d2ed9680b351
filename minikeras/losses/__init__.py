"""Losses: what training makes small, as classes and as functions."""

from __future__ import annotations

import inspect
from typing import Any

from minikeras.losses.crossentropy import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
    binary_crossentropy,
    categorical_crossentropy,
    sparse_categorical_crossentropy,
)
from minikeras.losses.focal import (
    BinaryFocalCrossentropy,
    CategoricalFocalCrossentropy,
    binary_focal_crossentropy,
    categorical_focal_crossentropy,
)
from minikeras.losses.loss import Loss, LossFunctionWrapper
from minikeras.losses.margin import (
    CategoricalHinge,
    Hinge,
    SquaredHinge,
    categorical_hinge,
    hinge,
    squared_hinge,
)
from minikeras.losses.probabilistic import (
    CategoricalGeneralizedCrossEntropy,
    KLDivergence,
    Poisson,
    categorical_generalized_cross_entropy,
    kl_divergence,
    poisson,
)
from minikeras.losses.regression import (
    CosineSimilarity,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    cosine_similarity,
    huber,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
)
from minikeras.losses.structured import (
    Circle,
    Dice,
    Tversky,
    circle,
    dice,
    tversky,
)
from minikeras.losses.temporal import CTC, ctc
from minikeras.saving.identifiers import called
from minikeras.saving.serialization import (
    deserialize_keras_object,
    serialize_keras_object,
)
from minikeras.types import Identifier


def __dir__() -> list[str]:
    return __all__


__all__ = [
    "CTC",
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy",
    "CategoricalHinge",
    "Circle",
    "CosineSimilarity",
    "Dice",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "Tversky",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy",
    "categorical_hinge",
    "circle",
    "cosine_similarity",
    "ctc",
    "deserialize",
    "dice",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "serialize",
    "sparse_categorical_crossentropy",
    "squared_hinge",
    "tversky",
]

_NOT_LOSSES = ("deserialize", "get", "serialize")
_NAMES: dict[str, Any] = {
    **{name: globals()[name] for name in __all__ if name not in _NOT_LOSSES},
    "LossFunctionWrapper": LossFunctionWrapper,
}
for _function, *_aliases in (
    (binary_crossentropy, "bce", "BCE"),
    (kl_divergence, "kld", "KLD"),
    (mean_absolute_error, "mae", "MAE"),
    (mean_squared_error, "mse", "MSE"),
    (mean_absolute_percentage_error, "mape", "MAPE"),
    (mean_squared_logarithmic_error, "msle", "MSLE"),
):
    _NAMES.update(dict.fromkeys(_aliases, _function))


def serialize(loss: object) -> Any:
    """The config of a loss, a JSON-ready dict.

    Args:
        loss: A `Loss`, or a loss function.

    Returns:
        What `deserialize` takes.

    Example:

    >>> keras.losses.serialize(keras.losses.Huber())["class_name"]
    'Huber'
    """
    return serialize_keras_object(loss)


def deserialize(name: object, custom_objects: dict[str, Any] | None = None) -> Any:
    """The loss of a name or of a config.

    Args:
        name: Name or config.
        custom_objects: Names of classes and functions that are not part of the package.

    Returns:
        A `Loss`, or a loss function.

    Example:

    >>> config = keras.losses.serialize(keras.losses.MeanSquaredError())
    >>> keras.losses.deserialize(config).name
    'mean_squared_error'
    """
    return deserialize_keras_object(
        name, custom_objects=custom_objects, module_objects=_NAMES
    )


def get(identifier: Identifier) -> Any:
    """The loss that `identifier` means.

    Args:
        identifier: Name (`"mse"`, `"MeanSquaredError"`), config, loss function, `Loss`
            or class of one; or None.

    Returns:
        A `Loss`, a loss function, or None.

    Raises:
        ValueError: If it means none.

    Example:

    >>> keras.losses.get("mse").__name__, keras.losses.get("Dice").name
    ('mean_squared_error', 'dice')
    """
    if identifier is None:
        return None
    # An unknown name is `deserialize`'s error here, which also says how to register one.
    found = (
        deserialize(identifier) if isinstance(identifier, (str, dict)) else identifier
    )
    if inspect.isclass(found):
        return found()
    wanted = " is no loss; expected a loss, a function, a config or a name."
    return called(found, identifier, "losses", wanted, _NAMES)
