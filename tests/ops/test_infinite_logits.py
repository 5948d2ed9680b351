"""Probability 0 times the logarithm of 0 is 0, and halves do not overflow on the way."""

from __future__ import annotations

import numpy as np
import pytest

import minikeras as keras

ops = keras.ops


@pytest.mark.parametrize("compiled", [False, True])
def test_a_logit_of_minus_infinity_rules_a_class_out(compiled, backend):
    logits = np.array([[0.0, -np.inf, 0.0], [-np.inf, 2.0, 0.0]], "float32")
    target = np.array([[1.0, 0, 0], [0, 1, 0]], "float32")
    expected = [np.log(2), np.log1p(np.exp(-2))]

    def loss(target, logits):
        return ops.categorical_crossentropy(target, logits, from_logits=True)

    function = keras.function(loss) if compiled else loss
    np.testing.assert_allclose(function(target, logits), expected, rtol=1e-5)
    wrong = ops.categorical_crossentropy(target[:, [1, 0, 2]], logits, from_logits=True)
    assert wrong.tolist()[0] == np.inf


def test_binary_losses_of_a_sure_sigmoid(backend):
    p = ops.sigmoid(np.array([np.inf, -np.inf], "float32"))
    found = ops.binary_crossentropy(np.array([1.0, 0.0], "float32"), p)
    np.testing.assert_allclose(found, [0, 0], atol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_halves_do_not_overflow(dtype):
    x = ops.cast([-30000.0, 30000.0, -30000.0, 30000.0], dtype)
    assert ops.std(x).dtype == ops.nanstd(x).dtype == dtype
    np.testing.assert_allclose(ops.cast(ops.std(x), "float32"), 30000, rtol=0.01)
    np.testing.assert_allclose(ops.cast(ops.nanstd(x), "float32"), 30000, rtol=0.01)
    found = ops.cast(ops.corrcoef(ops.stack([x, -x])), "float32")
    np.testing.assert_allclose(found, [[1, -1], [-1, 1]], rtol=0.01)
    area = ops.trapezoid(ops.cast([40000.0, 40000.0], dtype), dx=1.0)
    np.testing.assert_allclose(ops.cast(area, "float32"), 40000, rtol=0.01)
