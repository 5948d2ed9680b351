"""What the fuzzers share: small files of every kind, and a reader that must not fall."""

import functools
import io
import json
import pathlib
import tempfile
import zipfile

import minikeras as keras
from minikeras import layers
from minikeras.budget import creation_limit
from minikeras.saving import hdf5, weights_files


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
def _tiny():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2)], name="tiny")
    model.compile("sgd", "mse")
    return model


def with_sum(ending):
    """The tiny file as it is written."""
    data = TINY[ending]()
    return data + hdf5.sum_of(data) if ending.endswith(".h5") else data


@functools.cache
def _file(ending, make=_model):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, f"m{ending}")
        model = make()
        if ending == ".onnx":
            model.export(path, verbose=False)
        elif ending in (".keras", ".h5"):
            model.save(path)
        else:
            model.save_weights(path)
        data = path.read_bytes()
        # With its sum behind it every change would be found before it is read.
        return data[: -hdf5.SUM_BYTES] if ending.endswith(".h5") else data


@functools.cache
def _index():
    """An index of shards, whose one file is `_file(".weights.h5")`."""
    where = {"/layers/dense/vars": ["w.weights.h5"], "/vars": "w.weights.h5"}
    return json.dumps({"metadata": {"total_size": 32}, "weight_map": where}).encode()


SEEDS = {
    ending: functools.partial(_file, ending)
    for ending in (".keras", ".h5", ".weights.h5", ".npz")
}
# Small ones, so that many can be read in a second.
TINY = {
    **{ending: functools.partial(_file, ending, _tiny) for ending in SEEDS},
    ".safetensors": functools.partial(_file, ".safetensors", _tiny),
    ".weights.json": _index,
    ".onnx": functools.partial(_file, ".onnx", _tiny),
}


def read(kind, data):
    """Load the bytes of a file; whether they could be."""
    try:
        _READERS.get(kind, _read_arrays)(data)
    except ValueError:
        return False
    return True


def _read_model(data):
    keras.saving.load_model(io.BytesIO(data))


def _read_arrays(file):
    with weights_files.opened_weights(
        io.BytesIO(file) if isinstance(file, bytes) else file
    ) as tree:
        for group in tree.values():
            for name in group:
                group[name]


@functools.cache
def _scratch():
    """A folder in memory, with the file that an index of shards names."""
    memory = pathlib.Path("/dev/shm")
    scratch = tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None)
    pathlib.Path(scratch.name, "w.weights.h5").write_bytes(TINY[".weights.h5"]())
    return scratch  # lives, and is deleted, with the process


def _read_path(read_it, ending, data):
    path = pathlib.Path(_scratch().name, f"m{ending}")
    path.write_bytes(data)
    read_it(path)


def _read_onnx(path):
    model = keras.models.load_onnx(path)
    assert model.inputs


_READERS = {
    ".keras": _read_model,
    ".h5": _read_model,
    ".safetensors": functools.partial(_read_path, _read_arrays, ".safetensors"),
    ".weights.json": functools.partial(_read_path, _read_arrays, ".weights.json"),
    ".onnx": functools.partial(_read_path, _read_onnx, ".onnx"),
}


@functools.cache
def _config(make):
    with zipfile.ZipFile(io.BytesIO(_file(".keras", make))) as archive:
        return archive.read("config.json").decode()


def with_value(place, value, make=_model):
    """The model's config with one of its values replaced; `value` may be a function of it."""
    config = json.loads(_config(make))
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
    thing[key] = value(thing[key]) if callable(value) else value
    return json.dumps(config)


def with_tiny_value(place, value):
    """The same of the small model."""
    return with_value(place, value, _tiny)


def read_config(text):
    """Make a model of a config; whether it could be."""
    try:
        with creation_limit(2**26, "a test"):  # larger ones only take longer
            keras.models.model_from_json(text)
    except ValueError:
        return False
    return True
