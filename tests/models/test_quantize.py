"""Quantized models: which layers, all or none, and their files both ways with Keras."""

import zipfile

import numpy as np
import pytest

import minikeras as keras
from minikeras import layers, quantizers
from tests.goldens.oracle import keras as real

RNG = np.random.default_rng(5)


def network(k, attention=True, **more):
    x = k.Input((6,), dtype="int32")
    y = k.layers.Embedding(30, 8, name="words", **more)(x)
    if attention:
        y = k.layers.MultiHeadAttention(2, 4, name="heads", **more)(y, y)
    y = k.layers.EinsumDense("abc,cd->abd", (None, 8), bias_axes="d", name="between")(y)
    y = k.layers.LayerNormalization(name="norm")(y)
    inner = k.Sequential(
        [k.Input((6, 8)), k.layers.Dense(12, "relu", name="wide", **more)], name="inner"
    )
    y = k.layers.GlobalAveragePooling1D()(inner(y))
    return k.Model(x, k.layers.Dense(3, name="last", **more)(y))


def modes(model):
    found = {layer.name: layer.quantization_mode for layer in model._flatten_layers()}
    return {name for name, mode in found.items() if mode is not None}


X = RNG.integers(0, 30, (4, 6)).astype("int32")


@pytest.mark.filterwarnings("ignore:model .*have weights that stay")
@pytest.mark.parametrize("mode", ["int8", "int4", "float8"])
def test_all_layers_that_can_be(mode):
    model = network(keras)
    before = model.predict(X, verbose=0)
    model.quantize(mode)
    everywhere = {
        "words",
        "query",
        "key",
        "value",
        "attention_output",
        "between",
        "wide",
        "last",
    }
    assert modes(model) == everywhere - ({"words"} if mode == "float8" else set())
    found = model.predict(X, verbose=0)
    np.testing.assert_allclose(model(X).numpy(), found, atol=1e-5)
    assert 0 < np.abs(found - before).max() < 0.5 * np.abs(before).max() + 0.2
    model.compile("sgd", "mse")
    model.fit(X, before, verbose=0)
    with pytest.raises(ValueError, match="quantized already"):
        model.quantize("int8")


@pytest.mark.parametrize("mode", ["int8", "int4"])
def test_a_layer_that_is_quantized_by_itself_is_so_in_predict(mode):
    model = network(keras)
    before = model.predict(X, verbose=0)
    model.get_layer("last").quantize(mode)
    found = model.predict(X, verbose=0)
    assert (found != before).any()
    np.testing.assert_allclose(found, model(X).numpy(), atol=1e-5)


def test_weights_that_stay_are_named():
    with pytest.warns(UserWarning, match="of the kinds LayerNormalization have"):
        network(keras).quantize("int8")


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        ("wi", {"wide"}),
        (["^last$", "key"], {"last", "key"}),
        (lambda layer: layer.name == "words", {"words"}),
        ("inner/wide", set()),
    ],
)
def test_filters(filters, wanted):
    model = network(keras)
    model.quantize("int4", filters=filters)
    assert modes(model) == wanted


def test_arguments_and_all_or_none():
    model = network(keras)
    for arguments, words in (
        ({"mode": "x"}, "mode='x'"),
        ({}, "neither mode nor config"),
        ({"mode": "int8", "filters": 3}, "filters=3"),
        ({"mode": "int8", "foo": 1}, "unknown arguments foo"),
        ({"mode": "gptq"}, "GPTQConfig"),
        ({"mode": "int8", "config": quantizers.Int4QuantizationConfig()}, "leave one"),
    ):
        with pytest.raises(ValueError, match=words):
            model.quantize(**arguments)
    with pytest.raises(ValueError, match="comes after building"):
        keras.Sequential([layers.Dense(1)]).quantize("int8")
    model.quantize("int8", filters="words")
    with pytest.raises(ValueError, match=r"'words'.* is quantized already"):
        model.quantize("int8")
    assert modes(model) == {"words"}
    assert model.get_quantization_layer_structure("gptq") is None
    with pytest.raises(NotImplementedError, match="says of no weights that"):
        model.get_layer("norm").quantize("int8")


def ways(q):
    return {
        "int8": q.Int8QuantizationConfig(),
        "int4": q.Int4QuantizationConfig(block_size=4),
        "int4 columns": q.Int4QuantizationConfig(block_size=None),
        "float8": q.Float8QuantizationConfig(),
    }


