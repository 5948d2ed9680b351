"""The `.h5` format that Keras 3 still writes: there and back, and between the libraries."""

import io
import json
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

import minikeras as keras
from minikeras import layers
from tests.goldens.oracle import keras as real_keras
from tests.goldens.oracle import oracle
from tests.layers.cases import data
from tests.saving.h5_cases import SAVED, X, Y, compiled, flat, next_losses

with zipfile.ZipFile(
    Path(__file__).parents[1] / "goldens" / "keras3_h5.zip"
) as _zipped:
    FILES = {name: _zipped.read(name) for name in _zipped.namelist()}
with np.load(io.BytesIO(FILES.pop("expected.npz"))) as _values:
    EXPECTED = dict(_values)


@pytest.mark.parametrize("loss", ["mse", "huber_object"])
def test_a_compiled_model_goes_on(loss, tmp_path):
    model = compiled(keras, keras.losses.Huber(0.3) if loss == "huber_object" else loss)
    path = tmp_path / "m.h5"
    model.save(path)
    again = keras.models.load_model(path)
    np.testing.assert_array_equal(
        again.predict(X, verbose=0), model.predict(X, verbose=0)
    )
    assert next_losses(again) == next_losses(model)
    if loss == "huber_object":
        assert again.loss.get_config()["delta"] == 0.3
    model.save(path, include_optimizer=False)
    assert not keras.models.load_model(path).compiled
    assert not keras.models.load_model(path, compile=False).compiled


def test_a_model_of_ones_own(tmp_path):
    @keras.saving.register_keras_serializable(package="tests.h5")
    class Own(keras.Model):
        def __init__(self, width, **kwargs):
            super().__init__(**kwargs)
            self.width = width
            self.blocks = [layers.Dense(width), layers.Dense(2)]
            self.scale = self.add_weight(shape=(2,), name="scale")

        def call(self, x):
            return self.blocks[1](self.blocks[0](x)) * self.scale

        def get_config(self):
            return {**super().get_config(), "width": self.width}

    x = np.ones((2, 3), "float32")
    model = Own(4)
    model.compile("adam", "mse")
    model.train_on_batch(x, x[:, :2])
    model.save(tmp_path / "made" / "m.h5")
    again = keras.models.load_model(tmp_path / "made" / "m.h5")
    np.testing.assert_array_equal(again(x), model(x))
    assert again.train_on_batch(x, x[:, :2]) == model.train_on_batch(x, x[:, :2])


def test_a_model_that_is_not_built_has_no_weights(tmp_path):
    keras.Sequential([layers.Dense(2)]).save(tmp_path / "m.h5")
    again = keras.models.load_model(tmp_path / "m.h5")
    assert not again.built
    assert again(np.ones((1, 3))).shape == (1, 2)


def test_equal_names_inside_a_layer_are_made_unique(tmp_path):
    @keras.saving.register_keras_serializable(package="tests.h5")
    class Twins(layers.Layer):
        def build(self, shape):
            self.a = self.add_weight(shape=(shape[-1],), initializer="ones", name="w")
            self.b = self.add_weight(shape=(shape[-1],), initializer="zeros", name="w")

        def call(self, x):
            return x * self.a + self.b

    model = keras.Sequential([keras.Input((3,)), Twins()])
    model.set_weights([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    model.save(tmp_path / "m.h5")
    again = keras.models.load_model(tmp_path / "m.h5")
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_sixteen_bits_keep_their_dtype(tmp_path):
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2, dtype="bfloat16")])
    model.save(tmp_path / "m.h5")
    again = keras.models.load_model(tmp_path / "m.h5")
    assert again.layers[0].kernel.dtype == "bfloat16"
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_config_cannot_ask_for_more_than_the_file_holds(tmp_path):
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    path = tmp_path / "m.h5"
    model.save(path)
    with h5py.File(path, "r+") as file:
        text = file.attrs["model_config"].replace('"units": 2', '"units": 2000000000')
        file.attrs["model_config"] = text
    with pytest.raises(ValueError, match="judging by the arrays"):
        keras.models.load_model(path)


