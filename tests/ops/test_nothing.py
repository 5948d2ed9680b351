"""Empty lists, empty axes, batches of nobody, indices of nowhere: right, or a clear error."""

import numpy as np
import pytest

import minikeras as keras
from minikeras import ops
from minikeras.engine.autodiff import GradientTape
from minikeras.engine.compile import jit
from minikeras.engine.prims.reduce import index_dtype
from minikeras.engine.tensor import from_numpy


@pytest.mark.parametrize("name", ["stack", "concatenate", "vstack", "hstack"])
def test_joining_nothing(backend, name):
    with pytest.raises(ValueError, match="expected at least one tensor"):
        getattr(ops, name)([])


def test_taking_from_nothing(backend):
    empty = np.ones((0, 9), "float32")
    assert ops.take(empty, np.zeros((0,), "int32"), axis=0).shape == (0, 9)
    with pytest.raises(ValueError, match="nothing along axis 0 to take"):
        ops.take(empty, [0], axis=0)
    with pytest.raises(ValueError, match="nothing along axis 0 to take"):
        ops.take_along_axis(empty, np.zeros((1, 9), "int32"), axis=0)


@pytest.mark.parametrize(
    "parts", [0, -2, 2.5, 1e30, 10**30, float("inf"), float("nan")]
)
@pytest.mark.parametrize("name", ["split", "array_split"])
def test_parts_that_cannot_be(name, parts):
    with pytest.raises(ValueError, match="expected a whole number of parts"):
        getattr(ops, name)(np.ones(4, "float32"), parts)


def test_more_parts_than_elements(backend):
    assert [p.shape for p in ops.array_split(np.ones(2), 4)] == [(1,), (1,), (0,), (0,)]


def test_a_picture_model_of_no_samples(backend):
    layers = keras.layers
    stack = [
        *(keras.Input((8, 8, 1)), layers.Conv2D(3, 3), layers.MaxPooling2D(2)),
        *(layers.Flatten(), layers.Dense(3)),
    ]
    model = keras.Sequential(stack)
    assert model.predict_on_batch(np.ones((0, 8, 8, 1), "float32")).shape == (0, 3)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("reduction", ["scatter", None, "add", "max", "min", "mul"])
def test_indices_out_of_range_are_dropped(backend, reduction, compiled):
    start = np.array([[1.0, 2, 3], [4, 5, 6]], "float32")
    rows = np.array([[0, 3], [0, -4], [-3, 0], [2, 0], [9, 9], [-1, -1]], "int32")
    values = np.float32([10, 20, 30, 40, np.nan, 7])

    def run(rows, values):
        if reduction == "scatter":
            return ops.scatter(rows, values, start.shape)
        return ops.scatter_update(from_numpy(start), rows, values, reduction=reduction)

    run = jit(run) if compiled else run
    last = {"scatter": 7, None: 7, "add": 13, "max": 7, "min": 6, "mul": 42}[reduction]
    want = np.zeros_like(start) if reduction == "scatter" else start.copy()
    want[1, 2] = last
    np.testing.assert_array_equal(run(rows, values), want)
    whole = run(rows[:0], values[:0])
    np.testing.assert_array_equal(whole, 0 * start if reduction == "scatter" else start)


@pytest.mark.parametrize("reduction", [None, "add", "max"])
def test_what_is_dropped_has_no_gradient(backend, reduction):
    x = from_numpy(np.float32([1, 2, 3]))
    u = from_numpy(np.float32([5, 6]))
    with GradientTape() as tape:
        tape.watch(x)
        tape.watch(u)
        rows = np.array([[1], [3]], "int32")
        y = ops.sum(ops.scatter_update(x, rows, u, reduction=reduction) ** 2)
    dx, du = tape.gradient(y, [x, u])
    kept = {None: 0, "add": 14, "max": 0}[reduction]
    assert dx.numpy().tolist() == [2, kept, 6]
    assert du.numpy().tolist() == [14 if reduction == "add" else 10, 0]


@pytest.mark.parametrize("compiled", [False, True])
def test_what_reaches_no_place_has_no_gradient(backend, compiled):
    ids = np.array([[1], [7], [-9]], "int32")

    def sums(v):
        whole = ops.scatter(ids, v, (3, 2)), ops.segment_sum(v, ids[:, 0], 3)
        return whole[0] * 2 + whole[1] * 3

    def slopes(v):
        with GradientTape() as tape:
            tape.watch(v)
            total = ops.sum(sums(v) ** 2)
        return tape.gradient(total, v)

    v = from_numpy(np.float32([[1, 2], [3, 4], [5, 6]]))
    found = (jit(slopes) if compiled else slopes)(v)
    assert found.numpy().tolist() == [[50, 100], [0, 0], [0, 0]]


def test_whole_rows_out_of_range_are_dropped(backend):
    made = ops.scatter([[5], [1]], np.ones((2, 3), "float32"), (2, 3))
    assert made.numpy().tolist() == [[0, 0, 0], [1, 1, 1]]
    assert ops.scatter([[0]], np.ones((1,), "float32"), (0,)).shape == (0,)


def test_indices_of_long_axes_are_wide():
    """argmax, argmin and argsort; the arrays themselves would take 2 GiB."""
    assert index_dtype(1 << 31) == "int32"
    assert index_dtype((1 << 31) + 1) == "int64"
    long = keras.KerasTensor(((1 << 31) + 77,), "int8")
    assert ops.argmax(long).dtype == "int64"
    assert ops.argmin(ops.reshape(long, (1, -1)), axis=0).dtype == "int32"


def test_places_and_counts_of_more_than_int32_holds():
    """Arrays without elements have such shapes too, and take no memory."""
    long = np.empty(((1 << 31) + 1, 0), "int8")
    assert [i.dtype for i in ops.nonzero(long)] == ["int64"] * 2
    assert [i.dtype for i in ops.where(long)] == ["int64"] * 2
    assert [i.dtype for i in ops.nonzero(long[: 1 << 31])] == ["int32"] * 2
    assert ops.count_nonzero(long, axis=0).dtype == "int64"
    assert ops.count_nonzero(long, axis=1).dtype == "int32"
    assert ops.convert_to_tensor(long)[long == 1].shape == (0,)


def test_numbers_that_cannot_be_counted_are_refused():
    with pytest.raises(ValueError, match="holds -3; expected numbers that are not"):
        ops.bincount(np.array([2, -3]))
    with pytest.raises((MemoryError, ValueError)):  # not wrapped around to int32
        ops.bincount(np.array([(1 << 32) + 1, 10**17]))
    with pytest.raises(ValueError, match="N=10000000000000; expected at most"):
        ops.vander(np.arange(3.0), 10**13)
    for layer in (keras.layers.Add(), keras.layers.Concatenate()):
        with pytest.raises(ValueError, match="called on an empty list"):
            layer([])
