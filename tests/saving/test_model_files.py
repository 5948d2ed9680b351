"""Whole models in files and back: weights, optimizer, random state, whatever the shape."""

import json
import zipfile

import numpy as np
import pytest

import minikeras as keras
from minikeras import layers
from minikeras.engine.pending import PendingState
from minikeras.saving import sniff
from minikeras.variable import values_later

X = np.linspace(-1, 1, 24, dtype="float32").reshape(8, 3)
Y = np.stack([X.sum(1), X[:, 0] * X[:, 1]], 1)


def trained(optimizer="adam", steps=1):
    """A small model with dropout, after a few steps."""
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((3,)),
            layers.Dense(5, activation="relu"),
            layers.Dropout(0.3),
            layers.BatchNormalization(),
            layers.Dense(2),
        ]
    )
    model.compile(optimizer, "mse", metrics=["mae"])
    model.fit(X, Y, epochs=steps, verbose=0, shuffle=False)
    return model


def weights(model):
    return [np.asarray(w) for w in model.get_weights()]


def same(a, b):
    assert len(a) == len(b)
    for left, right in zip(a, b):
        np.testing.assert_array_equal(left, right)


def next_losses(model):
    return model.fit(X, Y, epochs=3, verbose=0, shuffle=False).history["loss"]


@pytest.mark.parametrize("zipped", [True, False])
def test_a_loaded_model_goes_on_to_the_bit(tmp_path, zipped):
    model = trained()
    path = tmp_path / ("m.keras" if zipped else "m")
    model.save(path, zipped=zipped)
    loaded = keras.models.load_model(path)
    same(weights(model), weights(loaded))
    same([v.numpy() for v in model.optimizer.variables],
         [v.numpy() for v in loaded.optimizer.variables])  # fmt: skip
    assert next_losses(model) == next_losses(loaded)


def test_without_compile(tmp_path):
    trained().save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras", compile=False)
    assert not loaded.compiled


def test_without_optimizer(tmp_path):
    model = trained()
    model.save(tmp_path / "m.keras", include_optimizer=False)
    loaded = keras.models.load_model(tmp_path / "m.keras")
    assert not loaded.compiled
    same(weights(model), weights(loaded))


@pytest.mark.parametrize("ending", [".weights.h5", ".npz", ".safetensors"])
def test_weights_alone(tmp_path, ending):
    if ending == ".safetensors":
        pytest.importorskip("safetensors")
    model, other = trained(), trained("sgd", steps=2)
    other.compile("adam", "mse")
    model.save_weights(tmp_path / f"w{ending}")
    other.load_weights(tmp_path / f"w{ending}")
    same(weights(model), weights(other))
    assert next_losses(model) == next_losses(other)


def test_shards(tmp_path):
    model, other = trained(), trained("sgd", steps=2)
    other.compile("adam", "mse")
    for _ in range(2):  # over the older ones the second time
        model.save_weights(tmp_path / "w.weights.json", max_shard_size=1e-7)
    files = sorted(p.name for p in tmp_path.glob("*.h5"))
    where = json.loads((tmp_path / "w.weights.json").read_text())["weight_map"]
    assert files == sorted({f for names in where.values() for f in names})
    assert len(files) > 2
    other.load_weights(tmp_path / "w.weights.json")
    assert next_losses(model) == next_losses(other)
    with pytest.raises(ValueError, match="less than array"):
        model.save_weights(tmp_path / "w.weights.json", max_shard_size=1e-9)


def test_weights_out_of_a_whole_model(tmp_path):
    model = trained()
    other = keras.models.clone_model(model)
    model.save(tmp_path / "m.keras")
    other.load_weights(tmp_path / "m.keras")
    same(weights(model), weights(other))


def test_the_same_model_gives_the_same_bytes(tmp_path):
    model = trained()
    for name in ("a.keras", "b.keras"):
        model.save(tmp_path / name)
    read = [zipfile.ZipFile(tmp_path / n) for n in ("a.keras", "b.keras")]
    for member in ("config.json", "model.weights.h5"):
        assert read[0].read(member) == read[1].read(member)


