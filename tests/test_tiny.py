"""The house in ten seconds: what a commit must not break."""

import numpy as np

import minikeras as keras
from minikeras.datasets import mnist5k
from minikeras.engine.aval import Aval
from minikeras.engine.compile import jit
from minikeras.engine.interpret import interpreting
from minikeras.engine.passes.simplify import simplify
from minikeras.engine.staging import Staging


def digits(count):
    (x, y), _ = mnist5k.load_data()
    return x[:count, ..., None].astype("float32") / 255, y[:count].astype("int32")


def cnn():
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Conv2D(4, 3, strides=2, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.1),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    optimizer = keras.optimizers.Adam(0.01)
    loss = "sparse_categorical_crossentropy"
    model.compile(optimizer, loss, metrics=["accuracy"])
    return model


def test_gradient():
    x = keras.Variable(np.float32([1.0, -2.0, 3.0]))
    with keras.GradientTape() as tape:
        loss = keras.ops.sum(keras.ops.square(x) * x)
    np.testing.assert_allclose(tape.gradient(loss, x), [3.0, 12.0, 27.0])


def test_jit_traces_once(backend):
    @jit
    def step(x):
        return keras.ops.exp(x) * 2 + 1

    for value in (0.0, 1.0):
        got = step(np.full(3, value, "float32"))
        np.testing.assert_allclose(got, np.full(3, 2 * np.exp(value) + 1), rtol=1e-6)
    assert step.traces == 1
    assert not step.fallback


def test_fit_learns(backend):
    keras.utils.set_random_seed(0)
    x, y = digits(64)
    history = cnn().fit(x, y, batch_size=16, epochs=8, verbose=0).history
    assert history["loss"][-1] < 0.5 * history["loss"][0]


def test_weights_move_between_models():
    x, _ = digits(4)
    first, second = cnn(), cnn()
    before = second.predict(x, verbose=0)
    second.set_weights(first.get_weights())
    expected = first.predict(x, verbose=0)
    assert not np.allclose(before, expected)
    np.testing.assert_array_equal(second.predict(x, verbose=0), expected)


def test_a_pass_prints():
    staging = Staging()
    x = staging.add_input(Aval((2,), "float32"))
    with interpreting(staging):
        keras.ops.exp(x)  # nobody uses it
        result = keras.ops.tanh(x)
    graph = simplify(staging.graph([result]))
    assert str(graph.check()).splitlines() == [
        "%0 = input float32[2]",
        "%1 = tanh(%0) : float32[2]",
        "return %1",
    ]
