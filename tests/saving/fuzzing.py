"""What the fuzzers share: small files of every kind, and a reader that must not fall."""

import functools
import io
import json
import pathlib
import tempfile
import zipfile

import minikeras as keras
from minikeras import layers
from minikeras.saving import weights_files


@functools.cache
def _model():
    inputs = keras.Input((4,))
    x = layers.Reshape((2, 2))(layers.Dense(4, "relu")(inputs))
    means = keras.ops.mean(x, axis=(1, 2), keepdims=False)[:, None]
    x = layers.Bidirectional(layers.GRU(2))(x) + means
    model = keras.Model(inputs, layers.BatchNormalization()(x))
    model.compile("adam", "mse", metrics=["mae"])
    return model


@functools.cache
def _file(ending):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, f"m{ending}")
        save = _model().save if ending in (".keras", ".h5") else _model().save_weights
        save(path)
        return path.read_bytes()


SEEDS = {
    ending: functools.partial(_file, ending)
    for ending in (".keras", ".h5", ".weights.h5", ".npz")
}


def read(kind, data):
    """Load the bytes of a file; whether they could be."""
    try:
        if kind in (".keras", ".h5"):
            keras.saving.load_model(io.BytesIO(data))
        else:
            with weights_files.opened_weights(io.BytesIO(data)) as tree:
                for group in tree.values():
                    for name in group:
                        group[name]
    except ValueError:
        return False
    return True


@functools.cache
def _config():
    with zipfile.ZipFile(io.BytesIO(_file(".keras"))) as archive:
        return archive.read("config.json").decode()


def with_value(place, value):
    """The model's config with one of its values replaced."""
    config = json.loads(_config())
    spots = []
    waiting = [config]
    while waiting:
        thing = waiting.pop()
        items = thing.items() if isinstance(thing, dict) else enumerate(thing)
        for key, inner in items:
            spots.append((thing, key))
            if isinstance(inner, (dict, list)):
                waiting.append(inner)
    thing, key = spots[place % len(spots)]
    thing[key] = value
    return json.dumps(config)


def read_config(text):
    """Make a model of a config; whether it could be."""
    try:
        keras.models.model_from_json(text)
    except ValueError:
        return False
    return True
