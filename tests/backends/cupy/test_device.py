"""What runs when: CUDA graphs, copies beside the computation, and memory that runs out."""

import numpy as np
import pytest

import minikeras as keras
from minikeras import config, ops
from minikeras.engine.compile import jit
from minikeras.extend import Aval, Node, OutOfMemory, Value, lookup
from minikeras.variable import Variable
from tests.backends.cupy import fake_cupy
from tests.backends.cupy.conftest import needs_compiler
from tests.backends.cupy.test_backend import Net


def steps(name, count=6):
    """Losses and weights of a net after some steps on a backend."""
    config.set_backend(name)
    net = Net()
    losses = [float(net.step(net.x, net.y)[0]) for _ in range(count)]
    return net, losses


@needs_compiler
def test_a_warm_step_is_a_graph(standing_in):
    """Its launches, products and copies are one; and it trains as without graphs."""
    device, driver = standing_in.cp.device, standing_in._maker.launch.driver
    net = Net()
    x, y = (ops.convert_to_tensor(v) for v in (net.x, net.y))
    losses = [float(net.step(x, y)[0]) for _ in range(3)]
    launches, products, graphs = driver.launches, device.products, device.graphs
    losses += [float(net.step(x, y)[0]) for _ in range(3)]
    assert (driver.launches, device.products) == (launches, products)
    assert device.graphs - graphs == 3
    assert (
        len(standing_in.cp.device.streams) == 2
    )  # the capture's beside the null stream
    standing_in._graphs.on = False
    other = Net()
    plain = [float(other.step(x, y)[0]) for _ in range(6)]
    assert losses == plain
    for v, w in zip(net.weights, other.weights, strict=True):
        np.testing.assert_array_equal(v.numpy(), w.numpy())


@needs_compiler
def test_a_step_waits_for_nothing(standing_in):
    """The host never waits in a warm step; reading the loss is one wait, a batch none."""
    device, net = standing_in.cp.device, Net()
    x, y = (ops.convert_to_tensor(v) for v in (net.x, net.y))
    for _ in range(3):
        loss, _ = net.step(x, y)
    before = device.synchronisations
    for _ in range(3):
        loss, _ = net.step(x, y)
    assert device.synchronisations == before
    float(loss)
    assert device.synchronisations == before + 1
    large = np.ones((100, 300), "float32")
    made = [standing_in.from_host(large) for _ in range(3)]  # as many as are under way
    assert device.synchronisations == before + 1
    made.append(standing_in.from_host(large))  # the first copy must have left the host
    assert device.synchronisations == before + 2


@needs_compiler
def test_other_addresses_have_other_graphs(standing_in):
    """Batches come in other arrays; graphs of few sets of them are kept."""
    double = jit(lambda x: ops.sum(ops.matmul(x, x)) + ops.max(x))
    arrays = [ops.convert_to_tensor(np.eye(3, dtype="f4") * k) for k in range(12)]
    device = standing_in.cp.device
    for _ in range(4):
        for k, x in enumerate(arrays[:3]):
            assert float(double(x)) == 3 * k * k + k
    assert device.graphs == 9
    (program,) = double.programs
    (captured,) = program._routine.steps
    for _ in range(20):  # more than are kept, each again and again
        for k, x in enumerate(arrays):
            assert float(double(x)) == 3 * k * k + k
    assert sum(g is not None for g in captured.graphs.values()) <= 4


@needs_compiler
def test_addresses_that_never_come_again_are_not_captured(standing_in):
    double = jit(lambda x: ops.sum(ops.matmul(x, x)) + ops.max(x))
    kept = [ops.convert_to_tensor(np.eye(3, dtype="f4") * k) for k in range(40)]
    for k, x in enumerate(kept):
        assert float(double(x)) == 3 * k * k + k
    assert not standing_in.cp.device.graphs
    for _ in range(2):  # twice each: a capture for a single replay does not pay
        for k, x in enumerate(kept):
            for _ in range(2):
                assert float(double(x)) == 3 * k * k + k
    (captured,) = double.programs[0]._routine.steps
    assert captured.off and captured.captures == 16


@needs_compiler
def test_a_capture_that_fails_is_one_note_and_no_loss(standing_in, caplog, monkeypatch):
    def broken(*given):
        if standing_in._graphs.capturing:
            raise RuntimeError("not permitted while a stream is captured")
        return plain(*given)

    products = standing_in._maker.products
    plain = products.cublas.cublasGemmEx
    monkeypatch.setattr(products.cublas, "cublasGemmEx", broken, raising=False)
    with caplog.at_level("INFO", "minikeras"):
        net = Net()
        losses = [float(net.step(net.x, net.y)[0]) for _ in range(5)]
        other = Net()
        again = [float(other.step(net.x, net.y)[0]) for _ in range(5)]
    (record,) = caplog.records
    assert (
        "one by one" in record.getMessage() and "not permitted" in record.getMessage()
    )
    assert losses == again
    np.testing.assert_allclose(losses, steps("numpy", 5)[1], rtol=1e-4)
    assert not standing_in._graphs.capturing and not standing_in.cp.device.graphs


