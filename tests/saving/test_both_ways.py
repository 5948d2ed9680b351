"""Files of real Keras are read here and ours there, and the models learn on alike."""

import io
import json
import warnings
import zipfile

import h5py
import numpy as np
import pytest

import minikeras
from tests.goldens import keras_files
from tests.goldens.oracle import keras as real_keras
from tests.goldens.oracle import oracle
from tests.saving import both_ways

pytestmark = pytest.mark.filterwarnings("ignore:Policy 'mixed_float16'")
FILES = keras_files.read()
THEIRS = sorted(n.removesuffix(".keras") for n in FILES if n.endswith(".keras"))


@pytest.mark.parametrize("name", THEIRS)
def test_a_file_of_keras_loads_here(name):
    case = name.split("/")[1]
    _, x, y = both_ways.CASES[case](minikeras)  # registers classes of its own, too
    model = minikeras.saving.load_model(io.BytesIO(FILES[f"{name}.keras"]))
    with np.load(io.BytesIO(FILES[f"{name}.npz"])) as known:
        losses = known["losses"]
        count = len(known.files) - 1
        predictions = [known[f"prediction {i}"] for i in range(count)]
    if case == "recurrent" and "jax" not in name:
        losses = losses[
            :1
        ]  # gradients of masked layers differ between Keras's backends
    if case == "dense" and name.startswith("3.0"):
        losses = losses[:0]  # early Keras 3 did not divide activity losses by the batch
    both_ways.check(case, model, x, y, predictions, losses)


@pytest.mark.parametrize(("backend", "times"), [("jax", 2), ("torch", 1)])
def test_all_that_keras_3_0_counted_more_in_a_loss_is_penalties(backend, times):
    """It did not divide those of activities; on JAX it added those of weights twice."""
    name = f"3.0-{backend}/dense"
    _, x, y = both_ways.CASES["dense"](minikeras)
    model = minikeras.saving.load_model(io.BytesIO(FILES[f"{name}.keras"]))
    with np.load(io.BytesIO(FILES[f"{name}.npz"])) as known:
        first = known["losses"][0]
    error = np.mean(np.square(np.asarray(model(x, training=True)) - y))
    activity, weights = [float(loss) for loss in model.losses]
    more = len(x) * activity + times * weights
    np.testing.assert_allclose(error + more, first, rtol=1e-5)


@pytest.mark.parametrize("case", ["two_outputs", "subclassed", "mixed", "scaled"])
def test_our_files_load_here(case, tmp_path):
    model, x, y = both_ways.made(minikeras, case)
    model.save(tmp_path / "m.keras")
    loaded = minikeras.saving.load_model(tmp_path / "m.keras")
    both_ways.check(
        case, loaded, x, y, both_ways.said(model, x), both_ways.learnt(model, x, y)
    )


@pytest.mark.parametrize("case", sorted(both_ways.CASES))
def test_our_files_are_laid_out_as_those_of_keras(case, tmp_path):
    """The same groups and arrays as in Keras's own file, and the same members."""
    model, _, _ = both_ways.made(minikeras, case)
    model.save(tmp_path / "m.keras")
    mine, golden = tmp_path / "m.keras", io.BytesIO(FILES[f"3.15-jax/{case}.keras"])
    assert _layout(mine) == _layout(golden)
    for ours, theirs in zip(_parts(mine), _parts(golden), strict=True):
        assert ours["class_name"] == theirs["class_name"]
        # Keras's constructors take every argument that is written here.
        more = (
            {"delta"} if ours["class_name"] == "Huber" else set()
        )  # which Keras forgets
        assert set(ours["config"]) <= {*theirs["config"], *more}, ours["class_name"]


def _parts(file):
    """The configs of all objects in a model's config, sorted by class."""
    with zipfile.ZipFile(file) as archive:
        waiting, found = [json.loads(archive.read("config.json"))], []
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            # (Keras counts the making of a mask among a model's layers.)
            known = "module" in value and value["class_name"] != "NotEqual"
            if isinstance(value.get("config"), dict) and known:
                found.append(value)
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return sorted(found, key=lambda part: part["class_name"])


def _layout(file):
    with (
        zipfile.ZipFile(file) as archive,
        h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as weights,
    ):
        found = {}
        weights.visititems(
            lambda name, thing: found.update({name: getattr(thing, "shape", "group")})
        )
        kept = {k: v for k, v in found.items() if not {"seeds"} & set(k.split("/"))}
        return sorted(archive.namelist()), kept


# What JAX compiles fast: to the others, the layout above is what matters.
LIVE = ("functions", "two_outputs", "subclassed", "scaled")


@oracle
@pytest.mark.parametrize("case", LIVE)
def test_keras_loads_our_files(case, tmp_path):
    keras = real_keras()
    model, x, y = both_ways.made(minikeras, case)
    model.save(tmp_path / "m.keras")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras's own, about NumPy
        if case == "subclassed":
            both_ways.CASES[case](keras)  # registers the class there
        loaded = keras.saving.load_model(tmp_path / "m.keras")
        pairs = [
            *zip(model.weights, loaded.weights, strict=True),
            *zip(model.optimizer.variables, loaded.optimizer.variables, strict=True),
        ]
        for ours, theirs in pairs:
            np.testing.assert_array_equal(ours.numpy(), np.asarray(theirs))
        said, learnt = both_ways.said(model, x), both_ways.learnt(model, x, y)
        both_ways.check(case, loaded, x, y, said, learnt)


