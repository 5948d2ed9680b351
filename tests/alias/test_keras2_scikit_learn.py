"""Keras 2's estimators in scikit-learn's tools."""

import numpy as np
import pytest

import minikeras as keras

base = pytest.importorskip("sklearn.base")
selection = pytest.importorskip("sklearn.model_selection")
pytestmark = pytest.mark.usefixtures("aliased")


def build(units=4, outputs=1, activation="sigmoid", loss="binary_crossentropy"):
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(units, activation="relu"),
            keras.layers.Dense(outputs, activation=activation),
        ]
    )
    model.compile(keras.optimizers.Adam(0.05), loss)
    return model


X = np.random.default_rng(0).normal(size=(90, 3)).astype("float32")


def test_classes_of_any_kind():
    from keras.wrappers.scikit_learn import KerasClassifier

    names = np.where(X[:, 0] > 0, "yes", "no")
    classifier = KerasClassifier(build_fn=build, units=8, epochs=15, verbose=0)
    history = classifier.fit(X, names)
    assert len(history.history["loss"]) == 15
    assert set(classifier.predict(X)) == {"yes", "no"}
    assert classifier.score(X, names) > 0.9
    np.testing.assert_allclose(classifier.predict_proba(X).sum(1), 1, rtol=1e-5)
    several = KerasClassifier(
        build,
        outputs=3,
        activation="softmax",
        loss="categorical_crossentropy",
        verbose=0,
    )
    several.fit(X, np.arange(90) % 3, epochs=1)
    assert several.predict_proba(X).shape == (90, 3)


def test_grid_search_and_clone():
    from keras.wrappers.scikit_learn import KerasClassifier

    classifier = KerasClassifier(build, epochs=3, verbose=0)
    search = selection.GridSearchCV(classifier, {"units": [1, 8]}, cv=2)
    search.fit(X, (X[:, 0] > 0).astype(int))
    assert search.best_params_["units"] in (1, 8)
    twin = base.clone(classifier.set_params(units=5))
    assert twin.get_params() == {
        "build_fn": build,
        "epochs": 3,
        "units": 5,
        "verbose": 0,
    }
    with pytest.raises(ValueError, match="'unit' is an argument neither"):
        KerasClassifier(build, unit=3)


def test_regression():
    from keras.wrappers.scikit_learn import KerasRegressor

    regressor = KerasRegressor(build, activation=None, loss="mse", epochs=30, verbose=0)
    regressor.fit(X, X[:, 0] * 2)
    assert regressor.predict(X).shape == (90,)
    assert -0.5 < regressor.score(X, X[:, 0] * 2) <= 0
