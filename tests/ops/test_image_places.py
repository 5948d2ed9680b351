"""Places beyond the border: whole floats fold as integers do."""

import numpy as np
import pytest

from minikeras.engine.tensor import from_numpy
from minikeras.ops.image.sampling import FILL_MODES, _folded, _within


@pytest.mark.parametrize("mode", FILL_MODES)
@pytest.mark.parametrize("n", [1, 2, 7, 224, 1000])
def test_folded_as_integers(mode, n):
    at = np.arange(-5 * n - 3, 5 * n + 4)
    by_floats = _folded(from_numpy(at, "float32"), n, mode).numpy()
    by_integers = _within(from_numpy(at, "int32"), n, mode).numpy()
    np.testing.assert_array_equal(by_floats, by_integers)
