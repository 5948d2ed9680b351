"""`keras.wrappers.scikit_learn` of Keras 2: a function that builds a model, as an estimator.

Arguments of the estimator go to the function, to `fit` and to `predict`, whichever takes
them. New code has `keras.wrappers.SKLearnClassifier` and `SKLearnRegressor`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from minikeras.models import Model
from minikeras.types import ArrayLike
from minikeras.utils import to_categorical

if TYPE_CHECKING:
    from minikeras.callbacks.history import History


try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
except ImportError as error:
    raise ImportError(
        "keras.wrappers.scikit_learn needs scikit-learn: pip install scikit-learn"
    ) from error

_PASSED_ON = ("fit", "predict", "evaluate")


class BaseWrapper(BaseEstimator):
    """What the two estimators share.

    Args:
        build_fn: Gives a compiled model; None for a subclass that is callable.
        **sk_params: Arguments of `build_fn`, `fit`, `predict` or `evaluate`.
    """

    def __init__(self, build_fn: object = None, **sk_params: object) -> None:
        self.build_fn = build_fn
        self.sk_params = sk_params
        self._check(sk_params)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The arguments it was made with."""
        return {**self.sk_params, "build_fn": self.build_fn}

    def set_params(self, **params: object) -> Self:
        """Other arguments."""
        self._check({k: v for k, v in params.items() if k != "build_fn"})
        self.build_fn = params.pop("build_fn", self.build_fn)
        self.sk_params = {**self.sk_params, **params}
        return self

    def _builder(self) -> Any:
        return self if self.build_fn is None else self.build_fn

    def _check(self, params: dict[str, Any]) -> None:
        """Every argument must be somebody's.

        Raises:
            ValueError: If nobody takes one.
        """
        known = set(inspect.signature(self._builder()).parameters)
        for method in _PASSED_ON:
            known |= set(inspect.signature(getattr(Model, method)).parameters)
        for name in params:
            if name not in known:
                raise ValueError(
                    f"{type(self).__name__}: {name!r} is an argument neither of build_fn nor "
                    f"of {', '.join(_PASSED_ON)}."
                )

    def _arguments(
        self, function: Callable[..., Any], given: dict[str, Any]
    ) -> dict[str, Any]:
        names = inspect.signature(function).parameters
        mine = {k: v for k, v in self.sk_params.items() if k in names}
        return {**mine, **given}

    def _fit(self, x: ArrayLike, y: Any, kwargs: dict[str, Any]) -> Any:
        builder = self._builder()
        self.model = builder(**self._arguments(builder, {}))
        loss = getattr(self.model.loss, "__name__", self.model.loss)
        if loss == "categorical_crossentropy" and np.ndim(y) == 1:
            y = to_categorical(y)
        return self.model.fit(x, y, **self._arguments(Model.fit, kwargs))

    def _predict(self, x: ArrayLike, kwargs: dict[str, Any]) -> np.ndarray[Any, Any]:
        return self.model.predict(x, **self._arguments(Model.predict, kwargs))


class KerasClassifier(ClassifierMixin, BaseWrapper):
    """A classifier; the model gives one probability, or one for each class."""

    def fit(self, x: ArrayLike, y: ArrayLike, **kwargs: object) -> History:
        """Builds and trains a model; gives its history.

        Args:
            x: Samples `(samples, ...)`.
            y: Classes `(samples,)`, or one-hot `(samples, classes)`.
            **kwargs: Of `Model.fit`.

        Raises:
            ValueError: If `y` has another shape.
        """
        y = np.asarray(y)
        if y.ndim == 2 and y.shape[1] > 1:
            self.classes_ = np.arange(y.shape[1])
        elif y.ndim in (1, 2):
            self.classes_ = np.unique(y)
            y = np.searchsorted(self.classes_, y.reshape(len(y)))
        else:
            raise ValueError(
                f"KerasClassifier.fit: y has shape {y.shape}; expected one or two axes."
            )
        return self._fit(x, y, kwargs)

    def predict_proba(self, x: ArrayLike, **kwargs: object) -> np.ndarray[Any, Any]:
        """Probabilities `(samples, classes)`."""
        found = self._predict(x, kwargs)
        return np.hstack([1 - found, found]) if found.shape[1] == 1 else found

    def predict(self, x: ArrayLike, **kwargs: object) -> np.ndarray[Any, Any]:
        """The likeliest class of each sample."""
        return self.classes_[self.predict_proba(x, **kwargs).argmax(-1)]


class KerasRegressor(RegressorMixin, BaseWrapper):
    """A regressor."""

    def fit(self, x: ArrayLike, y: ArrayLike, **kwargs: object) -> History:
        """Builds and trains a model; gives its history."""
        return self._fit(x, y, kwargs)

    def predict(self, x: ArrayLike, **kwargs: object) -> np.ndarray[Any, Any]:
        """Predictions `(samples,)`, or `(samples, values)` for several values."""
        found = self._predict(x, kwargs)
        return found[..., 0] if found.shape[-1] == 1 else found

    def score(self, x: ArrayLike, y: ArrayLike, **kwargs: object) -> float:
        """The loss with a minus, so that more is better."""
        loss = self.model.evaluate(x, y, **self._arguments(Model.evaluate, kwargs))
        return -float(loss[0] if isinstance(loss, list) else loss)


__all__ = ["BaseWrapper", "KerasClassifier", "KerasRegressor"]
