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


def window_of_a_gigabyte(folder):
    """A function whose window has as many numbers as a number in the config says."""
    function = hostile._function("keras.ops", "stft")
    sizes = {"sequence_length": 2**28, "sequence_stride": 1, "fft_length": 2**28}
    return hostile._with_layer(folder, hostile._lambda(function, arguments=sizes))


def _pickled(folder, text):
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        head, {"descr": "|O", "fortran_order": False, "shape": ()}
    )
    path = folder / "w.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("layers/dense.npy", head.getvalue() + text)
    return path


def pickle_of_many_objects(folder):
    """A pickled array of two thousand million objects, none of which is there."""
    return _pickled(
        folder,
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85"
        b"C\x01b\x87R(K\x01J\xff\xff\xff\x7f\x85cnumpy\ndtype\nX\x02\x00\x00\x00O8"
        b"K\x00K\x01\x87R\x89]tb.",
    )


def shape_of_truths(folder):
    """An array whose size is True."""
    text = b"{'descr': '<f4', 'fortran_order': False, 'shape': (True,), }"
    path = folder / "w.npz"
    with zipfile.ZipFile(path, "w") as archive:
        head = (
            b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little") + text.ljust(117) + b"\n"
        )
        archive.writestr("layers/dense/vars/0.npy", head + bytes(4))
    return path


def shape_in_full(folder):
    """A shape that would fill pages of an error."""
    return _with_layers(folder, [_layer("Reshape", {"target_shape": [1] * 100_000})])


def weights_of_nothing(folder):
    """A folder whose weights are three gigabytes that no disk holds."""
    path = folder / "model"
    path.mkdir()
    for name, data in hostile._plain(folder).items():
        (path / name).write_bytes(data)
    with open(path / "model.weights.h5", "wb") as file:
        file.truncate(3 * 2**30)
    return path


def tail_of_nothing(folder):
    """Wrong weights, and two gigabytes of nothing behind them."""
    path = folder / "w.weights.h5"
    with h5py.File(path, "w") as file:
        file["layers/dense/vars/0"] = np.zeros((3, 3), "f4")
        file["layers/dense/vars"].attrs["name"] = "dense"
    with open(path, "r+b") as file:
        file.truncate(2 * 2**30)
    return path


FILES = hostile.files_in(globals())
