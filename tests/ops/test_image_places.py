"""Places beyond the border: whole floats fold as integers do."""

import numpy as np
import pytest

from minikeras.engine.prims.resampling import BORDERS, _within
from minikeras.engine.tensor import from_numpy


def by_integers(at, n, border):
    if border == "wrap":
        return at % n
    if border == "mirror":
        folded = at % max(2 * (n - 1), 1)
        return np.minimum(folded, 2 * (n - 1) - folded)
    if border == "reflect":
        folded = at % (2 * n)
        return np.minimum(folded, 2 * n - 1 - folded)
    return np.clip(at, 0, n - 1)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("n", [1, 2, 7, 224, 1000])
def test_folded_as_integers(border, n):
    at = np.arange(-5 * n - 3, 5 * n + 4)
    by_floats = _within(from_numpy(at, "float32"), n, border).numpy()
    np.testing.assert_array_equal(by_floats, by_integers(at, n, border))
