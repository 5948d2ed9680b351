"""Classifier, regressor and transformer of scikit-learn around a model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np

from minikeras.models import Model, clone_model

try:
    from sklearn.base import (
        BaseEstimator,
        ClassifierMixin,
        ClassNamePrefixFeaturesOutMixin,
        RegressorMixin,
        TransformerMixin,
    )
    from sklearn.utils.metaestimators import available_if
    from sklearn.utils.multiclass import check_classification_targets, type_of_target
    from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data
except ImportError as error:
    raise ImportError(
        "keras.wrappers: scikit-learn 1.6 or later is not installed; "
        "`pip install 'minikeras[sklearn]'`."
    ) from error

Array = Any  # whatever scikit-learn takes for one


class KerasEstimator(BaseEstimator):
    """What the three estimators share; see them."""

    model_: Any
    history_: Any

    def __init__(
        self,
        model: Model | Callable[..., Model],
        warm_start: bool = False,
        model_kwargs: dict[str, Any] | None = None,
        fit_kwargs: dict[str, Any] | None = None,
    ) -> None:
        # scikit-learn copies estimators by these, so they are kept as they are given.
        self.model = model
        self.warm_start = warm_start
        self.model_kwargs = model_kwargs
        self.fit_kwargs = fit_kwargs

    def fit(self, X: Array, y: Array, **kwargs: object) -> Self:
        """Train a model.

        Args:
            X: `(samples, ...)`.
            y: Targets, `(samples,)`.
            **kwargs: For `model.fit`; they come before `fit_kwargs`.

        Returns:
            The estimator itself.

        Raises:
            ValueError: If the data, or the model, do not fit.
        """
        X, y = validate_data(self, X, y, **self._data_rules(y))
        goes_on = self.warm_start and hasattr(self, "model_")
        y = self._encoded(y, reset=not goes_on)
        model = self.model_ if goes_on else self._new_model(X, y)
        arguments = {**(self.fit_kwargs or {}), **kwargs}
        held = arguments.get("validation_data")
        if isinstance(held, (tuple, list)) and len(held) > 1:
            target = self._encoded(np.asarray(held[1]), reset=False)
            arguments["validation_data"] = (held[0], target, *held[2:])
        self.history_ = model.fit(X, y, **arguments)
        self.model_ = model
        return self

    def predict(self, X: Array) -> Array:
        """What the model says of `X`, in the form of `y`.

        Args:
            X: `(samples, ...)`.

        Returns:
            `(samples,)` classes or numbers.
        """
        return self._decoded(self._outputs(X))

    def _outputs(self, X: Array) -> Array:
        check_is_fitted(self, "model_")
        X = validate_data(self, X, reset=False, **self._data_rules(None))
        return self.model_.predict(X, verbose=0)

    def _data_rules(self, y: Array) -> dict[str, Any]:
        return {"allow_nd": True}

    def _new_model(self, X: Array, y: Array) -> Model:
        """A compiled model with weights of its own, unless `warm_start` says otherwise."""
        owner = type(self).__name__
        given = self.model
        if isinstance(given, Model):
            _check_compiled(given, f"{owner}: the model given")
            if self.warm_start:
                return given
            model = clone_model(given)
            model.compile_from_config(given.get_compile_config())
            return model
        if not callable(given):
            raise TypeError(
                f"{owner}: model={given!r}; expected a compiled keras.Model, or a function "
                "of X and y that gives one."
            )
        model = given(X=X, y=y, **(self.model_kwargs or {}))
        if not isinstance(model, Model):
            raise TypeError(
                f"{owner}: model(X, y) gave a {type(model).__name__}; expected a compiled "
                "keras.Model."
            )
        _check_compiled(model, f"{owner}: what model(X, y) gave")
        return model

    def _encoded(self, y: Array, reset: bool) -> Array:
        """Targets as the model takes them."""
        return y

    def _decoded(self, outputs: Array) -> Array:
        """The model's outputs in the form of `y`."""
        return outputs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        # Initial weights, dropout and the order of samples are drawn anew.
        tags.non_deterministic = True
        tags.target_tags.required = True
        return tags


