"""The table of a program's steps."""

import os
import subprocess
import sys

import numpy as np
import pytest

import minikeras as keras


@pytest.fixture
def model():
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(3, 3, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(2),
        ]
    )
    model.compile("adam", "mse")
    return model


def data():
    random = np.random.default_rng(0)
    return random.random((4, 8, 8, 1), "float32"), np.ones((4, 2), "float32")


def test_prediction_counts_multiply_adds(backend, model):
    x, _ = data()
    shown = []
    result = keras.utils.profile(model, x, print_fn=shown.append)
    contractions = 2 * 4 * (6 * 6 * 3 * 9 + 108 * 2)
    total = sum(row.flops for row in result.rows)
    assert contractions <= total <= contractions + 4 * (108 * 4 + 2 * 2)
    assert {"conv2d" in row.layer for row in result.rows} == {True, False}
    assert all(row.seconds > 0 and row.nbytes > 0 for row in result.rows)
    (text,) = shown
    assert text == result.table()
    assert text.splitlines()[0].split()[:3] == ["step", "layer", "ms"]
    assert text.splitlines()[-1].startswith(f"{len(result.rows)} steps, ")
    assert len(result.table(longest=2).splitlines()) == 4


def test_training_changes_nothing(backend, model):
    x, y = data()
    model.fit(x, y, verbose=0)
    variables = [*model.variables, *model.optimizer.variables]
    before = [np.array(v) for v in variables]
    result = keras.utils.profile(model, x, y, repeat=3, print_fn=None)
    assert result.calls == 3
    for old, new in zip(before, variables, strict=True):
        np.testing.assert_array_equal(old, new)
    again = keras.models.clone_model(model)
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(
        again.predict(x, verbose=0), model.predict(x, verbose=0)
    )


def test_repeat_is_checked(model):
    with pytest.raises(ValueError, match="`repeat` is 0; expected 1 or more"):
        keras.utils.profile(model, data()[0], repeat=0)


def test_environment_prints_at_the_end():
    code = (
        "import numpy as np, minikeras as keras;"
        "m = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]);"
        "m.predict(np.ones((2, 4), 'float32'), verbose=0)"
    )
    env = os.environ | {
        "MINIKERAS_PROFILE": "1",
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
    }
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=env
    )
    assert ran.returncode == 0, ran.stderr
    assert "program 0" in ran.stderr
    assert "matmul" in ran.stderr
