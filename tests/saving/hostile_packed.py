"""Files that are small on disk, since what they hold is packed, or was never written."""

import io
import json
import zipfile

import h5py
import numpy as np

from tests.saving import hostile
from tests.saving.hostile_wide import _layer, _with_layers


def _text(folder, layers):
    path = folder / "model.json"
    start = _layer("InputLayer", {"batch_shape": [None, 8192]})
    config = {"name": "s", "layers": [start, *layers]}
    path.write_text(json.dumps(
        {"module": "keras", "class_name": "Sequential", "config": config}
    ))  # fmt: skip
    return path


def text_of_much(folder):
    """A text that describes ten layers of a quarter of a gigabyte."""
    return _text(folder, [_layer("Dense", {"units": 8192})] * 10)


def text_with_an_end(folder):
    """Seven of them, within the limit, and a last one that does not exist."""
    layers = [_layer("Dense", {"units": 8192})] * 7
    return _text(folder, [*layers, _layer("Nope")])


def ones_without_arrays(folder):
    """Half a gigabyte of ones, judging by an array that was never written."""

    def grow(file, group):
        file["layers"].create_dataset("wide", (16_000_000,), "f4")

    members = hostile._plain(folder)
    stream = io.BytesIO(members["model.weights.h5"])
    with h5py.File(stream, "r+") as file:
        grow(file, None)
    members["model.weights.h5"] = stream.getvalue()
    config = json.loads(members["config.json"])
    wide = _layer("RepeatVector", {"n": 60_000_000})
    norm = _layer("LayerNormalization", {"axis": 1, "center": False})
    config["config"]["layers"] += [wide, norm, norm]
    members["config.json"] = json.dumps(config)
    return hostile._packed(folder, members)


def packed_in_packed(folder):
    """Arrays of a gigabyte in a file that is packed once, in an archive that is again."""
    members = hostile._plain(folder)
    stream = io.BytesIO(members["model.weights.h5"])
    with h5py.File(stream, "r+") as file:
        file["filler"] = np.zeros(60 * 2**20, "u1")
        group = file["layers/dense/vars"]
        del group["0"]
        group.create_dataset("0", (200_000_000,), "f4", chunks=(2**20,))
    members["model.weights.h5"] = stream.getvalue()
    return hostile._packed(folder, members)


def tiny_arrays(folder):
    """Thousands of arrays of a number, and as many layers as they would allow."""
    members = hostile._plain(folder)
    stream = io.BytesIO(members["model.weights.h5"])
    with h5py.File(stream, "r+") as file:
        wide = file.create_group("wide")
        for number in range(4_000):
            wide.create_dataset(str(number), data=np.float32(0))
    members["model.weights.h5"] = stream.getvalue()
    config = json.loads(members["config.json"])
    config["config"]["layers"] += [_layer("ReLU")] * 20_000
    members["config.json"] = json.dumps(config)
    return hostile._packed(folder, members)


def many_lines(folder):
    """A vocabulary of six million words, which packs to some kilobytes."""
    path = _with_layers(folder, [_layer("StringLookup", {"name": "words"})])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "assets/layers/string_lookup/vocabulary.txt", "ab\n" * 6_000_000
        )
    return path


def many_dicts(folder):
    """A config of three hundred thousand dicts, which packs to some kilobytes."""
    return _with_layers(folder, [_layer("ReLU", {"max_value": [{}] * 300_000})])


FILES = hostile.files_in(globals())