def test_subclassed_shared_nested(tmp_path):
    @keras.saving.register_keras_serializable("test")
    class Block(keras.Model):
        def __init__(self, width, **kwargs):
            super().__init__(**kwargs)
            self.width = width
            self.blocks = [layers.Dense(width), [layers.Dense(width)]]
            self.named = {"b": layers.Dense(width), "a": layers.BatchNormalization()}
            self._last = layers.Dense(3)
            self.scale = self.add_weight(shape=(3,), initializer="ones")

        def call(self, x):
            for layer in (self.blocks[0], self.blocks[1][0], *self.named.values()):
                x = layer(x)
            return self._last(x) * self.scale

        def get_config(self):
            return {**super().get_config(), "width": self.width}

    shared = layers.Dense(3, name="shared")
    inputs = keras.Input((3,))
    inner = keras.Sequential([layers.Dense(3), layers.Dense(3)])
    x = Block(4)(inner(shared(inputs)))
    pairs = layers.TimeDistributed(shared)(layers.RepeatVector(2)(x))
    model = keras.Model(inputs, {"one": shared(x), "many": pairs})
    for w in model.weights:
        w.assign(np.random.default_rng(1).normal(size=w.shape))
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    assert len(loaded.weights) == len(model.weights)  # `shared` is one layer still
    want, got = (m.predict(X, verbose=0) for m in (model, loaded))
    for key in want:
        np.testing.assert_array_equal(want[key], got[key])


def test_json_does_not_depend_on_who_made_the_policies():
    """Policies are values: that two layers hold the same object means nothing."""

    def described(**policy):
        stack = [
            keras.Input((3,), name="i"),
            layers.Dense(3, name="a", **policy),
            layers.Dense(3, name="b", **policy),
        ]
        return keras.Sequential(stack, name="s").to_json()

    fresh = described(dtype="float32")
    assert described(dtype=keras.dtype_policies.DTypePolicy("float32")) == fresh
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        assert described() == fresh
    finally:
        keras.config.set_dtype_policy(before)
    assert keras.models.model_from_json(fresh).to_json() == fresh


def test_json_keeps_what_is_shared():
    shared = layers.Dense(3)
    inputs = keras.Input((2, 3))
    model = keras.Model(inputs, layers.TimeDistributed(shared)(shared(inputs)))
    again = keras.models.model_from_json(model.to_json())
    assert len(again.weights) == 2


def test_hooks_are_asked(tmp_path):
    @keras.saving.register_keras_serializable("test")
    class Words(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.words, self.count = [], 0

        def call(self, x):
            return x

        def save_own_variables(self, store):
            store["words counted"] = np.array(len(self.words))

        def load_own_variables(self, store):
            self.count = int(store["words counted"])

        def save_assets(self, folder):
            with open(f"{folder}/words.txt", "w") as file:
                file.write(" ".join(self.words))

        def load_assets(self, folder):
            assert self.count == 2  # arrays come first, as in Keras
            with open(f"{folder}/words.txt") as file:
                self.words = file.read().split()

    layer = Words()
    layer.words = ["red", "green"]
    model = keras.Sequential([keras.Input((3,)), layer])
    for name, zipped in (("m.keras", True), ("folder", False)):
        model.save(tmp_path / name, zipped=zipped)
        loaded = keras.models.load_model(tmp_path / name).layers[0]
        assert (loaded.words, loaded.count) == (["red", "green"], 2)


def test_orthogonal_draws_are_not_made_for_a_file(tmp_path, monkeypatch):
    """They would be replaced at once, and cost seconds in large layers."""
    model = keras.Sequential([keras.Input((2, 3)), layers.LSTM(4)])
    model.save(tmp_path / "m.keras")
    with monkeypatch.context() as patch:
        patch.setattr(np.linalg, "qr", None)
        loaded = keras.models.load_model(tmp_path / "m.keras")
    same(weights(model), weights(loaded))
    again = keras.models.model_from_json(model.to_json())  # is to be trained
    recurrent = again.layers[0].cell.recurrent_kernel.numpy()
    assert not np.array_equal(recurrent, np.eye(4, 16)) and recurrent.std() > 0.1


def test_complex_numbers_are_no_real_ones(tmp_path):
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    store = {"0": np.zeros((3, 2), "complex64"), "1": np.zeros(2)}
    with pytest.raises(ValueError, match="complex64"):
        model.layers[0].load_own_variables(store)


def test_bfloat16(tmp_path):
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2, dtype="bfloat16")])
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    assert loaded.weights[0].dtype == "bfloat16"
    same(weights(model), weights(loaded))


