"""`.h5` files: what is shared, how classes are named, sums, and what every reader knows."""

import json

import h5py
import numpy as np
import pytest

import minikeras as keras
from minikeras import layers
from minikeras.saving import hdf5
from minikeras.saving.dialects import h5_layers


def test_a_layer_in_two_inner_models_stays_one(tmp_path):
    shared = layers.Dense(3, name="shared")
    first, second = keras.Input((3,)), keras.Input((3,))
    inner = keras.Model(first, shared(first), name="inner")
    outer = keras.Model(second, [inner(second), shared(second)], name="outer")
    x = keras.Input((3,))
    model = keras.Model(x, layers.Add()(outer(inner(x))))
    model.compile("adam", "mse")
    data = np.ones((2, 3), "float32")
    model.fit(data, data, verbose=0)
    model.save(tmp_path / "m.h5")
    loaded = keras.models.load_model(tmp_path / "m.h5")
    assert len(loaded.weights) == len(model.weights) == 2
    np.testing.assert_array_equal(loaded(data), model(data))
    assert loaded.train_on_batch(data, data) == model.train_on_batch(data, data)


def test_what_hooks_add_to_compile_is_not_for_this_format(tmp_path):
    @keras.saving.register_keras_serializable("h5_hooks")
    class Own(keras.Sequential):
        def get_compile_config(self):
            return {"rate": 0.5}

    model = Own([keras.Input((2,)), layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.5), "mse")
    model.save(tmp_path / "m.h5")
    loaded = keras.models.load_model(tmp_path / "m.h5")
    assert float(loaded.optimizer.learning_rate) == 0.5 and loaded.loss == (
        "mean_squared_error"
    )


def _edited(path, change):
    """The config in an `.h5` file, changed by the HDF5 library."""
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        change(config)
        file.attrs["model_config"] = json.dumps(config)


def test_classes_by_their_bare_names(tmp_path):
    """Keras names what is registered without its package, and no module at all."""

    @keras.saving.register_keras_serializable("bare_names")
    class OnlyHere(layers.Layer):
        def call(self, x):
            return x + 1

        def get_config(self):  # without the base's: no `trainable`
            return {"name": self.name}

    inputs = keras.Input((1,))
    bins = layers.Discretization(bin_boundaries=[0.0, 1.0], output_mode="one_hot")
    model = keras.Model(inputs, OnlyHere()(bins(inputs)))
    model.save(tmp_path / "m.h5")

    def bare(config):
        for layer in config["config"]["layers"]:
            for key in ("module", "registered_name", "build_config"):
                layer.pop(key, None)
            layer["class_name"] = layer["class_name"].rpartition(">")[2]
            if layer["class_name"] == "Discretization":
                layer["config"].pop("trainable", None)  # Keras leaves it out

    _edited(tmp_path / "m.h5", bare)
    x = np.array([[-1.0], [0.5], [2.0]], "float32")
    loaded = keras.models.load_model(tmp_path / "m.h5")
    np.testing.assert_array_equal(loaded(x), model(x))


def test_bfloat16_as_keras_leaves_it(tmp_path):
    """In `.h5` files of Keras two raw bytes a number, and nothing that says so."""
    model = keras.Sequential([keras.Input((2,)), layers.Dense(3, dtype="bfloat16")])
    model.compile("adam", "mse")
    x = np.ones((2, 2), "float32")
    model.fit(x, np.ones((2, 3)), verbose=0)
    model.save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        found = []
        file.visititems(lambda _, item: found.append(item))
        for item in found:
            if "dtype" in item.attrs:
                del item.attrs["dtype"]
    loaded = keras.models.load_model(tmp_path / "m.h5")
    pairs = zip(
        [*loaded.weights, *loaded.optimizer.variables],
        [*model.weights, *model.optimizer.variables],
        strict=True,
    )
    for a, b in pairs:
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_long_names_fill_several_attributes(tmp_path):
    """An attribute holds 64 KiB in the form of HDF5 that every reader knows."""
    names = [f"a_layer_with_a_rather_long_name_{i:05}" for i in range(3000)]
    with h5py.File(tmp_path / "m.h5", "w") as file:
        h5_layers.write_texts(file, "layer_names", names)
        assert set(file.attrs) == {"layer_names0", "layer_names1"}
    with hdf5.opened(tmp_path / "m.h5") as file:
        assert h5_layers.texts(file, "layer_names") == names


@pytest.mark.parametrize("name", ["m.h5", "m.weights.h5"])
def test_files_are_in_the_form_that_all_readers_know(name, tmp_path):
    """Also those that are not the HDF5 library, such as that of Netron."""
    model = keras.Sequential([keras.Input((2,)), layers.Dense(900)])
    (model.save if name == "m.h5" else model.save_weights)(tmp_path / name)
    data = (tmp_path / name).read_bytes()
    assert data[:9] == b"\x89HDF\r\n\x1a\n\0"  # superblock of version 0
    assert all(new not in data for new in (b"OHDR", b"FRHP", b"BTHD"))


@pytest.mark.parametrize("name", ["m.h5", "m.weights.h5"])
def test_what_was_changed_without_the_library_is_refused(name, tmp_path):
    model = keras.Sequential([keras.Input((2,)), layers.Dense(2, name="before")])
    (model.save if name == "m.h5" else model.save_weights)(tmp_path / name)
    data = (tmp_path / name).read_bytes()
    (tmp_path / "changed.h5").write_bytes(data.replace(b"before", b"behind"))
    read = (
        keras.models.load_model
        if name == "m.h5"
        else (lambda path: keras.models.clone_model(model).load_weights(path))
    )
    with pytest.raises(ValueError, match="damaged: its bytes"):
        read(tmp_path / "changed.h5")
    with h5py.File(tmp_path / name, "r+") as file:  # the library cuts the sum off
        file.attrs["mine"] = "added"
    read(tmp_path / name)
