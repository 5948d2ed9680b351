"""Files changed at random: they load, or are refused with a ValueError, and nothing else.

`python -m tests.saving.fuzz_atheris` goes on for as long as wanted.
"""

import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.saving import fuzzing

SPOTS = st.lists(
    st.tuples(st.integers(0, 2**20), st.integers(0, 255)), min_size=1, max_size=8
)


@pytest.mark.parametrize("kind", sorted(fuzzing.SEEDS))
@settings(max_examples=30)
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


@settings(max_examples=120)
@given(place=st.integers(0, 10_000), value=JSON)
def test_changed_configs(place, value):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fuzzing.read_config(fuzzing.with_value(place, value))
