"""Bad input: one error that says what came and what was expected; nothing half-changed."""

import numpy as np
import pytest

import minikeras as keras
from tests.training.models import (
    assert_unchanged,
    classes,
    classifier,
    line,
    linear,
    two_outputs,
    weights_of,
)

X, Y = classes(samples=40)
NAN = X.copy()
NAN[3, 2] = np.nan


def labels(value, index=7):
    changed = Y.copy()
    changed[index] = value
    return changed


BAD_DATA = {
    "lengths": (X, Y[:10], "x has 40, y has 10"),
    "no sample": (X[:0], Y[:0], r"x is empty \(shape \(0, 4\)\)"),
    "no data": (None, None, "x is None"),
    "label too high": (
        X,
        labels(3),
        r"class number 3 at index \(7, 0\); expected 0 to 2",
    ),
    "label below 0": (
        X,
        labels(-1),
        r"class number -1 at index \(7, 0\); expected 0 to 2",
    ),
    "late label": (X, labels(9, 39), "class number 9"),
    "strings": (np.array(["a"] * 40), Y, "x has dtype <U1; expected numbers"),
    "objects": (np.array([None] * 40), Y, "x has dtype object"),
    "lists of numbers": (X.tolist(), Y, r"x\[0\]\[0\] is a float; expected an array"),
    "a scalar": (np.float32(1), Y, r"x has shape \(\)"),
    "too few features": (X[:, :3], Y, "dense|probs|sequential"),
    "too low a rank": (X[0], Y[:4], "dense|probs|sequential"),
    "no targets": (X, None, "y is None"),
    "two targets": (X, [Y, Y], "y has 2 entries"),
    "not data": (7, None, "x is a int; expected"),
}