def _check_compiled(model: Model, what: str) -> None:
    if not model.compiled:
        raise RuntimeError(f"{what} is not compiled; call model.compile(...) first.")


def _gives_probabilities(estimator: Any) -> bool:
    check_is_fitted(estimator, "model_")
    activations = [
        getattr(getattr(layer, "activation", None), "__name__", type(layer).__name__)
        for layer in estimator.model_.layers[-1:]
    ]
    if any(name in ("softmax", "Softmax") for name in activations):
        return True
    raise AttributeError(
        f"{type(estimator).__name__}: the model does not end in a softmax, so its outputs "
        "are no probabilities; predict() and decision_function() work."
    )


class SKLearnClassifier(ClassifierMixin, KerasEstimator):
    """A model as a classifier of scikit-learn.

    The model gets the classes one-hot, `(samples, classes)`, also where there are two,
    and gives one score each: end it in `Dense(y.shape[1], "softmax")` and train it on
    `"categorical_crossentropy"`.

    Args:
        model: A compiled model, which is cloned for each `fit`; or a function that is
            called with `X`, `y` (one-hot) and `model_kwargs`, and gives a compiled model.
        warm_start: Whether `fit` goes on with the model of the last `fit` (and begins
            with the one given, not a clone).
        model_kwargs: Further arguments for `model`, if that is a function.
        fit_kwargs: Arguments for `model.fit`, such as `epochs`.

    Attributes:
        model_: The trained model.
        history_: What `model.fit` gave.
        classes_: The classes in order, `(classes,)`.

    Raises:
        ImportError: If scikit-learn is not installed.

    Example:
        >>> def net(X, y, units=8):
        ...     model = keras.Sequential([keras.Input(X.shape[1:])])
        ...     model.add(keras.layers.Dense(units, "relu"))
        ...     model.add(keras.layers.Dense(y.shape[1], "softmax"))
        ...     model.compile("adam", "categorical_crossentropy")
        ...     return model
        >>> X, y = np.random.rand(20, 3), np.array(["no", "yes"] * 10)
        >>> guess = keras.wrappers.SKLearnClassifier(net, model_kwargs={"units": 4})
        >>> guess.fit(X, y, epochs=2, verbose=0).predict(X).shape
        (20,)
        >>> guess.classes_.tolist()
        ['no', 'yes']
    """

    def decision_function(self, X: Array) -> Array:
        """How sure the model is.

        Args:
            X: `(samples, ...)`.

        Returns:
            Scores `(samples, classes)`. Of two classes, as scikit-learn has it,
            `(samples,)`: the second's score less the first's.
        """
        outputs = self._scores(X)
        if len(self.classes_) == 2:
            return outputs[:, 1] - outputs[:, 0]
        return outputs

    @available_if(_gives_probabilities)
    def predict_proba(self, X: Array) -> Array:
        """The probability of each class, if the model ends in a softmax.

        Args:
            X: `(samples, ...)`.

        Returns:
            `(samples, classes)`.
        """
        return self._scores(X)

    def _scores(self, X: Array) -> Array:
        return self._checked(self._outputs(X))

    def _checked(self, outputs: Array) -> Array:
        if outputs.shape != (len(outputs), len(self.classes_)):
            raise ValueError(
                f"{type(self).__name__}: the model gave {outputs.shape} for "
                f"{len(self.classes_)} classes; expected (samples, classes). End it in "
                "Dense(y.shape[1]), where y is one-hot."
            )
        return outputs

    def _encoded(self, y: Array, reset: bool) -> Array:
        check_classification_targets(y)
        y = column_or_1d(y, warn=True)
        if reset:
            self.classes_ = np.unique(y)
        places = np.searchsorted(self.classes_, y)
        places = np.clip(places, 0, len(self.classes_) - 1)
        unknown = self.classes_[places] != y
        if np.any(unknown):
            raise ValueError(
                f"{type(self).__name__}: y has classes {np.unique(y[unknown]).tolist()}; "
                f"those of the first fit are {self.classes_.tolist()}."
            )
        return np.eye(len(self.classes_), dtype="float32")[places]

    def _decoded(self, outputs: Array) -> Array:
        return self.classes_[self._checked(outputs).argmax(axis=1)]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True  # with a few epochs
        return tags


