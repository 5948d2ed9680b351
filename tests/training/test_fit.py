"""fit, evaluate and predict: what they compute, return and call."""

import numpy as np
import pytest

import minikeras as keras
from tests.training.models import (
    classes,
    classifier,
    line,
    linear,
    two_outputs,
    weights_of,
)


@pytest.mark.usefixtures("backend")
def test_fit_learns_and_evaluate_agrees_with_numpy():
    x, y = line(samples=100)
    model = linear(optimizer=keras.optimizers.SGD(0.1), metrics=["mae"])
    history = model.fit(x, y, batch_size=10, epochs=20, verbose=0)
    assert history.history["loss"][-1] < 1e-3 < history.history["loss"][0]
    assert history.epoch == list(range(20))
    assert history.params == {"verbose": 0, "epochs": 20, "steps": 10}
    assert history.model is model and model.history is history
    predicted = model.predict(x, verbose=0)
    loss, mae = model.evaluate(x, y, verbose=0)
    assert loss == pytest.approx(np.mean((predicted - y) ** 2), rel=1e-4)
    assert mae == pytest.approx(np.mean(np.abs(predicted - y)), rel=1e-4)
    assert isinstance(loss, float)


def test_one_gradient_step_is_what_calculus_says():
    x, y = line(samples=8)
    model = linear(optimizer=keras.optimizers.SGD(0.5))
    kernel, bias = model.get_weights()
    error = x @ kernel + bias - y
    model.fit(x, y, batch_size=8, shuffle=False, verbose=0)
    new_kernel, new_bias = model.get_weights()
    np.testing.assert_allclose(
        new_kernel, kernel - 0.5 * 2 * x.T @ error / 8, rtol=1e-4
    )
    np.testing.assert_allclose(new_bias, bias - 0.5 * 2 * error.mean(axis=0), rtol=1e-4)


def test_the_loss_of_an_epoch_weighs_the_last_short_batch_by_its_size():
    x, y = line(samples=10)
    model = linear(optimizer=keras.optimizers.SGD(0.0))
    whole = model.evaluate(x, y, batch_size=10, verbose=0)
    assert model.evaluate(x, y, batch_size=4, verbose=0) == pytest.approx(
        whole, rel=1e-5
    )
    history = model.fit(x, y, batch_size=7, verbose=0)
    assert history.history["loss"][0] == pytest.approx(whole, rel=1e-5)


def test_a_batch_larger_than_the_data_is_one_batch():
    x, y = line(samples=5)
    history = linear().fit(x, y, batch_size=1000, verbose=0)
    assert history.params["steps"] == 1


def test_each_batch_size_is_traced_once():
    x, y = line(samples=10)
    model = linear()
    model.fit(x, y, batch_size=4, epochs=3, verbose=0)
    assert model.train_function.traces == 2  # batches of 4 and of 2
    model.predict(x, batch_size=4, verbose=0)
    model.predict(x, batch_size=4, verbose=0)
    assert model.predict_function.traces == 2


def test_initial_epoch_and_no_epochs():
    x, y = line()
    model = linear()
    assert model.fit(x, y, epochs=5, initial_epoch=3, verbose=0).epoch == [3, 4]
    before = weights_of(model)
    assert model.fit(x, y, epochs=0, verbose=0).history == {}
    for a, b in zip(before, weights_of(model), strict=True):
        np.testing.assert_array_equal(a, b)


