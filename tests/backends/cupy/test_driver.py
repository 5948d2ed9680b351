"""The driver's C interface as it is called, over a stand-in library in place of libcuda."""

import ctypes
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from minikeras_cupy import driver as module
from minikeras_cupy import nvrtc, render
from minikeras_cupy.driver import Driver
from minikeras_cupy.launch import Launcher
from minikeras_cupy.render import WARP
from minikeras_kernels.argreduce import argreduce
from minikeras_kernels.rowwise import RowKernel

from minikeras import ops
from minikeras.engine import backend as registry
from minikeras.engine.compile import jit
from tests.backends.cupy import fake_cupy, fake_device
from tests.backends.cupy.conftest import needs_compiler
from tests.backends.kernels import lockstep

pytestmark = needs_compiler


@pytest.fixture(scope="module")
def libcuda():
    target = lockstep.folder() / "cuda.so"
    source = Path(__file__).with_name("fake_cuda.cpp")
    command = [
        lockstep.compiler(),
        "-O1",
        "-w",
        "-fPIC",
        "-shared",
        source,
        "-o",
        target,
    ]
    subprocess.run([*map(str, command), "-ldl"], check=True)
    return ctypes.CDLL(str(target))


class Ctypes:
    """The module, whose CDLL finds the stand-in."""

    def __init__(self, library):
        self._library = library

    def __getattr__(self, name):
        return getattr(ctypes, name)

    def CDLL(self, name):
        assert name == "libcuda.so.1"
        return self._library


@pytest.fixture
def cp(libcuda, monkeypatch, tmp_path):
    """The stand-in for cupy, with the driver's library and compiler replaced alone."""
    made = fake_cupy.make()
    made.cuda.Device = lambda: type(
        "Device", (), {"compute_capability": "90", "id": 0}
    )()
    compiled = []

    def compile_text(text, architecture):
        assert architecture == "sm_90" and text.startswith(render.headers())
        compiled.append(text)
        path = lockstep.library(text.removeprefix(render.headers()))
        return f"{path}\0".encode()

    monkeypatch.setattr(nvrtc, "compile_text", compile_text)
    monkeypatch.setattr(module, "ctypes", Ctypes(libcuda))
    monkeypatch.setenv("MINIKERAS_CACHE_DIR", str(tmp_path))
    made.compiled = compiled
    return made


def test_a_kernel_is_compiled_loaded_started_and_kept(cp, libcuda):
    driver = Driver(cp)
    launch = Launcher(cp, driver)
    x = np.float32([[1, 5, 2], [7, 0, 3]])
    out = np.zeros(2, np.int32)
    made = render.source(argreduce("argmax", "float32", WARP), 3)
    words = [3, x.ctypes.data, out.ctypes.data]
    started = launch.warps(made.name, made.text, words, 2)
    before = libcuda.seen_launches()
    driver.start(started)
    assert out.tolist() == [1, 0]
    assert libcuda.seen_launches() == before + 1 and libcuda.seen_grid() == 1
    again = np.zeros(2, np.int32)
    started.words[2] = again.ctypes.data  # words may change between launches
    driver.start(started)
    assert again.tolist() == [1, 0]
    # another process finds the machine code on disk
    other = Driver(cp)
    assert other.function(made.name, render.headers() + made.text)
    assert len(cp.compiled) == 1


def test_launches_go_to_the_current_stream(cp, libcuda):
    driver = Driver(cp)
    x, out = np.float32([[0.0, 0.0]]), np.zeros((1, 2), np.float32)
    made = render.source(RowKernel("softmax", "float32", WARP).write(), 4)
    words = [2, x.ctypes.data, x.ctypes.data, out.ctypes.data]
    started = Launcher(cp, driver).warps(made.name, made.text, words, 1)
    driver.start(started)
    assert libcuda.seen_stream() == 0
    with fake_device.Stream(cp.device, non_blocking=True) as stream:
        driver.start(started)
        assert libcuda.seen_stream() == stream.ptr != 0
    np.testing.assert_allclose(out, [[0.5, 0.5]])


def test_what_fails_says_what_it_was(cp):
    driver = Driver(cp)
    text = render.headers() + "// a text without kernels"
    with pytest.raises(
        RuntimeError, match=r"finding nothing failed: named symbol.*500"
    ):
        driver.function("nothing", text)
    driver.compile = lambda text: b"/no/such/file\0"
    with pytest.raises(
        RuntimeError, match=r"loading other failed: device kernel image"
    ):
        driver.function("other", render.headers() + "// another")


def test_the_backend_runs_by_it(cp, monkeypatch):
    """A step with products, folds and moves, every launch by way of cuLaunchKernel."""
    fake_cupy.installed(monkeypatch, cp)
    monkeypatch.setattr(sys.modules["minikeras_cupy.backend"], "Driver", Driver)

    def function(x):
        y = ops.concatenate([ops.matmul(x, x), ops.tanh(x)], axis=1)
        return (
            ops.softmax(y)
            + ops.max_pool(y[None, :, None, :], 2, padding="same")[0, :, 0][0]
        )

    x = np.linspace(-1, 1, 9).reshape(3, 3).astype("float32")
    before = registry.current_name()
    try:
        registry.use("cupy")
        found = jit(function)(x).numpy()
        registry.use("numpy")
        np.testing.assert_allclose(found, jit(function)(x).numpy(), rtol=1e-5)
    finally:
        registry.use(before)
        registry._loaded.pop("cupy", None)