class SKLearnRegressor(RegressorMixin, KerasEstimator):
    """A model as a regressor of scikit-learn.

    Args:
        model: A compiled model, which is cloned for each `fit`; or a function that is
            called with `X`, `y` (`(samples, 1)` for one number a sample) and
            `model_kwargs`, and gives a compiled model.
        warm_start: Whether `fit` goes on with the model of the last `fit` (and begins
            with the one given, not a clone).
        model_kwargs: Further arguments for `model`, if that is a function.
        fit_kwargs: Arguments for `model.fit`, such as `epochs`.

    Attributes:
        model_: The trained model.
        history_: What `model.fit` gave.

    Raises:
        ImportError: If scikit-learn is not installed.

    Example:
        >>> def net(X, y):
        ...     model = keras.Sequential([keras.Input(X.shape[1:])])
        ...     model.add(keras.layers.Dense(y.shape[1]))
        ...     model.compile("adam", "mse")
        ...     return model
        >>> X = np.random.rand(20, 3)
        >>> fitted = keras.wrappers.SKLearnRegressor(net).fit(X, X.sum(1), verbose=0)
        >>> fitted.predict(X).shape
        (20,)
    """

    def _data_rules(self, y: Array) -> dict[str, Any]:
        rules = super()._data_rules(y)
        return (
            rules if y is None else {**rules, "multi_output": True, "y_numeric": True}
        )

    def _encoded(self, y: Array, reset: bool) -> Array:
        if reset:
            self._flat = y.ndim == 1
        return y[:, None] if y.ndim == 1 else y

    def _decoded(self, outputs: Array) -> Array:
        return outputs[:, 0] if self._flat and outputs.shape[1:] == (1,) else outputs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True  # with a few epochs
        tags.target_tags.multi_output = True
        return tags


class SKLearnTransformer(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, KerasEstimator
):
    """A model as a transformer of scikit-learn: its outputs are the new features.

    (A step of a pipeline, not the architecture of that name.)

    Args:
        model: A compiled model, which is cloned for each `fit`; or a function that is
            called with `X`, `y` and `model_kwargs`, and gives a compiled model.
        warm_start: Whether `fit` goes on with the model of the last `fit` (and begins
            with the one given, not a clone).
        model_kwargs: Further arguments for `model`, if that is a function.
        fit_kwargs: Arguments for `model.fit`, such as `epochs`.

    Attributes:
        model_: The trained model.
        history_: What `model.fit` gave.

    Raises:
        ImportError: If scikit-learn is not installed.

    Example:
        >>> squeeze = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        >>> squeeze.add(keras.layers.Dense(3))
        >>> squeeze.compile("adam", "mse")
        >>> X = np.random.rand(20, 3)
        >>> keras.wrappers.SKLearnTransformer(squeeze).fit(X, X, verbose=0).transform(X).shape
        (20, 3)
    """

    def transform(self, X: Array) -> Array:
        """The model's outputs.

        Args:
            X: `(samples, ...)`.

        Returns:
            `(samples, features)`.
        """
        return self._outputs(X)

    def _data_rules(self, y: Array) -> dict[str, Any]:
        rules = super()._data_rules(y)
        return rules if y is None else {**rules, "multi_output": True}

    def _encoded(self, y: Array, reset: bool) -> Array:
        if y.dtype.kind not in "biuf":
            type_of_target(y, raise_unknown=True, input_name="y")
        return y[:, None] if y.ndim == 1 else y

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]  # the model's
        return tags

    @property
    def _n_features_out(self) -> int:
        """How many features come out; scikit-learn names them by it."""
        return int(self.model_.output_shape[-1])
