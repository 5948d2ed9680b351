"""The whole backend on a CPU: over a stand-in for cupy, its kernels compiled as C++."""

import functools
import itertools
import math
import sys

import numpy as np
import pytest
from minikeras_cupy import CupyBackend, conv
from minikeras_cupy.kernels import Maker
from minikeras_cupy.launch import Launcher
from minikeras_cupy.render import Source, headers
from minikeras_kernels.cells import BLOCKS

from minikeras import config, ops
from minikeras.engine import backend as registry
from minikeras.engine import prims
from minikeras.engine.autodiff import GradientTape
from minikeras.engine.compile import jit
from minikeras.extend import Aval, BackendError, Node, Value, lookup
from minikeras.testing import backend_contract
from minikeras.utils import clear_session
from minikeras.variable import Variable
from tests.backends.cupy import fake_cupy
from tests.backends.kernels import lockstep
from tests.ops import casts
from tests.random.table import CONTINUOUS, DISCRETE

needs_compiler = pytest.mark.skipif(
    lockstep.compiler() is None, reason="needs a C++ compiler"
)


@pytest.fixture(scope="session")
def kernels_of_all_rows():
    """Compiles what the contract runs in one go: a compiler's start is dear."""
    if lockstep.compiler() is None:
        return
    module, sources = fake_cupy.make(), []

    class Collected(fake_cupy.Driver):
        def function(self, name, text):
            sources.append(Source(name, text.removeprefix(headers())))
            return 0

    maker = Maker(module, Launcher(module, Collected(module)))
    for case, dtype in chosen():
        inputs = [Value(Aval(a.shape, a.dtype.name)) for a in case.draw(dtype)]
        made = case.row.infer(*(v.aval for v in inputs), **case.static)
        if not case.row.multi:
            maker.make(Node(case.row, inputs, [Value(made)], case.static))
    lockstep.build(sources)


@pytest.fixture
def cupy(monkeypatch, kernels_of_all_rows):
    fake_cupy.installed(monkeypatch, fake_cupy.make())
    yield registry.load("cupy")
    registry._loaded.pop("cupy", None)


def chosen():
    """All rows: each in its first dtype, bfloat16 and int32 where it has them; its first
    case, and those of scalars and of nothing."""
    pairs, seen = [], set()
    for case, dtype in backend_contract.cases():
        first = case.args[0].shape if case.args else (1,)
        scalar_or_empty = 0 in first or not first
        if dtype not in (case.dtypes[0], "bfloat16", "int32"):
            continue
        if (case.name, dtype) in seen and not scalar_or_empty:
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
    names = ("normal", "gamma-0.5-float32", "randint-wide")
    fake_cupy.compile_eager(lambda: [rows[name].draw(3) for name in names])
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


@needs_compiler
def test_bfloat16_stays_what_it_is(cupy):
    """CuPy's `where` gives float32, and its sorts refuse: rows that use them do neither."""
    config.set_backend("cupy")
    x = ops.convert_to_tensor(np.float32([[3, -1, 2], [0, 5, 4]]), "bfloat16")
    flag = ops.convert_to_tensor([[True, False, True]] * 2)
    index = ops.convert_to_tensor(np.int32([[2, 0], [1, 1]]))
    made = {
        "where": ops.where(flag, x, ops.zeros_like(x)),
        "take": ops.take(x, [1, 0], axis=0),
        "along": ops.take_along_axis(x, index, axis=1),
        "sort": ops.sort(x, axis=1),
        "maximum": ops.maximum(x, 1),
        "softmax": ops.softmax(x, axis=0),
    }
    wanted = {
        "where": [[3, 0, 2], [0, 0, 4]],
        "take": [[0, 5, 4], [3, -1, 2]],
        "along": [[2, 3], [5, 5]],
        "sort": [[-1, 2, 3], [0, 4, 5]],
        "maximum": [[3, 1, 2], [1, 5, 4]],
    }
    for name, y in made.items():
        assert y.value.dtype.name == "bfloat16", name
        if name in wanted:
            np.testing.assert_array_equal(y.numpy().astype(float), wanted[name], name)
    assert ops.argsort(x, axis=1).numpy().tolist() == [[1, 2, 0], [0, 2, 1]]
    with GradientTape() as tape:
        tape.watch(x)
        loss = ops.sum(ops.take(x, [1, 1], axis=0))
    (gradient,) = tape.gradient(loss, [x])
    assert gradient.value.dtype.name == "bfloat16"
    assert gradient.numpy().astype(float).tolist() == [[0, 0, 0], [2, 2, 2]]
    config.set_backend("numpy")


def test_decompositions_fail_where_numpys_do(cupy):
    """CuPy's own give numbers without meaning for the whole stack."""
    stack = np.float32([[[4, 0], [0, 9]], [[1, 2], [2, 1]]])  # the second is indefinite
    good, failed = cupy.kernels["cholesky"](cupy.from_host(stack)).get()
    np.testing.assert_array_equal(good, [[2, 0], [0, 3]])
    assert np.isnan(failed).all()
    wanted = registry.load("numpy").kernels["cholesky"](stack)
    np.testing.assert_array_equal([good, failed], wanted)


@needs_compiler
def test_eager_bits_are_compiled_bits(cupy):
    config.set_backend("cupy")
    x = ops.convert_to_tensor(np.linspace(-4, 4, 60).astype("float32"))
    y = ops.convert_to_tensor(np.linspace(0.3, 2, 60).astype("float32"))

    def function(x, y):
        return ops.mod(x, y) * y + ops.tanh(x) - ops.exp(x) / y

    np.testing.assert_array_equal(function(x, y).numpy(), jit(function)(x, y).numpy())
    config.set_backend("numpy")


