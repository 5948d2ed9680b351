"""The kernel of `resample` gives the bits of its composition, eagerly and compiled."""

import numpy as np
import pytest
from minikeras_kernels.target import pieces

from minikeras.engine import prims
from minikeras.engine.compile import jit
from minikeras.engine.prims.resampling import BORDERS, resampled
from minikeras.engine.tensor import from_numpy

pytestmark = pytest.mark.usefixtures("on_numba")
ODD = [np.nan, np.inf, -np.inf, -0.5, -0.0, 1e30, 2.5, -1.5, 0.49999997]


def bits(tensor):
    array = tensor.numpy()
    words = array.view(f"u{array.dtype.itemsize}")
    return np.where(array != array, 0, words)  # any NaN is as good


def drawn(sizes, out, channels, image, place):
    rng = np.random.default_rng(3)
    arrays = [from_numpy(rng.normal(size=(2, *sizes, channels)) * 50, image)]
    arrays.append(from_numpy(3, image))
    for n in sizes:
        at = rng.uniform(-2.5 * n, 3 * n, (2, *out))
        at.flat[: len(ODD)] = ODD[: at.size]
        arrays.append(from_numpy(at, place))
    return arrays


def check(order, border, *shapes_and_dtypes):
    arrays = drawn(*shapes_and_dtypes)
    static = {"order": order, "border": border}
    expected = bits(resampled(*arrays, **static))
    np.testing.assert_array_equal(bits(prims.resample(*arrays, **static)), expected)
    compiled = jit(lambda *given: prims.resample(*given, **static))
    np.testing.assert_array_equal(bits(compiled(*arrays)), expected)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("place", ["float32", "float64"])
def test_bits_of_the_composition(border, place):
    for image in ("float32", "float64"):
        check(1, border, (5, 7), (4, 9), 3, image, place)
        check(1, border, (5, 7), (4, 9), 19, image, place)
    for image in ("uint8", "bfloat16", "int64", "bool", "float32"):
        check(0, border, (5, 7), (4, 9), 3, image, place)


def test_places_of_several_strips():
    check(1, "reflect", (30, 40), (50, 61), 3, "float32", "float32")
    check(1, "constant", (1000,), (2049,), 1, "float32", "float32")


def test_all_channels_are_written_out_or_swept():
    for channels in range(1, 12):
        check(1, "mirror", (3, 4), (2, 5), channels, "float32", "float32")
        check(0, "nearest", (3, 4), (2, 5), channels, "uint8", "float32")


def test_channels_are_cut_into_vectors():
    assert [pieces(n) for n in (1, 3, 8, 7)] == [[1], [2, 1], [8], [4, 2, 1]]
