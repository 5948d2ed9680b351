"""The whole backend on a CPU: over a stand-in for cupy, its kernels compiled as C++."""

import itertools
import sys

import numpy as np
import pytest
from minikeras_cupy import CupyBackend, conv
from minikeras_cupy.scatter import add_rows

from minikeras import config, ops
from minikeras.engine import backend as registry
from minikeras.engine import prims
from minikeras.engine.autodiff import GradientTape
from minikeras.engine.compile import jit
from minikeras.extend import BackendError
from minikeras.testing import backend_contract
from minikeras.variable import Variable
from tests.backends.cupy import emulate, fake_cupy, nvrtc
from tests.ops import casts
from tests.random.table import CONTINUOUS, DISCRETE

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
@pytest.mark.parametrize("source", casts.FLOAT_SOURCES)
def test_casts_of_floats_clip(cupy, source):
    config.set_backend("cupy")
    array = casts.values(source)
    compiled = jit(lambda x: [ops.cast(x, target) for target in casts.TARGETS])
    for target, made in zip(casts.TARGETS, compiled(array), strict=True):
        casts.assert_same(made.numpy(), casts.cast(array, target), target)
    for target in ("int8", "uint64"):
        made = ops.cast(ops.convert_to_tensor(array), target).numpy()
        casts.assert_same(made, casts.cast(array, target), target)
    config.set_backend("numpy")


@needs_compiler
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_the_next_number_of_every_float_dtype(cupy, dtype):
    x = casts.values(dtype)
    x = np.concatenate([x, (np.arange(1, 40) * 2.0**-26).astype(x.dtype)])
    upper, lower = (np.full_like(x, end) for end in (np.inf, -np.inf))
    following = jit(lambda x, upper, lower: [
        ops.nextafter(x, y) for y in (upper, lower, 0 * x, x)
    ])  # fmt: skip
    found = []
    for name in ("numpy", "cupy"):
        config.set_backend(name)
        found.append([y.numpy() for y in following(x, upper, lower)])
    config.set_backend("numpy")
    for made, wanted in zip(found[1], found[0], strict=True):
        casts.assert_same(made, wanted, dtype)


@needs_compiler
def test_draws_are_those_of_numpy(cupy):
    rows = {row.name: row for row in (*CONTINUOUS, *DISCRETE)}
    names = ("uniform-unit16", "uniform-tensors", "normal", "gamma-0.5-float32")
    names += ("randint-wide", "randint-cut", "randint-tensors", "categorical-float16")
    for name in names:
        row, found = rows[name], {}
        for backend in ("numpy", "cupy"):
            config.set_backend(backend)
            drawn = row.draw(3).numpy(), jit(lambda row=row: row.draw(3))().numpy()
            found[backend] = drawn
        for made, wanted in zip(found["cupy"], found["numpy"], strict=True):
            if row.same:
                np.testing.assert_array_equal(made, wanted)
            else:
                assert np.isclose(made, wanted, rtol=1e-4, atol=1e-6).mean() > 0.998
    config.set_backend("numpy")


@needs_compiler
def test_convolution_in_blocks_of_the_batch(cupy, monkeypatch):
    monkeypatch.setattr(conv, "WORKSPACE", 1)
    for name in ("conv", "conv_input_grad", "conv_filter_grad"):
        cases = backend_contract.cases([name])
        for case, dtype in itertools.islice(cases, 0, 8, 3):
            backend_contract.check_case("cupy", case, dtype)


class Net:
    """A small CNN with dropout, and one compiled step of gradient descent."""

    def __init__(self):
        rng = np.random.default_rng(3)
        draw = lambda *shape: rng.normal(size=shape).astype("float32") / 2  # noqa: E731
        self.weights = [Variable(draw(3, 3, 1, 3)), Variable(draw(27, 4))]
        self.bias = Variable(np.zeros(3, "float32"))
        self.key = Variable(np.uint32([5, 0]), dtype="uint32", trainable=False)
        self.x = draw(16, 8, 8, 1)
        self.y = np.eye(4, dtype="float32")[rng.integers(0, 4, 16)]
        self.step = jit(self.train)

    def logits(self, x, mask=None):
        kernel, dense = self.weights
        h = ops.relu(ops.conv(x, kernel) + self.bias)
        h = ops.reshape(ops.max_pool(h, 2), (-1, 27))
        return ops.matmul(h if mask is None else h * mask, dense)

    def train(self, x, y):
        bits = prims.random_bits(self.key.value, shape=(16, 27))
        self.key.assign(self.key + np.uint32([0, 1]))
        mask = ops.cast(bits > 1 << 30, "float32")
        with GradientTape() as tape:
            loss = -ops.mean(
                ops.sum(y * ops.log_softmax(self.logits(x, mask)), axis=-1)
            )
        trained = [*self.weights, self.bias]
        for v, g in zip(trained, tape.gradient(loss, trained)):
            v.assign(v - 0.1 * g)
        return loss, mask


def trained(name):
    """The net after a few steps on a backend, its losses, and its last dropout mask."""
    config.set_backend(name)
    net = Net()
    steps = [net.step(net.x, net.y) for _ in range(4)]
    assert net.step.traces == 1 and not net.step.fallback
    return net, [float(loss) for loss, _ in steps], steps[-1][1].numpy()


@needs_compiler
def test_a_cnn_trains_as_on_numpy_and_moves_between_backends(cupy):
    _, wanted, mask = trained("numpy")
    net, got, same_mask = trained("cupy")
    np.testing.assert_allclose(got, wanted, rtol=1e-4)
    np.testing.assert_array_equal(same_mask, mask)
    predict = jit(net.logits)
    on_cupy = predict(net.x)
    assert type(on_cupy.value) is fake_cupy.ndarray
    config.set_backend("numpy")
    np.testing.assert_allclose(predict(net.x), on_cupy.numpy(), rtol=1e-4, atol=1e-5)
    net.step(net.x, net.y)
    config.set_backend("cupy")
    assert np.isfinite(float(net.step(net.x, net.y)[0]))


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