def test_names_are_checked(tmp_path):
    model = trained()
    with pytest.raises(ValueError, match=r"expected `\.keras`"):
        model.save(tmp_path / "m.foo")
    with pytest.raises(ValueError, match="writes a folder"):
        model.save(tmp_path / "m.keras", zipped=False)
    with pytest.raises(ValueError, match=r"\.weights\.h5"):
        model.save_weights(tmp_path / "m.h5")
    with pytest.raises(ValueError, match="unknown arguments"):
        model.save(tmp_path / "m.keras", foo=1)
    with pytest.raises(FileNotFoundError, match="not found"):
        keras.models.load_model(tmp_path / "m.keras")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("address", ["hf://someone/model", "https://host/m.weights.h5"])
def test_addresses_are_no_paths(address):
    model = trained()
    for use in (
        keras.models.load_model,
        model.load_weights,
        model.save,
        model.save_weights,
    ):
        with pytest.raises(ValueError, match=r"is an address.*download"):
            use(address)


def test_a_folder_of_hugging_face(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "bert", "hidden_size": 8}')
    with pytest.raises(ValueError, match="Hugging Face"):
        keras.models.load_model(tmp_path)


def test_overwrite_is_asked(tmp_path, monkeypatch):
    path = tmp_path / "m.keras"
    trained().save(path)
    before = path.read_bytes()
    monkeypatch.setattr("builtins.input", lambda text: "n")
    trained(steps=2).save(path, overwrite=False)
    assert path.read_bytes() == before
    monkeypatch.setattr("builtins.input", lambda text: "y")
    trained(steps=2).save(path, overwrite=False)
    assert path.read_bytes() != before

    def nobody(text):
        raise EOFError

    monkeypatch.setattr("builtins.input", nobody)
    with pytest.raises(FileExistsError, match="nobody to ask"):
        trained().save(path, overwrite=False)


def test_a_part_with_two_names_loads_by_either(tmp_path):
    class Plain(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2)

        def call(self, x):
            return self.dense(x)

    class Renamed(Plain):
        @property
        def a_dense(self):  # comes first in the alphabet
            return self.dense

    plain, renamed = Plain(), Renamed()
    for model in (plain, renamed):
        model(X)
    plain.save_weights(tmp_path / "w.weights.h5")
    renamed.load_weights(tmp_path / "w.weights.h5")
    same(weights(plain), weights(renamed))


def test_objects_to_skip(tmp_path):
    model, other = trained(), trained(steps=2)
    before = weights(other)
    first = model.layers[0]
    keras.saving.save_weights(
        model, tmp_path / "w.weights.h5", objects_to_skip=[first, model.optimizer]
    )
    with pytest.raises(ValueError, match="'layers/dense'"):
        other.load_weights(tmp_path / "w.weights.h5")
    same(weights(other), before)
    other.load_weights(tmp_path / "w.weights.h5", objects_to_skip=[other.layers[0]])
    same(weights(other)[:2], before[:2])
    same(weights(other)[2:], weights(model)[2:])


def test_what_hooks_have_loaded_is_taken_back_when_others_fail(tmp_path):
    class Noted(layers.Layer):
        def __init__(self, note, **kwargs):
            super().__init__(**kwargs)
            self.note = note

        def call(self, x):
            return x

        def save_own_variables(self, store):
            store["note"] = np.array(self.note)

        def load_own_variables(self, store):
            self.note = int(store["note"])

    def made(note, width):
        words = layers.TextVectorization(output_mode="tf_idf", vocabulary=["a", "b"],
                                         idf_weights=[1.0 * note, 2.0])  # fmt: skip
        parts = [
            keras.Input((1,), dtype="string"),
            words,
            Noted(note),
            layers.Dense(width),
        ]
        return keras.Sequential(parts)

    made(1, 3).save_weights(tmp_path / "w.weights.h5")
    other = made(2, 4)
    idf = np.asarray(other.layers[0](["a b"]))
    with pytest.raises(ValueError, match="dense"):
        other.load_weights(tmp_path / "w.weights.h5")
    assert other.layers[1].note == 2
    np.testing.assert_array_equal(other.layers[0](["a b"]), idf)
    same_size = made(2, 3)
    same_size.load_weights(tmp_path / "w.weights.h5")
    assert same_size.layers[1].note == 1
    assert not np.array_equal(same_size.layers[0](["a b"]), idf)


@pytest.mark.parametrize("units", [2**40, 2**29])
def test_a_text_cannot_ask_for_more_memory_than_a_usual_model(units):
    text = keras.Sequential([keras.Input((3,)), layers.Dense(7)]).to_json()
    with pytest.raises(ValueError, match="enable_unsafe_deserialization"):
        keras.models.model_from_json(text.replace('"units": 7', f'"units": {units}'))


