"""In `fit` every leaf of the data becomes a host array once, and is not looked for again."""

import sys
import threading
from collections import Counter

import numpy as np
import pytest

import minikeras as keras
from minikeras.training.data import leaves

BATCHES = 5
X = {"a": np.ones((20, 3), "float32"), "b": np.ones((20, 2), "float32")}
Y = {"u": np.zeros((20, 1), "float32"), "v": np.zeros((20, 2), "float32")}


class Numbered(keras.utils.PyDataset):
    def __len__(self):
        return BATCHES

    def __getitem__(self, number):
        return X, Y


def arrays():
    return {"x": X, "y": Y, "batch_size": 4}


def generator():
    return {"x": ((X, Y) for _ in range(BATCHES * 9)), "steps_per_epoch": BATCHES}


def numbered():
    return {"x": Numbered(workers=0)}


def model():
    a, b = keras.Input((3,), name="a"), keras.Input((2,), name="b")
    joined = keras.layers.concatenate([a, b])
    outputs = {n: keras.layers.Dense(k, name=n)(joined) for n, k in zip("uv", (1, 2))}
    built = keras.Model({"a": a, "b": b}, outputs)
    built.compile("sgd", {"u": "mse", "v": "mse"})
    return built


def calls(function):
    """How often each function of `leaves.py` is called while another runs."""
    counted = Counter()

    def count(frame, event, _):
        if event == "call" and frame.f_code.co_filename == leaves.__file__:
            counted[frame.f_code.co_name] += 1

    threading.setprofile(count)
    sys.setprofile(count)
    try:
        function()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return counted


@pytest.mark.parametrize(
    ("source", "each"), [(arrays, 0), (generator, 4), (numbered, 4)]
)
def test_leaves_are_made_once_a_batch(source, each):
    built = model()
    built.fit(**source(), verbose=0)
    once, twice = (
        calls(lambda n=n: built.fit(**source(), epochs=n, verbose=0)) for n in (1, 2)
    )
    more = {name: twice[name] - once[name] for name in twice}
    assert more["host"] == each * BATCHES
    assert not more.get("named_leaves")
    assert not more.get("is_array_structure")
    assert more["host_structure"] == (3 * BATCHES if each else 0)


@pytest.mark.parametrize("empty", [{}, 3.0, "text"])
def test_what_is_no_batch_is_refused(empty):
    with pytest.raises(ValueError, match="gave a batch of type"):
        model().fit(iter([empty]), steps_per_epoch=1, verbose=0)


def test_a_leaf_that_is_no_array_is_named():
    with pytest.raises(ValueError, match=r"x\['b'\] is a object"):
        model().fit(
            iter([({"a": X["a"], "b": object()}, Y)]), steps_per_epoch=1, verbose=0
        )
