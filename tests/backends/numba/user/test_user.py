"""Users' kernels in native steps: compiled once, called by address, and able to fail."""

import gc
import os
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest

pytest.importorskip("numba")

import numba
from minikeras_numba.machine import failures, team
from minikeras_numba.machine.jit import stats
from minikeras_numba.user import compiled as room
from minikeras_numba.user import text

import minikeras as keras
from minikeras import extend, ops
from minikeras.engine.compile import jit
from minikeras.extend import Aval, BackendError, KernelError

X = np.linspace(-2, 2, 12, dtype="float32").reshape(3, 4)
called = []


@extend.op(infer=lambda x, *, by=2.0, mode="add": x, package="tests.numba")
def moved(x, *, by=2.0, mode="add"):
    called.append(len(x))
    return x + by if mode == "add" else x * by


@moved.kernel("numba")
def _moved(x, out, by, mode):
    if mode == "add":
        for i in np.ndindex(x.shape):
            out[i] = x[i] + by
    else:
        for i in np.ndindex(x.shape):
            out[i] = x[i] * by


@extend.op(infer=lambda x: x, vjp=lambda c, g: checked(g), package="tests.numba")
def checked(x):
    return x * 1


@checked.kernel("numba")
def _checked(x, out):
    for i in np.ndindex(x.shape):
        if x[i] > 100:
            raise ValueError("a number above 100")
        out[i] = x[i]


@extend.op(infer=lambda x: x, package="tests.numba")
def doubled(x):
    return 2 * x


@doubled.kernel("numba", parallel=True)
def _doubled(x, out, start, stop):
    for i in range(start, stop):
        out[i] = 2 * x[i]


@pytest.fixture(autouse=True)
def _numba():
    before = keras.config.backend()
    keras.config.set_backend("numba")
    called.clear()
    yield
    keras.config.set_backend(before)


@pytest.fixture
def cold(tmp_path, monkeypatch):
    """No kernel on disk, none in memory."""
    monkeypatch.setenv("MINIKERAS_CACHE_DIR", str(tmp_path))
    text._folder.cache_clear()
    room._kept.clear()
    yield
    text._folder.cache_clear()


def test_a_step_is_one_native_call_with_no_python_in_it():
    f = jit(lambda x: ops.exp(moved(ops.tanh(x), by=0.5)) * 2)
    f(X)
    (program,) = f.programs
    assert program._routine.at_once
    (whole,) = program._routine.steps
    assert isinstance(whole, team.Sequence) and len(whole.calls) == 3
    assert program.allocating_steps == 0
    frames = []
    lines = {_moved.__code__, moved.row.reference.__code__}
    threading.setprofile(None)
    sys.setprofile(lambda frame, event, arg: frames.append(frame.f_code))
    try:
        made = f(X)
    finally:
        sys.setprofile(None)
    assert frames and not lines & set(frames) and called == []
    assert not any("numba/core" in code.co_filename for code in frames)
    np.testing.assert_allclose(made, 2 * np.exp(np.tanh(X) + 0.5), rtol=1e-5)


def test_what_compiles_and_what_does_not(cold):
    begin = stats.compiled
    moved(X)
    assert stats.compiled == begin + 1
    moved(X[:2], by=5.0)  # other sizes and numbers
    moved(np.ones((7, 1), "float32"), by=-1.0)
    assert stats.compiled == begin + 1
    moved(X[0].astype("float64"))  # another dtype, another rank
    moved(X, mode="multiply")  # another constant
    assert stats.compiled == begin + 3
    room._kept.clear()
    loaded = stats.loaded
    assert moved(X, by=1.0).numpy().tolist() == (X + 1).tolist()
    assert (stats.compiled, stats.loaded) == (begin + 3, loaded + 1)


def test_a_changed_helper_is_compiled_anew(cold):
    def define(factor):
        @numba.njit
        def helper(x):
            return factor * x

        @extend.op(infer=lambda x: x, package="tests.numba")
        def helped(x):
            return factor * x

        @helped.kernel("numba")
        def kernel(x, out):
            for i in range(x.size):
                out[i] = helper(x[i])

        return helped

    for factor in (2.0, 3.0, 2.0):
        made = define(factor)(X[0])
        np.testing.assert_allclose(made, factor * X[0])
    assert stats.compiled >= 2


def test_a_function_of_njit():
    @extend.op(infer=lambda x: x, package="tests.numba")
    def given(x):
        raise AssertionError

    given.kernel("numba", numba.njit(lambda x, out: out.fill(x.size)))
    assert given(X[0]).numpy().tolist() == [4.0] * 4
    given.kernel("numba", numba.njit(lambda x, out: None, parallel=True))
    with pytest.raises(KernelError, match=r"'given'.*parallel=True to kernel"):
        given(X[0])
    given.kernel("numba", numba.njit(lambda x, out: None), fastmath=True)
    with pytest.raises(KernelError, match=r"'given'.*fastmath"):
        given(X[0])


def test_a_kernel_that_does_not_compile_names_the_op():
    @extend.op(infer=lambda x: x, package="tests.numba")
    def broken(x):
        return x

    @broken.kernel("numba")
    def kernel(x, out):
        out[0] = no_such_name(x)  # noqa: F821

    wanted = r"'broken'.*'.*kernel'.*\(float32\[:, :\], float32\[:, :\]\)"
    with pytest.raises(KernelError, match=wanted):
        broken(X)
    with pytest.raises(KernelError, match=wanted):
        keras.function(broken)(X)


def test_without_numba_the_error_names_the_extra(monkeypatch, cold):
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(BackendError, match=r"'moved'.*minikeras\[numba\]"):
        moved(X[:, :3])


