"""Large arrays of several shapes, eagerly: kernels of ours with NumPy's bits."""

import itertools
import threading

import numpy as np
import pytest
from minikeras_numba.eager import Large, _Prepared, _Shared

from minikeras import GradientTape, ops
from minikeras.engine import backend as registry
from minikeras.engine import prims
from minikeras.engine.aval import Aval
from minikeras.engine.compile import jit
from minikeras.engine.tensor import from_numpy

pytestmark = pytest.mark.usefixtures("on_numba")
ODD = [np.nan, np.inf, -np.inf, -0.0, 0.0, 1.0, -1.0, 3e-39]
TWO = ("add", "sub", "mul", "div", "maximum", "minimum", "mod", "floordiv", "eq", "lt")


def drawn(shape, dtype):
    x = np.random.default_rng(len(shape)).normal(size=shape) * 9
    if dtype.startswith("float"):
        x.flat[: len(ODD)] = ODD[: x.size]
    else:
        x = np.where(np.abs(x) < 1, 1, x)
    return x.astype(dtype)


def bits(array):
    words = array.view(f"u{array.dtype.itemsize}")
    return np.where(array != array, 0, words)  # any NaN is as good


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        *itertools.product(TWO, ("float32", "float64")),
        *itertools.product(TWO[:3] + TWO[4:], ("int32", "int64")),
    ],
)
def test_operands_that_are_spread(name, dtype):
    kernel = registry.active().kernels[name]
    assert isinstance(kernel, Large)
    x = drawn((300, 300, 3), dtype)
    for other in ((3,), (300, 1, 3), (300, 1)):
        y = drawn(other, dtype)
        with np.errstate(all="ignore"):
            wanted, turned = kernel.plain(x, y), kernel.plain(y, x)
        np.testing.assert_array_equal(bits(kernel(x, y)), bits(wanted))
        np.testing.assert_array_equal(bits(kernel(y, x)), bits(turned))
    assert kernel._kept


def test_small_operands_go_straight_to_numpy():
    backend = registry.active()
    kernel, small, large = backend.kernels["add"], Aval((3,), "float32"), (1 << 18,)
    assert backend.kernel_for("add", [small, small]) is kernel.plain
    assert backend.kernel_for("add", [Aval(large, "float32"), small]) is kernel


def test_choices_that_are_spread():
    x, y = drawn((300, 300, 4), "float32"), drawn((4,), "float32")
    chosen = registry.active().kernels["select"](x > 0, x, y)
    np.testing.assert_array_equal(bits(chosen), bits(np.where(x > 0, x, y)))


@pytest.mark.parametrize("axes", [(0,), (1,), (2,), (0, 1), (0, 1, 2)])
def test_folds_have_the_bits_of_a_compiled_function(axes):
    x = drawn((90, 1000, 5), "float32")
    for fold in (prims.sum, prims.max, prims.min):
        eager = fold(from_numpy(x), axes=axes, keepdims=False).numpy()
        compiled = jit(lambda v, fold=fold: fold(v, axes=axes, keepdims=False))
        np.testing.assert_array_equal(bits(eager), bits(compiled(x).numpy()))


def test_what_is_not_contiguous_or_small_is_numpys():
    kernel = registry.active().kernels["add"]
    before = dict(kernel._kept)
    x = drawn((400, 400, 3), "float32")
    wanted = x.transpose(1, 0, 2) + x[0]
    np.testing.assert_array_equal(
        bits(kernel(x.transpose(1, 0, 2), x[0])), bits(wanted)
    )
    kernel(x[0], x[0, 0])
    assert dict(kernel._kept) == before


def test_gradients_and_tapes():
    x, scale = drawn((500, 300, 4), "float32"), drawn((4,), "float32")
    x[~np.isfinite(x)], scale[~np.isfinite(scale)] = 1, 1

    def loss(v, s):
        return ops.sum(ops.square(v * s))

    given = ops.convert_to_tensor(scale)
    with GradientTape() as tape:
        tape.watch(given)
        value = loss(ops.convert_to_tensor(x), given)
    wanted = 2 * scale * np.sum(np.square(x.astype("float64")), (0, 1))
    np.testing.assert_allclose(tape.gradient(value, given), wanted, rtol=1e-4)


def test_threads_share_a_kernel_that_keeps_nothing():
    """The table of such a call is its own; what a kernel writes to is one caller's."""
    kernels = registry.active().kernels
    x = drawn((50, 40), "float32")
    x = np.where(np.isfinite(x), x, 0).astype("float32")
    wanted = kernels["softmax"](x, axis=1)
    softmax = next(reversed(kernels["softmax"]._kept.values()))
    assert type(softmax) is _Shared
    found = []

    def work():
        for _ in range(200):
            found.append(kernels["softmax"](x, axis=1))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 800
    assert all(np.array_equal(one, wanted) for one in found)


def test_a_kernel_with_scratch_has_one_caller_at_a_time():
    fft = registry.active().kernels["fft"]
    x = np.ones((32, 64), "float32")
    fft(x, x, inverse=False)
    assert type(next(reversed(fft._kept.values()))) is _Prepared
