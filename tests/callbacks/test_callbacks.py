"""Callbacks: when they act, what they do to the model, what they say."""

import math

import numpy as np
import pytest

import minikeras as keras
from minikeras import callbacks as cb
from minikeras.callbacks import CallbackList
from tests.training.models import classes, classifier, line, linear

X, Y = line(samples=32)


class Fake:
    """A model that remembers weights and logs what is asked of it."""

    def __init__(self, metrics=()):
        self.weights, self.stop_training, self.metrics = 0, False, metrics
        self.optimizer = type("O", (), {"learning_rate": 1.0})()
        self.saved = []

    def get_weights(self):
        return [self.weights]

    def set_weights(self, weights):
        (self.weights,) = weights

    def save(self, path, overwrite):
        self.saved.append(path)

    save_weights = save


def run(callback, values, name="val_loss", model=None):
    """Epochs with these values, until the callback stops them; how many there were."""
    model = model or Fake()
    callback.set_model(model)
    callback.set_params({"epochs": len(values)})
    callback.on_train_begin()
    for epoch, value in enumerate(values):
        callback.on_epoch_begin(epoch, {})
        model.weights = epoch
        callback.on_epoch_end(epoch, {name: value})
        if model.stop_training:
            break
    callback.on_train_end()
    return epoch + 1, model


@pytest.mark.parametrize(
    ("arguments", "values", "epochs"),
    [
        ({}, [3, 2, 1, 1, 0], 4),
        ({"patience": 2}, [3, 2, 2, 2, 2, 0], 4),
        ({"patience": 2}, [3, 4, 2, 3, 1, 5, 6], 7),
        ({"min_delta": 0.5, "patience": 1}, [3, 2.8, 2.6], 2),
        ({"min_delta": -0.5, "patience": 2}, [3, 2.8, 2.6, 1], 3),
        ({"mode": "max"}, [1, 2, 1, 5], 3),
        ({"baseline": 1.0, "patience": 2}, [5, 4, 3, 2], 4),
        ({"baseline": 1.0, "patience": 2}, [5, 4, 4, 2], 3),
        ({"start_from_epoch": 3}, [1, 2, 3, 4, 5, 6], 5),
        ({"patience": 1}, [1, math.nan, 3], 2),
        ({"patience": 1}, [math.nan, 3, 2, 1], 4),  # a NaN is nothing to beat
    ],
)
def test_early_stopping(arguments, values, epochs):
    assert run(cb.EarlyStopping(**arguments), values)[0] == epochs


def test_early_stopping_gives_the_best_weights_back(capsys):
    stop = cb.EarlyStopping(patience=2, restore_best_weights=True, verbose=1)
    epochs, model = run(stop, [3, 1, 2, 2, 0])
    assert (epochs, model.weights, stop.stopped_epoch, stop.best_epoch) == (4, 1, 3, 1)
    assert "Epoch 4: early stopping" in capsys.readouterr().out
    assert run(stop, [5, 6, 7])[1].weights == 0  # an instance can be used again
    never = cb.EarlyStopping(restore_best_weights=True, patience=5)
    assert run(never, [3, 1, 2])[1].weights == 1


