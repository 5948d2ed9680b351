"""Files changed at random: they load, or are refused with a ValueError, and nothing else.

`python -m tests.saving.fuzz_atheris` goes on for as long as wanted.
"""

import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minikeras as keras
from tests.saving import fuzzing

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


FOUND = {  # what a fuzzer has found once
    "safetensors, open": (".npz", b"\x10\0\0\0\0\0\0\0{"),
    "json, open": (".npz", b'{"weight_map": {}}'),
}


@pytest.mark.parametrize("name", sorted(FOUND))
def test_what_was_found(name):
    assert fuzzing.read(*FOUND[name]) is False


@pytest.mark.parametrize("size", [0, 2**64 - 1, 2**64 - 16, 2**63, 5000])
def test_sizes_in_a_heap_of_texts_are_checked(tmp_path, size):
    """With some of these the HDF5 library goes round for ever."""
    data = bytearray(fuzzing.SEEDS[".weights.h5"]())
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
    data = bytearray(fuzzing.SEEDS[".weights.h5"]())
    heap = data.index(b"GCOL\x01")
    data[heap + 8 : heap + 16] = (2**40).to_bytes(8, "little")
    assert fuzzing.read(".weights.h5", bytes(data)) is False