@pytest.mark.filterwarnings("ignore:model .*have weights that stay")
@pytest.mark.parametrize("way", ways(quantizers))
@pytest.mark.parametrize("compiled", [True, False])
def test_files_of_our_own(way, compiled, tmp_path):
    model = network(keras)
    model.quantize(config=ways(quantizers)[way])
    if compiled:
        model.compile("adam", "mse")
        model.fit(X, np.ones((4, 3)), verbose=0)
    wanted = model.predict(X, verbose=0)
    model.save(tmp_path / "m.keras")
    back = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(back.predict(X, verbose=0), wanted)
    assert modes(back) == modes(model)
    if compiled:
        a, b = (m.train_on_batch(X, np.ones((4, 3))) for m in (model, back))
        np.testing.assert_allclose(a, b, rtol=1e-5)
    else:
        model.save_weights(tmp_path / "m.weights.h5")
        other = keras.Model.from_config(model.get_config())
        other.load_weights(tmp_path / "m.weights.h5")
        np.testing.assert_array_equal(other.predict(X, verbose=0), wanted)
        assert keras.models.clone_model(model).count_params() == model.count_params()


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("way", ways(quantizers))
def test_files_both_ways_with_keras(way, tmp_path):
    for maker, reader in ((keras, real()), (real(), keras)):
        # Keras does not load what it saves of a quantized attention.
        model = network(maker, attention=reader is keras)
        model.quantize(config=ways(maker.quantizers)[way])
        wanted = np.asarray(model(X))
        path = tmp_path / f"{maker.__name__}.keras"
        model.save(path)
        back = reader.models.load_model(path)
        np.testing.assert_allclose(np.asarray(back(X)), wanted, atol=1e-5)
        path = tmp_path / f"{maker.__name__}.weights.h5"
        model.save_weights(path)
        other = network(reader, attention=reader is keras)
        other.quantize(config=ways(reader.quantizers)[way])
        other.load_weights(path)
        np.testing.assert_allclose(np.asarray(other(X)), wanted, atol=1e-5)


def test_a_file_whose_policy_contradicts_its_weights(tmp_path):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2, name="d")])
    model.save(tmp_path / "plain.keras")
    model.quantize("int8")
    model.save(tmp_path / "int8.keras")
    with zipfile.ZipFile(tmp_path / "int8.keras") as archive:
        config = archive.read("config.json")
    with (
        zipfile.ZipFile(tmp_path / "plain.keras") as archive,
        zipfile.ZipFile(tmp_path / "mixed.keras", "w") as made,
    ):
        for name in archive.namelist():
            made.writestr(name, config if name == "config.json" else archive.read(name))
    with pytest.raises(ValueError, match="has dtype int8; the file has float32"):
        keras.models.load_model(tmp_path / "mixed.keras")


@pytest.mark.parametrize(
    ("mode", "old", "new", "words"),
    [
        ("int8", b"QuantizedDTypePolicy", b"int8_from", "int8_from"),
        ("float8", b'length": 1024', b'length": 1000000000000', "bytes"),
        ("float8", b'length": 1024', b'length": 512', r"\(512,\); the file has"),
        ("int4", b'block_size": 128', b'block_size": 1', "has shape"),
        ("int4", b'block_size": 128', b'block_size": 1e400', "block_size=inf"),
        ("int4", b"Int4QuantizationConfig", b"AbsMaxQuantizer", "AbsMaxQuantizer"),
    ],
)
def test_damaged_configs_are_refused(mode, old, new, words, tmp_path):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    model.quantize(mode)
    model.save(tmp_path / "good.keras")
    with (
        zipfile.ZipFile(tmp_path / "good.keras") as good,
        zipfile.ZipFile(tmp_path / "bad.keras", "w") as bad,
    ):
        for name in good.namelist():
            bad.writestr(name, good.read(name).replace(old, new))
    with pytest.raises(ValueError, match=words):
        keras.models.load_model(tmp_path / "bad.keras")


@pytest.mark.parametrize("mode", [None, "int8"])
def test_a_table_that_was_built_without_a_shape_comes_back(mode, tmp_path):
    table = layers.Embedding(10, 4)
    table.build()
    if mode:
        table.quantize(mode)
    model = keras.Sequential([table])
    model.save(tmp_path / "m.keras")
    back = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(back(X % 10).numpy(), table(X % 10).numpy())


def test_weights_of_integers_turn_a_model_of_floats(tmp_path):
    model = network(keras)
    model.quantize("int8", filters="wide|between")
    model.save_weights(tmp_path / "m.weights.h5")
    other = network(keras)
    other.load_weights(tmp_path / "m.weights.h5")
    assert modes(other) == {"wide", "between"}
    np.testing.assert_array_equal(other(X).numpy(), model(X).numpy())
