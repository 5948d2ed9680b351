"""FeatureSpace, and files that Keras on TensorFlow wrote."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

import minikeras as keras
from tests.layers.preprocessing.models import INPUTS, TABLE, feature_space, text_model

ARCHIVE = Path(__file__).parents[2] / "goldens" / "text_files.zip"
COLUMNS = {key: value[:, None] for key, value in TABLE.items()}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(folder)
    with np.load(folder / "results.npz") as results:
        return folder, dict(results)


def test_text_models_of_keras(files, tmp_path):
    folder, results = files
    model = keras.models.load_model(folder / "text.keras")
    model.save(tmp_path / "ours.keras")
    built = text_model(keras)
    built.load_weights(folder / "text.weights.h5")
    for each in (model, keras.models.load_model(tmp_path / "ours.keras"), built):
        for i, found in enumerate(each.predict(INPUTS, verbose=0)):
            wanted = results[f"text{i}"]
            assert found.dtype == wanted.dtype
            np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_feature_spaces_of_keras(files, tmp_path):
    folder, results = files
    loaded = keras.models.load_model(folder / "features.keras")
    loaded.save(tmp_path / "ours.keras")
    made = feature_space(keras)
    made.adapt(keras.utils.Dataset.from_tensor_slices(TABLE).batch(4))
    for each in (loaded, keras.models.load_model(tmp_path / "ours.keras"), made):
        np.testing.assert_allclose(
            each(TABLE), results["features"], rtol=1e-5, atol=1e-6
        )
    table = keras.models.load_model(folder / "table.keras")
    np.testing.assert_allclose(
        table.predict(COLUMNS, verbose=0), results["table"], rtol=1e-5, atol=1e-5
    )


@pytest.fixture(scope="module")
def adapted():
    space = feature_space(keras)
    space.adapt(TABLE)
    return space


def test_kinds_of_data(adapted):
    whole = np.asarray(adapted(TABLE))
    assert whole.shape == (6, 36)
    np.testing.assert_array_equal(adapted(COLUMNS), whole)
    one = adapted({key: value[2] for key, value in TABLE.items()})
    np.testing.assert_array_equal(one, whole[2])
    lists = {key: value.tolist() for key, value in TABLE.items()}
    np.testing.assert_array_equal(adapted(lists), whole)
    assert adapted.get_encoded_features().shape == (None, 36)


@pytest.mark.parametrize("form", ["rows", "batches", "labelled", "generator"])
def test_adapting_in_pieces(adapted, form):
    space = feature_space(keras)
    rows = keras.utils.Dataset.from_tensor_slices((TABLE, np.ones(6)))
    if form == "rows":
        data = rows.map(lambda x, y: x)
    elif form == "batches":
        data = rows.batch(4).map(lambda x, y: x)
    elif form == "labelled":
        data = rows.batch(4)
    else:
        parts = (slice(0, 1), slice(1, 6))
        data = ({key: value[part] for key, value in TABLE.items()} for part in parts)
    space.adapt(data)
    np.testing.assert_allclose(space(TABLE), adapted(TABLE), rtol=1e-6)


def test_dict_output():
    space = feature_space(keras, output_mode="dict")
    space.adapt(TABLE)
    found = space(TABLE)
    symbols = space.get_encoded_features()
    assert found.keys() == symbols.keys() == {*TABLE, "sc_X_ic", "sh_X_ih"}
    for name, value in found.items():
        assert symbols[name].shape == (None, *value.shape[1:])
        assert symbols[name].dtype == value.dtype
    assert found["sc"].dtype == "int64"


@pytest.mark.parametrize("way", ["inputs", "layer", "pipeline"])
def test_in_models(adapted, way):
    targets = np.arange(6.0)
    data = (TABLE, targets)
    if way == "inputs":
        inputs, encoded = adapted.get_inputs(), adapted.get_encoded_features()
    elif way == "layer":
        made = adapted.get_inputs()
        inputs = {k: keras.Input((1,), dtype=t.dtype, name=k) for k, t in made.items()}
        encoded = adapted(inputs)
    else:
        inputs = encoded = keras.Input((36,))
        rows = keras.utils.Dataset.from_tensor_slices(data).batch(6)
        data = (rows.map(lambda x, y: (adapted(x), y)),)
    dense = keras.layers.Dense(1, kernel_initializer="zeros")
    model = keras.Model(inputs, dense(encoded))
    model.compile("sgd", "mse")
    history = model.fit(*data, verbose=0).history
    np.testing.assert_allclose(history["loss"], [np.mean(targets**2)], rtol=1e-6)
    wanted = np.asarray(adapted(TABLE)).T @ (targets / 6 * 2 * 0.01)
    np.testing.assert_allclose(dense.kernel[:, 0], wanted, rtol=1e-4, atol=1e-6)


def test_a_layer_of_ones_own():
    layer = keras.layers.TextVectorization(output_mode="tf_idf")
    text = keras.utils.FeatureSpace.feature("string", layer, "float")
    space = keras.utils.FeatureSpace({"text": text})
    data = {"text": ["1st string", "2nd string", "3rd string"]}
    space.adapt(data)
    assert space(data).shape == (3, 5)
    assert space.preprocessors["text"] is layer


SPACE = keras.utils.FeatureSpace


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: SPACE({}), "expected a dict"),
        (lambda: SPACE({"a": "floot"}), "expected one of"),
        (lambda: SPACE({"a": "float"}, output_mode="x"), "expected one of"),
        (lambda: SPACE({"a": "float"}, crosses=[("a", "b")]), "among a"),
        (lambda: SPACE({"a": "float"}, crosses=["a"]), "two features"),
        (lambda: SPACE({"a": "float_normalized"})({"a": [1.0]}), "call adapt"),
        (lambda: SPACE({"a": "float"})({"b": [1.0]}), "no 'a'"),
        (lambda: SPACE({"a": "float"})([1.0]), "expected a dict"),
        (lambda: SPACE({"a": "float_normalized"}).adapt(np.ones(3)), "dict of columns"),
        (lambda: SPACE({"a": SPACE.string_hashed(3, output_mode="int")})({"a": ["x"]}),
         "output_mode='dict'"),
        (lambda: SPACE.feature("float32", keras.layers.Rescaling(1.0), "x"), "expected"),
    ],
)  # fmt: skip
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()
