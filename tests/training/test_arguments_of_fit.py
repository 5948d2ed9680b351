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
        "train(0", ")train2", "train(3", ")train5", "train(6", ")train8",
        "test(0", ")test2",
    ]  # fmt: skip
    assert model.optimizer.iterations.numpy() == 7
    calls.log.clear()
    found = model.predict(X, batch_size=4, verbose=0, callbacks=[calls])
    assert calls.log == [
        "predict(0", ")predict2 12", "predict(3", ")predict5 12",
        "predict(6", ")predict8 2",
    ]  # fmt: skip
    np.testing.assert_array_equal(found, model.predict(X, batch_size=4, verbose=0))
    model.predict(X, batch_size=4, verbose=0, steps=4, callbacks=[calls])
    assert calls.log[6:] == [
        "predict(0", ")predict2 12", "predict(3", ")predict5 4",
    ]  # fmt: skip
    one = line(minikeras).fit(X, Y, **PLAIN).history
    many = line(minikeras, steps_per_execution=10).fit(X, Y, **PLAIN).history
    assert one == many


# Arguments of fit on 7 batches; the groups of each epoch and how many batches ran.
GROUPS = {
    "all": ({}, ["0-2 3-5 6-8"] * 2, 14),
    "steps": ({"steps_per_epoch": 4}, ["0-2 3-5", "0-2"], 7),
    "half": ({"steps_per_epoch": 3}, ["0-2", "0-2"], 6),
    "more": ({"steps_per_epoch": 7}, ["0-2 3-5 6-8"] * 2, 14),
}


@pytest.mark.filterwarnings("ignore:.*data ended after", "ignore:Your input ran out")
@pytest.mark.parametrize("case", GROUPS)
def test_epochs_end_with_a_whole_group_as_in_keras(case, lib):
    arguments, groups, ran = GROUPS[case]
    calls = []

    class Groups(lib.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            calls.append("")

        def on_batch_begin(self, batch, logs=None):
            calls[-1] += f"{batch}-"

        def on_batch_end(self, batch, logs=None):
            calls[-1] += f"{batch} "

    model = line(lib, steps_per_execution=3)
    arguments = {**PLAIN, **arguments, "epochs": 2, "callbacks": [Groups()]}
    model.fit(X, Y, **arguments)
    assert [c.strip() for c in calls] == groups
    assert int(np.asarray(model.optimizer.iterations)) == ran


def test_a_bar_counts_the_batches_and_not_the_groups(capsys):
    def batches():
        for start in range(0, len(X), 4):
            yield X[start : start + 4], Y[start : start + 4]

    model = line(minikeras, steps_per_execution=3)
    model.fit(X, Y, **PLAIN | {"verbose": 1})
    model.fit(batches(), **PLAIN | {"verbose": 2, "batch_size": None})
    model.predict(X, batch_size=4, verbose=1)
    out = capsys.readouterr().out
    assert out.count("7/7") >= 3 and "8/" not in out and "9/" not in out


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