@pytest.mark.parametrize(
    ("arguments", "compares", "delta"),
    [
        ({"monitor": "loss", "min_delta": 0.5}, "less", -0.5),
        ({"monitor": "loss", "mode": "max", "min_delta": 0.5}, "greater", 0.5),
        ({"monitor": "acc"}, "greater", 0),
    ],
)
def test_monitor_op_is_known_after_the_first_epoch(lib, arguments, compares, delta):
    stop = lib.callbacks.EarlyStopping(**arguments)
    assert stop.monitor_op is None
    model = lib.Sequential([lib.Input((4,)), lib.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["acc"])
    model.fit(X, Y, verbose=0, callbacks=[stop])
    assert stop.monitor_op is getattr(lib.ops, compares)
    assert stop.min_delta == delta


def test_values_are_compared_as_a_subclass_says():
    class Nearest(cb.EarlyStopping):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.monitor_op = lambda value, best: abs(value - 3) < abs(best - 3)

    stopped, _ = run(Nearest(patience=1), [9, 5, 3.5, 1, 3])
    assert stopped == 4


def test_a_metric_of_one_class_in_an_array(lib):
    stop = lib.callbacks.EarlyStopping("f1_score", mode="max")
    model = lib.Sequential([lib.Input((4,)), lib.layers.Dense(1)])
    f1 = lib.metrics.F1Score(threshold=0.5, name="f1_score")
    model.compile("sgd", "mse", metrics=[f1])
    model.fit(X, np.ones((len(X), 1)), verbose=0, callbacks=[stop])
    assert np.shape(model.evaluate(X, Y, verbose=0)[1]) == (1,)


def test_results_by_class_have_no_best():
    stop = cb.EarlyStopping("f1", mode="max")
    with pytest.raises(ValueError, match=r"monitor='f1' has the shape \(2,\)"):
        stop.on_epoch_end(0, {"f1": np.ones(2)})


def test_early_stopping_in_fit():
    stop = cb.EarlyStopping(monitor="loss", min_delta=10.0, patience=1)
    assert linear().fit(X, Y, epochs=9, verbose=0, callbacks=[stop]).epoch == [0, 1]


def test_a_name_that_is_not_logged_warns_and_lists():
    with pytest.warns(UserWarning, match=r"'val_loss', which was not logged; .*: loss"):
        linear().fit(X, Y, verbose=0, callbacks=[cb.EarlyStopping()])


def test_an_unknown_mode_warns():
    with pytest.warns(UserWarning, match="mode 'best' is unknown"):
        assert cb.EarlyStopping(mode="best").mode == "auto"


@pytest.mark.parametrize(
    ("name", "higher"),
    [("loss", False), ("val_loss", False), ("val_accuracy", True), ("acc", True), ("auc_1", True),
     ("val_b_mae", False), ("mse_2", False), ("precision", True), ("crossentropy", False)],
)  # fmt: skip
def test_the_direction_is_told_by_the_name(name, higher):
    assert cb.EarlyStopping(monitor=name).higher_is_better() is higher


def test_a_name_that_tells_nothing():
    with pytest.raises(ValueError, match='expected mode="max" or mode="min"'):
        run(cb.EarlyStopping(monitor="foo"), [1.0], "foo")


@pytest.mark.parametrize(
    "kind", ["EarlyStopping", "ModelCheckpoint", "ReduceLROnPlateau"]
)
@pytest.mark.parametrize("name", ["nonsense", "accuracy", "val_nonsense", "val_acc"])
def test_a_name_that_neither_model_nor_log_has(kind, name, tmp_path):
    path = {}
    if kind == "ModelCheckpoint":
        path = {"filepath": tmp_path / "m.keras", "save_best_only": True}
    watch = getattr(cb, kind)(monitor=name, **path)
    with pytest.raises(
        ValueError, match=f"{kind}: monitor='{name}' was not logged and is"
    ):
        linear().fit(X, Y, verbose=0, callbacks=[watch])
    assert not list(tmp_path.iterdir())


def test_a_name_that_is_not_logged_and_a_mode_go_on():
    watch = cb.EarlyStopping("nonsense", mode="max")
    with pytest.warns(UserWarning, match="'nonsense', which was not logged"):
        assert linear().fit(X, Y, verbose=0, epochs=2, callbacks=[watch]).epoch == [
            0,
            1,
        ]


class _Spread(keras.metrics.Mean):
    """A user's metric, whose name tells nothing."""

    def __init__(self, name, direction):
        super().__init__(name=name)
        if direction:
            self._direction = direction

    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(y_pred)


@pytest.mark.parametrize(
    ("metric", "name", "higher"),
    [
        (keras.metrics.MeanSquaredError(name="m"), "m", False),
        (keras.losses.MeanSquaredError(name="u"), "u", False),
        (keras.metrics.AUC(name="m_loss_like"), "m_loss_like", True),
        (_Spread("m", "up"), "m", True),
        (_Spread("error", "up"), "error", True),
        (_Spread("m", "down"), "m", False),
        (keras.losses.mean_squared_error, "mean_squared_error", False),
    ],
)
def test_the_direction_is_told_by_the_metric(metric, name, higher):
    model = keras.Sequential([keras.layers.Dense(1, "sigmoid")])
    model.compile("sgd", "mse", metrics=[metric])
    stop = cb.EarlyStopping(name)
    model.fit(X, np.float32(Y > 0), verbose=0, callbacks=[stop])
    assert stop.higher_is_better() is higher


def test_a_metric_that_tells_no_direction_is_refused():
    model = linear(metrics=[_Spread("m_mean", None)])
    with pytest.raises(ValueError, match='expected mode="max" or mode="min"'):
        model.fit(X, Y, verbose=0, callbacks=[cb.EarlyStopping("m_mean")])


def test_a_validated_metric_without_validation_warns():
    with pytest.warns(UserWarning, match="'val_mse', which was not logged"):
        linear(metrics=["mse"]).fit(
            X, Y, verbose=0, callbacks=[cb.EarlyStopping("val_mse")]
        )


def test_the_direction_of_a_metric_in_a_model():
    x, y = classes()
    model = classifier(["accuracy"])
    stop = cb.EarlyStopping(monitor="accuracy", patience=100)
    model.fit(x, y, epochs=3, verbose=0, callbacks=[stop])
    assert stop.higher_is_better() and stop.best == max(
        model.history.history["accuracy"]
    )


@pytest.mark.parametrize("takes", [1, 2])
def test_learning_rate_scheduler(takes, capsys):
    schedule = (lambda e: 0.1 / (e + 1)) if takes == 1 else (lambda e, rate: rate / 2)
    model = linear(optimizer=keras.optimizers.SGD(0.2))
    watch = cb.LearningRateScheduler(schedule, verbose=1)
    history = model.fit(X, Y, epochs=2, verbose=0, callbacks=[watch]).history
    assert history["learning_rate"] == pytest.approx([0.1, 0.05])
    out = capsys.readouterr().out
    assert "\nEpoch 1: LearningRateScheduler setting learning rate to 0.1" in out


@pytest.fixture
def two_rates(lib):
    """A model whose layers have optimizers of their own, with rates 0.2 and 0.1."""
    model = lib.Sequential(
        [lib.Input((4,)), lib.layers.Dense(2, name="one"), lib.layers.Dense(1)]
    )
    sgd = lib.optimizers.SGD
    chosen = lib.optimizers.OptimizerMap(
        sgd(0.1, name="rest"), {".*one.*": sgd(0.2, name="mine")}
    )
    model.compile(lib.optimizers.MultiOptimizer(chosen), "mse")
    return model


def test_schedules_of_several_optimizers(lib, two_rates, capsys):
    seen = []
    watch = lib.callbacks.LearningRateScheduler(
        lambda epoch, rate: seen.append(round(float(rate), 4)) or rate / 2, verbose=1
    )
    history = two_rates.fit(X, Y, epochs=2, verbose=0, callbacks=[watch]).history
    assert seen == [0.2, 0.1, 0.1, 0.05]
    assert history["learning_rate_mine"] == pytest.approx([0.1, 0.05])
    assert history["learning_rate_rest"] == pytest.approx([0.05, 0.025])
    assert "setting mine learning rate to 0.1" in capsys.readouterr().out


def test_a_plateau_lowers_all_rates(lib, two_rates, capsys):
    lower = lib.callbacks.ReduceLROnPlateau(
        "loss", 0.5, patience=1, min_delta=100, min_lr=0.08, verbose=1
    )
    history = two_rates.fit(X, Y, epochs=3, verbose=0, callbacks=[lower]).history
    assert history["learning_rate_mine"] == pytest.approx([0.2, 0.2, 0.1])
    assert history["learning_rate_rest"] == pytest.approx([0.1, 0.1, 0.08])
    rates = [float(np.asarray(o.learning_rate)) for o in two_rates.optimizer.optimizers]
    assert rates == pytest.approx([0.08, 0.08])
    assert "reducing rest learning rate to 0.08" in capsys.readouterr().out


def test_a_new_learning_rate_reaches_the_compiled_step():
    model = linear(optimizer=keras.optimizers.SGD(0.2))
    model.train_on_batch(X, Y)
    stop = cb.LearningRateScheduler(lambda epoch: 0.0)
    before = model.get_weights()
    model.fit(X, Y, verbose=0, callbacks=[stop])
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("rate", ["a", None, [0.1, 0.2]])
def test_a_schedule_has_to_give_a_number(rate):
    with pytest.raises(ValueError, match=r"schedule\(0\) gave"):
        linear().fit(
            X, Y, verbose=0, callbacks=[cb.LearningRateScheduler(lambda e: rate)]
        )


@pytest.mark.parametrize(
    ("arguments", "values", "rate"),
    [
        ({"patience": 2}, [1, 1, 1], 0.1),
        ({"patience": 2}, [3, 2, 2, 1, 1], 1.0),
        ({"patience": 1}, [1, 1, 1], 0.01),
        ({"patience": 1, "cooldown": 2}, [1, 1, 1, 1], 0.01),
        ({"patience": 1, "cooldown": 3}, [1, 1, 1, 1], 0.1),
        ({"patience": 1, "factor": 0.5, "min_lr": 0.4}, [1, 1, 1, 1], 0.4),
        ({"patience": 1, "mode": "max"}, [1, 2, 3], 1.0),
        ({"patience": 1, "min_delta": 0.5}, [1, 0.9, 0.8], 0.01),
    ],
)
def test_reduce_lr_on_plateau(arguments, values, rate):
    _, model = run(cb.ReduceLROnPlateau(**arguments), values)
    assert model.optimizer.learning_rate == pytest.approx(rate)


def test_reduce_lr_on_plateau_in_fit(capsys):
    model = linear(optimizer=keras.optimizers.SGD(0.1))
    lower = cb.ReduceLROnPlateau(monitor="loss", min_delta=10.0, patience=2, verbose=1)
    history = model.fit(X, Y, epochs=4, verbose=0, callbacks=[lower]).history
    assert history["learning_rate"] == pytest.approx([0.1, 0.1, 0.1, 0.01])
    assert (
        "Epoch 3: ReduceLROnPlateau reducing learning rate to"
        in capsys.readouterr().out
    )
    with pytest.raises(ValueError, match="expected less than 1"):
        cb.ReduceLROnPlateau(factor=1.0)


def test_terminate_on_nan(capsys):
    model = linear(optimizer=keras.optimizers.SGD(1e30))
    history = model.fit(
        X, Y, batch_size=8, epochs=5, verbose=0, callbacks=[cb.TerminateOnNaN()]
    )
    assert history.epoch == [0] and not math.isfinite(history.history["loss"][0])
    assert "training stops" in capsys.readouterr().out
    model = linear(optimizer=keras.optimizers.SGD(1e30))
    with pytest.raises(RuntimeError, match="training stops"):
        model.fit(
            X, Y, batch_size=8, epochs=5, verbose=0, callbacks=[cb.TerminateOnNaN(True)]
        )


def test_lambda_callback():
    seen = []
    watch = cb.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append((epoch, list(logs))),
        on_train_batch_end=lambda batch, logs: seen.append(batch),
        on_test_begin=lambda logs: seen.append("test"),
    )
    model = linear()
    model.fit(X, Y, batch_size=16, verbose=0, callbacks=[watch], validation_split=0.5)
    assert seen == [0, "test", (0, ["loss", "val_loss"])]
    with pytest.raises(TypeError, match="no hook called 'on_fire'"):
        cb.LambdaCallback(on_fire=print)
    assert cb.LambdaCallback(shout=lambda: "!").shout() == "!"