class Recorder(keras.callbacks.Callback):
    """Writes down every hook that is called."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def __getattribute__(self, name):
        if (
            not name.startswith("on_")
            or name == "on_batch_begin"
            or name == "on_batch_end"
        ):
            return super().__getattribute__(name)
        return lambda *args, **kwargs: self.calls.append(
            (name, *args, *kwargs.values())
        )


def test_hooks_come_in_order_with_floats():
    x, y = line(samples=20)
    recorder = Recorder()
    model = linear(metrics=["mae"])
    model.fit(
        x, y, batch_size=10, validation_split=0.5, verbose=0, callbacks=[recorder]
    )
    names = [call[0] for call in recorder.calls]
    assert names == [
        "on_train_begin", "on_epoch_begin", "on_train_batch_begin", "on_train_batch_end",
        "on_test_begin", "on_test_batch_begin", "on_test_batch_end", "on_test_end",
        "on_epoch_end", "on_train_end",
    ]  # fmt: skip
    _, batch, logs = recorder.calls[3]
    assert batch == 0
    assert list(logs) == ["loss", "mae"] and all(
        type(v) is float for v in logs.values()
    )
    assert list(recorder.calls[8][2]) == ["loss", "mae", "val_loss", "val_mae"]
    recorder.calls.clear()
    model.predict(x, verbose=0, callbacks=[recorder])
    assert [call[0] for call in recorder.calls] == [
        "on_predict_begin", "on_predict_batch_begin", "on_predict_batch_end", "on_predict_end",
    ]  # fmt: skip
    assert recorder.calls[2][2]["outputs"].shape == (20, 1)


def test_steps_per_execution_calls_hooks_less_often():
    x, y = line(samples=50)
    recorder = Recorder()
    linear(steps_per_execution=2).fit(
        x, y, batch_size=10, verbose=0, callbacks=[recorder]
    )
    ends = [call[1] for call in recorder.calls if call[0] == "on_train_batch_end"]
    begins = [call[1] for call in recorder.calls if call[0] == "on_train_batch_begin"]
    assert (begins, ends) == ([0, 2, 4], [1, 3, 5])


def test_stop_training_ends_the_epoch():
    x, y = line(samples=50)

    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 1

    model = linear()
    history = model.fit(x, y, batch_size=10, epochs=3, verbose=0, callbacks=[Stop()])
    assert history.epoch == [0] and model.optimizer.iterations.numpy() == 2


def test_validation_split_takes_the_end_and_does_not_train_on_it():
    x, y = line(samples=20)
    y[15:] += 1000.0
    model = linear(optimizer=keras.optimizers.SGD(0.0))
    history = model.fit(x, y, validation_split=0.25, verbose=0).history
    assert history["loss"][0] < 100 < history["val_loss"][0]


def test_validation_data_and_frequency():
    x, y = line()
    model = linear()
    for data in ((x, y), [x, y], (x, y, np.ones(40)), iter([(x, y)])):
        history = model.fit(x, y, validation_data=data, verbose=0).history
        assert list(history) == ["loss", "val_loss"]
    history = model.fit(
        x, y, validation_split=0.5, epochs=5, validation_freq=[2, 5], verbose=0
    )
    assert len(history.history["val_loss"]) == 2
    history = model.fit(
        x, y, validation_split=0.5, epochs=5, validation_freq=2, verbose=0
    )
    assert len(history.history["val_loss"]) == 2
    history = model.fit(x, y, validation_data=(x, y), validation_batch_size=7,
                        validation_steps=2, verbose=0)  # fmt: skip
    assert len(history.history["val_loss"]) == 1


def test_sample_weight_scales_and_selects():
    x, y = line(samples=8)
    model = linear(optimizer=keras.optimizers.SGD(0.0), weighted_metrics=["mae"])
    weight = np.array([1, 1, 1, 1, 0, 0, 0, 0], "float32")
    loss, mae = model.evaluate(x, y, sample_weight=weight, verbose=0)
    half_loss, half_mae = model.evaluate(x[:4], y[:4], verbose=0)
    assert loss == pytest.approx(half_loss / 2, rel=1e-5)
    assert mae == pytest.approx(half_mae, rel=1e-5)


def test_class_weight_is_the_sample_weight_of_each_class():
    x, y = classes()
    losses = []
    for labels in (y, y[:, 0]):
        model = classifier(metrics=[])
        model.set_weights([np.ones((4, 3)) * [[1, 2, 3]], np.zeros(3)])
        losses.append(model.train_on_batch(x, labels, class_weight={0: 2.0, 2: 0.5}))
    model = classifier(metrics=[])
    model.set_weights([np.ones((4, 3)) * [[1, 2, 3]], np.zeros(3)])
    weight = np.array([2.0, 1.0, 0.5])[y[:, 0]]
    assert losses == pytest.approx(
        [model.train_on_batch(x, y, sample_weight=weight)] * 2
    )


def test_shuffle_is_a_new_order_each_epoch_and_false_keeps_it():
    seen = []

    class Watch(keras.Sequential):
        def train_step(self, data):
            x, _ = data
            seen.append(x.numpy()[:, 0].tolist())
            return {"loss": 0.0}

    def fit(shuffle):
        seen.clear()
        model = Watch([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse", run_eagerly=True)
        x = np.arange(12, dtype="float32")[:, None]
        model.fit(x, x, batch_size=4, epochs=2, shuffle=shuffle, verbose=0)
        return np.concatenate(seen[:3]).tolist(), np.concatenate(seen[3:]).tolist()

    first, second = fit(True)
    assert first != second and sorted(first) == sorted(second) == list(range(12))
    assert fit(False) == (list(range(12)), list(range(12)))
    chunks, _ = fit("batch")
    assert sorted(chunks) == list(range(12))
    assert all(chunks[i + 1] == chunks[i] + 1 for i in (0, 1, 2, 4, 5, 6, 8, 9, 10))


def test_batches_given_to_an_eager_step_keep_their_values():
    kept = []

    class Keep(keras.Sequential):
        def train_step(self, data):
            kept.append(data[0])
            return {"loss": 0.0}

    model = Keep([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=True)
    x = np.arange(12, dtype="float32")[:, None]
    model.fit(x, x, batch_size=2, verbose=0)
    values = np.concatenate([k.numpy() for k in kept])
    assert sorted(values[:, 0].tolist()) == list(range(12))


@pytest.mark.usefixtures("backend")
def test_predict_gives_numpy_in_the_structure_of_the_outputs():
    x, _ = line(samples=11)
    model = two_outputs(optimizer="sgd", loss="mse")
    a, b = model.predict(x, batch_size=4, verbose=0)
    assert type(a) is np.ndarray and a.shape == (11, 3) and b.shape == (11, 2)
    whole = model.predict_on_batch(x)
    np.testing.assert_allclose(a, whole[0], rtol=1e-5)
    np.testing.assert_allclose(b, whole[1], rtol=1e-5, atol=1e-6)

    class Named(keras.Model):
        def call(self, x):
            return {"double": x * 2, "parts": (x, x + 1)}

    found = Named().predict(x, batch_size=5, verbose=0)
    np.testing.assert_array_equal(found["double"], x * 2)
    np.testing.assert_array_equal(found["parts"][1], x + 1)


def test_predict_of_one_sample_and_of_fewer_rows_than_samples():
    x, _ = line(samples=6)

    class Total(keras.Model):
        def call(self, x):
            return keras.ops.sum(x, axis=0, keepdims=True)

    model = Total()
    assert model.predict(x[:1], verbose=0).shape == (1, 4)
    found = model.predict(x, batch_size=4, verbose=0)
    np.testing.assert_allclose(
        found, [x[:4].sum(0), x[4:].sum(0)], rtol=1e-5, atol=1e-6
    )


def test_predictions_belong_to_the_caller():
    x, _ = line(samples=3)
    model = linear()
    first = model.predict(x, verbose=0)
    kept = first.copy()
    first[:] = 0
    second = model.predict(x + 1, verbose=0)
    np.testing.assert_array_equal(model.predict(x, verbose=0), kept)
    assert (second != kept).all()


@pytest.mark.parametrize("verbose", [0, 1, 2, "auto"])
def test_verbose(verbose, capsys):
    x, y = line()
    model = linear()
    model.fit(x, y, epochs=2, verbose=verbose)
    model.evaluate(x, y, verbose=verbose)
    model.predict(x, verbose=verbose)
    out = capsys.readouterr().out
    assert "\r" not in out
    assert ("loss" in out) == (verbose != 0)
    assert len(out.splitlines()) == (0 if verbose == 0 else 6)


def test_float64_becomes_floatx_and_integers_stay():
    seen = []

    class Watch(keras.Sequential):
        def test_step(self, data):
            seen.extend((data[0].dtype, data[1].dtype))
            return {"loss": 0.0}

    model = Watch([keras.Input((4,)), keras.layers.Dense(3)])
    model.compile(loss="mse")
    model.evaluate(np.ones((4, 4)), np.ones(4, "uint8"), verbose=0)
    assert seen == ["float32", "uint8"]


def test_the_two_ways_to_give_weights_of_several_outputs():
    x, _ = line(samples=6)
    y = [np.ones((6, 3), "float32"), np.ones((6, 2), "float32")]
    model = two_outputs(optimizer="sgd", loss="mse")
    ones, twos = np.ones(6), np.full(6, 2.0)
    plain = model.evaluate(x, y, verbose=0, return_dict=True)
    for weights in ([ones, twos], {"a": ones, "b": twos}, {"b": twos}):
        found = model.evaluate(x, y, sample_weight=weights, verbose=0, return_dict=True)
        assert found["a_loss"] == pytest.approx(plain["a_loss"])
        assert found["b_loss"] == pytest.approx(2 * plain["b_loss"])
    found = model.evaluate(x, y, sample_weight=twos, verbose=0, return_dict=True)
    assert found["loss"] == pytest.approx(2 * plain["loss"])
