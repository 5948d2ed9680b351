"""Ops whose result's shape depends on values: eager, or with a size; else an error."""

import numpy as np
import pytest

import minikeras as mk
from minikeras import ops
from minikeras.engine import tree
from minikeras.engine.compile import jit
from minikeras.engine.tensor import ValueShapeError
from tests.goldens.oracle import keras, oracle

X = np.array([3, 1, 1, 2, 0], "int32")
WANTED = {
    "unique": (lambda x: ops.unique(x), r"size="),
    "nonzero": (lambda x: ops.nonzero(x), "ops.where"),
    "where without x1 and x2": (lambda x: ops.where(x > 1), "ops.where"),
    "get_item with a bool mask": (lambda x: x[x > 1], "ops.where"),
    "bincount": (lambda x: ops.bincount(x), "num_segments"),
    "segment_sum": (lambda x: ops.segment_sum(x, x), "num_segments="),
}


@pytest.mark.parametrize("name", WANTED)
def test_compiled_functions_say_so_at_once(name):
    function, fix = WANTED[name]
    compiled = jit(function)
    for call in (compiled, jit(lambda x: ops.map(function, ops.stack([x, x])))):
        with pytest.raises(ValueShapeError, match=f"{name}: the shape.*Use .*{fix}"):
            call(X)
    assert not compiled.fallback
    assert function(ops.array(X)) is not None


def test_python_control_flow_on_values_still_falls_back():
    compiled = jit(lambda x: x if x[0] else -x)
    with pytest.warns(RuntimeWarning, match="runs eagerly"):
        compiled(X)
    assert compiled.fallback


def test_training_says_so_and_runs_eagerly_when_asked():
    class Positive(mk.layers.Layer):
        def call(self, x):
            return x * ops.sum(ops.nonzero(x)[0]).astype("float32")

        def compute_output_shape(self, shape):
            return shape

    x = np.ones((4, 2), "float32")
    for eagerly in (False, True):
        model = mk.Sequential([mk.layers.Dense(2), Positive()])
        model.compile("sgd", "mse", run_eagerly=eagerly)
        if eagerly:
            model.fit(x, x, verbose=0)
        else:
            with pytest.raises(ValueShapeError, match=r"nonzero.*run_eagerly=True"):
                model.fit(x, x, verbose=0)


EVERYTHING = {f"return_{part}": True for part in ("index", "inverse", "counts")}
MATRIX = np.array([[1, 1, 2], [0, 0, 1]], "int32")
CUBE = np.array([[[1, 2], [1, 2]], [[1, 2], [1, 2]], [[1, 0], [1, 2]]], "int32")
UNIQUES = [
    (X, {"size": 2}),
    (X, {"size": 6}),
    (X, {"size": 6, "fill_value": 9}),
    (X, {"size": 6, "fill_value": 2.7}),
    (X, {"size": 0}),
    (MATRIX, {"size": 4}),
    (MATRIX, {"size": 4, "axis": 1, "fill_value": 7}),
    (MATRIX, {"size": 1, "axis": -1}),
    (CUBE, {"size": 2, "axis": 0}),
    (np.array([1, np.nan, np.nan, 0], "float32"), {"size": 5}),
    (np.array([-0.0, 0.0, 1.0], "float32"), {"size": 3}),
    (np.array([True, False, True]), {"size": 3}),
    (np.random.default_rng(0).integers(0, 9, (40, 2)).astype("uint8"), {"axis": 0}),
    (np.random.default_rng(1).integers(0, 9, (4, 6)).astype("int16"), {}),
]


@oracle
@pytest.mark.parametrize("number", range(len(UNIQUES)))
def test_unique_is_as_in_keras(number):
    x, options = UNIQUES[number]
    calls = [lambda x: ops.unique(x, **EVERYTHING, **options)]
    if "size" in options:
        calls.append(jit(calls[0]))
    wanted = keras().ops.unique(x, **EVERYTHING, **options)
    for call in calls:
        for ours, theirs in zip(call(ops.array(x)), wanted, strict=True):
            theirs = np.asarray(theirs)
            assert ours.dtype == theirs.dtype.name
            np.testing.assert_array_equal(ours.numpy(), theirs)
            np.testing.assert_array_equal(np.signbit(ours.numpy()), np.signbit(theirs))


def test_unique_of_a_symbolic_tensor():
    found = ops.unique(mk.KerasTensor((None, 3)), size=4, axis=1, return_counts=True)
    assert [v.shape for v in found] == [(None, 4), (4,)]