@oracle
def test_real_keras_loads_ours(tmp_path):
    library = real_keras()
    i = keras.Input((5,), name="a")
    x = layers.Dense(4, activation="gelu")(i)
    x = keras.ops.concatenate([x, 1 - x[:, 1:] * 2], axis=-1)
    model = keras.Model(i, layers.Dense(2)(layers.BatchNormalization()(x)))
    model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"])
    model.train_on_batch(X[:, 0], Y)
    model.save(tmp_path / "m.h5")
    theirs = library.models.load_model(tmp_path / "m.h5")
    np.testing.assert_allclose(theirs(X[:, 0]), model(X[:, 0]), atol=1e-6)
    assert float(np.asarray(theirs.optimizer.learning_rate)) == pytest.approx(0.01)


def of_keras(name, folder):
    path = folder / name
    path.write_bytes(FILES[name])
    return keras.models.load_model(path)


def test_we_load_real_kerass_and_train_on(tmp_path):
    model = of_keras("mixed.h5", tmp_path)
    got = model.predict(X, verbose=0)
    np.testing.assert_allclose(got, EXPECTED["mixed|0"], atol=1e-6)
    np.testing.assert_allclose(next_losses(model), EXPECTED["mixed|losses"], rtol=1e-4)
    assert not model.get_layer("inner").layers[-1].trainable


@pytest.mark.parametrize("case", SAVED, ids=lambda case: case.layer)
def test_every_layer_of_real_keras(case, tmp_path):
    number = SAVED.index(case)
    model = of_keras(f"{number}.h5", tmp_path)
    for i, leaf in enumerate(flat(model(data(case)))):
        want = EXPECTED[f"{number}|{i}"]
        np.testing.assert_allclose(leaf, want, rtol=1e-4, atol=1e-5)


def test_configs_of_h5_files_have_no_modules(tmp_path):
    """`Add` and `Multiply` are ops or layers, as their arguments tell."""
    path = tmp_path / "m.h5"
    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    keras.Model([a, b], layers.Add()([a, b]) + a * 2.0).save(path)
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        for layer in config["config"]["layers"]:
            for key in ("module", "registered_name", "build_config"):
                layer.pop(key, None)
        file.attrs["model_config"] = json.dumps(config)
    model = keras.models.load_model(path)
    x = np.ones((2, 3), "float32")
    np.testing.assert_array_equal(model([x, x]), 4 * x)


def test_a_class_under_the_name_that_keras_gives_it_here(tmp_path):
    inputs = keras.Input((3, 8))
    model = keras.Model(inputs, layers.GroupQueryAttention(4, 4, 2)(inputs, inputs))
    model.save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        text = file.attrs["model_config"].replace('"GroupQuery', '"GroupedQuery')
        assert "GroupedQueryAttention" in text
        file.attrs["model_config"] = text
    x = np.ones((1, 3, 8), "float32")
    again = keras.models.load_model(tmp_path / "m.h5")
    np.testing.assert_array_equal(
        again.predict(x, verbose=0), model.predict(x, verbose=0)
    )


@pytest.mark.parametrize("mode", ["int", "tf_idf"])
def test_words_that_were_learnt_are_kept(tmp_path, mode):
    words = np.array(["a b", "a c c"])
    layer = layers.TextVectorization(output_mode=mode)
    layer.adapt(words)
    model = keras.Sequential([keras.Input((), dtype="string"), layer])
    model.save(tmp_path / "m.h5")
    again = keras.saving.load_model(tmp_path / "m.h5")
    np.testing.assert_array_equal(
        again.predict(words, verbose=0), model.predict(words, verbose=0)
    )
    assert layer.get_config()["vocabulary"] is None  # as in Keras


def test_numbers_that_were_learnt_are_kept(tmp_path):
    layer = layers.IntegerLookup(output_mode="multi_hot")
    layer.adapt(np.array([5, 9, 7]))
    model = keras.Sequential([keras.Input((2,), dtype="int64"), layer])
    model.save(tmp_path / "m.h5")
    again = keras.saving.load_model(tmp_path / "m.h5")
    x = np.array([[5, 9], [7, 1]])
    np.testing.assert_array_equal(
        again.predict(x, verbose=0), model.predict(x, verbose=0)
    )
