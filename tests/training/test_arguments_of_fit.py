"""Arguments of compile and fit: the histories and the order of calls of keras."""

import functools

import numpy as np
import pytest

import minikeras
from tests.goldens import oracle
from tests.goldens.make import load
from tests.training.goldens import (
    HISTORIES,
    PLAIN,
    SY,
    WEIGHTS,
    C,
    S,
    X,
    Y,
    history,
    line,
    steps,
    two,
)


@functools.cache
def goldens():
    return load("training")


def agree(found, case):
    expected = {
        name.split("/")[1]: values
        for name, values in goldens().items()
        if name.split("/")[0] == case
    }
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("case", HISTORIES)
def test_histories_are_those_of_keras(case):
    found = history(minikeras, case)
    assert found.epoch == (
        [2, 3] if case == "later epochs" else [*range(len(found.epoch))]
    )
    agree(found.history, case)


@oracle.oracle
@pytest.mark.filterwarnings("ignore")  # keras and JAX have some of their own
@pytest.mark.parametrize("case", ["of a split", "later epochs"])
def test_the_goldens_are_what_keras_gives_now(case):
    agree(history(oracle.keras(), case).history, case)


def test_a_loss_weight_may_change_while_training():
    weight = minikeras.Variable(0.0)
    model = two(minikeras, loss_weights=[weight, 0.0])
    before = model.get_weights()
    model.fit(X, [Y, C], **PLAIN)
    for a, b in zip(before, model.get_weights()):
        np.testing.assert_array_equal(a, b)
    weight.assign(1.0)
    model.fit(X, [Y, C], **PLAIN)
    assert not np.array_equal(before[0], model.get_weights()[0])
    for wrong in (
        "a",
        np.array([1.0, 2.0]),
        minikeras.Variable([1.0, 2.0]),
        [1.0, object()],
    ):
        with pytest.raises(ValueError, match="loss_weights"):
            two(minikeras, loss_weights=wrong)


class Calls(minikeras.callbacks.Callback):
    """Notes the hooks of batches."""

    def __init__(self):
        super().__init__()
        self.log = []
        for mode in ("train", "test", "predict"):
            begin = functools.partial(self.note, f"{mode}(")
            end = functools.partial(self.note, f"){mode}")
            setattr(self, f"on_{mode}_batch_begin", begin)
            setattr(self, f"on_{mode}_batch_end", end)

    def note(self, name, batch, logs=None):
        size = f" {len(logs['outputs'])}" if "outputs" in (logs or {}) else ""
        self.log.append(f"{name}{batch}{size}")


def test_hooks_are_called_around_groups_of_batches():
    calls = Calls()
    model = line(minikeras, steps_per_execution=3)
    model.fit(X, Y, validation_data=(X[:10], Y[:10]), callbacks=[calls], **PLAIN)
    assert calls.log == [
        "train(0", ")train2", "train(3", ")train5", "train(6", ")train6",
        "test(0", ")test2",
    ]  # fmt: skip
    assert model.optimizer.iterations.numpy() == 7
    calls.log.clear()
    found = model.predict(X, batch_size=4, verbose=0, callbacks=[calls])
    assert calls.log == [
        "predict(0", ")predict2 12", "predict(3", ")predict5 12",
        "predict(6", ")predict6 2",
    ]  # fmt: skip
    np.testing.assert_array_equal(found, model.predict(X, batch_size=4, verbose=0))
    one = line(minikeras).fit(X, Y, **PLAIN).history
    many = line(minikeras, steps_per_execution=10).fit(X, Y, **PLAIN).history
    assert one == many


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "2", [1.5], None])
def test_a_wrong_validation_freq_is_told_before_training(wrong):
    model = line(minikeras)
    before = model.get_weights()
    with pytest.raises(ValueError, match="validation_freq"):
        model.fit(X, Y, validation_split=0.3, validation_freq=wrong, **PLAIN)
    for a, b in zip(before, model.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_no_epochs():
    for arguments in ({"epochs": 0}, {"epochs": 2, "initial_epoch": 2}):
        assert line(minikeras).fit(X, Y, **PLAIN, **arguments).history == {}


def test_class_numbers_of_steps_are_refused():
    with pytest.raises(ValueError, match="pass sample_weight of the shape of y"):
        steps(minikeras).fit(S, SY, class_weight=WEIGHTS, **PLAIN)
