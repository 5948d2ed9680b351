"""Processes that are killed while they save: the file is always a whole one.

`python -m tests.saving.killed_saves KILLS [SEED]` kills so many times.
"""

import os
import pathlib
import signal
import sys
import tempfile
import time

import numpy as np

import minikeras as keras
from minikeras import layers

TARGETS = ("m.keras", "folder", "m.h5", "w.weights.h5", "w.npz", "w.weights.json")


def _model(value):
    """A model all of whose weights are `value`."""
    model = keras.Sequential([keras.Input((40,)), layers.Dense(30), layers.Dense(20)])
    model.set_weights([np.full(w.shape, value, "float32") for w in model.weights])
    return model


def save(model, path):
    """Save in the format that the name says."""
    if path.name.startswith("w."):
        shards = {"max_shard_size": 5e-6} if path.suffix == ".json" else {}
        model.save_weights(path, **shards)
    elif path.suffix:
        model.save(path)
    else:
        model.save(path, zipped=False)


def values(path):
    """The values of the weights in a file, each once."""
    if path.name.startswith("w."):
        model = _model(-1)
        model.load_weights(path)
    else:
        model = keras.models.load_model(path)
    return {float(v) for w in model.get_weights() for v in np.unique(w)}


def _save_on_and_on(path):
    models = [_model(value) for value in (1, 2, 3)]
    while True:
        for model in models:
            save(model, path)


def killed_saves(kills, seed=0):
    """Kill savers at random moments; the number of files that were looked at after.

    Raises:
        AssertionError: If a file is not whole, or gone.
    """
    rng = np.random.default_rng(seed)
    for number in range(kills):
        with tempfile.TemporaryDirectory() as root:
            path = pathlib.Path(root, TARGETS[number % len(TARGETS)])
            save(_model(0), path)
            child = os.fork()
            if child == 0:
                _save_on_and_on(path)
            time.sleep(rng.uniform(0.005, 0.15))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            found = values(path)
            assert len(found) == 1 and found <= {0.0, 1.0, 2.0, 3.0}, (path.name, found)
    return kills


if __name__ == "__main__":
    print(killed_saves(*map(int, sys.argv[1:])))
