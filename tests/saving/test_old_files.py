"""Files that Keras 1 and 2 wrote load, predict the same, and training goes on the same."""

import io
import shutil
import warnings
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

import minikeras as keras

GOLDENS = Path(__file__).parents[1] / "goldens" / "old_files.zip"
with zipfile.ZipFile(GOLDENS) as _zipped:
    FILES = {name: _zipped.read(name) for name in _zipped.namelist()}
with np.load(io.BytesIO(FILES.pop("expected.npz"))) as _values:
    EXPECTED = dict(_values)
MODELS = sorted(name for name in FILES if "_weights" not in name)
NOTES = (
    "This config is of an older Keras",
    "Policy 'mixed_float16'",
)


def quietly(call):
    """What a call returns; it may warn of old arguments, and of that at most once."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = call()
    texts = [str(w.message) for w in caught]
    assert all(text.startswith(NOTES) for text in texts), texts
    assert sum(text.startswith(NOTES[0]) for text in texts) <= 1
    return result


def numbered(kind, what):
    found = [
        EXPECTED[f"{kind}|{what}|{i}"]
        for i in range(4)
        if f"{kind}|{what}|{i}" in EXPECTED
    ]
    return found if len(found) > 1 else found[0]


def loaded(name, folder):
    """The model of a file; of JSON, with the weights beside."""
    path = folder / name
    path.write_bytes(FILES[name])
    if path.suffix != ".json":
        return quietly(lambda: keras.models.load_model(path))
    model = quietly(lambda: keras.models.model_from_json(path.read_text()))
    weights = folder / f"{path.stem}_weights.h5"
    weights.write_bytes(FILES[weights.name])
    model.load_weights(weights)
    return model


def assert_predicts(model, kind):
    xs, want = numbered(kind, "in"), numbered(kind, "out")
    got = model.predict(xs, verbose=0)
    rtol = 1e-2 if kind == "half" else 1e-5  # CPUs compute 16 bits in 32
    pairs = zip(got, want, strict=True) if isinstance(want, list) else [(got, want)]
    for a, b in pairs:
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * np.abs(b).max())


@pytest.mark.parametrize("name", MODELS)
def test_predicts_what_its_maker_did(name, tmp_path):
    assert_predicts(loaded(name, tmp_path), Path(name).stem)


# The old optimizers of 2.10 have no state in `.keras` files.
TRAINED = [
    name
    for name in MODELS
    if f"{Path(name).stem}|losses" in EXPECTED
    and not name.endswith(".json")
    and name != "words.keras"
]


@pytest.mark.parametrize("name", TRAINED)
def test_training_goes_on_with_the_optimizers_state(name, tmp_path):
    model = loaded(name, tmp_path)
    kind = Path(name).stem
    xs = numbered(kind, "in")
    out = model.predict(xs, verbose=0)
    ys = (
        [np.zeros_like(o) for o in out] if isinstance(out, list) else np.zeros_like(out)
    )
    losses = [np.ravel(model.train_on_batch(xs, ys))[0] for _ in range(3)]
    np.testing.assert_allclose(losses, EXPECTED[f"{kind}|losses"], rtol=1e-4)


@pytest.mark.parametrize("kind", ["words", "parts", "functions"])
@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_saved_anew_it_is_of_today(kind, ending, tmp_path):
    model = loaded(f"{kind}.h5", tmp_path)
    path = tmp_path / f"new.{ending}"
    model.save(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = keras.models.load_model(path)
    assert_predicts(again, kind)


def test_the_name_says_nothing_of_the_format(tmp_path):
    path = tmp_path / "images.keras"
    path.write_bytes(FILES["images.h5"])
    assert_predicts(quietly(lambda: keras.models.load_model(path)), "images")
    path = tmp_path / "images.h5"
    path.write_bytes(FILES["images.keras"])
    assert_predicts(quietly(lambda: keras.models.load_model(path)), "images")


def rewritten(folder, name, change):
    """A copy of a golden `.h5` that `change` worked on."""
    path = folder / name
    path.write_bytes(FILES[name])
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def test_windows_and_2_12_wrote_other_paths(tmp_path):
    """Backslashes of 2.15, and `_layer_checkpoint_dependencies` until 2.14."""
    for root, separator in (("layers", "\\"), ("_layer_checkpoint_dependencies", "/")):
        path = tmp_path / "heads.keras"
        with zipfile.ZipFile(io.BytesIO(FILES["heads.keras"])) as old:
            weights = io.BytesIO(old.read("model.weights.h5"))
            with h5py.File(weights, "r+") as file:
                for layer in list(file["layers"]):
                    file.move(f"layers/{layer}", f"moved/{layer}")
                del file["layers"]
                for layer in list(file["moved"]):
                    file.move(f"moved/{layer}", f"{root}{separator}{layer}")
                del file["moved"]
            with zipfile.ZipFile(path, "w") as new:
                for name in ("metadata.json", "config.json"):
                    new.writestr(name, old.read(name))
                new.writestr("model.weights.h5", weights.getvalue())
        assert_predicts(
            quietly(lambda path=path: keras.models.load_model(path)), "heads"
        )


def test_theano_turned_kernels(tmp_path):
    def by_theano(file):
        file.attrs["backend"] = file["model_weights"].attrs["backend"] = "theano"
        for name in ("conv1d", "conv3d", "conv3d_transpose"):
            for kernel in _kernels(file[f"model_weights/{name}"]):
                if name != "conv3d_transpose":
                    kernel[...] = np.flip(kernel[...], tuple(range(kernel.ndim - 2)))

    path = rewritten(tmp_path, "lines.h5", by_theano)
    assert_predicts(quietly(lambda: keras.models.load_model(path)), "lines")


def _kernels(group):
    found = []
    group.visititems(
        lambda name, item: found.append(item) if name.endswith("kernel:0") else None
    )
    return found


def test_weights_in_a_model_made_by_hand(tmp_path):
    whole = loaded("images.h5", tmp_path)
    weights = tmp_path / "w.h5"
    weights.write_bytes(FILES["images_weights.h5"])
    twin = keras.models.clone_model(whole)
    twin.load_weights(weights)
    assert_predicts(twin, "images")
    twin = keras.models.clone_model(whole)
    twin.load_weights(tmp_path / "images.h5")  # of a whole model too
    assert_predicts(twin, "images")


def test_by_name_and_skip_mismatch(tmp_path):
    path = tmp_path / "images_weights.h5"
    path.write_bytes(FILES["images_weights.h5"])
    source = loaded("images.h5", tmp_path)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3, name="conv2d"),
            layers.Flatten(),
            layers.Dense(3, name="dense"),
            layers.Dense(5, name="elsewhere"),
        ]
    )
    before = [np.copy(w) for w in model.get_weights()]
    with pytest.raises(ValueError, match=r"(?s)layer 'dense' \(Dense\).*skip_mismatch"):
        model.load_weights(path, by_name=True)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    with pytest.warns(UserWarning, match="1 layers do not fit"):
        model.load_weights(path, by_name=True, skip_mismatch=True)
    np.testing.assert_array_equal(
        model.layers[0].kernel, source.get_layer("conv2d").kernel
    )
    np.testing.assert_array_equal(model.layers[2].kernel, before[2])
    with pytest.raises(ValueError, match="by_name=True") as error:
        model.load_weights(path)
    assert "'elsewhere'" in str(error.value) and "'conv2d_transpose'" in str(
        error.value
    )


def test_names_of_which_none_is_in_the_file(tmp_path):
    path = tmp_path / "w.h5"
    path.write_bytes(FILES["parts_weights.h5"])
    model = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(4, name="shared_1")]
    )
    with pytest.raises(ValueError, match="'shared_1' resembles 'shared'"):
        model.load_weights(path, by_name=True)


def test_a_layer_that_would_fit_is_named(tmp_path):
    path = tmp_path / "w.h5"
    path.write_bytes(FILES["parts_weights.h5"])
    model = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(4, name="inner")], name="m"
    )
    with pytest.raises(ValueError, match=r"expected 2 arrays.*'shared' would fit"):
        model.load_weights(path, by_name=True)


def test_a_file_without_names_or_arrays(tmp_path):
    def lose(file):
        del file["model_weights/dense/dense/kernel:0"]

    path = rewritten(tmp_path, "images.h5", lose)
    with pytest.raises(ValueError, match="does not hold it"):
        quietly(lambda: keras.models.load_model(path))

    def cut(file):
        del file.attrs["model_config"]

    path = rewritten(tmp_path, "images.h5", cut)
    with pytest.raises(ValueError, match="load_weights"):
        keras.models.load_model(path)


def test_long_lists_of_names_come_in_pieces(tmp_path):
    def pieces(file):
        group = file["model_weights"]
        names = list(group.attrs["layer_names"])
        del group.attrs["layer_names"]
        group.attrs["layer_names0"], group.attrs["layer_names1"] = names[:5], names[5:]

    path = rewritten(tmp_path, "images.h5", pieces)
    assert_predicts(quietly(lambda: keras.models.load_model(path)), "images")


def test_a_state_that_does_not_fit_is_left_out(tmp_path):
    def shorten(file):
        names = list(file["optimizer_weights"].attrs["weight_names"])
        file["optimizer_weights"].attrs["weight_names"] = names[:-3]

    path = rewritten(tmp_path, "lines.h5", shorten)
    with (
        pytest.warns(UserWarning, match="older Keras"),
        pytest.warns(UserWarning, match="state was left out"),
    ):
        keras.models.load_model(path)


def test_a_saved_model_folder_says_what_it_is(tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "saved_model.pb").write_bytes(b"x")
    with pytest.raises(ValueError, match="SavedModel"):
        keras.models.load_model(tmp_path / "old")
    shutil.rmtree(tmp_path / "old")
