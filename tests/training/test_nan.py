"""NaN in the data is the user's business; a loss that becomes NaN is said once."""

import warnings

import numpy as np
import pytest

from tests.training.models import line, linear

X = np.ones((2, 3), "float32")
GAPS = np.array([[0.0, np.nan], [1.0, 1.0]], "float32")  # predictions are 3
HOLED = np.array([[np.nan, 1.0, 1.0], [1.0, 1.0, 1.0]], "float32")


def masked(lib):
    """Squares where there is a label."""

    def loss(truth, pred):
        ops = lib.ops
        there = ops.logical_not(ops.isnan(truth))
        far = ops.square(ops.where(there, truth, pred) - pred)
        return ops.sum(far, -1) / ops.sum(ops.cast(there, "float32"), -1)

    return loss


def dense(lib, units):
    return lib.layers.Dense(units, kernel_initializer="ones")


def test_missing_labels_that_the_loss_leaves_out(lib):
    model = lib.Sequential([lib.Input((3,)), dense(lib, 2)])
    model.compile(lib.optimizers.SGD(0.1), masked(lib))
    before = model.get_weights()
    assert model.evaluate(X, GAPS, verbose=0) == pytest.approx(6.5)
    assert model.fit(X, GAPS, verbose=0).history["loss"] == pytest.approx([6.5])
    assert all(np.isfinite(w).all() for w in model.get_weights())
    model.set_weights(before)
    assert model.train_on_batch(X, GAPS) == pytest.approx(6.5)


def test_missing_inputs_that_a_layer_fills(lib):
    inputs = lib.Input((3,))
    filled = lib.ops.where(lib.ops.isnan(inputs), lib.ops.zeros_like(inputs), inputs)
    model = lib.Model(inputs, dense(lib, 1)(filled))
    model.compile(lib.optimizers.SGD(0.0), "mse")
    history = model.fit(HOLED, np.zeros((2, 1)), verbose=0)
    assert history.history["loss"] == pytest.approx([6.5])
    assert model.predict(HOLED, verbose=0).ravel() == pytest.approx([2.0, 3.0])


def batches(*parts):
    yield from parts


def sources():
    x, y = line()
    bad = x.copy()
    bad[3, 2] = np.nan
    return {
        "x": (bad, y, {}),
        "y": (x, np.where(y > 0, np.nan, y), {}),
        "sample_weight": (x, y, {"sample_weight": np.full(40, np.nan)}),
        "x in batches": (batches((x, y), (bad, y), (x, y)), None, {}),
    }


@pytest.mark.parametrize("case", sources())
@pytest.mark.parametrize("method", ["fit", "evaluate"])
def test_a_loss_that_becomes_nan_is_said_once(case, method):
    x, y, rest = sources()[case]
    named = case.split()[0]
    epochs = {"epochs": 3} if method == "fit" and y is not None else {}
    with pytest.warns(UserWarning, match=f"loss is NaN, and {named} contains") as said:
        getattr(linear(), method)(x, y, verbose=0, **epochs, **rest)
    assert len(said) == 1 and said[0].filename == __file__


def test_of_a_batch_too_and_not_without_cause():
    model = linear()
    x, y, _ = sources()["x"]
    message = (
        r"train_on_batch: the loss is NaN, and x contains NaN: 1 of 160 values, the "
    )
    with pytest.warns(UserWarning, match=message + r"first at index \(3, 2\)"):
        assert np.isnan(model.train_on_batch(x, y))
    assert np.isnan(model.train_on_batch(x, y))  # said once
    with warnings.catch_warnings():
        warnings.simplefilter(
            "error"
        )  # the loss is NaN by the weights, not by the data
        assert np.isnan(model.fit(*line(), verbose=0).history["loss"][0])
