"""KerasFileEditor: what it shows, changes and refuses."""

import numpy as np
import pytest

import minikeras as keras
from minikeras import layers


def model(width=2):
    made = keras.Sequential(
        [
            keras.Input((3,)),
            layers.Dense(width),
            layers.Dropout(0.5),
            layers.Bidirectional(layers.GRU(2)) if width == 0 else layers.Dense(4),
        ]
    )
    made.compile("adam", "mse")
    return made


@pytest.mark.parametrize("name", ["m.keras", "m.weights.h5"])
def test_it_shows_what_is_there(tmp_path, capsys, name):
    made = model()
    made.save(tmp_path / name) if name == "m.keras" else made.save_weights(
        tmp_path / name
    )
    editor = keras.saving.KerasFileEditor(tmp_path / name)
    np.testing.assert_array_equal(
        editor.weights_dict["layers"]["dense_1"]["0"], made.get_weights()[2]
    )
    editor.summary()
    shown = capsys.readouterr().out
    assert "dense_1" in shown and "shape=(2, 4), dtype=float32" in shown
    assert ("Saved with Keras 3.15" in shown) == (name == "m.keras")
    assert editor.compare(made)["status"] == "success"
    found = editor.compare(model(5))
    assert found == {"status": "error", "error_count": 3, "match_count": 3}
    assert "shape (3, 2) in the file, (3, 5) in the model" in capsys.readouterr().out


def test_what_is_changed_is_saved(tmp_path):
    made = model()
    made.save_weights(tmp_path / "m.weights.h5")
    editor = keras.saving.KerasFileEditor(tmp_path / "m.weights.h5")
    editor.rename_object("layers/dense", "first")
    editor.rename_object("dense_1", "layers/dense")
    editor.add_object("layers/new", {"0": np.ones(3)})
    editor.add_weights("new", {"1": np.zeros(2)})
    editor.delete_weight("first", "1")
    editor.delete_object("optimizer")
    editor.save(tmp_path / "n.weights.h5")
    again = keras.saving.KerasFileEditor(tmp_path / "n.weights.h5")
    assert set(again.weights_dict) == {"layers"}
    assert {k: list(v) for k, v in again.weights_dict["layers"].items()} == {
        "first": ["0"], "dense": ["0", "1"], "new": ["0", "1"]}  # fmt: skip
    other = keras.Sequential([keras.Input((2,)), layers.Dense(4)])
    other.load_weights(tmp_path / "n.weights.h5")
    np.testing.assert_array_equal(other.get_weights()[0], made.get_weights()[2])


def test_what_makes_no_sense_is_refused(tmp_path):
    made = model()
    made.save_weights(tmp_path / "m.weights.h5")
    made.save(tmp_path / "old.h5")
    editor = keras.saving.KerasFileEditor(tmp_path / "m.weights.h5")
    for call, message in (
        (lambda: editor.delete_object("zz"), "no object 'zz'; the file has layers"),
        (lambda: editor.delete_weight("dense", "7"), "no array '7'"),
        (lambda: editor.add_weights("dense", {"0": 1}), "has .'0'. already"),
        (lambda: editor.add_object("layers/dense", {}), "there already"),
        (lambda: editor.rename_object("dense", "dense_1"), "there already"),
        (lambda: editor.save(tmp_path / "m.h5"), "weights.h5"),
        (lambda: keras.saving.KerasFileEditor(tmp_path / "none.keras"), "no file"),
        (
            lambda: keras.saving.KerasFileEditor(tmp_path / "old.h5"),
            "layout of Keras 2",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    editor.add_object("more/dense", {"0": np.ones(1)})
    with pytest.raises(ValueError, match="several objects: layers/dense, more/dense"):
        editor.delete_object("dense")


def test_models_in_models_are_shown_kept_and_named_by_path(tmp_path, capsys):
    path = tmp_path / "m.weights.h5"
    inner = keras.Sequential([layers.Dense(2)])
    outer = keras.Sequential([keras.Input((3,)), layers.Dense(4), inner])
    outer.save_weights(path)
    editor = keras.saving.KerasFileEditor(path)
    editor.summary()
    assert "sequential" in capsys.readouterr().out
    assert editor.compare(outer) == {
        "status": "success", "error_count": 0, "match_count": 4}  # fmt: skip
    with pytest.raises(
        ValueError, match="layers/dense, layers/sequential/layers/dense"
    ):
        editor.rename_object("dense", "first")
    editor.rename_object("layers/sequential/layers/dense", "last")
    editor.rename_object("last", "dense")
    editor.save(path)
    wanted = outer.get_weights()
    outer.set_weights([w * 0 for w in wanted])
    outer.load_weights(path)
    for found, value in zip(outer.get_weights(), wanted):
        np.testing.assert_array_equal(found, value)


def test_an_object_with_objects_in_it_is_added(tmp_path):
    path = tmp_path / "m.weights.h5"
    model().save_weights(path)
    editor = keras.saving.KerasFileEditor(path)
    editor.add_object("layers/block", {"inner": {"0": np.ones(3)}, "1": np.ones(2)})
    editor.save(path)
    found = keras.saving.KerasFileEditor(path).weights_dict["layers"]["block"]
    assert found["inner"]["0"].shape == (3,) and found["1"].shape == (2,)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda e: e.add_object("layers/new", 5), "of type int; expected a dict"),
        (lambda e: e.add_object("layers/new", {"0": "x"}), "expected numbers"),
        (lambda e: e.add_object("layers/dense/0/x", {}), "through an array, '0'"),
        (lambda e: e.add_weights("dense_1", [np.ones(3)]), "of type list; expected"),
        (lambda e: e.compare(None), "reference_model=None"),
    ],
)
def test_what_is_wrong_is_told_and_changes_nothing(tmp_path, change, text):
    path = tmp_path / "m.weights.h5"
    model().save_weights(path)
    editor = keras.saving.KerasFileEditor(path)
    with pytest.raises(ValueError, match=text):
        change(editor)
    editor.save(path)
    assert keras.saving.KerasFileEditor(path).compare(model())["status"] == "success"


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        keras.saving.KerasFileEditor(tmp_path / "none.keras")
