"""New values of states that are copied at the end of a run, and what is read besides."""

import numpy as np
import pytest

import minikeras as keras
from minikeras import ops
from minikeras.engine import backend as registry
from minikeras.engine.compile import jit


def variables():
    return [keras.Variable(np.full((3, 2), i, "float32")) for i in (1.0, 2.0)]


def values(*found):
    return [float(np.asarray(v)[0, 0]) for v in found]


def test_an_old_value_is_a_result(backend):
    a, b = variables()

    def step(x):
        old = a.value
        a.assign(ops.matmul(x, a))
        b.assign(ops.transpose(ops.transpose(a.value)))
        return old, ops.reshape(old, (2, 3))

    f = jit(step)
    x = 2 * np.eye(3, dtype="float32")
    assert values(*f(x)) == [1.0, 1.0] and values(a, b) == [2.0, 2.0]
    assert values(*f(x)) == [2.0, 2.0] and values(a, b) == [4.0, 4.0]


def test_states_change_places(backend):
    a, b = variables()

    def swap():
        first, second = a.value, b.value
        a.assign(second)
        b.assign(first)

    f = jit(swap)
    for right in ([2.0, 1.0], [1.0, 2.0]):
        f()
        assert values(a, b) == right


def test_a_state_takes_an_argument(backend):
    a, _ = variables()
    f = jit(lambda x: a.assign(x))
    for right in (5.0, 7.0):
        x = np.full((3, 2), right, "float32")
        f(x)
        x[:] = 0
        assert values(a) == [right]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64", "int8", "bool"])
def test_dtypes(backend, dtype):
    a = keras.Variable(np.zeros((4, 0, 2)), dtype=dtype)
    b = keras.Variable(np.zeros((5, 3)), dtype=dtype)

    def step(x, y):
        a.assign(x)
        b.assign(ops.transpose(y))

    jit(step)(np.zeros((4, 0, 2), "float32"), np.ones((3, 5), "float32"))
    assert b.numpy().astype("float64").sum() == 15


@pytest.mark.skipif(not registry.installed("numba"), reason="needs numba")
def test_a_training_step_is_one_call_on_numba():
    with registry.using("numba"):
        for optimizer in ("sgd", "adam", "rmsprop"):
            layers = keras.layers
            model = keras.Sequential(
                [layers.Dense(6, "relu"), layers.BatchNormalization(), layers.Dense(2)]
            )
            model.compile(optimizer, "mse")
            x = np.ones((8, 4), "float32")
            model.fit(x, x[:, :2], verbose=0)
            (program,) = model.train_function.programs
            assert program._routine.at_once, optimizer


def test_large_results_are_made_where_they_stay(backend):
    """They are nobody else's: not the next call's, not the arena's, not a state's."""
    state = keras.Variable(np.zeros((100, 100), "float32"))

    def step(x):
        y = ops.matmul(x, x)
        state.assign(y)
        return y, y + 1, ops.reshape(y, (-1,)), x, y

    f = jit(step)
    x = np.eye(100, dtype="float32")
    first = f(x)
    program = f.programs[0]
    movable = registry.active().fresh_results
    assert len(program._fresh) == movable  # y + 1: the others have views or come twice
    kept = [np.array(v) for v in first]
    second = f(3 * x)
    program.profile([3 * x], repeat=2)
    for i, (a, b) in enumerate(zip(first, kept, strict=True)):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(
            second[i], [9 * x, 9 * x + 1, (9 * x).ravel(), 3 * x, 9 * x][i]
        )
    arrays = [v.value for v in (*first, *second)]
    if movable:
        for i, a in enumerate(arrays):
            assert not any(np.shares_memory(a, b) for b in arrays[i + 1 :])
    np.testing.assert_array_equal(state, 9 * x)


@pytest.mark.parametrize("size", [6, 6000])
def test_a_result_that_is_an_argument(backend, size):
    """It is the argument's own memory where that never changes: not an array of the user's."""
    f = jit(lambda x: (x, ops.reshape(x, (2, -1)), x + 1))
    array = np.arange(size, dtype="float32")
    tensor = ops.convert_to_tensor(array)
    for given in (tensor, array, tensor):
        whole, folded, _ = f(given)
        shared = given is tensor
        assert (whole.value is tensor.value) == shared
        if backend != "cupy":
            assert np.shares_memory(folded.value, tensor.value) == shared
    array[:] = -1
    expected = np.arange(size, dtype="float32")
    np.testing.assert_array_equal(np.asarray(whole), expected)
    taken = f(array)[0]
    array[:] = 0
    assert set(np.asarray(taken).tolist()) == {-1.0}


def test_nothing_holds_what_a_run_made(backend):
    f = jit(lambda x: x + 1)
    result = f(ops.ones((100, 100)))
    held = [r for r in f.programs[0].registers if r is result.value]
    assert held == []
