"""Data of other sizes than the inputs' where every layer can take it: as in Keras."""

import numpy as np
import pytest

import minikeras as keras
from minikeras import layers


def chain():
    return [layers.Conv2D(2, 3), layers.GlobalAveragePooling2D()]


@pytest.mark.usefixtures("backend")
def test_functional_predicts_pictures_of_another_size():
    inputs = x = keras.Input((8, 8, 3))
    for layer in chain():
        x = layer(x)
    model = keras.Model(inputs, x)
    wide = np.random.default_rng(0).normal(size=(3, 16, 12, 3)).astype("float32")
    open_inputs = y = keras.Input((None, None, 3))
    for layer in model.layers[1:]:
        y = layer(y)
    wanted = keras.Model(open_inputs, y).predict(wide, verbose=0)
    np.testing.assert_allclose(model.predict(wide, verbose=0), wanted, rtol=1e-5)
    np.testing.assert_allclose(model.predict_on_batch(wide), wanted, rtol=1e-5)
    assert model.predict(wide[:, :8, :8], verbose=0).shape == (3, 2)
    for call in (model, lambda x: model.train_on_batch(x, np.ones((3, 2)))):
        model.compile("sgd", "mse")
        with pytest.raises(ValueError, match=r"expected shape \(None, 8, 8, 3\)"):
            call(wide)
    with pytest.raises(ValueError, match="conv2d"):
        model.predict(np.ones((1, 8, 8, 4)), verbose=0)
    with pytest.raises(ValueError, match=r"got \(4, 8, 3\)"):
        model.predict(np.ones((4, 8, 3)), verbose=0)


def test_sequential_takes_them_everywhere():
    model = keras.Sequential([keras.Input((8, 8, 3)), *chain()])
    wide, y = np.ones((2, 16, 12, 3), "float32"), np.ones((2, 2), "float32")
    model.compile("sgd", "mse")
    assert model(wide).shape == (2, 2)
    assert model.predict(wide, verbose=0).shape == (2, 2)
    assert np.isfinite(model.fit(wide, y, verbose=0).history["loss"][0])
    assert np.isfinite(model.evaluate(wide, y, verbose=0))
    assert model(keras.Input((32, 32, 3))).shape == (None, 2)
    flat = keras.Sequential([keras.Input((8, 8, 3)), layers.Flatten(), layers.Dense(2)])
    with pytest.raises(ValueError, match="dense"):
        flat.predict(wide, verbose=0)
