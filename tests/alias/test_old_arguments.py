"""Arguments of Keras 1 and 2 under the alias: what they become, and one note for each."""

import warnings

import numpy as np
import pytest

import minikeras as keras
from minikeras import layers

X = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
Y = np.arange(8) % 3


@pytest.fixture(autouse=True)
def old(aliased):
    import keras as _  # noqa: F401  # gives the methods


def made(cls, *args, **kwargs):
    with pytest.warns(UserWarning, match=rf"{cls.__name__}.* of an\s+older Keras"):
        return cls(*args, **kwargs)


def test_convolution_of_keras_1():
    layer = made(layers.Convolution2D, 8, 3, 5, border_mode="same", subsample=(2, 1),
                 init="uniform", bias=False, dim_ordering="tf")  # fmt: skip
    assert layer.kernel_size == (3, 5) and layer.strides == (2, 1)
    assert layer.padding == "same" and not layer.use_bias
    assert isinstance(layer.kernel_initializer, keras.initializers.RandomUniform)
    one = made(layers.Conv1D, nb_filter=4, filter_length=3, subsample_length=2)
    assert (one.filters, one.kernel_size, one.strides) == (4, (3,), (2,))


def test_what_is_said_today_means_what_it_means():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert layers.Conv2D(8, 3, 2).strides == (2, 2)
        assert layers.Conv2D(8, 3, 2, padding="same").kernel_size == (3, 3)
    with pytest.raises(ValueError, match=r"unknown arguments.*nothing"):
        layers.Dense(3, nothing=1)


@pytest.mark.parametrize(
    ("cls", "arguments", "today"),
    [
        (layers.Dense, {"output_dim": 3, "init": "he_normal", "b_constraint": "non_neg"},
         {"units": 3}),
        (layers.Dropout, {"p": 0.25}, {"rate": 0.25}),
        (layers.GaussianNoise, {"sigma": 0.5}, {"stddev": 0.5}),
        (layers.MaxPooling1D, {"pool_length": 3, "stride": 2},
         {"pool_size": (3,), "strides": (2,)}),
        (layers.UpSampling1D, {"length": 3}, {"size": 3}),
        (layers.LSTM, {"output_dim": 3, "inner_activation": "sigmoid", "dropout_W": 0.1,
                       "dropout_U": 0.2, "consume_less": "cpu"},
         {"units": 3, "dropout": 0.1, "recurrent_dropout": 0.2}),
        (layers.BatchNormalization, {"mode": 0, "axis": 1, "beta_init": "ones"}, {"axis": 1}),
        (layers.BatchNormalization, {"fused": True}, {}),
        (layers.LSTM, {"units": 3, "time_major": False}, {"units": 3}),
    ],
)  # fmt: skip
def test_arguments(cls, arguments, today):
    layer = made(cls, **arguments)
    config = layer.get_config()
    for name, value in today.items():
        assert config[name] == value or getattr(layer, name) == value


def test_shapes_of_sequences():
    model = keras.Sequential([made(layers.LSTM, 3, input_dim=4, input_length=5)])
    assert model.input_shape == (None, 5, 4)


def test_arrays_as_first_weights():
    kernel, bias = np.ones((4, 2), "float32"), np.float32([1, 2])
    layer = made(layers.Dense, 2, weights=[kernel, bias], input_shape=(4,))
    keras.Sequential([layer])
    for found, wanted in zip(layer.get_weights(), (kernel, bias), strict=True):
        np.testing.assert_array_equal(found, wanted)
    with pytest.raises(ValueError, match="holds 3 arrays; expected kernel, bias"):
        layers.Dense(2, weights=[kernel, bias, bias])


def test_ends_of_a_model():
    one = keras.Input((4,))
    model = made(keras.Model, input=one, output=layers.Dense(2)(one))
    assert type(model).__name__ == "Functional" and model.output_shape == (None, 2)


def test_metrics_in_the_third_place():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    with pytest.warns(UserWarning, match="metrics in the third place"):
        model.compile("sgd", "mse", ["mae"])
    assert len(model.evaluate(X, X[:, :3], verbose=0)) == 2
    model.compile("sgd", "mse", [2.0], metrics=["mae"])
    with pytest.warns(UserWarning, match=r"compile\(sample_weight_mode=\)"):
        model.compile("sgd", "mse", sample_weight_mode=None)


