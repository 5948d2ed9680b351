"""scikit-learn's own checks of what an estimator must do."""

import warnings

import pytest

import minikeras as keras

sklearn = pytest.importorskip("sklearn", minversion="1.6")

from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402


class Net:
    """Makes models; its text is the same in every process, as tests' names must be."""

    def __repr__(self):
        return "net"

    def __call__(self, X, y, loss="mse", activation=None):
        """One layer; as many outputs as `y` has columns; the same each time."""
        keras.utils.set_random_seed(0)  # some checks compare two fits
        outputs = y.shape[1] if y.ndim > 1 else 1
        model = keras.Sequential([keras.Input(X.shape[1:])])
        model.add(keras.layers.Dense(outputs, activation))
        model.compile(keras.optimizers.Adam(0.2), loss)
        return model


net = Net()
SOFTMAX = {"loss": "categorical_crossentropy", "activation": "softmax"}
QUIET = {"verbose": 0, "epochs": 3}
ESTIMATORS = [
    keras.wrappers.SKLearnClassifier(net, model_kwargs=SOFTMAX, fit_kwargs=QUIET),
    keras.wrappers.SKLearnRegressor(net, fit_kwargs=QUIET),
    keras.wrappers.SKLearnTransformer(net, fit_kwargs=QUIET),
]
# Checks that cannot pass, and why.
EXCEPTIONS = {
    "SKLearnClassifier": {},
    "SKLearnRegressor": {
        "check_regressor_multioutput": "wants float64; predictions are the model's float32"
    },
    "SKLearnTransformer": {},
}


@parametrize_with_checks(
    ESTIMATORS, expected_failed_checks=lambda e: EXCEPTIONS[type(e).__name__]
)
def test_checks_of_scikit_learn(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some checks warn on purpose
        check(estimator)
