"""Hostile and damaged files: each is refused with one clear error, and does nothing."""

import json
import os
import struct
import subprocess
import sys

import h5py
import numpy as np
import pytest

import minikeras as keras
from minikeras.saving import contents, hdf5, hdf5_heaps
from minikeras.saving.limits import FileError
from tests.saving import hostile

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="processes and memory are those of Linux"
)


@pytest.fixture(scope="module")
def results():
    done = subprocess.run(
        [sys.executable, "-m", "tests.saving.hostile"],
        capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", sorted(hostile.all_files()))
def test_it_is_refused(name, results):
    found = results[name]
    if name == "many_names":  # the extra that reads it
        pytest.importorskip("safetensors")
    assert "ValueError" in found["kinds"], found
    assert 20 < len(found["text"]) < 2000, found["text"]
    assert not found["owned"]
    assert found["mebibytes"] < 300


def test_names_in_files_do_not_speak_to_a_terminal(tmp_path, capsys):
    path = tmp_path / "w.weights.h5"
    with h5py.File(path, "w") as file:
        file["layers/\x1b]0;owned\x07/vars/0"] = np.zeros(2, "f4")
    shown = "\n".join(contents.lines(path))
    keras.saving.KerasFileEditor(path).summary()
    for text in (shown, capsys.readouterr().out):
        assert "\x1b" not in text
        assert "\\x1b]0;owned\\x07" in text


def _heap(data, at, end):
    data[at : at + 16] = b"GCOL\x01\0\0\0" + struct.pack("<Q", end - at)
    for place in range(at + 16, end - 16, 32):
        data[place : place + 32] = (
            struct.pack("<HHIQ", 1, 0, 0, 16) + b"a text of ours.\0"
        )


def test_heaps_of_texts_do_not_lie_in_each_other():
    data = bytearray(16 * 200)
    _heap(data, 16, 3_200)
    _heap(data, 16 + 32 * 10, 3_200)
    heaps = hdf5_heaps.Heaps(bytes(data), "the file")
    assert heaps.text(struct.pack("<IQI", 6, 16 + 320, 1)) == b"a text"
    with pytest.raises(FileError, match="lie in each other"):
        heaps.text(struct.pack("<IQI", 6, 16, 1))
    with pytest.raises(FileError, match="not where it should be"):
        heaps.text(struct.pack("<IQI", 6, 32, 1))


def test_objects_are_not_followed_by_the_library(tmp_path):
    path = tmp_path / "w.weights.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("a/0", (2,), h5py.vlen_dtype("i4"))
        file.create_dataset("a/1", (2,), np.dtype([("x", h5py.vlen_dtype("i4"))]))
    with hdf5.opened(path) as file:
        group = hdf5.read_tree(file)["a"]
        for name in "01":
            with pytest.raises(FileError, match="expected numbers"):
                group[name]


def test_a_pipe_is_no_file(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(FileError, match="a pipe"), hdf5.opened(path):
        pass