@pytest.mark.parametrize("case", BAD_DATA)
@pytest.mark.parametrize(
    "method", ["fit", "evaluate", "train_on_batch", "test_on_batch"]
)
@pytest.mark.parametrize("trained", [False, True])
def test_bad_data_are_named_and_change_nothing(case, method, trained):
    x, y, message = BAD_DATA[case]
    model = classifier()
    if trained:
        model.fit(X, Y, verbose=0)
    before = weights_of(model) if trained else model.get_weights()
    with pytest.raises(ValueError, match=message):
        getattr(model, method)(
            x, y, **({"verbose": 0} if method in ("fit", "evaluate") else {})
        )
    if trained:
        assert_unchanged(model, before)
    else:
        for a, b in zip(before, model.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


def test_bad_data_in_a_generator_stop_before_the_bad_batch():
    def batches(*parts):
        yield from parts

    model = classifier()
    with pytest.raises(ValueError, match="class number 5"):
        model.fit(batches((X, Y), (X, labels(5))), verbose=0)
    assert model.optimizer.iterations.numpy() == 1
    with pytest.raises(ValueError, match="4 parts; expected"):
        model.fit(batches((X, Y, Y, Y)), verbose=0)
    with pytest.raises(ValueError, match="batch of type str"):
        model.fit(batches("abc"), verbose=0)


def test_labels_that_are_to_be_ignored_are_in_range():
    loss = keras.losses.SparseCategoricalCrossentropy(ignore_class=-1)
    model = classifier([], loss=loss)
    model.fit(X, labels(-1), verbose=0)
    with pytest.raises(ValueError, match="class number -2"):
        model.fit(X, labels(-2), verbose=0)


@pytest.mark.parametrize("name", ["fit", "evaluate", "train_on_batch", "test_on_batch"])
def test_a_model_has_to_be_compiled(name):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    with pytest.raises(ValueError, match=r"Call `compile\(\)` before"):
        getattr(model, name)(X, Y)


BAD_COMPILE = {
    "loss": ({"loss": "msee"}, "msee"),
    "optimizer": ({"optimizer": "addam"}, "addam"),
    "metric": ({"metrics": ["accurracy"]}, "accurracy"),
    "one metric": (
        {"metrics": "mae"},
        r"expected a list, tuple or dict, such as .*\['mae'\]",
    ),
    "weights": ({"loss_weights": ["a", "b"]}, "loss_weights holds 'a'"),
    "steps": ({"steps_per_execution": 0}, "steps_per_execution=0"),
}


@pytest.mark.parametrize("case", BAD_COMPILE)
def test_compile_refuses_and_keeps_what_was_there(case):
    arguments, message = BAD_COMPILE[case]
    model = classifier()
    optimizer, loss = model.optimizer, model.loss
    with pytest.raises(ValueError, match=message):
        model.compile(**{"loss": "mse", **arguments})
    assert model.optimizer is optimizer and model.loss == loss
    model.fit(X, Y, verbose=0)


BOTH = ["sparse_categorical_crossentropy", "mse"]
BAD_STRUCTURES = {
    "too many losses": (
        {"loss": [*BOTH, "mse"]},
        "3 entries for a model with 2 outputs",
    ),
    "another name": (
        {"loss": {"a": "mse", "c": "mse"}},
        r"keys \['a', 'c'\]; expected",
    ),
    "too few metrics": (
        {"loss": BOTH, "metrics": ["mae"]},
        "1 entries for a model with 2",
    ),
    "metric names": ({"loss": BOTH, "metrics": {"c": "mae"}}, r"keys \['c'\]"),
    "weight names": ({"loss": BOTH, "loss_weights": {"c": 1}}, r"keys \['c'\]"),
}


@pytest.mark.parametrize("case", BAD_STRUCTURES)
def test_losses_and_metrics_have_to_fit_the_outputs(case):
    arguments, message = BAD_STRUCTURES[case]
    model = two_outputs(**arguments)
    before = model.get_weights()
    with pytest.raises(ValueError, match=message):
        model.fit(X, [Y, np.ones((40, 2))], verbose=0)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_targets_have_to_fit_the_outputs():
    model = two_outputs(loss=BOTH)
    ones = np.ones((40, 2))
    for y, message in (
        (Y, "y is one ndarray for a model with 2 outputs"),
        ([Y], "1 entries"),
        ({"a": Y, "z": ones}, r"keys \['a', 'z'\]"),
        ({"a": Y}, "y is None for output b"),
        ([Y, ones[:5]], r"y\[1\] has 5"),
    ):
        with pytest.raises(ValueError, match=message):
            model.fit(X, y, verbose=0)


def test_arguments_that_do_not_go_together():
    model = classifier()
    ones = np.ones(40)
    batches = iter([(X, Y)])
    cases = [
        (
            {"x": X, "y": Y, "sample_weight": ones, "class_weight": {0: 1.0}},
            "both class_weight",
        ),
        ({"x": X, "class_weight": {0: 1.0}}, "y is None"),
        ({"x": X, "y": Y, "class_weight": [1.0]}, "expected a dict"),
        ({"x": batches, "y": Y}, "y was passed although x is a"),
        ({"x": batches, "sample_weight": ones}, "sample_weight was passed although"),
        ({"x": batches, "validation_split": 0.1}, "validation_split=0.1 needs arrays"),
        (
            {"x": X, "y": Y, "validation_split": 1.0},
            "validation_split=1.0 of 40 samples",
        ),
        ({"x": X, "y": Y, "validation_data": (X, Y, ones, ones)}, "4 parts"),
        ({"x": X, "y": Y, "validation_data": (X, Y[:3])}, "y has 3"),
        (
            {"x": X, "y": Y, "batch_size": 0},
            "batch_size=0; expected an integer of at least 1",
        ),
        ({"x": X, "y": Y, "batch_size": 2.5}, "batch_size=2.5"),
        ({"x": X, "y": Y, "epochs": -1}, "epochs=-1"),
        ({"x": X, "y": Y, "steps_per_epoch": 0}, "steps_per_epoch=0"),
        ({"x": X, "y": Y, "verbose": 3}, "verbose=3"),
        ({"x": X, "y": Y, "callbacks": [keras.callbacks.History]}, r"without \(\)"),
        ({"x": iter([])}, "the data is empty"),
    ]
    for arguments, message in cases:
        with pytest.raises(ValueError, match=message):
            model.fit(**{"verbose": 0, **arguments})
    assert model.optimizer.iterations.numpy() == 0
    with pytest.raises(TypeError, match="unknown arguments"):
        model.evaluate(X, Y, speed=3)


def test_nothing_to_minimise():
    model = linear(loss=None, metrics=["mae"])
    x, y = line()
    with pytest.raises(ValueError, match="no loss to minimise"):
        model.fit(x, y, verbose=0)
    assert set(model.evaluate(x, y, verbose=0, return_dict=True)) == {"loss", "mae"}


def test_predict_refuses_what_does_not_fit():
    model = classifier()
    for x in (X[:, :3], X[0], X[:0]):
        with pytest.raises(ValueError):
            model.predict(x, verbose=0)
    assert np.isnan(model.predict(NAN, verbose=0)).any()


def test_a_callback_that_fails_ends_the_run_and_the_next_one_works():
    class Fails(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise KeyError("mine")

    model = classifier()
    with pytest.raises(KeyError, match="mine"):
        model.fit(X, Y, verbose=0, callbacks=[Fails()])
    assert model.fit(X, Y, verbose=0).history["loss"]
