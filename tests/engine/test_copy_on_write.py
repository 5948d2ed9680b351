"""A value that was read or assigned stays as it is, whatever trains on."""

import sys
import threading

import numpy as np
import pytest

import minikeras as keras
from minikeras.engine import backend as registry
from minikeras.engine.compile import jit
from minikeras.engine.state import Turn, claim

BACKENDS = [n for n in ("numpy", "numba") if registry.installed(n)]


@pytest.fixture(params=BACKENDS, autouse=True)
def backend(request):
    with registry.using(request.param):
        yield request.param


def counter(shape=(3,)):
    v = keras.Variable(np.zeros(shape, "float32"))
    return v, jit(lambda: v.assign_add(keras.ops.ones(shape)).value)


HOLDERS = {
    "value": lambda v: v.value,
    "view of the value": lambda v: keras.ops.reshape(v.value, (1, 3)),
    "slice": lambda v: v[:2],
    "NumPy without a copy": lambda v: np.array(v.value, copy=False),
    "DLPack": lambda v: np.from_dlpack(v.value),
    "convert_to_tensor": lambda v: keras.ops.convert_to_tensor(v),
    "convert_to_numpy": lambda v: keras.ops.convert_to_numpy(v),
    "memory of asarray": lambda v: np.asarray(v),
    "stop_gradient": lambda v: keras.ops.stop_gradient(v),
}


@pytest.mark.parametrize("how", HOLDERS)
def test_what_was_read_stays(how):
    v, step = counter()
    step()
    held = HOLDERS[how](v)
    before = np.array(held)
    for _ in range(3):
        step()
    np.testing.assert_array_equal(np.array(held), before)
    assert v.numpy().tolist() == [4.0, 4.0, 4.0]


def test_what_was_assigned_stays():
    v, step = counter()
    step()
    given = keras.ops.convert_to_tensor(np.float32([5, 6, 7]))
    v.assign(given)
    step()
    assert given.numpy().tolist() == [5.0, 6.0, 7.0]
    assert v.numpy().tolist() == [6.0, 7.0, 8.0]
    # Twice, with a run between that made the array the program's own.
    v.assign(given)
    step()
    step()
    assert given.numpy().tolist() == [5.0, 6.0, 7.0]


def test_a_value_assigned_to_two_variables_belongs_to_neither():
    v, step = counter()
    w, other = counter()
    step()
    given = keras.ops.convert_to_tensor(np.float32([5, 6, 7]))
    v.assign(given)
    w.assign(v)
    step()
    other()
    other()
    assert v.numpy().tolist() == [6.0, 7.0, 8.0]
    assert w.numpy().tolist() == [7.0, 8.0, 9.0]


def test_an_array_that_was_assigned_may_be_changed_by_its_owner():
    v, step = counter()
    mine = np.float32([1, 2, 3])
    v.assign(mine)
    mine[:] = 9
    step()
    assert mine.tolist() == [9.0, 9.0, 9.0]
    assert v.numpy().tolist() == [2.0, 3.0, 4.0]


def test_the_first_value_of_a_variable_stays():
    given = keras.ops.ones((3,))
    v = keras.Variable(given)
    step = jit(lambda: v.assign_add(keras.ops.ones(3)).value)
    step()
    step()
    assert given.numpy().tolist() == [1.0, 1.0, 1.0]


def test_two_programs_take_turns_on_one_variable():
    v, step = counter()
    double = jit(lambda: v.assign(v * 2).value)
    assert [step(), double(), step(), double(), double()][-1].numpy()[0] == 12.0
    held = v.value
    step()
    double()
    assert held.numpy()[0] == 12.0
    assert v.numpy()[0] == 26.0


def test_programs_of_one_thread_leave_an_array_where_it_is():
    """A prediction between two steps of training costs no copy of the weights."""
    v, step = counter()
    step()
    address = v.state._tensor.value.__array_interface__["data"]
    look = [jit(lambda x, i=i: v * x + i) for i in range(2)]
    again = jit(lambda: v.assign_add(keras.ops.ones((3,)) * 2).value)
    for i in range(2):
        assert look[i](keras.ops.ones((3,))).numpy().tolist() == [1.0 + 4 * i] * 3
        step()
        again()
    assert v.state._tensor.value.__array_interface__["data"] == address