def test_csv_logger(tmp_path):
    path = tmp_path / "log.csv"
    model = linear(metrics=["mae"])
    first = model.fit(X, Y, epochs=2, verbose=0, callbacks=[cb.CSVLogger(path)]).history
    lines = path.read_text().splitlines()
    assert lines[0] == "epoch,loss,mae,val_loss,val_mae" and len(lines) == 3
    assert lines[2] == f"1,{first['loss'][1]},{first['mae'][1]},NA,NA"
    model.fit(X, Y, verbose=0, callbacks=[cb.CSVLogger(path, append=True)])
    assert len(path.read_text().splitlines()) == 4
    model.fit(X, Y, verbose=0, callbacks=[cb.CSVLogger(path, separator=";")])
    assert path.read_text().startswith("epoch;loss;mae;val_loss;val_mae\n0;")


@pytest.mark.parametrize(
    ("arguments", "values", "saved"),
    [
        ({}, [3, 1], ["m_01.keras", "m_02.keras"]),
        ({"save_best_only": True}, [3, 4, 1], ["m_01.keras", "m_03.keras"]),
        (
            {"save_best_only": True, "mode": "max"},
            [3, 4, 1],
            ["m_01.keras", "m_02.keras"],
        ),
        (
            {"save_best_only": True, "initial_value_threshold": 2.0},
            [3, 1],
            ["m_02.keras"],
        ),
    ],
)
def test_model_checkpoint(arguments, values, saved, tmp_path):
    keep = cb.ModelCheckpoint(tmp_path / "new" / "m_{epoch:02d}.keras", **arguments)
    _, model = run(keep, values)
    assert model.saved == [str(tmp_path / "new" / name) for name in saved]


