"""The whole backend on a CPU: over a stand-in for cupy, its kernels compiled as C++."""

import itertools
import sys

import numpy as np
import pytest
from minikeras_cupy import CupyBackend, conv
from minikeras_cupy.scatter import add_rows

import minikeras as keras
from minikeras import config
from minikeras.engine import backend as registry
from minikeras.engine.compile import jit
from minikeras.extend import BackendError
from minikeras.testing import backend_contract
from tests.backends.cupy import emulate, fake_cupy, nvrtc

needs_compiler = pytest.mark.skipif(
    emulate.compiler() is None, reason="needs a C++ compiler"
)


@pytest.fixture(scope="session")
def kernel_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("kernels")


@pytest.fixture
def cupy(monkeypatch, kernel_folder):
    monkeypatch.setattr(fake_cupy.RawKernel, "folder", kernel_folder)
    fake_cupy.installed(monkeypatch, fake_cupy.make())
    yield registry.load("cupy")
    registry._loaded.pop("cupy", None)


def chosen():
    """All rows: each in its first dtype, bfloat16 where it has that, fewer shapes."""
    pairs, seen = [], set()
    for case, dtype in backend_contract.cases():
        if (case.name, dtype) in seen or dtype not in (
            case.dtypes[0],
            "bfloat16",
            "int32",
        ):
            continue
        seen.add((case.name, dtype))
        pairs.append((case, dtype))
    return pairs


@needs_compiler
@pytest.mark.parametrize(("case", "dtype"), chosen(), ids=str)
def test_contract(cupy, case, dtype):
    backend_contract.check_case("cupy", case, dtype)


def test_table_and_memory(cupy):
    backend_contract.check_table(cupy.kernels)
    backend_contract.check_memory("cupy")


@needs_compiler
def test_convolution_in_blocks_of_the_batch(cupy, monkeypatch):
    monkeypatch.setattr(conv, "WORKSPACE", 1)
    for name in ("conv", "conv_input_grad", "conv_filter_grad"):
        cases = backend_contract.cases([name])
        for case, dtype in itertools.islice(cases, 0, 8, 3):
            backend_contract.check_case("cupy", case, dtype)


def model():
    keras.utils.set_random_seed(5)
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(3, 3, activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.25),
            keras.layers.Dense(4, activation="softmax"),
        ]
    )


def losses(name):
    config.set_backend(name)
    rng = np.random.default_rng(3)
    x = rng.normal(size=(16, 8, 8, 1)).astype("float32")
    y = rng.integers(0, 4, 16)
    net = model()
    net.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return net, x, [float(net.train_on_batch(x, y)[0]) for _ in range(4)]


@needs_compiler
def test_a_cnn_trains_as_on_numpy_and_moves_between_backends(cupy):
    _, _, wanted = losses("numpy")
    net, x, got = losses("cupy")
    np.testing.assert_allclose(got, wanted, rtol=1e-4)
    assert type(net.weights[0].value.value) is fake_cupy.ndarray
    on_cupy = net.predict(x, verbose=0)
    config.set_backend("numpy")
    np.testing.assert_allclose(net.predict(x, verbose=0), on_cupy, rtol=1e-4, atol=1e-6)


@needs_compiler
def test_compiled_results_and_dropout_masks_equal_numpy(cupy):
    def step(x):
        return keras.ops.softmax(x * 2.0), keras.random.uniform((5, 3), seed=7)

    x = np.linspace(-1, 1, 15, dtype="float32").reshape(5, 3)
    results = {}
    for name in ("numpy", "cupy"):
        config.set_backend(name)
        results[name] = [r.numpy() for r in jit(step)(x)]
    np.testing.assert_allclose(results["cupy"][0], results["numpy"][0], rtol=1e-6)
    np.testing.assert_array_equal(results["cupy"][1], results["numpy"][1])


def test_no_cupy_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(BackendError, match=r"minikeras\[cuda12\]"):
        CupyBackend()


def test_no_gpu_says_so(monkeypatch):
    error = RuntimeError(
        "cudaErrorInsufficientDriver: CUDA driver version is insufficient"
    )
    fake_cupy.installed(monkeypatch, fake_cupy.make(error))
    with pytest.raises(BackendError, match=r"no usable NVIDIA GPU.*nvidia-smi"):
        registry.load("cupy")
    fake_cupy.installed(monkeypatch, fake_cupy.make(0))
    with pytest.raises(BackendError, match="CUDA_VISIBLE_DEVICES"):
        registry.load("cupy")


@pytest.mark.skipif(
    nvrtc.library() is None, reason="needs nvidia-cuda-nvrtc (extra dev)"
)
@pytest.mark.parametrize("architecture", nvrtc.ARCHITECTURES)
def test_scatter_source_compiles(architecture):
    for dtype in ("float32", "float64", "int64"):
        assert nvrtc.compile_source(add_rows((5, 3), 7, dtype).source, architecture)