def test_an_array_without_a_copy_cannot_be_written():
    v, _ = counter()
    view = np.array(v.value, copy=False)
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 1
    np.asarray(v.value)[0] = 1  # a copy, as always
    assert v.numpy()[0] == 0


@pytest.fixture
def quick_switches():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def test_another_thread_trains_meanwhile(quick_switches):
    size = 20000
    v, step = counter((size,))
    predict = jit(lambda: keras.ops.stack([keras.ops.min(v), keras.ops.max(v)]))
    step()
    stop = threading.Event()

    def train():
        while not stop.is_set():
            step()

    thread = threading.Thread(target=train)
    thread.start()
    try:
        for i in range(150):
            held = v.value
            first = np.array(held)
            assert first.min() == first.max(), "read in the middle of a step"
            if i % 3 == 0:
                low, high = predict().numpy()
                assert low == high, "a program read in the middle of another's step"
            if i % 10 == 0:
                v.assign(np.zeros(size, "float32"))
            np.testing.assert_array_equal(np.array(held), first)
    finally:
        stop.set()
        thread.join()


def test_two_threads_train_one_variable(quick_switches):
    for _ in range(20):
        v, step = counter((2000,))
        other = jit(lambda v=v: v.assign_add(2 * keras.ops.ones(2000)).value)
        step()
        other()
        v.assign(np.zeros(2000, "float32"))
        threads = [
            threading.Thread(target=lambda f=f: [f() for _ in range(60)])
            for f in (step, other, step)
        ]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert set(v.numpy().tolist()) == {60.0 + 120.0 + 60.0}


class _Told:
    """A lock that calls `told` after each look at it."""

    def __init__(self, lock, told):
        self.lock, self.told = lock, told

    def __getattr__(self, name):
        return getattr(self.lock, name)

    def __enter__(self):
        return self.lock.__enter__()

    def __exit__(self, *error):
        return self.lock.__exit__(*error)

    def locked(self):
        seen = self.lock.locked()
        self.told()
        return seen


@pytest.mark.parametrize("taker", ["another program", "a reader"])
def test_a_run_begins_between_the_look_and_the_taking(taker, monkeypatch):
    v, step = counter()
    other = jit(lambda: v.assign_add(2 * keras.ops.ones(3)).value)
    other()
    ready, go, begun, taken = (threading.Event() for _ in range(4))

    def train():
        step()
        step()
        ready.set()
        go.wait(30)
        step()

    thread = threading.Thread(target=train)
    thread.start()
    assert ready.wait(30)
    (program,) = step.programs
    run = program._run

    def slow_run(*given):
        begun.set()
        taken.wait(30)
        return run(*given)

    def told():
        go.set()
        begun.wait(0.2)  # to its end where the run is kept from beginning

    turn = v.state.owner
    monkeypatch.setattr(turn, "lock", _Told(turn.lock, told))
    monkeypatch.setattr(program, "_run", slow_run)
    if taker == "another program":
        other()
        taken.set()
        thread.join()
        assert v.numpy().tolist() == [7.0] * 3
    else:
        held = v.value
        before = np.array(held)
        taken.set()
        thread.join()
        np.testing.assert_array_equal(np.array(held), before)
        assert v.numpy().tolist() == [5.0] * 3


def test_what_another_thread_s_program_reads_is_no_longer_private():
    """Else its next run would write into it while it is read."""
    mine, theirs = Turn(), Turn()
    theirs.thread = -1  # another thread, which is not in a run
    for owner, private in ((theirs, None), (mine, mine)):
        mine.thread = threading.get_ident()
        v, _ = counter()
        v.state.owner = owner
        registers = [None]
        assert claim(Turn(), registers, [(0, v.state)], []) is None
        assert v.state.owner is private
        assert registers[0] is v.state._tensor.value
