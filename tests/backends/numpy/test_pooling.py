"""Poolings with a border, called eagerly."""

import numpy as np
from minikeras_numpy import pooling

from minikeras.engine import backend as registry


def test_masks_of_the_border_are_made_once():
    kernel = registry.load("numpy").kernels["max_pool_grad"]
    rng = np.random.default_rng(0)
    x = rng.integers(-2, 2, (3, 5, 6, 2)).astype("float32")
    x[0] = -np.inf
    dy = rng.standard_normal((3, 3, 3, 2)).astype("float32")
    static = {"window": (3, 3), "strides": (2, 2), "padding": ((1, 1), (1, 0))}
    pooling._inside.cache_clear()
    made = [kernel(x, dy, **static) for _ in range(3)]
    assert pooling._inside.cache_info().misses == 1
    assert pooling._inside.cache_info().hits == 2
    wanted = np.zeros_like(x)
    for n, i, j, c in np.ndindex(*dy.shape):
        rows = range(max(0, 2 * i - 1), min(5, 2 * i + 2))
        columns = range(max(0, 2 * j - 1), min(6, 2 * j + 2))
        places = [(a, b) for a in rows for b in columns]
        first = max(places, key=lambda at: x[n, at[0], at[1], c])
        wanted[(n, *first, c)] += dy[n, i, j, c]
    for found in made:
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)
