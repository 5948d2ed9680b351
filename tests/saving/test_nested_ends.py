"""Ends of models that are results of models inside: which call they are of.

Where Keras 3 tells a graph's ends it counts a functional model's own making as its first
call, in its layers' calls it does not, and of a Sequential never.
"""

import numpy as np
import pytest

import minikeras
from tests.goldens.oracle import keras as real_keras
from tests.goldens.oracle import oracle


def of_own_input(keras):
    """As in a variational autoencoder: the encoder is called on its own input."""
    x = keras.Input((6,))
    encoder = keras.Model(x, keras.layers.Dense(2)(x), name="inner")
    code = encoder(x)
    return keras.Model(x, [keras.layers.Dense(3, name="d")(code), code])


def of_first_call(keras):
    """The second call is inside, and only the first an end."""
    a = keras.Input((6,))
    inner = keras.Model(a, keras.layers.Dense(6)(a), name="inner")
    x = keras.Input((6,))
    once = inner(x)
    return keras.Model(x, [keras.layers.Dense(3, name="d")(inner(once)), once])


def of_both_calls(keras):
    a = keras.Input((6,))
    inner = keras.Model(a, keras.layers.Dense(2)(a), name="inner")
    x = keras.Input((6,))
    first, second = inner(x), inner(keras.layers.Dense(6)(x))
    return keras.Model(x, [keras.layers.Dense(3, name="d")(first), first, second])


def of_sequential(keras):
    inner = keras.Sequential([keras.Input((6,)), keras.layers.Dense(6)], name="inner")
    x = keras.Input((6,))
    once = inner(x)
    twice = inner(once)
    return keras.Model(x, [keras.layers.Dense(3, name="d")(once), once, twice])


def of_called_before(keras):
    """A call that belongs to no model is not counted."""
    a = keras.Input((6,))
    inner = keras.Model(a, keras.layers.Dense(6)(a), name="inner")
    inner(keras.Input((6,)))
    x = keras.Input((6,))
    once = inner(x)
    return keras.Model(x, [keras.layers.Dense(3, name="d")(inner(once)), once])


def of_subclass(keras):
    """Of a class that learns only by its first model that it is made of graphs."""
    own = type("Own", (keras.Model,), {})
    a = keras.Input((6,))
    inner = own(a, keras.layers.Dense(6)(a), name="inner")
    x = keras.Input((6,))
    once = inner(x)
    return keras.Model(x, [keras.layers.Dense(3, name="d")(inner(once)), once])


ENDS = {
    of_own_input: [["d", 0, 0], ["inner", 1, 0]],
    of_first_call: [["d", 0, 0], ["inner", 1, 0]],
    of_both_calls: [["d", 0, 0], ["inner", 1, 0], ["inner", 2, 0]],
    of_sequential: [["d", 0, 0], ["inner", 0, 0], ["inner", 1, 0]],
    of_called_before: [["d", 0, 0], ["inner", 1, 0]],
    of_subclass: [["d", 0, 0], ["inner", 1, 0]],
}
X = np.random.default_rng(0).normal(size=(4, 6)).astype("float32")


def predicted(model):
    return [np.asarray(y) for y in model.predict(X, verbose=0)]


def goes_over(path, source, target):
    """Predictions before and after, read by a class that has made no model yet."""
    model = source[1](source[0])
    model.save(path)
    own = type("Own", (target.Model,), {})
    loaded = target.models.load_model(path, custom_objects={"Own": own})
    for before, after in zip(predicted(model), predicted(loaded), strict=True):
        np.testing.assert_allclose(after, before, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("make", ENDS, ids=lambda f: f.__name__)
def test_they_are_counted_as_keras_does(make):
    assert make(minikeras).get_config()["output_layers"] == ENDS[make]


@pytest.mark.parametrize("make", ENDS, ids=lambda f: f.__name__)
def test_files_keep_them(make, tmp_path):
    goes_over(tmp_path / "m.keras", (minikeras, make), minikeras)


@oracle
@pytest.mark.parametrize("ours", [True, False])
@pytest.mark.parametrize("make", ENDS, ids=lambda f: f.__name__)
def test_real_keras_means_the_same(make, ours, tmp_path):
    keras = real_keras()
    source, target = (minikeras, keras) if ours else (keras, minikeras)
    goes_over(tmp_path / "m.keras", (source, make), target)
    assert make(keras).get_config()["output_layers"] == ENDS[make]