SYMBOLIC = {
    "nonzero": lambda o, T: o.nonzero(T((None, 5, 6))),
    "unique": lambda o, T: o.unique(T((None, 3))),
    "unique of slices": lambda o, T: o.unique(
        T((2, 4)), axis=0, return_index=True, return_inverse=True
    ),
    "all of unique": lambda o, T: o.unique(T((2, 4)), **EVERYTHING),
    "unique along the last": lambda o, T: o.unique(
        T((2, 4)), axis=-1, return_counts=True
    ),
    "segment_sum": lambda o, T: o.segment_sum(T((10, 4)), T((10,), "int32")),
    "segment_max": lambda o, T: o.segment_max(T((None, 4)), T((None,), "int32")),
    "bincount": lambda o, T: o.bincount(T((5,), "int32"), minlength=4),
    "reshape": lambda o, T: o.reshape(T((None, 20)), T((2,), "int32")),
    "reshape to a size": lambda o, T: o.reshape(T((None, 20)), (-1, T((), "int32"), 4)),
    "slice": lambda o, T: o.slice(T((10, 8)), T((2,), "int32"), (-1, 3)),
    "repeat": lambda o, T: o.repeat(T((None, 3)), [1, 2], axis=0),
    "diag": lambda o, T: [o.diag(T((3, None)), k=k) for k in (0, 1, -2)],
    "diagonal": lambda o, T: [o.diagonal(T((None, 3, 3))), o.diagonal(T((3, 3, None)))],
    "view": lambda o, T: [
        o.view(T((None, 4), "int32"), t)
        for t in ("uint8", "float16", "int64", "uint32")
    ],
    "view of unknown length": lambda o, T: o.view(T((2, None), "int8"), "int32"),
}


@oracle
@pytest.mark.parametrize("name", SYMBOLIC)
def test_sizes_that_hang_on_values_are_none_symbolically(name):
    call = SYMBOLIC[name]
    wanted = tree.flatten(call(keras().ops, keras().KerasTensor))
    for ours, theirs in zip(
        tree.flatten(call(ops, mk.KerasTensor)), wanted, strict=True
    ):
        assert (ours.shape, ours.dtype) == (tuple(theirs.shape), theirs.dtype)


def test_a_model_of_sizes_that_hang_on_values_runs_eagerly():
    x = mk.Input((3,))
    model = mk.Model(x, ops.unique(x))
    data = np.array([[1.0, 2.0, 1.0]], "float32")
    assert model(data).tolist() == [1.0, 2.0]
    with pytest.raises(ValueShapeError, match=r"unique.*run_eagerly=True"):
        model.predict(data, verbose=0)
    model.compile(run_eagerly=True)
    assert model.predict(data, verbose=0).tolist() == [1.0, 2.0]


def test_nothing_to_tell_apart():
    found = ops.unique(np.zeros((0, 2)), size=2, fill_value=1, **EVERYTHING)
    assert [v.tolist() for v in found] == [[1.0, 1.0], [0, 0], [], [0, 0]]
    assert ops.unique(np.zeros((0,))).shape == (0,)
    assert ops.histogram(np.zeros(0), 2)[1].tolist() == [0.0, 0.5, 1.0]
    with pytest.raises(ValueError, match="expected a fill_value"):
        ops.unique(np.zeros((0,)), size=1)


def test_distinct_values_have_no_gradient():
    """As in Keras: which element a value came from is not said."""
    x = ops.array([2.0, 1.0, 2.0])
    with mk.GradientTape() as tape:
        tape.watch(x)
        y = ops.sum(ops.unique(x, size=2) * ops.array([1.0, 10.0]))
    assert tape.gradient(y, x).tolist() == [0.0, 0.0, 0.0]


@oracle
@pytest.mark.parametrize("dtype", ["float32", "int32", "bool", "float16"])
@pytest.mark.parametrize(
    "options", [{"bins": 9}, {"bins": 3}, {"bins": 7, "range": (-1, 2)}]
)
def test_histogram_is_as_in_keras(dtype, options):
    rng = np.random.default_rng(0)
    tolerance = 5e-3 if dtype == "float16" else 1e-6
    for x in (rng.normal(size=100) * 2, np.ones(4)):
        x = x.astype(dtype)
        wanted = keras().ops.histogram(x, **options)
        function = lambda x: ops.histogram(x, **options)  # noqa: E731
        for call in (function, jit(function)):
            for ours, theirs in zip(
                tree.flatten(call(ops.array(x))), wanted, strict=True
            ):
                theirs = np.asarray(theirs)
                assert ours.dtype == theirs.dtype.name
                np.testing.assert_allclose(ours.numpy(), theirs, tolerance, 1e-6)


@pytest.mark.parametrize("whole", [False, True])
def test_sizes_reckoned_in_tensors_are_read(whole):
    """As code does that was written for graphs, in functional models and in steps."""

    class Causal(mk.layers.Layer):
        def call(self, inputs):
            batch, steps = ops.shape(inputs)[:2]
            i = ops.arange(steps)
            mask = ops.cast(i[:, None] >= i, "float32")[None]
            times = ops.concatenate(
                [ops.expand_dims(ops.convert_to_tensor(batch, "int32"), 0), [1, 1]]
            )
            mask = ops.tile(mask, times)
            twice = ops.multiply(ops.convert_to_tensor([batch, steps, 1]), [1, 1, 3])
            return ops.matmul(mask, ops.broadcast_to(inputs, twice))

    inputs = mk.Input((4, 1) if whole else (None, 1))
    model = mk.Model(inputs, Causal()(inputs))
    assert model.output_shape == ((None, 4, 3) if whole else (None, None, 3))
    x = np.arange(8.0, dtype="float32").reshape(2, 4, 1)
    wanted = np.repeat(np.cumsum(x, axis=1), 3, axis=-1)
    np.testing.assert_array_equal(model(x).numpy(), wanted)
    np.testing.assert_array_equal(model.predict(x, verbose=0), wanted)
