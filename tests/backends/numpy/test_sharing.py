"""Steps shared out to threads: all parts, each once, whatever happens meanwhile."""

import os
import signal
import threading
import time
import tracemalloc

import minikeras_numpy
import numpy as np
import pytest
from minikeras_numpy import blas, sharing
from minikeras_numpy.conv import Conv
from minikeras_numpy.windows import Geometry

from minikeras.engine.aval import Aval
from minikeras.engine.graph import Node, Value
from minikeras.engine.primitive import lookup


@pytest.fixture(autouse=True)
def three():
    before = sharing.threads()
    sharing.set_threads(3)
    yield
    sharing.set_threads(before)


@pytest.mark.parametrize("parts", [0, 1, 2, 50])
def test_each_part_is_done_once(parts):
    done = []
    sharing.share(done.append, parts)
    assert sorted(done) == list(range(parts))


def test_threads_help():
    """A part that waits for another one ends: somebody else takes that."""
    here = threading.Event()

    def work(number):
        if number:
            here.set()
        else:
            assert here.wait(30)

    sharing.share(work, 2)


def test_an_error_ends_the_job_and_comes_out():
    started = []

    def work(number):
        started.append(number)
        if number == 3:
            raise ValueError("of part 3")
        time.sleep(1e-4)

    with pytest.raises(ValueError, match="of part 3"):
        sharing.share(work, 1000)
    assert len(started) < 1000
    done = []
    sharing.share(done.append, 20)
    assert sorted(done) == list(range(20))


def test_parts_may_share_what_they_do():
    """The helpers are taken: the inner caller does its parts alone."""
    done = []
    sharing.share(lambda i: sharing.share(lambda j: done.append((i, j)), 4), 5)
    assert sorted(done) == [(i, j) for i in range(5) for j in range(4)]


def test_helpers_do_not_warn():
    def work(number):
        np.log(np.zeros(10))

    with np.errstate(all="ignore"):
        sharing.share(work, 100)


@pytest.mark.skipif(os.name != "posix", reason="sends signals")
def test_an_interrupt_waits_for_the_parts():
    done = []

    def work(number):
        if number == 0:
            signal.raise_signal(signal.SIGINT)
        time.sleep(1e-3)
        done.append(number)

    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            sharing.share(work, 30)
        assert sorted(done) == list(range(30))
    finally:
        signal.signal(signal.SIGINT, previous)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.filterwarnings("ignore:.*fork.*")
def test_a_child_has_helpers_of_its_own():
    sharing.share(lambda number: None, 8)
    child = os.fork()
    if child == 0:
        done = []
        sharing.share(done.append, 8)
        os._exit(0 if sorted(done) == list(range(8)) else 1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.skipif(not blas.obeys(), reason="a BLAS that does not tell its threads")
def test_blas_has_its_threads_back():
    get = blas._calls()[0]
    before = get()
    with blas.single():
        with blas.single():
            assert get() == 1
        assert get() == 1
    assert get() == before


@pytest.mark.parametrize("padding", [0, 1, 2])
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_shared_convolutions_have_the_bits_of_serial_ones(padding, groups):
    """All directions; the gradient by windows of dy and the one by taps agree."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((37, 9, 11, 4)).astype("f")
    w = rng.standard_normal((3, 3, 4 // groups, 8)).astype("f")
    pads = ((padding, padding), (1, 0))
    how = {"strides": (1, 1), "padding": pads, "dilation": (1, 1), "groups": groups}
    geometry = Geometry.of_conv(x.shape, w.shape, how)
    dy = rng.standard_normal((37, *geometry.out, 8)).astype("f")
    results = []
    for over in (sharing.serially, sharing.share_products):
        plan = Conv(np, geometry, x.dtype, over)
        results.append(
            (
                plan.forward(x, w, np.empty_like(dy)),
                plan.input_grad(dy, w, np.empty_like(x)),
                plan.filter_grad(x, dy, np.empty_like(w)),
            )
        )
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    "padding", [((1, 1), (1, 1)), ((0, 0), (2, 1)), ((2, 2), (0, 2))]
)
@pytest.mark.parametrize("dilation", [(1, 1), (2, 1)])
def test_the_gradient_by_windows_is_the_one_by_taps(padding, dilation):
    rng = np.random.default_rng(1)
    w = rng.standard_normal((3, 3, 5, 4))
    how = {"strides": (1, 1), "padding": padding, "dilation": dilation, "groups": 1}
    geometry = Geometry.of_conv((3, 8, 7, 5), w.shape, how)
    dy = rng.standard_normal((3, *geometry.out, 4))
    plan = Conv(np, geometry, dy.dtype)
    shape = (3, 8, 7, 5)
    taps = plan._input_grad_by_tap(dy, w, np.empty(shape))
    windows = plan._input_grad_by_windows(dy, w, np.empty(shape))
    np.testing.assert_allclose(windows, taps, rtol=1e-12, atol=1e-12)


STEPS = {
    "conv_filter_grad": (
        ((64, 16, 16, 8), (64, 16, 16, 8)),
        {
            "strides": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1), "groups": 1,
            "kernel_shape": (3, 3, 8, 8),
        },
    ),
    "max_pool_grad": (
        ((64, 64, 64, 8), (64, 32, 32, 8)),
        {"window": (2, 2), "strides": (2, 2), "padding": ((0, 0), (0, 0))},
    ),
    "tanh": (((600, 600),), {}),
}  # fmt: skip


@pytest.mark.parametrize("name", STEPS)
def test_one_run_makes_the_workspace_of_all_threads(name, monkeypatch):
    """Also of those that took no part in it: who does is different from run to run."""
    shapes, static = STEPS[name]
    inputs = [Value(Aval(shape, "float32")) for shape in shapes]
    row = lookup(name)
    made = Value(row.infer(*[v.aval for v in inputs], **static))
    node = Node(row, inputs, [made], static)
    values = (*inputs, *node.outputs)
    table = [np.ones(v.aval.shape, np.float32) for v in values]
    step = minikeras_numpy.backend().lower(node, {v: i for i, v in enumerate(values)})
    with monkeypatch.context() as patch:
        patch.setattr(sharing._Helpers, "run", lambda self, job: job.run())
        step(table)
    tracemalloc.start()
    for _ in range(20):
        step(table)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 150_000  # of NumPy's own iteration buffers