@pytest.mark.parametrize("count", [1, 3])
def test_errors_are_raised_and_nothing_runs_behind(count):
    threads = team.get_threads()
    team.set_threads(count)
    try:
        v = keras.Variable(X)

        def step(x):
            y = checked(x) * 2
            v.assign(y)
            return y

        f = keras.function(step)
        bad = np.where(X > 1.9, np.float32(101), X)
        for function in (f, checked, f):
            f(X)
            with pytest.raises(ValueError, match=r"above 100") as caught:
                function(bad)
            assert "op 'checked'" in caught.value.__notes__[0]
            np.testing.assert_array_equal(v, 2 * X)
        np.testing.assert_array_equal(f(X), 2 * X)
    finally:
        team.set_threads(threads)


def test_errors_in_a_loop_and_in_a_gradient():
    f = keras.function(lambda x: ops.scan(lambda c, r: (c + checked(r), r), x[0], x))
    np.testing.assert_allclose(f(X)[0], X[0] + X.sum(0), rtol=1e-5)
    with pytest.raises(ValueError, match=r"above 100"):
        f(X + 100)
    np.testing.assert_allclose(f(X)[0], X[0] + X.sum(0), rtol=1e-5)

    def gradient(x):
        with keras.GradientTape() as tape:
            tape.watch(x)
            y = ops.sum(checked(x)) * 1000
        return tape.gradient(y, x)

    with pytest.raises(ValueError, match=r"above 100"):
        keras.function(gradient)(ops.convert_to_tensor(X))


def test_rows_are_shared_out_and_no_bit_depends_on_it():
    x = np.random.default_rng(0).normal(size=(1000, 3)).astype("float32")
    threads = team.get_threads()
    try:
        for count in (1, 3):
            team.set_threads(count)
            np.testing.assert_array_equal(doubled(x), 2 * x)
            np.testing.assert_array_equal(doubled(x[:0]), x[:0])
    finally:
        team.set_threads(threads)


def test_threads_call_one_op_at_once():
    x = [np.full((50, 4), i, "float32") for i in range(4)]
    wrong = []

    def work(i):
        for _ in range(50):
            for made in (moved(x[i], by=float(i)), doubled(x[i])):
                if not (made.numpy() == 2 * i).all():
                    wrong.append(i)

    workers = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    assert wrong == []


def test_code_lives_as_long_as_a_step_and_what_is_kept_is_bounded(monkeypatch):
    monkeypatch.setattr(room, "_MOST_KEPT", 2)
    f = keras.function(lambda x: moved(x, by=1.5) * 3)
    wanted = f(X).numpy()
    for dtype in ("float64", "int32"):
        moved(X.astype(dtype))
    assert len(room._kept) <= 2
    gc.collect()
    np.testing.assert_array_equal(f(X), wanted)
    before = len(failures._steps)
    del f
    keras.utils.clear_session()
    gc.collect()
    assert len(failures._steps) < before


def test_complex_numbers_bools_and_scalars():
    @extend.op(infer=lambda x, y: Aval(x.shape, "bool"), package="tests.numba")
    def near(x, y):
        raise AssertionError

    @near.kernel("numba")
    def kernel(x, y, out):
        for i in np.ndindex(x.shape):
            out[i] = abs(x[i] - y[()]) < 1

    z = np.array([1 + 1j, 0.5j, 3], "complex64")
    assert near(z, np.complex64(1j)).numpy().tolist() == [False, True, False]
    assert near(X[0, 0], np.float32(-2)).numpy().tolist() is True


SCRIPT = """
import sys
import numpy as np
import minikeras as keras
from minikeras import extend

@extend.op(infer=lambda x: x)
def twice(x):
    return 2 * x

@twice.kernel("numba")
def kernel(x, out):
    for i in range(x.size):
        out[i] = 2 * x[i]

keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).predict(
    np.ones((1, 3)), verbose=0)
assert "numba" not in sys.modules
x = np.arange(4.0)
assert twice(x).numpy().tolist() == [0, 2, 4, 6]
assert "numba" in sys.modules
"""
FORK = """
import os, threading, time
stop = threading.Event()
def define(i):
    f = extend.op(infer=lambda x: x, name=f"t{i}")(lambda x: x)
    @f.kernel("numba")
    def kernel(x, out):
        out[:] = x + i
    return f
fs = [define(i) for i in range(3)]
def compiles():
    for f in fs[:2]:
        if not stop.is_set():
            f(x)
thread = threading.Thread(target=compiles)
thread.start()
time.sleep(0.2)
pid = os.fork()
if pid == 0:
    ok = fs[2](x).numpy().tolist() == (x + 2).tolist() and twice(x).numpy()[1] == 2
    os._exit(0 if ok else 1)
until = time.monotonic() + 60
while time.monotonic() < until:
    done, status = os.waitpid(pid, os.WNOHANG)
    if done:
        break
    time.sleep(0.01)
else:
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    status = -1
stop.set()
thread.join()
assert status == 0, status
"""


@pytest.mark.parametrize("more", ["", FORK], ids=["import", "fork"])
def test_in_a_process_of_its_own(more, tmp_path):
    """Numba is imported late; a fork waits for what compiles, and the child compiles."""
    if more and not hasattr(os, "fork"):
        pytest.skip("no fork here")
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT + more))
    path = os.pathsep.join(p for p in sys.path if p)
    env = os.environ | {"PYTHONPATH": path, "MINIKERAS_BACKEND": "numba"}
    ran = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        capture_output=True,
        text=True,
        env=env,
        timeout=200,
    )
    assert ran.returncode == 0, ran.stderr
