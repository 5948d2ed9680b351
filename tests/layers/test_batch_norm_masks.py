"""BatchNormalization along the axis that the mask runs over."""

import numpy as np
import pytest


@pytest.mark.parametrize("axis", [1, -1])
def test_masked_statistics(lib, axis):
    x = np.random.default_rng(0).normal(2, 3, (4, 5, 3)).astype("float32")
    mask = np.arange(5) < np.array([[5], [3], [4], [2]])  # each step is there somewhere
    layer = lib.layers.BatchNormalization(axis=axis, momentum=0.0, epsilon=1e-3)
    found = lib.ops.convert_to_numpy(layer(x, training=True, mask=mask))
    weights = np.broadcast_to(mask[..., None], x.shape).astype("float64")
    others = tuple(a for a in range(3) if a != axis % 3)
    total = weights.sum(others, keepdims=True)
    mean = (weights * x).sum(others, keepdims=True) / total
    variance = (weights * (x - mean) ** 2).sum(others, keepdims=True) / total
    expected = (x - mean) / np.sqrt(variance + 1e-3)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    for weight, right in zip(layer.get_weights()[2:], (mean, variance), strict=True):
        np.testing.assert_allclose(weight, right.ravel(), rtol=1e-4)