def _of_arguments_left_out(keras):
    """A model of functions whose classes in Keras have no default where they have one."""
    ops = keras.ops
    lines, picture = keras.Input((4, 6)), keras.Input((8, 8, 3))
    outputs = [
        ops.layer_normalization(lines),
        ops.rms_normalization(lines),
        ops.batch_normalization(lines, np.zeros(6), np.ones(6), axis=-1),
        ops.max_pool(picture, 2),
        ops.average_pool(picture, 3),
        ops.conv_transpose(picture, np.ones((3, 3, 2, 3), "float32"), 2),
        keras.layers.RandomShear(0.1, 0.2)(picture, training=False),
        keras.layers.RandomShear((0.1, 0.3))(picture, training=False),
    ]
    rng = np.random.default_rng(0)
    x = [rng.normal(size=(2, *t.shape[1:])).astype("float32") for t in (lines, picture)]
    return keras.Model([lines, picture], outputs), x


def test_arguments_left_out_are_as_before(tmp_path):
    model, x = _of_arguments_left_out(minikeras)
    model.save(tmp_path / "m.keras")
    loaded = minikeras.saving.load_model(tmp_path / "m.keras")
    for ours, theirs in zip(model(x), loaded(x), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    shears = [layer for layer in model.layers if "shear" in layer.name]
    factors = [layer.get_config()["x_factor"] for layer in shears]
    assert factors == [0.1, (0.1, 0.3)]


@oracle
def test_keras_takes_arguments_that_were_left_out(tmp_path):
    keras = real_keras()
    model, _ = _of_arguments_left_out(minikeras)
    model.save(tmp_path / "m.keras")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras's own, about NumPy
        loaded = keras.saving.load_model(tmp_path / "m.keras")
    assert loaded.output_shape == model.output_shape


def _with_flags(mark):
    """A model's config with `training` in its calls, as Keras 3 has it in all of them."""
    inputs = minikeras.Input((8,))
    x = minikeras.layers.Dropout(0.5, name="drop")(inputs)
    x = minikeras.layers.RandomTranslation(0.5, 0.5, name="move")(
        minikeras.layers.Reshape((4, 2, 1))(x)
    )
    config = json.loads(minikeras.Model(inputs, x).to_json())
    flags = {"drop": False, "move": True}
    for layer in config["config"]["layers"]:
        if layer["name"] in flags:
            node = layer["inbound_nodes"][0]
            node["kwargs"]["training"] = flags[layer["name"]]
            node.update({"training_holds": True} if mark else {})
    return minikeras.models.model_from_json(json.dumps(config))


def test_flags_in_calls_of_keras_are_defaults():
    """Keras writes `training=False` for every Dropout and overrules it; so do we."""
    x = np.ones((1, 8), "float32")
    model = _with_flags(mark=False)
    assert (model.predict(x, verbose=0).ravel() == 1).all()
    assert (model(x, training=True).numpy() == 0).any()  # some are dropped


def test_flags_that_were_given_hold_in_our_files(tmp_path):
    x = np.ones((1, 8), "float32")
    model = _with_flags(mark=True)
    model.save(tmp_path / "m.keras")
    for same in (model, minikeras.saving.load_model(tmp_path / "m.keras")):
        moved = same(x, training=True).numpy()
        assert set(moved.ravel()) == {1.0}  # nothing is dropped, borders are mirrored
        assert same.get_layer("move")._inbound_nodes[-1].kwargs == {"training": True}


def test_rows_that_are_taken_twice_get_the_square_of_the_sum():
    """Keras on TensorFlow adds the squares; elsewhere a row's gradient is summed first."""
    model = minikeras.Sequential(
        [
            minikeras.Input((3,), dtype="int32"),
            minikeras.layers.Embedding(4, 1, embeddings_initializer="ones"),
            minikeras.layers.Flatten(),
            minikeras.layers.Dense(1, kernel_initializer="ones", trainable=False),
        ]
    )
    model.compile(minikeras.optimizers.Adagrad(0.1, 0.1), "mse")
    model.train_on_batch(np.array([[1, 1, 2]]), np.zeros((1, 1)))
    gradient = np.array([0.0, 12.0, 6.0, 0.0])  # of the square of a sum of 3
    wanted = 1 - 0.1 * gradient / np.sqrt(0.1 + gradient**2 + 1e-7)
    np.testing.assert_allclose(model.get_weights()[0].ravel(), wanted, 1e-5)


def test_calls_in_any_order_are_found():
    inputs = minikeras.Input((2,))
    x = inputs
    for i in range(40):
        x = minikeras.layers.ReLU(name=f"r{i}")(x)
    config = minikeras.Model(inputs, x).get_config()
    config["layers"].reverse()
    again = minikeras.Model.from_config(config)
    assert again.output.shape == (None, 2) and len(again.layers) == 41


def test_ops_of_early_files_keep_their_names():
    """Keras 3.0 wrote them beside the config only; made anew they could meet a layer's."""
    raw = FILES["3.0-jax/functions.keras"]
    both_ways.CASES["functions"](minikeras)
    config = json.loads(zipfile.ZipFile(io.BytesIO(raw)).read("config.json"))
    model = minikeras.saving.load_model(io.BytesIO(raw))
    written = {layer["name"] for layer in config["config"]["layers"]}
    assert {operation.name for operation in model.operations} == written
