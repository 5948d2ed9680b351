"""Forks in a process with threads: nobody waits for a thread that is not there."""

import os
import subprocess
import sys
import textwrap

import pytest

from minikeras.engine import backend as registry

BACKENDS = [n for n in ("numpy", "numba") if registry.installed(n)]
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")

_BEGIN = """
import os, sys, threading, time
import numpy as np
import minikeras as keras

def ends(child, children):
    "Fork, run `child` there, and say how many of the children did not come back."
    hung = 0
    for _ in range(children):
        pid = os.fork()
        if pid == 0:
            try:
                child()
                os._exit(0)
            except BaseException as error:
                os.write(2, repr(error).encode())
                os._exit(1)
        until = time.monotonic() + 30
        while time.monotonic() < until:
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                hung += status != 0
                break
            time.sleep(0.005)
        else:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
            hung += 1
    return hung

def beside(work, child, children=4, threads=2):
    stop = threading.Event()
    def loop():
        while not stop.is_set():
            work()
    started = [threading.Thread(target=loop) for _ in range(threads)]
    for t in started: t.start()
    try:
        print("hung", ends(child, children))
    finally:
        stop.set()
        for t in started: t.join()

def model():
    layers = keras.layers
    made = keras.Sequential([keras.Input((64,)), layers.Dense(128, "relu"), layers.Dense(4)])
    made.compile("adam", "mse")
    return made

m = model()
x = np.ones((256, 64), "float32"); y = np.ones((256, 4), "float32")
m.train_on_batch(x, y); m.predict_on_batch(x)
right = m.predict_on_batch(x)
"""

CASES = {
    "predict": """
def child():
    np.testing.assert_array_equal(m.predict_on_batch(x), right)
    np.testing.assert_allclose(np.asarray(m(x)), right, rtol=1e-4, atol=1e-5)
beside(lambda: m.predict_on_batch(x), child)
""",
    "train": """
def child():
    held = m.get_weights()
    assert all(np.isfinite(w).all() for w in held)
    first = m.evaluate(x, y, verbose=0)
    m.fit(x, y, epochs=2, verbose=0)  # Adam may be past the lowest point
    assert m.evaluate(x, y, verbose=0) <= first + 0.1
beside(lambda: m.train_on_batch(x, y), child)
""",
    "trace": """
from minikeras.engine.compile import jit
def trace():
    jit(lambda a: keras.ops.sum(keras.ops.tanh(a) * 2))(x)
def child():
    trace()
    np.testing.assert_array_equal(m.predict_on_batch(x), right)
beside(trace, child)
""",
    "compile": """
import itertools
from minikeras.engine.compile import jit
count = itertools.count(1)
def compile(first=None):
    # A kernel that was never seen before, each time.
    n = next(count) if first is None else first
    jit(lambda a: keras.ops.tanh(a * (n + 0.5)) + n * 1e-3)(x)
def child():
    compile(1000 + os.getpid())
    np.testing.assert_array_equal(m.predict_on_batch(x), right)
beside(compile, child)
""",
    "eager kernels": """
image = keras.ops.ones((4, 12, 12, 3)); kernel = keras.ops.ones((3, 3, 3, 8))
def child():
    assert float(keras.ops.max(keras.ops.conv(image, kernel))) == 27
beside(lambda: keras.ops.conv(image, kernel), child)
""",
    # OpenBLAS multiplies under locks that stay taken in the child where it is not waited for.
    "eager products": """
from minikeras import ops
square = np.eye(192, dtype="float32") + 0.01
image = np.ones((8, 24, 24, 8), "float32"); kernel = np.ones((3, 3, 8, 16), "float32")
def child():
    np.testing.assert_allclose(np.asarray(m(x)), right, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ops.max(ops.conv(image, kernel)), 72, rtol=1e-4)
    np.testing.assert_allclose(ops.matmul(ops.inv(square), square), np.eye(192), atol=1e-4)
def work():
    m(x); ops.conv(image, kernel); ops.inv(square)
beside(work, child)
""",
    "read and assign": """
v = m.weights[0]
def child():
    v.assign(np.zeros(v.shape))
    m.train_on_batch(x, y)
    assert np.isfinite(v.numpy()).all()
def work():
    v.assign(v.value * 1)
    m.train_on_batch(x, y)
beside(work, child)
""",
    "fork from a thread": """
def child():
    np.testing.assert_array_equal(m.predict_on_batch(x), right)
def forks():
    print("hung", ends(child, 3))
t = threading.Thread(target=forks); t.start()
while t.is_alive(): m.predict_on_batch(x)
""",
    "import": """
import importlib
from importlib.machinery import ModuleSpec
class Slow:
    "Finds `minikeras.slow`, which takes half a second."
    def find_spec(self, name, path=None, target=None):
        return ModuleSpec(name, self) if name == "minikeras.slow" else None
    def create_module(self, spec): pass
    def exec_module(self, module):
        begun.set()
        time.sleep(0.5)
        module.answer = 42
begun = threading.Event()
sys.meta_path.insert(0, Slow())
def child():
    assert importlib.import_module("minikeras.slow").answer == 42
t = threading.Thread(target=lambda: importlib.import_module("minikeras.slow")); t.start()
begun.wait()
print("hung", ends(child, 1))
t.join()
""",
    "import that does not end": """
import importlib
from importlib.machinery import ModuleSpec
from minikeras.engine import forking
forking._PATIENCE = forking._MORE = 0.0
class Slow:
    "Finds `minikeras.slow`, which takes for ever in this process."
    def find_spec(self, name, path=None, target=None):
        return ModuleSpec(name, self) if name == "minikeras.slow" else None
    def create_module(self, spec): pass
    def exec_module(self, module):
        begun.set()
        module.half = True
        if os.getpid() == parent: time.sleep(1000)
        module.answer = 42
parent, begun = os.getpid(), threading.Event()
sys.meta_path.insert(0, Slow())
def child():
    assert importlib.import_module("minikeras.slow").answer == 42
t = threading.Thread(target=lambda: importlib.import_module("minikeras.slow"), daemon=True)
t.start()
begun.wait()
print("hung", ends(child, 1))
""",
    "many forks": """
def child():
    pid = os.fork()
    if pid == 0:
        m.predict_on_batch(x)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    np.testing.assert_array_equal(m.predict_on_batch(x), right)
print("hung", ends(child, 4))
m.train_on_batch(x, y)
""",
}


# The others are the same code on both.
_ON_NUMPY = ("predict", "train", "trace", "eager products")


def _cases(backend):
    return CASES if backend == "numba" else _ON_NUMPY


@pytest.mark.parametrize(
    ("backend", "case"), [(b, c) for b in BACKENDS for c in _cases(b)]
)
def test_children_come_back(case, backend, tmp_path):
    env = {**os.environ, "MINIKERAS_BACKEND": backend}
    if case == "compile":
        env["MINIKERAS_CACHE_DIR"] = str(tmp_path)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _BEGIN + textwrap.dedent(CASES[case])],
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split()[-2:] == ["hung", "0"], done.stdout + done.stderr[-2000:]
