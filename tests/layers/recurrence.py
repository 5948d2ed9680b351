"""Data and helpers of the tests of recurrent layers."""

import numpy as np

from minikeras import tree

X = np.random.default_rng(0).normal(size=(4, 6, 3)).astype("float32")
# Padding before and after, holes, all, and nothing at all.
MASK = np.array([[0, 0, 1, 1, 1, 0], [1, 0, 1, 0, 0, 1], [1] * 6, [0] * 6], bool)
ALL = {"return_sequences": True, "return_state": True}
NAMES = ("SimpleRNN", "LSTM", "GRU")
STATES = {"SimpleRNN": 1, "LSTM": 2, "GRU": 1}


def close(ours, theirs, **more):
    ours, theirs = flat(ours), flat(theirs)
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs):
        np.testing.assert_allclose(a, b, **{"rtol": 1e-4, "atol": 1e-5, **more})


def flat(values):
    return [np.asarray(v) for v in tree.flatten(values)]


def starts(count, units=4):
    rng = np.random.default_rng(5)
    return [rng.normal(size=(4, units)).astype("float32") for _ in range(count)]
