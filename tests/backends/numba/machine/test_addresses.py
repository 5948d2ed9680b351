"""Where arrays lie."""

import numpy as np
import pytest
from minikeras_numba.machine.addresses import _readable, address_of, described, read

WHOLE = np.arange(48, dtype="int16").reshape(6, 8)


@pytest.mark.parametrize(
    "array",
    [WHOLE, WHOLE[2:], WHOLE[::-1], WHOLE[1:, 3:], WHOLE.T, np.empty((0, 4)), np.array(1.5)],
)  # fmt: skip
def test_is_what_numpy_says(array):
    assert address_of(array) == array.ctypes.data == described(array)


def test_arrays_that_own_nothing():
    given = np.frombuffer(bytes(16), "float32")
    assert address_of(given) == given.ctypes.data


def test_is_read_from_the_object_on_cpython():
    assert _readable() and address_of is read
