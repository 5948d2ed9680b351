"""What an error says the cause is has to be the cause."""

import numpy as np
import pytest

import minikeras as keras
from minikeras import layers

BATCH = "first axis is the batch"


def refused(function, *arguments):
    with pytest.raises(ValueError) as error:
        function(*arguments)
    return str(error.value)


def test_a_missing_axis_inside_a_model_is_not_the_batch():
    text = refused(
        keras.Sequential, [keras.Input((4, 3)), layers.LSTM(3), layers.LSTM(3)]
    )
    assert "return_sequences=True" in text and BATCH not in text
    text = refused(keras.Sequential, [keras.Input((28, 28)), layers.Conv2D(8, 3)])
    assert "x[..., None]" in text and BATCH not in text


def test_only_a_sample_that_fits_is_taken_for_one():
    model = keras.Sequential([keras.Input((4, 3)), layers.Dense(1)])
    assert BATCH in refused(model, np.ones((4, 3)))
    for shape in ((20, 4, 5), (7, 3), (2, 2, 4, 3)):
        assert BATCH not in refused(model, np.ones(shape))


NAMES = [
    ("losses", "msee", "'mse'"),
    ("losses", "sparse_categorical_crosentropy", "'sparse_categorical_crossentropy'"),
    ("metrics", "BinaryAcuracy", "'BinaryAccuracy'"),
    ("optimizers", "addam", "'adam'"),
    ("activations", "rellu", "'relu'"),
]


@pytest.mark.parametrize(("module", "name", "meant"), NAMES)
def test_a_misspelt_name_gets_the_nearest(module, name, meant):
    text = refused(getattr(keras, module).get, name)
    assert f"Did you mean {meant}" in text or f"or {meant}" in text
    assert len(text) < 250
    assert len(refused(getattr(keras, module).get, "zzzzzz")) < 250
