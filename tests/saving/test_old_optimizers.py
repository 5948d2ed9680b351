"""Training goes on with the state of optimizers of Keras 2 that have more variables today."""

import io
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest

import minikeras as keras

GOLDENS = Path(__file__).parents[1] / "goldens" / "old_optimizers.zip"
with zipfile.ZipFile(GOLDENS) as _zipped:
    FILES = {name: _zipped.read(name) for name in _zipped.namelist()}
with np.load(io.BytesIO(FILES.pop("expected.npz"))) as _values:
    EXPECTED = dict(_values)


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_next_losses_are_those_of_keras_2(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(FILES[name])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = keras.models.load_model(path)
    assert int(model.optimizer.iterations) == 2
    x, y = EXPECTED["x"], EXPECTED["y"]
    losses = [float(model.train_on_batch(x, y)) for _ in range(3)]
    np.testing.assert_allclose(losses, EXPECTED[path.stem], rtol=1e-5)


def test_a_frozen_weight_has_no_penalty():
    model = keras.models.model_from_json(
        '{"class_name": "Sequential", "keras_version": "2.15.0", "config": {"layers": ['
        '{"class_name": "Dense", "config": {"units": 2, "batch_input_shape": [null, 3], '
        '"trainable": false, "kernel_regularizer": {"class_name": "L2", "config": {"l2": '
        "0.5}}}}]}}"
    )
    assert model.losses == []
