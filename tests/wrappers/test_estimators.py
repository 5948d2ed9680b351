"""Models as estimators: pipelines, searches, processes, copies, the model's life."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest

import minikeras as keras

pytest.importorskip("sklearn", minversion="1.6")

from sklearn.base import clone
from sklearn.datasets import make_classification, make_regression
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from minikeras.wrappers import (
    SKLearnClassifier,
    SKLearnRegressor,
    SKLearnTransformer,
)

X, NUMBERS = make_classification(120, 6, n_informative=4, n_classes=3, random_state=0)
Y = np.array(["blue", "green", "red"])[NUMBERS]


def classify(X, y, units=16, rate=0.05):
    """A classifier for one-hot `y`; gives the same at each call."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input(X.shape[1:]), keras.layers.Flatten()])
    model.add(keras.layers.Dense(units, "relu"))
    model.add(keras.layers.Dense(y.shape[1], "softmax"))
    model.compile(keras.optimizers.Adam(rate), "categorical_crossentropy")
    return model


def regress(X, y):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input(X.shape[1:]), keras.layers.Dense(y.shape[1])])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return model


def classifier(**arguments):
    fit = {"epochs": 15, "verbose": 0, **arguments.pop("fit_kwargs", {})}
    return SKLearnClassifier(classify, fit_kwargs=fit, **arguments)


def test_a_classifier_learns_and_speaks_in_its_classes():
    fitted = classifier().fit(X, Y)
    assert fitted.score(X, Y) > 0.8
    assert fitted.classes_.tolist() == ["blue", "green", "red"]
    assert set(fitted.predict(X)) <= set(Y)
    chances = fitted.predict_proba(X)
    np.testing.assert_allclose(chances.sum(1), 1, rtol=1e-5)
    np.testing.assert_array_equal(fitted.decision_function(X), chances)
    assert isinstance(fitted.history_, keras.callbacks.History)
    assert len(fitted.history_.history["loss"]) == 15
    two = classifier().fit(X, NUMBERS > 0)
    assert two.decision_function(X).shape == (120,) and two.classes_.dtype == bool
    np.testing.assert_array_equal(two.predict(X), two.decision_function(X) > 0)


def test_a_regressor_and_its_targets():
    x, y = make_regression(80, 4, n_targets=1, noise=0.1, random_state=0)
    x, y = x.astype("float32"), (y / 50).astype("float32")
    net = SKLearnRegressor(regress, fit_kwargs={"epochs": 20, "verbose": 0})
    assert net.fit(x, y).score(x, y) > 0.99
    assert net.predict(x).shape == (80,)
    assert net.fit(x, np.stack([y, -y], 1)).predict(x).shape == (80, 2)
    assert net.fit(x, y[:, None]).predict(x).shape == (80, 1)


def test_a_transformer_in_a_pipeline_with_names():
    wide = SKLearnTransformer(regress, fit_kwargs={"epochs": 3, "verbose": 0})
    pipe = make_pipeline(StandardScaler(), wide, LogisticRegression())
    assert pipe.fit(X, NUMBERS).predict(X).shape == (120,)
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcdef"))
    wide.set_output(transform="pandas")
    made = wide.fit(frame, np.stack([NUMBERS, NUMBERS], 1)).transform(frame)
    assert made.columns.tolist() == ["sklearntransformer0", "sklearntransformer1"]
    assert wide.feature_names_in_.tolist() == list("abcdef")


def test_searches_and_scores():
    grid = {"model_kwargs": [{"units": 1}, {"units": 16}], "warm_start": [False]}
    search = GridSearchCV(classifier(), grid, cv=2).fit(X, Y)
    assert search.best_params_["model_kwargs"] == {"units": 16}
    pipe = make_pipeline(StandardScaler(), classifier())
    pipe.set_params(sklearnclassifier__model_kwargs={"units": 8})
    assert cross_val_score(pipe, X, Y, cv=3).mean() > 0.5
    scores = cross_val_score(pipe, X, NUMBERS == 0, cv=2, scoring="roc_auc")
    assert scores.min() > 0.5


