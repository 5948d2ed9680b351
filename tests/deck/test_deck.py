"""The snippets of the deck run as printed, with `keras` replaced by `minikeras`."""

import numpy as np
import pytest

import minikeras as keras
from minikeras import initializers
from minikeras.layers import Dense, Dropout
from minikeras.models import Sequential

NUM_CLASSES = 10


def pixels(samples=16):
    """Flat digits and their one-hot labels."""
    rng = np.random.default_rng(0)
    x = rng.random((samples, 784), dtype="float32")
    return x, keras.utils.to_categorical(
        rng.integers(0, NUM_CLASSES, samples), NUM_CLASSES
    )


@pytest.mark.usefixtures("backend")
def test_the_mlp():
    num_classes = NUM_CLASSES
    model = Sequential()
    model.add(Dense(512, activation="relu", input_shape=(784,)))
    model.add(Dropout(0.2))
    model.add(Dense(512, activation="relu"))
    model.add(Dropout(0.2))
    model.add(Dense(num_classes, activation="softmax"))
    model.compile(
        loss="categorical_crossentropy",
        optimizer=keras.optimizers.RMSprop(),
        metrics=["accuracy"],
    )
    x, y = pixels(64)
    history = model.fit(
        x, y, batch_size=32, epochs=8, verbose=0, validation_data=(x, y)
    )
    assert model.count_params() == 784 * 512 + 512 + 512 * 512 + 512 + 512 * 10 + 10
    assert list(history.history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert history.history["loss"][-1] < history.history["loss"][0]
    score = model.evaluate(x, y, verbose=0)
    assert len(score) == 2 and score[0] == pytest.approx(
        history.history["val_loss"][-1]
    )


INITIALIZERS = {
    "zeros": (lambda: initializers.Zeros(), 0.0, 0.0),
    "ones": (lambda: initializers.Ones(), 1.0, 1.0),
    "constant": (lambda: initializers.Constant(value=5), 5.0, 5.0),
    "normal": (
        lambda: initializers.RandomNormal(mean=0.0, stddev=0.05, seed=None),
        None,
        0.4,
    ),
    "uniform": (
        lambda: initializers.RandomUniform(minval=-0.05, maxval=0.05, seed=None),
        None,
        0.05,
    ),
}


@pytest.mark.parametrize("name", INITIALIZERS)
def test_the_mlp_with_an_initializer(name):
    make, lowest, highest = INITIALIZERS[name]
    model = Sequential()
    model.add(
        Dense(512, activation="relu", input_shape=(784,), kernel_initializer=make())
    )
    model.add(Dropout(0.2))
    model.add(Dense(512, activation="relu", kernel_initializer=make()))
    model.add(Dropout(0.2))
    model.add(Dense(NUM_CLASSES, activation="softmax", kernel_initializer=make()))
    model.compile(
        loss="categorical_crossentropy", optimizer="rmsprop", metrics=["accuracy"]
    )
    kernels = [w for w in model.get_weights() if w.ndim == 2]
    assert len(kernels) == 3
    for kernel in kernels:
        if lowest is None:
            assert -highest <= kernel.min() < 0.0 < kernel.max() <= highest
            assert abs(kernel.mean()) < 0.005
        else:
            assert kernel.min() == kernel.max() == highest
    x, y = pixels()
    model.fit(x, y, epochs=1, verbose=0)
    assert model.predict(x, verbose=0).shape == (16, NUM_CLASSES)


ACTIVATIONS = {
    "linear": lambda z: z,
    "relu": lambda z: np.maximum(z, 0),
    "softmax": lambda z: np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True),
    "tanh": np.tanh,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
}


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_by_its_name(name):
    model = Sequential([Dense(6, activation=name, input_shape=(4,))])
    x = np.random.default_rng(1).normal(size=(5, 4)).astype("float32")
    kernel, bias = model.get_weights()
    expected = ACTIVATIONS[name](x @ kernel + bias)
    np.testing.assert_allclose(
        model.predict(x, verbose=0), expected, rtol=1e-5, atol=1e-6
    )


def rows(text):
    """A matrix from rows of digits."""
    return np.array([[int(c) for c in row] for row in text.split()], "float32")


@pytest.mark.usefixtures("backend")
def test_the_convolution_step():
    image = rows("11100 01110 00111 00110 01100")
    kernel = rows("101 010 101")
    model = Sequential(
        [keras.layers.Conv2D(1, (3, 3), use_bias=False, input_shape=(5, 5, 1))]
    )
    model.set_weights([kernel[..., None, None]])
    feature_map = model.predict(image[None, ..., None], verbose=0)[0, ..., 0]
    assert feature_map.tolist() == rows("434 243 234").tolist()


POOLED = {
    "MaxPooling2D": [[6.0, 8.0], [3.0, 4.0]],
    "AveragePooling2D": [[3.25, 5.25], [2.0, 2.0]],
    "SumPooling2D": [[13.0, 21.0], [8.0, 8.0]],
}


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("name", POOLED)
def test_the_pooling_of_a_map(name):
    feature_map = rows("1124 5678 3210 1234")
    model = Sequential([getattr(keras.layers, name)((2, 2), input_shape=(4, 4, 1))])
    pooled = model.predict(feature_map[None, ..., None], verbose=0)[0, ..., 0]
    assert pooled.tolist() == POOLED[name]


@pytest.mark.usefixtures("backend")
def test_softmax_gives_probabilities_of_four_classes():
    scores = np.array([[2.0, 1.0, 0.1, -3.0]], "float32")
    vector = keras.activations.softmax(keras.ops.convert_to_tensor(scores)).numpy()
    assert vector.shape == (1, 4)
    assert vector.sum() == pytest.approx(1.0)
    assert (vector > 0).all() and (np.diff(vector[0]) < 0).all()
