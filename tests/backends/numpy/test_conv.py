"""Convolutions of the NumPy backend: ways to one result."""

import numpy as np
import pytest
from minikeras_numpy.conv import Conv
from minikeras_numpy.windows import Geometry


@pytest.mark.parametrize(
    "padding", [((1, 1), (1, 1)), ((0, 0), (2, 1)), ((2, 2), (0, 2))]
)
@pytest.mark.parametrize("dilation", [(1, 1), (2, 1)])
def test_the_gradient_by_windows_is_the_one_by_taps(padding, dilation):
    rng = np.random.default_rng(1)
    w = rng.standard_normal((3, 3, 5, 4))
    how = {"strides": (1, 1), "padding": padding, "dilation": dilation, "groups": 1}
    geometry = Geometry.of_conv((3, 8, 7, 5), w.shape, how)
    dy = rng.standard_normal((3, *geometry.out, 4))
    plan = Conv(np, geometry, dy.dtype)
    shape = (3, 8, 7, 5)
    taps = plan._input_grad_by_tap(dy, w, np.empty(shape))
    windows = plan._input_grad_by_windows(dy, w, np.empty(shape))
    np.testing.assert_allclose(windows, taps, rtol=1e-12, atol=1e-12)
