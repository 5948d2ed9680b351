"""Memory of very large results: used again when nobody holds it, never before."""

import gc
import threading

import numpy as np
import pytest
from minikeras_numpy import recycling
from minikeras_numpy.recycling import Recycled

import minikeras as keras
from minikeras.engine.compile import jit

FLOAT = np.dtype("float32")


@pytest.fixture
def small(monkeypatch):
    """Arrays of a KiB count as large."""
    monkeypatch.setattr(recycling, "LEAST", 1024)
    return Recycled(limit=16 * 1024)


def place(array):
    return array.ctypes.data


def test_a_buffer_that_is_free_is_taken_again(small):
    first = small.empty((32, 32), FLOAT)
    at = place(first)
    assert at % 64 == 0
    assert first.flags.c_contiguous
    assert first.flags.writeable
    del first
    assert place(small.empty((1024,), FLOAT)) == at  # another shape of as many bytes


HOLDS = {
    "itself": lambda a: a,
    "a slice": lambda a: a[3:5],
    "another dtype": lambda a: a.view("uint8")[7:],
    "turned": lambda a: a.T,
    "a memoryview": memoryview,
    "bytes of it": lambda a: memoryview(a).cast("B")[5:9],
    "NumPy's of NumPy's": lambda a: np.asarray(memoryview(a))[1:],
    "a tensor": lambda a: keras.ops.convert_to_tensor(a),
    "in a list": lambda a: [(a[:1],)],
    "a function": lambda a: lambda: a[0],
    "DLPack": lambda a: np.from_dlpack(a)[2:],
}


@pytest.mark.parametrize("how", HOLDS)
def test_whoever_holds_it_keeps_it(how, small):
    array = small.empty((32, 32), FLOAT)
    array[:] = 7
    at, held = place(array), HOLDS[how](array)
    if how == "a tensor":
        held = held.value  # may be a copy, then there is nothing to keep
        assert np.all(held == 7)
    del array
    gc.collect()
    others = [small.empty((32, 32), FLOAT) for _ in range(8)]
    for other in others:
        other[:] = 1
    if how != "a tensor":
        assert at not in [place(o) for o in others]
    del held


def test_bytes_are_bounded(small):
    held = [small.empty((1024,), FLOAT) for _ in range(20)]
    assert small.nbytes() <= small.limit + 64 * 4
    assert len({place(a) for a in held}) == 20
    assert Recycled(0).empty((4096,), FLOAT).base is None  # off


def test_two_threads_never_share(small):
    shared = []

    def work(number):
        for _ in range(200):
            array = small.empty((1024,), FLOAT)
            array[:] = number
            if not np.all(array == number):
                shared.append(number)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not shared


@pytest.mark.usefixtures("backend")
def test_values_that_were_read_stay(monkeypatch):
    monkeypatch.setattr(recycling, "LEAST", 1 << 16)
    x = keras.ops.ones((256, 256))
    step = jit(lambda x, n: x * n)
    tensors = [step(x, float(i)) for i in range(4)]
    arrays = [np.asarray(step(x, float(i))) for i in range(4, 8)]
    rows = [step(x, float(i))[3] for i in range(8, 12)]
    variable = keras.Variable(np.zeros((256, 256), "float32"))
    variable.assign(step(x, 50.0))
    for i in range(20):
        step(x, 100.0 + i)
        keras.ops.exp(x)
    for i, held in enumerate([*tensors, *arrays, *rows]):
        assert np.all(np.asarray(held) == i)
    assert np.all(variable.numpy() == 50)


@pytest.mark.usefixtures("backend")
def test_a_program_uses_memory_again():
    """Its results lie in few places."""
    size = recycling.LEAST // 4
    if recycling.RESULTS.limit < 3 * recycling.LEAST:
        pytest.skip("too little memory")
    step = jit(lambda x: x + 1)
    x = keras.ops.zeros((size,))
    places = []
    for _ in range(4):
        made = step(x)
        places.append(place(np.asarray(made)))
        del made
    assert len(set(places)) < 4
