"""Layers that stand in Keras's configs more than once, where only later configs are numbered."""

import json
import zipfile

import numpy as np

import minikeras as keras
from minikeras.saving import sharing


def _nested() -> keras.Model:
    """A model used inside of another one and beside it, with a part that is used itself."""
    a = keras.Input((4,), name="a")
    tower = keras.Sequential([keras.layers.Dense(4, name="in")], name="tower")
    pair = keras.Model(a, [tower(a), keras.layers.Dense(2, name="w")(a)], name="pair")
    i = keras.Input((4,), name="i")
    first, _ = pair(i)
    second, _ = pair(first)
    whole = keras.Model(i, [first, second], name="whole")
    return keras.Model(i, [*whole(i), tower(i)])


def _as_keras_writes(config):
    """Without the numbers of first configs that stand inside another one, which Keras lacks."""
    seen = set()

    def visit(value, inside):
        if isinstance(value, dict):
            number = value.get("shared_object_id")
            if number is not None and number not in seen and inside > 1:
                value.pop("shared_object_id")
            seen.add(number)
            deeper = inside + ("class_name" in value)
            for part in value.values():
                visit(part, deeper)
        elif isinstance(value, list):
            for part in value:
                visit(part, inside)

    visit(config, 0)
    return config


def _without_numbers(source, target):
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "config.json":
                data = json.dumps(_as_keras_writes(json.loads(data))).encode()
            new.writestr(name, data)


def test_a_part_of_a_model_that_is_used_again_is_one_part(tmp_path):
    model = _nested()
    model.save(tmp_path / "m.keras")
    _without_numbers(tmp_path / "m.keras", tmp_path / "k.keras")
    loaded = keras.saving.load_model(tmp_path / "k.keras")
    x = np.linspace(-1, 1, 8, dtype="float32").reshape(2, 4)
    for got, want in zip(loaded(x), model(x), strict=True):
        np.testing.assert_array_equal(got.numpy(), want.numpy())
    assert len(loaded.weights) == len(model.weights) == 4


def test_a_cell_in_two_layers_and_a_layer_in_a_wrapper_are_one(tmp_path):
    i = keras.Input((3, 2))
    cell = keras.layers.LSTMCell(2)
    norm = keras.layers.BatchNormalization()
    parts = [
        keras.layers.RNN(cell)(i),
        keras.layers.RNN(cell, go_backwards=True)(i),
        keras.layers.Flatten()(keras.layers.TimeDistributed(norm)(i)),
        norm(keras.layers.GlobalAveragePooling1D()(i)),
    ]
    model = keras.Model(i, keras.layers.Concatenate()(parts))
    model.save(tmp_path / "m.keras")
    _without_numbers(tmp_path / "m.keras", tmp_path / "k.keras")
    loaded = keras.saving.load_model(tmp_path / "k.keras")
    x = np.linspace(-1, 1, 12, dtype="float32").reshape(2, 3, 2)
    np.testing.assert_array_equal(loaded(x).numpy(), model(x).numpy())
    assert len(loaded.weights) == len(model.weights) == 7


def _dense(name, number=None, units=2):
    part = {"class_name": "Dense", "config": {"name": name, "units": units}}
    return part if number is None else {**part, "shared_object_id": number}


def test_twins_are_not_taken_for_one():
    """Equal layers of different models; one of another size; ones that have their number."""
    inner = {"class_name": "Box", "config": {"layer": _dense("d")}}
    twice = [_dense("d", 7), {"class_name": "Box", "config": {"layer": _dense("d", 7)}}]
    config = {"class_name": "F", "config": {"layers": [inner, *twice]}}
    sharing.number_firsts(config)
    assert "shared_object_id" not in inner["config"]["layer"]

    two = [{"class_name": "Box", "config": {"layer": _dense("d")}} for _ in range(2)]
    config = {"class_name": "F", "config": {"layers": [*two, _dense("d", 7)]}}
    sharing.number_firsts(config)
    assert all("shared_object_id" not in box["config"]["layer"] for box in two)

    box = {"class_name": "Box", "config": {"layer": _dense("d", units=3)}}
    config = {"class_name": "F", "config": {"layers": [box, _dense("d", 7)]}}
    sharing.number_firsts(config)
    assert "shared_object_id" not in box["config"]["layer"]
