"""The common norm of all gradients."""

import numpy as np
import pytest

import minikeras
from minikeras import optimizers


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_common_norm_that_is_not_finite_shows_in_every_gradient(bad):
    a, b = minikeras.Variable([1.0, 2.0]), minikeras.Variable([3.0])
    optimizer = optimizers.SGD(0.1, global_clipnorm=1.0)
    optimizer.apply([np.float32([bad, 0.0]), np.ones(1)], [a, b])
    assert np.isnan(np.concatenate([a.numpy(), b.numpy()])).all()