def test_a_text_cannot_ask_for_a_large_constant():
    sound = keras.Sequential(
        [keras.Input((900,)), layers.MelSpectrogram(fft_length=256)]
    )
    text = sound.to_json().replace('"num_mel_bins": 128', f'"num_mel_bins": {10**7}')
    with pytest.raises(ValueError, match="constant"):
        keras.models.model_from_json(text)
    picture = keras.Sequential(
        [keras.Input((4, 4, 3)), layers.UpSampling2D(2, interpolation="bilinear")]
    )
    text = picture.to_json().replace('"size": [2, 2]', f'"size": [{10**10}, 2]')
    large = keras.models.model_from_json(text)  # a shape costs nothing
    assert large.output_shape == (None, 4 * 10**10, 8, 3)


@pytest.mark.parametrize("given", ["path", "numpy"])
def test_a_config_names_no_file_as_vocabulary_of_a_derived_layer(given, tmp_path):
    @keras.saving.register_keras_serializable("test")
    class Words(layers.StringLookup):
        pass

    path = tmp_path / "secret.txt"
    path.write_text("secret")
    value = str(path)
    if given == "numpy":
        value = {"class_name": "__numpy__", "config": {"value": value, "dtype": "<U99"}}
    config = keras.saving.serialize_keras_object(Words())
    config["config"]["vocabulary"] = value
    with pytest.raises(ValueError, match="refused" if given == "path" else "shape"):
        keras.saving.deserialize_keras_object(config)


@pytest.mark.parametrize(
    "name",
    ["w.weights.h5", "w.weights.json", "w.npz", "w.safetensors", "m.h5", "folder"],
)
def test_bfloat16_in_each_format(tmp_path, name):
    if name.endswith("safetensors"):
        pytest.importorskip("safetensors")

    def made():
        model = keras.Sequential([keras.Input((3,)), layers.Dense(2, dtype="bfloat16")])
        model.compile("adam", "mse")
        return model

    model, path = made(), tmp_path / name
    model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
    if name.startswith("w."):
        shards = {"max_shard_size": 1e-7} if name.endswith("json") else {}
        model.save_weights(path, **shards)
        loaded = made()
        loaded.load_weights(path)
    else:
        model.save(path, zipped=name != "folder")
        loaded = keras.models.load_model(path)
    pairs = zip(
        [*model.weights, *model.optimizer.variables],
        [*loaded.weights, *loaded.optimizer.variables],
        strict=True,
    )
    for one, other in pairs:
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_weights_may_begin_anywhere_in_a_file(tmp_path):
    """At 1024 bytes they looked like HDF5 with something before it."""
    path = tmp_path / "m.keras"
    data = b"\x89HDF\r\n\x1a\n" + bytes(2000)
    for offset in (512, 1024, 2048):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a", bytes(offset - 2 * 31))
            archive.writestr("b", data)
        assert path.read_bytes()[offset : offset + 8] == data[:8]
        assert sniff.kind_of(path) == "zip"


def text_of_wide(units):
    """A text of a few hundred letters whose model has units * units weights."""
    model = keras.Sequential([keras.Input((7,)), layers.Dense(7, use_bias=False)])
    return model.to_json().replace("7", str(units))


def test_a_short_text_takes_no_memory_until_its_weights_are_asked_for():
    large = keras.models.model_from_json(text_of_wide(20_000))
    assert large.count_params() == 400_000_000
    assert isinstance(large.weights[0].state, PendingState)
    small = keras.models.model_from_json(text_of_wide(70))
    assert not isinstance(small.weights[0].state, PendingState)


def test_weights_made_late_are_those_that_a_small_model_would_have():
    text = text_of_wide(7)
    keras.utils.set_random_seed(1)
    soon = keras.models.model_from_json(text)
    keras.utils.set_random_seed(1)
    with values_later(0):
        late = keras.models.model_from_json(text)
    x = np.ones((2, 7), "float32")
    assert isinstance(late.weights[0].state, PendingState)
    np.testing.assert_array_equal(late.predict(x), soon.predict(x))
    assert not isinstance(late.weights[0].state, PendingState)
    late.compile("sgd", "mse")
    soon.compile("sgd", "mse")
    assert late.train_on_batch(x, x) == soon.train_on_batch(x, x)
    same(weights(late), weights(soon))