@needs_compiler
def test_launches_of_a_step_are_counted_and_nothing_compiles_again(cupy):
    """A warm step launches few kernels, and a new batch size compiles none."""
    config.set_backend("cupy")
    net, driver = Net(), cupy._maker.launch.driver
    net.step(net.x, net.y)
    before, compiled = driver.launches, len(driver.compiled)
    net.step(net.x, net.y)
    assert len(driver.compiled) == compiled
    assert driver.launches - before <= 18
    predict = jit(net.logits)
    predict(net.x)
    predict(net.x[:10])
    after = len(driver.compiled)
    predict(net.x[:13])
    predict(net.x[:7])
    assert predict.traces == 4
    assert len(driver.compiled) == after
    config.set_backend("numpy")


@needs_compiler
@pytest.mark.parametrize("name", ["lstm", "gru", "simple_rnn"])
@pytest.mark.parametrize("masked", [False, True], ids=["plain", "masked"])
def test_a_step_of_a_recurrent_row_is_one_launch(cupy, name, masked):
    """Forward and back, in both directions, as NumPy's; beside a product, nothing more."""
    rng, blocks = np.random.default_rng(4), BLOCKS[name]
    draw = lambda *shape: (rng.normal(size=shape) / 6).astype("float32")  # noqa: E731
    batch, time, units = 3, 6, 37
    x, w, h0 = (
        draw(batch, time, blocks * units),
        draw(units, blocks * units),
        draw(batch, units),
    )
    more = [draw(batch, units)] if name == "lstm" else []
    last = [draw(blocks * units)] if name == "gru" else []
    mask = [rng.integers(0, 2, (batch, time)).astype(bool)] if masked else []
    how = {"activation": "tanh"} if name == "simple_rnn" else {}
    driver = cupy._maker.launch.driver

    def function(reverse, *given):
        with GradientTape() as tape:
            for v in given[:-1] if masked else given:
                tape.watch(v)
            made = getattr(prims, name)(*given, reverse=reverse, **how)
            hidden = made if name == "simple_rnn" else made[0]
            loss = ops.sum(hidden * hidden)
        return hidden, tape.gradient(loss, list(given[:3]))

    for reverse in (False, True):
        found, counts = {}, 0
        for backend in ("numpy", "cupy"):
            config.set_backend(backend)
            step = jit(functools.partial(function, reverse))
            operands = [x, h0, *more, w, *last, *mask]
            step(*operands)
            counts = driver.launches
            hidden, gradients = step(*operands)
            found[backend] = [y.numpy() for y in (hidden, *gradients)]
        for made, wanted in zip(found["cupy"], found["numpy"], strict=True):
            np.testing.assert_allclose(made, wanted, rtol=1e-4, atol=1e-5)
        assert 2 * time <= driver.launches - counts <= 2 * time + 4
    config.set_backend("numpy")


def test_memory_is_limited_and_given_back(monkeypatch):
    module = fake_cupy.make()
    pool = module.get_default_memory_pool()
    fake_cupy.installed(monkeypatch, module)
    monkeypatch.setenv("MINIKERAS_GPU_MEMORY", "512")
    try:
        backend = registry.load("cupy")
        assert pool.limit == 512 << 20
        backend._maker.workspace.array("columns", (4, 4), "float32")
        clear_session(free_memory=False)
        assert not pool.freed
        clear_session()
        assert pool.freed == 2
        assert not backend._maker.workspace._kept
        monkeypatch.setenv("MINIKERAS_GPU_MEMORY", "much")
        with pytest.raises(BackendError, match="whole number of MiB"):
            CupyBackend()
    finally:
        registry._loaded.pop("cupy", None)


@needs_compiler
def test_a_move_is_one_launch(cupy):
    """Into the place of its result: no row makes an array of its own in a program."""
    driver = cupy._maker.launch.driver
    shapes = {
        "transpose": ([(2, 3, 4)], {"perm": (2, 0, 1)}),
        "broadcast_to": ([(3, 1)], {"shape": (2, 3, 4)}),
        "flip": ([(2, 3)], {"axes": (1,)}),
        "slice": ([(5, 6)], {"starts": (1, 0), "stops": (5, 6), "steps": (2, 3)}),
        "concat": ([(2, 3), (2, 0), (2, 2)], {"axis": 1}),
        "pad": ([(2, 3), ()], {"widths": ((1, 0), (0, 2))}),
    }
    for name, (operands, static) in shapes.items():
        arrays = [np.arange(max(1, math.prod(s)), dtype="f4")[: math.prod(s)].reshape(s)
                  for s in operands]  # fmt: skip
        inputs = [Value(Aval(a.shape, "float32")) for a in arrays]
        out = Value(lookup(name).infer(*(v.aval for v in inputs), **static))
        node = Node(lookup(name), inputs, [out], static)
        step = cupy.lower(node, {v: i for i, v in enumerate([*inputs, out])})
        assert not step.allocates, name
        registers = [cupy.from_host(a) for a in arrays]
        registers.append(cupy.from_host(np.full(out.aval.shape, np.nan, "f4")))
        before = driver.launches
        step(registers)
        assert driver.launches == before + 1, name
        wanted = registry.load("numpy").kernels[name](*arrays, **static)
        np.testing.assert_array_equal(registers[-1].get(), wanted, name)