def test_model_checkpoint_saves_where_nothing_tells_the_best(lib, tmp_path):
    keep = lib.callbacks.ModelCheckpoint(
        tmp_path / "m.keras", monitor="mine", save_best_only=True, mode="min"
    )
    model = lib.Sequential([lib.Input((4,)), lib.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="mine"):
        model.fit(X, Y, verbose=0, callbacks=[keep])
    assert (tmp_path / "m.keras").exists()


def test_model_checkpoint_after_batches_and_its_names(tmp_path, capsys):
    path = str(tmp_path / "{epoch}_{batch}_{loss:.1f}.weights.h5")
    keep = cb.ModelCheckpoint(path, save_weights_only=True, save_freq=2, verbose=1)
    model = Fake()
    keep.set_model(model)
    keep.on_epoch_begin(0)
    for batch in range(5):
        keep.on_train_batch_end(batch, {"loss": 0.25})
    names = [name.rsplit("/", 1)[1] for name in model.saved]
    assert names == ["1_2_0.2.weights.h5", "1_4_0.2.weights.h5"]
    assert capsys.readouterr().out.count("Epoch 1: saving model to") == 2
    with pytest.raises(KeyError, match="names"):
        keep._save(0, {}, None)


@pytest.mark.parametrize(
    ("path", "arguments", "message"),
    [
        ("m", {}, "ends in .keras"),
        ("m.keras", {"save_weights_only": True}, "ends in .weights.h5"),
        ("m.keras", {"save_freq": "batch"}, "save_freq='batch'"),
    ],
)
def test_model_checkpoint_refuses(path, arguments, message):
    with pytest.raises(ValueError, match=message):
        cb.ModelCheckpoint(path, **arguments)


def test_a_list_of_callbacks_fetches_results_only_for_those_that_look():
    fetched = []

    class Costly:
        shape = ()

        def __float__(self):
            fetched.append(1)
            return 1.0

    class Looks(cb.Callback):
        def on_train_batch_end(self, batch, logs=None):
            assert logs["loss"] is not None

    quiet = CallbackList(
        [cb.EarlyStopping(), cb.History()], add_history=True, verbose=0
    )
    assert quiet._with["on_train_batch_end"] == []
    quiet.on_train_batch_end(0, {"loss": Costly()})
    assert fetched == []
    both = CallbackList([Looks(), Looks()], verbose=0)
    assert len(both._with["on_train_batch_end"]) == 2
    both.on_train_batch_end(0, {"loss": keras.ops.convert_to_tensor(1.0)})


def test_callback_lists_take_the_older_hook_names():
    seen = []

    class Old(cb.Callback):
        def on_batch_end(self, batch, logs=None):
            seen.append((batch, self.model is model, self.params["epochs"]))

    model = linear()
    model.fit(X, Y, batch_size=16, verbose=0, callbacks=[Old()])
    assert seen == [(0, True, 1), (1, True, 1)]
    given = CallbackList(
        [Old()], add_history=True, model=model, epochs=1, steps=1, verbose=0
    )
    model.fit(X, Y, verbose=0, callbacks=given)
    assert len(seen) == 3


def test_callbacks_may_add_to_the_logs():
    class Adds(cb.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["mine"] = epoch * 2.0

    history = linear().fit(X, Y, epochs=2, verbose=0, callbacks=[Adds()]).history
    assert history["mine"] == [0.0, 2.0]