def test_epochs_and_samples():
    def batches():
        while True:
            yield X, X[:, :3]

    model = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match=r"fit\(nb_epoch=\)"):
        assert len(model.fit(X, X[:, :3], nb_epoch=2, verbose=0).epoch) == 2
    seen = []
    count = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda b, logs: seen.append(b)
    )
    with pytest.warns(UserWarning, match="older|of Keras 2") as told:
        history = model.fit_generator(
            batches(), samples_per_epoch=20, nb_epoch=1, verbose=0, callbacks=[count],
            validation_data=batches(), nb_val_samples=8,
        )  # fmt: skip
    assert sum("samples_per_epoch" in str(one.message) for one in told) == 1
    assert seen == [0, 1, 2] and "val_loss" in history.history
    with pytest.warns(UserWarning, match="val_samples|generator"):
        found = model.predict_generator(batches(), val_samples=16, verbose=0)
    assert found.shape == (16, 3)


def test_checkpoints_of_any_name(tmp_path):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    model.compile("sgd", "mse")
    weights, whole = tmp_path / "w-{epoch:02d}.hdf5", tmp_path / "best"
    keep = [
        made(keras.callbacks.ModelCheckpoint, weights, monitor="loss",
             save_weights_only=True, period=2),
        made(keras.callbacks.ModelCheckpoint, whole, "loss", save_best_only=True),
    ]  # fmt: skip
    with pytest.warns(UserWarning, match=r"names end in"):
        model.fit(X, X[:, :3], epochs=4, verbose=0, callbacks=keep)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "best",
        "w-02.hdf5",
        "w-04.hdf5",
    ]
    again = keras.models.load_model(whole)
    np.testing.assert_array_equal(
        model.predict(X, verbose=0), again.predict(X, verbose=0)
    )
    again.load_weights(tmp_path / "w-04.hdf5")


def test_accuracy_under_its_old_name(tmp_path):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    keep = keras.callbacks.ModelCheckpoint(
        tmp_path / "{epoch:02d}-{val_acc:.1f}.keras",
        monitor="val_acc",
        save_best_only=True,
    )
    stop = keras.callbacks.EarlyStopping(monitor="val_accuracy", patience=9)
    with pytest.warns(UserWarning, match="'val_acc' in logs is of an older Keras"):
        found = model.fit(
            X, Y, epochs=2, verbose=0, validation_data=(X, Y), callbacks=[keep, stop]
        ).history
    share = found["val_accuracy"]
    assert (tmp_path / f"01-{share[0]:.1f}.keras").exists()
    with pytest.warns(UserWarning, match="today it is 'accuracy'"):
        assert found["acc"] == found["accuracy"]
    assert set(found) == {"accuracy", "loss", "val_accuracy", "val_loss"}
    with pytest.raises(KeyError, match="nothing"):
        _ = found["nothing"]


def test_merge_is_a_module_and_a_function():
    import keras as aliased_keras
    from keras.layers.merge import add

    merge = aliased_keras.layers.merge
    a, b = X[:, :2], X[:, 2:]
    assert add is layers.add
    np.testing.assert_allclose(merge([a, b], mode="mul"), a * b)
    np.testing.assert_allclose(
        merge([a, b], mode="dot", dot_axes=1)[:, 0], (a * b).sum(1), rtol=1e-5
    )
    assert merge([a, b], mode="concat", concat_axis=0).shape == (16, 2)
    np.testing.assert_allclose(merge([a, b], mode=lambda x: x[0] - x[1]), a - b)
    with pytest.raises(ValueError, match="mode='other'; expected one of ave"):
        merge([a, b], mode="other")
    with pytest.raises(TypeError, match="cannot be called"):
        aliased_keras.layers.core()


def test_small_names():
    from keras import constraints, initializers, losses, objectives, regularizers

    assert constraints.maxnorm is keras.constraints.MaxNorm
    assert initializers.normal is keras.initializers.RandomNormal
    assert objectives.mse is losses.mse
    with pytest.warns(UserWarning, match="L2"):
        assert float(regularizers.L2(l=0.5)(np.float32([2.0]))) == 2.0
    assert losses.MeanSquaredError(reduction="auto").reduction == "sum_over_batch_size"


def test_everything_is_taken_back():
    from minikeras import alias

    alias.uninstall()
    with pytest.raises(ValueError, match="unknown arguments"):
        layers.Dense(units=3, bias=True)
    with pytest.raises(ValueError, match="filepath"):
        keras.callbacks.ModelCheckpoint("x")
    one = keras.Input((4,))
    with pytest.raises(ValueError, match="Did you mean"):
        keras.Model(input=one, output=one)
