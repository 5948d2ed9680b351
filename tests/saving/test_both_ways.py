"""Files of real Keras are read here and ours there, and the models learn on alike."""

import io
import warnings

import numpy as np
import pytest

import minikeras
from tests.goldens import keras_files
from tests.goldens.oracle import keras as real_keras
from tests.goldens.oracle import oracle
from tests.saving import both_ways

pytestmark = pytest.mark.filterwarnings("ignore:Policy 'mixed_float16'")
FILES = keras_files.read()
THEIRS = sorted(n.removesuffix(".keras") for n in FILES if n.endswith(".keras"))


@pytest.mark.parametrize("name", THEIRS)
def test_a_file_of_keras_loads_here(name):
    case = name.split("/")[1]
    _, x, y = both_ways.CASES[case](minikeras)  # registers classes of its own, too
    model = minikeras.saving.load_model(io.BytesIO(FILES[f"{name}.keras"]))
    with np.load(io.BytesIO(FILES[f"{name}.npz"])) as known:
        losses = known["losses"]
        count = len(known.files) - 1
        predictions = [known[f"prediction {i}"] for i in range(count)]
    if case == "recurrent" and "jax" not in name:
        losses = losses[:1]  # gradients of masked layers differ between Keras's backends
    both_ways.check(case, model, x, y, predictions, losses)


@pytest.mark.parametrize("case", ["two_outputs", "subclassed", "mixed", "scaled"])
def test_our_files_load_here(case, tmp_path):
    model, x, y = both_ways.made(minikeras, case)
    model.save(tmp_path / "m.keras")
    loaded = minikeras.saving.load_model(tmp_path / "m.keras")
    both_ways.check(
        case, loaded, x, y, both_ways.said(model, x), both_ways.learnt(model, x, y)
    )


TRAINED = ("dense", "two_outputs", "scaled")  # what JAX compiles fast


@oracle
@pytest.mark.parametrize("case", sorted(both_ways.CASES))
def test_keras_loads_our_files(case, tmp_path):
    """Weights and state arrive to the bit; some models are run and trained on, too."""
    keras = real_keras()
    model, x, y = both_ways.made(minikeras, case)
    model.save(tmp_path / "m.keras")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras's own, about NumPy
        if case == "subclassed":
            both_ways.CASES[case](keras)  # registers the class there
        loaded = keras.saving.load_model(tmp_path / "m.keras")
        pairs = [
            *zip(model.weights, loaded.weights, strict=True),
            *zip(model.optimizer.variables, loaded.optimizer.variables, strict=True),
        ]
        for ours, theirs in pairs:
            np.testing.assert_array_equal(ours.numpy(), np.asarray(theirs))
        assert both_ways.shapes(model, x) == both_ways.shapes(loaded, x)
        if case in TRAINED:
            said, learnt = both_ways.said(model, x), both_ways.learnt(model, x, y)
            both_ways.check(case, loaded, x, y, said, learnt)
