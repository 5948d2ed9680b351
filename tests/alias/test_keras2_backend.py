"""`K.sum` and the others, against what TensorFlow's Keras gave for the same calls."""

import inspect
import json
from pathlib import Path

import numpy as np
import pytest

import minikeras as keras
from minikeras import ops
from minikeras.alias import keras2_backend
from tests.alias.keras2_backend_cases import CALLS, INPUTS, value

GOLDEN = json.loads(
    (Path(__file__).parents[1] / "goldens/keras2_backend.json").read_text("utf-8")
)


class K:
    """As `keras.backend` is under the alias."""

    def __getattr__(self, name):
        return getattr(keras2_backend, name, None) or getattr(keras.backend, name)


@pytest.mark.parametrize("call", CALLS)
def test_calls(call):
    inputs = {
        name: keras.ops.convert_to_tensor(array) for name, array in INPUTS.items()
    }
    found = value(eval(call, {"K": K(), "np": np, **inputs}))
    wanted = GOLDEN["results"][call]
    np.testing.assert_allclose(found, wanted, rtol=2e-4, atol=2e-5)


def test_every_call_has_its_golden():
    assert set(GOLDEN["results"]) == set(CALLS)


# Gives a sparse tensor, which is not here.
ABSENT = {"ctc_label_dense_to_sparse"}


# Keras 3's functions of the same name, which take more.
WIDER = {"name_scope", "round"}


@pytest.mark.parametrize("name", sorted({*GOLDEN["signatures"]} - ABSENT - WIDER))
def test_names_and_arguments(name):
    ours = inspect.signature(getattr(K(), name)).parameters.values()
    plain = [p.replace(annotation=inspect.Parameter.empty) for p in ours]
    found = str(inspect.Signature(plain))
    assert found == GOLDEN["signatures"][name]


def test_draws():
    drawn = np.asarray(keras2_backend.random_bernoulli((4000,), p=0.25))
    assert set(np.unique(drawn)) == {0.0, 1.0}
    assert abs(drawn.mean() - 0.25) < 0.03
    assert keras2_backend.random_uniform_variable((3,), 2.0, 3.0).numpy().min() >= 2.0
    kept = np.asarray(keras2_backend.dropout(np.ones((4000,), "float32"), 0.5, seed=3))
    assert set(np.unique(kept)) == {0.0, 2.0}


def test_function_makes_arrays_of_a_models_insides():
    inputs = keras.Input((3,))
    hidden = keras.layers.Dense(2)(inputs)
    run = keras2_backend.function([inputs], [hidden, hidden * 2])
    a, b = run([np.ones((1, 3), "float32")])
    np.testing.assert_allclose(a * 2, b)


def test_gradients_say_where_to_go():
    with pytest.raises(RuntimeError, match="GradientTape"):
        keras2_backend.gradients(None, None)


@pytest.fixture
def net():
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(3, activation="tanh"),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(2),
        ]
    )


def test_gradients_inside_of_a_graph(net):
    x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    hidden = net.layers[0].output
    loss = ops.sum(net.output[:, 0] ** 2)
    wanted = [net.input, hidden, net.layers[0].kernel]
    found = keras2_backend.function(
        [net.input], keras2_backend.gradients(loss, wanted)
    )([x])
    t = ops.convert_to_tensor(x)
    with keras.GradientTape(persistent=True) as tape:
        tape.watch(t)
        middle = net.layers[0](t)
        tape.watch(middle)
        total = ops.sum(net.layers[2](middle)[:, 0] ** 2)
    slopes = tape.gradient(total, [t, middle, net.layers[0].kernel])
    for got, slope in zip(found, slopes, strict=True):
        np.testing.assert_allclose(got, slope, rtol=1e-5, atol=1e-6)


def test_a_gradient_is_computed_with(net):
    slope = keras2_backend.gradients(ops.mean(net.output), net.input)[0]
    scaled = slope / (ops.sqrt(ops.mean(ops.square(slope))) + 1e-5)
    found = keras2_backend.function(net.input, scaled)(np.ones((2, 4), "float32"))
    assert found.shape == (2, 4)
    np.testing.assert_allclose(np.sqrt(np.mean(found**2)), 1.0, rtol=1e-3)


def test_the_learning_phase_is_fed(net):
    phase = keras2_backend.learning_phase()
    run = keras2_backend.function([net.input, phase], [net.output])
    x = np.ones((50, 4), "float32")
    still, drawn = run([x, 0])[0], run([x, 1])[0]
    np.testing.assert_array_equal(still, net.predict(x, verbose=0))
    assert len(np.unique(drawn[:, 0])) > 1 == len(np.unique(still[:, 0]))
    with pytest.warns(UserWarning, match="pass training=True"):
        keras2_backend.set_learning_phase(1)


def test_sessions_read_values():
    keras2_backend.set_session(keras2_backend.get_session())
    one = keras2_backend.variable([1.0, 2.0])
    found = keras2_backend.get_session().run([one, None])
    assert found[0].tolist() == [1.0, 2.0] and found[1] is None
    with pytest.raises(NotImplementedError, match="feed_dict"):
        keras2_backend.get_session().run(one, feed_dict={"x": 1})