@pytest.mark.slow
def test_processes():
    """joblib pickles estimators, functions and models, fitted or not, to other processes."""
    alone = cross_val_score(classifier(), X, Y, cv=2)
    np.testing.assert_allclose(
        cross_val_score(classifier(), X, Y, cv=2, n_jobs=2), alone
    )
    given = classify(X, np.eye(3)[NUMBERS])
    fit = {"epochs": 2, "verbose": 0}
    found = cross_val_score(
        SKLearnClassifier(given, fit_kwargs=fit), X, Y, cv=2, n_jobs=2
    )
    assert found.shape == (2,) and np.isfinite(found).all()


@pytest.mark.parametrize(
    "again", [copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))]
)
def test_copies(again):
    fitted = classifier(model_kwargs={"units": 3}).fit(X, Y)
    other = again(fitted)
    np.testing.assert_array_equal(other.predict_proba(X), fitted.predict_proba(X))
    assert other.get_params() == fitted.get_params()
    fresh = clone(fitted)
    assert fresh.get_params() == fitted.get_params() and not hasattr(fresh, "model_")


def test_a_model_given_is_cloned_unless_warm():
    given = classify(X, np.eye(3)[NUMBERS])
    before = given.get_weights()
    cold = SKLearnClassifier(given, fit_kwargs={"verbose": 0}).fit(X, Y)
    assert cold.model_ is not given and cold.model_.optimizer is not given.optimizer
    for now, then in zip(given.get_weights(), before):
        np.testing.assert_array_equal(now, then)
    warm = SKLearnClassifier(given, warm_start=True, fit_kwargs={"verbose": 0})
    assert warm.fit(X, Y).model_ is given
    steps = int(given.optimizer.iterations.numpy())
    assert warm.fit(X, Y).model_ is given
    assert int(given.optimizer.iterations.numpy()) == 2 * steps
    with pytest.raises(ValueError, match=r"y has classes \['violet'\]"):
        warm.fit(X, np.array(["violet"] * 120))
    built = classifier(warm_start=True)
    assert built.fit(X, Y).model_ is built.fit(X, Y).model_


def test_arguments_of_fit():
    net = classifier(fit_kwargs={"epochs": 2})
    held = (X[:10], Y[:10])
    history = net.fit(X, Y, epochs=1, validation_data=held).history_.history
    assert len(history["val_loss"]) == 1  # encoded as Y is, and one epoch, not two
    weights = np.where(Y == "red", 1.0, 0.0).astype("float32")
    net = classifier(fit_kwargs={"epochs": 10}).fit(X, Y, sample_weight=weights)
    assert (net.predict(X) == "red").mean() > 0.9


def test_pictures():
    pictures = np.linspace(0, 1, 300, dtype="float32").reshape(12, 5, 5, 1)
    labels = np.arange(12) % 3
    assert classifier().fit(pictures, labels).predict(pictures).shape == (12,)


def test_what_cannot_be_used():
    with pytest.raises(NotFittedError):
        classifier().predict(X)
    with pytest.raises(TypeError, match=r"expected a compiled keras\.Model"):
        SKLearnClassifier(5).fit(X, Y)
    with pytest.raises(TypeError, match="gave a int"):
        SKLearnClassifier(lambda X, y: 5).fit(X, Y)
    with pytest.raises(RuntimeError, match="not compiled"):
        SKLearnClassifier(keras.Sequential([keras.layers.Dense(3)])).fit(X, Y)
    narrow = SKLearnClassifier(
        lambda X, y: regress(X, y[:, :1]), fit_kwargs={"verbose": 0}
    )
    with pytest.raises(ValueError, match=r"gave \(120, 1\) for 3 classes"):
        narrow.fit(X, Y, steps_per_epoch=None).predict(X)
    plain = SKLearnClassifier(regress, fit_kwargs={"verbose": 0}).fit(X, Y)
    assert not hasattr(plain, "predict_proba")
    assert plain.decision_function(X).shape == (120, 3)


def test_without_scikit_learn_the_extra_is_named():
    script = """
import sys
sys.modules["sklearn"] = None
import minikeras as keras
assert dir(keras.wrappers)
try:
    keras.wrappers.SKLearnClassifier
except ImportError as error:
    print(error)
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "minikeras[sklearn]" in ran.stdout, ran.stderr
