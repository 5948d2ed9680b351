"""Models as estimators of scikit-learn: `keras.wrappers` (extra `sklearn`)."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minikeras.wrappers.estimators import (
        SKLearnClassifier,
        SKLearnRegressor,
        SKLearnTransformer,
    )

__all__ = ["SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}.")
    # Their base classes are scikit-learn's, which need not be installed.
    from minikeras.wrappers import estimators

    return getattr(estimators, name)


def __dir__() -> list[str]:
    return __all__
