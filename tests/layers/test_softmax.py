"""Softmax: masks that do not fit, axes of one element."""

import re

import numpy as np
import pytest

import minikeras as keras


@pytest.mark.parametrize("shape", [(2, 4), (2,), (2, 3, 4), (3, 2, 3), (5, 3)])
def test_a_mask_that_does_not_broadcast_to_the_inputs_is_refused(shape):
    with pytest.raises(ValueError, match=re.escape(f"mask has shape {shape}")):
        keras.layers.Softmax()(np.ones((2, 3)), mask=np.ones(shape, bool))


@pytest.mark.parametrize("shape", [(2, 3), (2, 1), (3,), (1, 3), (1,)])
def test_a_mask_that_broadcasts_counts(shape):
    x = np.arange(6.0).reshape(2, 3)
    kept = np.ones(shape, bool)
    kept[..., 0] = shape[-1] == 1
    given = np.exp(x) * kept
    found = keras.layers.Softmax()(x, mask=kept)
    np.testing.assert_allclose(found, given / given.sum(-1, keepdims=True), rtol=1e-6)


def test_a_mask_of_unknown_sizes_is_taken():
    x, kept = keras.Input((None, 3)), keras.Input((None, 3), dtype="bool")
    assert keras.layers.Softmax()(x, mask=kept).shape == (None, None, 3)


def test_one_class_is_warned_of():
    with pytest.warns(UserWarning, match="sigmoid"):
        keras.layers.Dense(1, activation="softmax")(np.ones((2, 3)))


def test_one_source_of_attention_is_nothing_to_warn_of():
    query, value = np.ones((2, 4, 3)), np.ones((2, 1, 3))
    np.testing.assert_allclose(keras.layers.Attention()([query, value]), query)
