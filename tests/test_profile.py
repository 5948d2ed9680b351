"""The table of a program's steps."""

import os
import subprocess
import sys

import numpy as np
import pytest

import minikeras as keras
from minikeras.engine.aval import Aval
from minikeras.engine.graph import Node, Value
from minikeras.engine.primitive import lookup
from minikeras.engine.profile import Roofs, live_bytes


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
    assert text.splitlines()[-2].startswith(f"{len(result.rows)} steps, ")
    assert text.splitlines()[-1].startswith("roofs: ")
    assert len(result.table(longest=2).splitlines()) == 5


def test_each_step_is_nearer_to_one_roof(model):
    result = keras.utils.profile(model, data()[0], repeat=1, print_fn=None)
    result.roofs = Roofs(flops=1e9, nbytes=2e9)
    for row in result.rows:
        least = {"flops": row.flops / 1e9, "bytes": row.nbytes / 2e9}
        assert least[row.bound] == max(least.values())
        assert row.roof == pytest.approx(least[row.bound] / row.seconds)
    assert "bound" in result.table()
    result.roofs = None
    assert {row.bound for row in result.rows} == {""}
    assert "bound" not in result.table()


def test_live_memory():
    """Values live from the step that makes them to the last that reads them."""
    x = Value(Aval((10,), "float32"))

    def node(name, *inputs, **static):
        row = lookup(name)
        return Node(
            row, inputs, [Value(row.infer(*(v.aval for v in inputs), **static))], static
        )

    a = node("exp", x)
    b = node("reshape", a.outputs[0], shape=(2, 5))  # in the memory of a
    c = node("sum", x, axes=(0,), keepdims=False)
    d = node("exp", b.outputs[0])  # the last that reads a
    e = node("exp", c.outputs[0])
    nodes = [a, b, c, d, e]
    assert live_bytes(nodes) == [40, 40, 44, 84, 8]
    assert live_bytes(nodes, d.outputs) == [40, 40, 44, 84, 48]
    assert live_bytes([]) == []


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
