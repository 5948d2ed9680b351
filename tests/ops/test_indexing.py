"""`x[...]`: values against NumPy, symbolic shapes against keras, models, errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minikeras
from minikeras import ops
from minikeras.engine.aval import ShapeError
from minikeras.engine.compile import jit
from minikeras.engine.tensor import TraceError
from tests.goldens.oracle import keras, oracle

SHAPE = (3, 4, 5)
X = np.arange(60).reshape(SHAPE)
S = slice


def indices(size):
    """One entry of a key for an axis of that size; arrays broadcast with one another."""
    bound = st.none() | st.integers(-size - 2, size + 2)
    step = st.none() | st.integers(-3, 3).filter(bool)
    integer = st.integers(-size, size - 1)
    return st.one_of(
        integer,
        st.builds(slice, bound, bound, step),
        st.lists(integer, min_size=2, max_size=2),
        st.lists(integer, min_size=2, max_size=2).map(lambda v: np.array([v], "int64")),
    )


@st.composite
def keys(draw):
    parts = [draw(indices(n)) for n in SHAPE[: draw(st.integers(0, len(SHAPE)))]]
    last = draw(st.integers(0, len(SHAPE) - len(parts)))
    if draw(st.booleans()):
        parts += [Ellipsis, *(draw(indices(n)) for n in SHAPE[len(SHAPE) - last :])]
    for _ in range(draw(st.integers(0, 2))):
        parts.insert(draw(st.integers(0, len(parts))), None)
    return tuple(parts)


@given(keys())
def test_values_are_those_of_numpy(key):
    want = X[key]
    got = ops.convert_to_tensor(X)[key]
    np.testing.assert_array_equal(got, want)
    assert minikeras.KerasTensor(SHAPE, "int32")[key].shape == want.shape


@given(keys())
def test_unknown_sizes_stay_unknown(key):
    symbolic = minikeras.KerasTensor((None, 4, None))[key].shape
    for sizes in ((3, 4, 5), (3, 4, 9), (8, 4, 5)):
        real = np.zeros(sizes)[key].shape
        assert len(symbolic) == len(real)
        for known, size in zip(symbolic, real, strict=True):
            assert known is None or known == size


@given(st.data())
def test_masks(data):
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=12, max_size=12)))
    x = ops.convert_to_tensor(X)
    two = mask.reshape(3, 4)
    np.testing.assert_array_equal(x[two], X[two])
    np.testing.assert_array_equal(x[two, 1:3], X[two, 1:3])
    np.testing.assert_array_equal(x[:, two[0]], X[:, two[0]])
    np.testing.assert_array_equal(x[two[:, 0]], X[two[:, 0]])
    np.testing.assert_array_equal(x[x > 30], X[X > 30])
    np.testing.assert_array_equal(x[..., two[0], None, 0], X[..., two[0], None, 0])


# Keys that keras can index a KerasTensor with: a lone slice, a list or an array it cannot.
TAKEN = [
    0, -1, 5, -4, (0, 1), (S(None), -1), (S(1, 3),), (S(3, 0, -1),), (S(3, 0, -2),),
    (S(None, None, 2),), (S(None, None, -1), 0), (None, 0), (Ellipsis, 0), (0, Ellipsis),
    (Ellipsis, None), (None, None), (0, S(None), None), (S(1, 1),), (S(5, 9),),
    (S(-1, None),), (S(-1, 0),), (S(-5, 2),), (S(None, -1),), (S(2, 100, 3),),
    (S(0, 2), S(1, None)), (None, Ellipsis, None), (S(-1, -3, -1),), (S(None, 5, 2),),
    (S(None), S(1, 3)), (S(None), S(None), S(None, None, -2)), (Ellipsis, S(-2, None)),
    (0, 0, 0, 0), (Ellipsis, 0, Ellipsis), 1.5, "a",
]  # fmt: skip


@oracle
@pytest.mark.parametrize("shape", [(2, 3, 4), (None, 3, 4), (None, None, 4)])
def test_symbolic_shapes_are_those_of_keras(shape):
    for key in TAKEN:
        try:
            want = keras().KerasTensor(shape, "float16")[key]
        except ValueError:
            with pytest.raises(ValueError, match="get_item"):
                minikeras.KerasTensor(shape)[key]
            continue
        got = minikeras.KerasTensor(shape, "float16")[key]
        assert (got.shape, got.dtype) == (want.shape, want.dtype), key


MODELS = {
    "slices": lambda x: x[1:, ::2, :-1],
    "from_the_end": lambda x: x[:, -1],
    "backwards": lambda x: x[..., 3:0:-2],
    "new_axes": lambda x: x[:, None, 0, ..., None],
    "list": lambda x: x[[0, 1, 0]],
    "two_lists": lambda x: x[:, [0, 2], [1, 3]],
    "array": lambda x: x[:, np.array([[0, -1], [2, 2]])],
    "mask": lambda x: x[:, np.array([True, False, True, True])],
    "lone_slice": lambda x: x[:2],
    "tensor": lambda x: x[:, ops.argmax(x[0, :, 0])],
    "in_arithmetic": lambda x: x[:, 1:] - x[:, :-1] + x[0:, :1],
}


@pytest.mark.parametrize("name", MODELS)
def test_models(name, backend):
    x = minikeras.Input((4, 5))
    model = minikeras.Model(x, MODELS[name](x))
    data = X.astype("float32")
    want = model(data).numpy()
    np.testing.assert_array_equal(want, MODELS[name](ops.convert_to_tensor(data)))
    again = minikeras.Model.from_config(model.get_config())
    text = minikeras.models.model_from_json(model.to_json())
    for other in (again, text, jit(model)):
        np.testing.assert_array_equal(other(data), want)
    for known, size in zip(model.output.shape, want.shape, strict=True):
        assert known is None or known == size


def test_gradients_reach_what_was_picked():
    v = minikeras.Variable(X.astype("float32"))
    with minikeras.GradientTape() as tape:
        y = ops.sum(v[1:, [0, 0, 2], ::-2] ** 2)
    want = np.zeros(SHAPE)
    np.add.at(want, (slice(1, None), [0, 0, 2], slice(None, None, -2)),
              2 * X[1:, [0, 0, 2], ::-2])  # fmt: skip
    np.testing.assert_array_equal(tape.gradient(y, v), want)


def test_indices_beyond_the_end():
    x = ops.convert_to_tensor(X)
    for key in (3, -4, (0, 4), (0, 0, 0, 0)):
        with pytest.raises(IndexError, match="get_item"):
            x[key]
        with pytest.raises(ShapeError, match=r"\(3, 4, 5\)"):
            minikeras.KerasTensor(SHAPE)[key]
    # Of arrays the values are not looked at, so as to be the same when compiled.
    assert x[np.array([7]), 0, 0].tolist() == [40]
    with pytest.raises(IndexError, match=r"mask of shape \(2,\) at axis 1"):
        x[:, [True, False]]


def test_wrong_keys():
    x = ops.convert_to_tensor(X)
    for key in ("a", 1.5, [0.5], True, {"a": 1}, (0, "b")):
        with pytest.raises(ValueError):
            x[key]
    with pytest.raises(ShapeError, match=r"axis 1 .*step cannot be zero"):
        x[0, ::0]
    with pytest.raises(ShapeError, match="integers or None"):
        x[:"a"]
    assert x[[]].shape == (0, 4, 5)
    with pytest.raises(TraceError, match=r"bool mask.* of shape \(3,\)"):
        minikeras.KerasTensor(SHAPE)[minikeras.KerasTensor((3,), "bool")]
    with pytest.raises(ValueError, match="no values"):
        x[: minikeras.KerasTensor((), "int32")]
