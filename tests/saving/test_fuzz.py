"""Files changed at random: they load, or are refused with a ValueError, and nothing else.

`python -m tests.saving.fuzz_many` and `fuzz_atheris` go on for as long as wanted.
"""

import io
import json
import struct
import warnings

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minikeras as keras
from tests.saving import fuzz_many, fuzzing

SPOTS = st.lists(
    st.tuples(st.integers(0, 2**20), st.integers(0, 255)), min_size=1, max_size=8
)


@pytest.mark.parametrize("kind", sorted(fuzzing.SEEDS))
@settings(max_examples=20)
@given(spots=SPOTS, cut=st.none() | st.integers(0, 2**20))
def test_changed_bytes(kind, spots, cut):
    data = bytearray(fuzzing.SEEDS[kind]())
    for place, value in spots:
        data[place % len(data)] = value
    whole = bytes(data if cut is None else data[: cut % len(data)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fuzzing.read(kind, whole)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=80)
@given(place=st.integers(0, 10_000), value=JSON)
def test_changed_configs(place, value):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fuzzing.read_config(fuzzing.with_value(place, value))


@pytest.mark.parametrize("kind", sorted(fuzz_many.KINDS))
def test_changed_by_number(kind):
    if kind in (".onnx", "graph"):
        pytest.importorskip("onnx")
    if kind == ".safetensors":
        pytest.importorskip("safetensors")
    accepted = [fuzz_many.read(kind, number) for number in range(10**6, 10**6 + 40)]
    assert False in accepted


def _npz(header):
    """A zip with an array whose header is this text."""
    array = b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header
    stream = io.BytesIO()
    with fuzz_many.zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("vars/0.npy", array)
    return stream.getvalue()


def _texts(length, kind=b"\x19\x01"):
    """An `.h5` whose `model_config` says this of its length and kind."""
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file.attrs["model_config"] = '{"class_name": "Sequential"}'
    data = stream.getvalue()
    at = data.index(struct.pack("<I", 28) + struct.pack("<Q", data.index(b"GCOL\x01")))
    data = data[:at] + struct.pack("<I", length) + data[at + 4 :]
    return data.replace(b"\x19\x01", kind, 1)


FOUND = {  # what a fuzzer has found once
    "safetensors, open": (".npz", b"\x10\0\0\0\0\0\0\0{"),
    "json, open": (".npz", b'{"weight_map": {}}'),
    "a file beside is gone": (".weights.json", b'{"weight_map": {"/vars": ["gone.h5"]}}'),
    "a name of no disk": (".weights.json", b'{"weight_map": {"/vars": ["' + b"x" * 500 + b'"]}}'),
    "half of a header": (".npz", _npz(b"{'descr': '<f4', (")),
    "a text of 3 GB": (".h5", _texts(3 * 2**30)),
    "a text that is a list": (".h5", _texts(28, b"\x19\x00")),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(FOUND))
def test_what_was_found(name):
    assert fuzzing.read(*FOUND[name]) is False


def test_what_a_layer_raises_while_it_is_made_is_one_error():
    @keras.saving.register_keras_serializable("test")
    class Unfinished(keras.layers.Layer):
        @classmethod
        def from_config(cls, config):
            raise NotImplementedError("to be done")

    layer = keras.saving.serialize_keras_object(Unfinished())
    first = {"class_name": "InputLayer", "config": {"batch_shape": [1, 2]}}
    config = {"class_name": "Sequential", "module": "keras",
              "config": {"name": "s", "layers": [first, layer]}}  # fmt: skip
    with pytest.raises(ValueError, match="to be done"):
        keras.models.model_from_json(json.dumps(config))


def test_a_dtype_that_numpy_takes_for_a_list_of_fields():
    text = fuzzing.with_tiny_value(0, lambda old: old)
    assert '"float32"' in text
    assert fuzzing.read_config(text.replace('"float32"', '"f,oat32"')) is False


def test_arrays_that_claim_more_than_the_file_has(tmp_path):
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file.attrs.create("model_config", np.zeros(4000, "S8"))
    data = bytearray((tmp_path / "m.h5").read_bytes())
    at = data.index(struct.pack("<Q", 4000))
    data[at : at + 8] = struct.pack("<Q", 2**32)
    assert fuzzing.read(".h5", bytes(data)) is False


@pytest.mark.parametrize("ending", [".keras", ".h5", ".weights.h5", ".npz"])
def test_a_flipped_bit_is_found(ending, tmp_path):
    """What is loaded is what was saved, or nothing is."""
    model = fuzzing._tiny()
    whole, path = fuzzing.with_sum(ending), tmp_path / f"m{ending}"
    for place in np.random.default_rng(0).integers(0, len(whole) * 8, 60):
        data = bytearray(whole)
        data[place // 8] ^= 1 << place % 8
        path.write_bytes(data)
        try:
            if ending in (".keras", ".h5"):
                loaded = keras.saving.load_model(path)
            else:
                loaded = keras.models.clone_model(model)
                loaded.load_weights(path)
        except ValueError:
            continue
        for got, want in zip(loaded.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(got, want)


def _with_heap():
    """Weights as Keras writes them, with texts in a heap."""
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        group = file.create_group("layers/dense/vars")
        group.attrs["name"] = "dense"
        group["0"] = np.ones((3, 2), "float32")
    return stream.getvalue()


@pytest.mark.parametrize("size", [0, 2**64 - 1, 2**64 - 16, 2**63, 5000])
def test_sizes_in_a_heap_of_texts_are_checked(tmp_path, size):
    """With some of these the HDF5 library goes round for ever."""
    data = bytearray(_with_heap())
    heap = data.index(b"GCOL\x01")
    data[heap + 24 : heap + 32] = size.to_bytes(8, "little")
    if size == 0:
        data[heap + 16 : heap + 18] = b"\0\0"  # what is free, of no size
    path = tmp_path / "w.weights.h5"
    path.write_bytes(data)
    with pytest.raises(ValueError, match="heap"):
        keras.saving.KerasFileEditor(path)
    assert fuzzing.read(".weights.h5", bytes(data)) is False


def test_a_heap_that_leads_out_of_the_file():
    data = bytearray(_with_heap())
    heap = data.index(b"GCOL\x01")
    data[heap + 8 : heap + 16] = (2**40).to_bytes(8, "little")
    assert fuzzing.read(".weights.h5", bytes(data)) is False
