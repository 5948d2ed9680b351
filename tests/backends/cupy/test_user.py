"""Users' kernels for CuPy, over the stand-in: functions of its arrays, and CUDA's text."""

import numpy as np
import pytest

import minikeras as keras
from minikeras import extend, ops
from minikeras.engine import backend as registry
from minikeras.extend import Aval, KernelError
from tests.backends.cupy import fake_cupy
from tests.backends.kernels import lockstep

needs_compiler = pytest.mark.skipif(
    lockstep.compiler() is None, reason="needs a C++ compiler"
)
X = np.linspace(-2, 2, 12, dtype="float32").reshape(3, 4)


@pytest.fixture(autouse=True)
def cupy(monkeypatch):
    fake_cupy.installed(monkeypatch, fake_cupy.make())
    before = keras.config.backend()
    registry.use("cupy")
    yield
    registry.use(before)


def _rows_avals(x, *, shift=0, scale=1.0, down=False):
    return Aval(x.shape[:1], x.dtype), Aval(x.shape, "int32")


@extend.op(infer=_rows_avals, outputs=2, package="tests.cupy")
def rows(x, *, shift=0, scale=1.0, down=False):
    sign = -1 if down else 1
    return scale * sign * x.sum(1), np.round(x).astype("int32") + shift


TEXT = """
    float total = 0;
    for (ix j = 0; j < x_1; j++) {
        total += x[i * x_1 + j];
        out1[i * x_1 + j] = (i32)rintf(x[i * x_1 + j]) + (i32)shift;
    }
    out0[i] = (float)scale * (down ? -total : total);
"""


def test_without_a_kernel_the_reference_runs_on_the_host():
    rows.row.kernels.pop("cupy", None)
    total, whole = rows(X, shift=1)
    assert type(total.value) is fake_cupy.ndarray
    np.testing.assert_allclose(total, X.sum(1), atol=1e-6)
    total, whole = keras.function(lambda x: rows(x * 1.0, shift=1))(X)
    np.testing.assert_array_equal(whole, np.round(X) + 1)


def test_a_function_of_its_arrays():
    def kernel(x, total, whole, shift, scale, down):
        total[...] = x.sum(1) * scale
        whole[...] = x.astype("int32") + shift

    rows.kernel("cupy", kernel)
    for call in (rows, keras.function(lambda x: rows(x, shift=2, scale=0.5))):
        total, whole = call(X) if call is not rows else rows(X, shift=2, scale=0.5)
        np.testing.assert_allclose(total, 0.5 * X.sum(1), atol=1e-6)
        np.testing.assert_array_equal(whole, X.astype("int32") + 2)


@needs_compiler
def test_text():
    rows.kernel("cupy", TEXT)
    for down in (False, True):
        static = {"shift": 3, "scale": 0.25, "down": down}
        compiled = keras.function(lambda x, static=static: rows(x * 1.0, **static))
        for total, whole in (rows(X, **static), compiled(X)):
            sign = -1 if down else 1
            np.testing.assert_allclose(total, 0.25 * sign * X.sum(1), atol=1e-6)
            np.testing.assert_array_equal(whole, np.round(X) + 3)
    assert rows(X[:0])[0].shape == (0,)
    half = rows(ops.cast(X, "float16"), shift=3)  # which texts do not compute in
    np.testing.assert_array_equal(half[1], np.round(X) + 3)


def test_new_sizes_and_whole_numbers_need_no_new_text():
    from minikeras_cupy.user import kernel_for

    rows.kernel("cupy", TEXT)
    names = set()
    for n, shift in ((3, 0), (700, 5)):
        avals = [Aval((n, 4), "float32"), Aval((n,), "float32"), Aval((n, 4), "int32")]
        static = {"shift": shift, "scale": float("-inf"), "down": True}
        names.add(kernel_for(rows.row, avals, static).name)
    assert len(names) == 1


def test_text_that_does_not_compile_names_the_op(monkeypatch):
    def refuse(self, name, text):
        raise RuntimeError("NVRTC: what is that?")

    rows.kernel("cupy", "out0[i] = nonsense;")
    monkeypatch.setattr(fake_cupy.Driver, "function", refuse)
    with pytest.raises(KernelError, match=r"'rows'.*cupy does not compile.*\n.*NVRTC"):
        rows(X)