@needs_compiler
def test_what_allocates_stands_between_graphs(standing_in):
    """And what would allocate while it is captured is not replayed into others' memory."""
    variable = Variable(np.zeros(4, "float32"))

    def step(x):
        y = ops.matmul(x, x) + 1.0
        ranks = ops.sort(y, axis=-1)  # CuPy's own, which makes arrays
        z = ops.matmul(ranks, x) * 2.0
        variable.assign(variable + ops.sum(z, axis=0))
        return ops.sum(z)

    compiled, x = (
        jit(step),
        ops.convert_to_tensor(np.arange(16, dtype="f4").reshape(4, 4)),
    )
    found = [float(compiled(x)) for _ in range(4)]
    found.append(variable.numpy().tolist())
    assert (
        standing_in.cp.device.graphs == 2 * 3
    )  # all but the first, on both sides of sort
    variable.assign(np.zeros(4, "float32"))
    config.set_backend("numpy")
    plain = jit(step)
    assert found == [*(float(plain(x)) for _ in range(4)), variable.numpy().tolist()]


@needs_compiler
def test_graphs_can_be_left_out(standing_in, monkeypatch):
    from minikeras_cupy.graphs import Graphs

    monkeypatch.setenv("MINIKERAS_CUDA_GRAPHS", "0")
    graphs = Graphs(standing_in.cp, list)
    assert graphs.joined([lambda r: None] * 3, []) is None
    monkeypatch.setenv("MINIKERAS_CUDA_GRAPHS", "never")
    with pytest.raises(keras.engine.backend.BackendError, match="expected 0 or 1"):
        Graphs(standing_in.cp, list)


def test_data_is_copied_beside_the_computation(standing_in):
    """By memory that the device reads itself, on a stream of its own, in turn."""
    cp = standing_in.cp
    rng = np.random.default_rng(0)
    hosts = [
        rng.normal(size=(100, 200)).astype(d) for d in ("f4", "f8", "f4", "f4", "f8")
    ]
    hosts.append(np.asfortranarray(hosts[0]))
    hosts.append(hosts[1][::2, ::-1])
    made = [standing_in.from_host(h) for h in hosts]
    for host, array in zip(hosts, made, strict=True):
        assert array.flags.c_contiguous and array.dtype == host.dtype
        np.testing.assert_array_equal(array.get(), host)
    kinds = [kind for kind, _ in cp.device.copies]
    beside = {stream for kind, stream in cp.device.copies if kind == 1}
    assert kinds == [1, 3] * len(hosts) and len(beside) == 1 and 0 not in beside
    # the place is not written again before the computing stream has taken what was there
    (stream,) = (cp.device.streams[ptr] for ptr in beside)
    assert len(stream.waited) == len(hosts)
    places = standing_in._uploads._places
    assert {id(e) for e in stream.waited[-3:]} == {id(p.taken) for p in places}


def test_small_and_empty_arrays_are_copied_plainly(standing_in):
    for host in (
        np.zeros((0, 3), "f4"),
        np.arange(5),
        np.float32(3),
        np.zeros((2, 0), bool),
    ):
        made = standing_in.from_host(np.asarray(host))
        assert made.shape == np.shape(host)
        np.testing.assert_array_equal(made.get(), host)
    assert not standing_in.cp.device.copies


def test_out_of_memory_names_layer_and_batch(standing_in, monkeypatch):
    """What was asked for, what is in use, whose it is, and which batch would fit."""
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(2048, name="wide"),
            keras.layers.Dense(3),
        ],
        name="tall",
    )
    plain = standing_in.cp.empty

    def empty(shape, dtype=float):
        if np.prod(shape) > 1 << 20:
            raise fake_cupy.OutOfMemoryError("out of memory")
        return plain(shape, dtype=dtype)

    monkeypatch.setattr(standing_in.cp, "empty", empty)
    with pytest.raises(MemoryError) as caught:
        model.predict(np.ones((1024, 64), "float32"), batch_size=1024, verbose=0)
    text = str(caught.value)
    for part in ("MiB, 3.0 MiB are in use", "float32[1024, 2048]", "tall/wide'"):
        assert part in text, text
    assert "A batch of about" in text and "in place of 1024" in text


def test_out_of_memory_in_a_step_names_its_row_and_layer(standing_in, monkeypatch):
    def empty(*args, **kwargs):
        raise fake_cupy.OutOfMemoryError("out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(standing_in.cp, "empty", empty)
        with pytest.raises(
            OutOfMemory, match=r"asked for 8\.0 MiB, 3\.0 MiB are in use"
        ):
            standing_in.alloc(8 << 20)
    x = Value(Aval((4, 3), "float32"))
    node = Node(lookup("cumsum"), [x], [Value(x.aval)], {"axis": 0}, "model/sums")
    monkeypatch.setitem(standing_in.kernels, "cumsum", empty)
    step = standing_in.lower(node, {x: 0, node.outputs[0]: 1})
    wanted = r"no room for cumsum\(float32\[4, 3\]\) of layer 'model/sums'"
    with pytest.raises(OutOfMemory, match=wanted):
        step([None, None])
