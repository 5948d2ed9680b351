"""NumPy's and SciPy's functions take tensors; tapes and compiled functions refuse them."""

import copy
import io
import json
import pickle

import numpy as np
import pytest

import minikeras as keras
from minikeras.engine.compile import jit
from minikeras.engine.dtypes import ALLOWED, DTYPES, standardize

ROWS = np.float32([[1, 2], [3, 4]])
LINE = np.float32([1, 3, 2, 3])


# Functions of NumPy, called on a tensor and on the array that it holds.
FUNCTIONS = {
    "concatenate": lambda t, v: np.concatenate([t, t]),
    "concatenate with an array": lambda t, v: np.concatenate([t, np.zeros((1, 2))]),
    "stack": lambda t, v: np.stack([t, t]),
    "vstack": lambda t, v: np.vstack([v, v]),
    "block": lambda t, v: np.block([[t, t]]),
    "exp": lambda t, v: np.exp(t),
    "negative": lambda t, v: np.negative(t),
    "maximum": lambda t, v: np.maximum(t, 2),
    "add to a buffer": lambda t, v: np.add(t, t, out=np.empty((2, 2), "float32")),
    "add where": lambda t, v: np.add(
        t, t, where=np.eye(2, dtype=bool), out=np.zeros((2, 2))
    ),
    "add.reduce": lambda t, v: np.add.reduce(t),
    "multiply.outer": lambda t, v: np.multiply.outer(v, v),
    "add.at": lambda t, v: _added_at(v),
    "frexp": lambda t, v: np.frexp(t)[1],
    "unique": lambda t, v: np.unique(v),
    "unique with counts": lambda t, v: np.unique(v, return_counts=True)[1],
    "save": lambda t, v: _saved(t),
    "savez": lambda t, v: _zipped(t),
    "savetxt": lambda t, v: np.savetxt(io.BytesIO(), t),
    "array_equal": lambda t, v: np.array_equal(t, ROWS),
    "allclose": lambda t, v: np.allclose(t, t),
    "corrcoef": lambda t, v: np.corrcoef(v, v),
    "fft": lambda t, v: np.fft.fft(v),
    "rfft2": lambda t, v: np.fft.rfft2(t),
    "permutation": lambda t, v: np.random.RandomState(0).permutation(v),
    "permutation by rows": lambda t, v: np.random.default_rng(0).permutation(t),
    "choice": lambda t, v: np.random.default_rng(0).choice(v, 3),
    "apply_along_axis": lambda t, v: np.apply_along_axis(sum, 0, t),
    "histogram": lambda t, v: np.histogram(v)[0],
    "median": lambda t, v: np.median(t),
    "median by axis": lambda t, v: np.median(t, axis=0),
    "percentile": lambda t, v: np.percentile(v, 30),
    "sum in float64": lambda t, v: np.sum(t, dtype="float64"),
    "sum into a buffer": lambda t, v: np.sum(t, axis=0, out=np.zeros(2)),
    "norm": lambda t, v: np.linalg.norm(t),
    "inv": lambda t, v: np.linalg.inv(t),
    "einsum": lambda t, v: np.einsum("ij,jk", t, t),
    "where": lambda t, v: np.where(t > 2, t, 0),
    "pad": lambda t, v: np.pad(t, 1),
    "tile": lambda t, v: np.tile(t, 2),
    "digitize": lambda t, v: np.digitize(v, [2, 3]),
    "interp": lambda t, v: np.interp(1.5, [1, 2], v[:2]),
    "polyfit": lambda t, v: np.polyfit([0, 1, 2, 3], v, 1),
    "cov": lambda t, v: np.cov(t),
    "copyto": lambda t, v: _copied(t),
    "assert_allclose": lambda t, v: np.testing.assert_allclose(t, ROWS),
    "assert_array_equal": lambda t, v: np.testing.assert_array_equal(ROWS, t),
    "asarray": lambda t, v: np.asarray(t),
    "vectorize": lambda t, v: np.vectorize(lambda x: x + 1)(t),
    "result_type": lambda t, v: np.result_type(t),
    "broadcast_to": lambda t, v: np.broadcast_to(v, (2, 4)),
    "array2string": lambda t, v: np.array2string(t),
}
# What NumPy hands to the array's own method gives tensors, as on JAX's arrays.
METHODS = {
    "sum": lambda t: np.sum(t),
    "sum by axis": lambda t: np.sum(t, axis=1, keepdims=True),
    "mean": lambda t: np.mean(t, axis=0),
    "max": lambda t: np.max(t),
    "std": lambda t: np.std(t),
    "argmax": lambda t: np.argmax(t, axis=1),
    "reshape": lambda t: np.reshape(t, (4, 1)),
    "transpose": lambda t: np.transpose(t),
    "repeat": lambda t: np.repeat(t, 2),
}
OPERATORS = {
    "array + tensor": lambda t: np.ones((2, 2), "float32") + t,
    "array @ tensor": lambda t: ROWS @ t,
    "number ** tensor": lambda t: np.float32(2) ** t,
    "array == tensor": lambda t: t == ROWS,
    "array < tensor": lambda t: np.float32(2) < t,
    "array // tensor": lambda t: ROWS // t,
}


def _added_at(v):
    made = np.zeros(4)
    np.add.at(made, [0, 1, 1, 2], v)
    return made


def _saved(t):
    file = io.BytesIO()
    np.save(file, t)
    file.seek(0)
    return np.load(file)


def _zipped(t):
    file = io.BytesIO()
    np.savez(file, a=t)
    file.seek(0)
    return np.load(file)["a"]


def _copied(t):
    made = np.zeros((2, 2))
    np.copyto(made, t)
    return made


def same(found, expected):
    assert type(found) is type(expected)
    np.testing.assert_array_equal(found, expected)
    assert getattr(found, "dtype", None) == getattr(expected, "dtype", None)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("kind", [keras.ops.convert_to_tensor, keras.Variable])
def test_functions_work_on_values(name, kind):
    function = FUNCTIONS[name]
    same(function(kind(ROWS), kind(LINE)), function(ROWS, LINE))


@pytest.mark.parametrize("name", [*METHODS, *OPERATORS])
def test_methods_and_operators_give_tensors(name):
    function = {**METHODS, **OPERATORS}[name]
    found = function(keras.ops.convert_to_tensor(ROWS))
    assert type(found).__name__ == "Tensor"
    np.testing.assert_allclose(np.asarray(found), function(ROWS), rtol=1e-6)


REFUSED = [n for n in FUNCTIONS if n not in ("asarray", "broadcast_to", "result_type")]


def _numpy_of_its_own(name):
    # These convert first, or look at values one by one, which is a conversion like others.
    return name in ("permutation", "permutation by rows", "choice", "vectorize", "interp",
                    "add.at", "assert_allclose", "assert_array_equal", "savez",
                    "where", "array2string")  # fmt: skip


@pytest.mark.parametrize("name", [n for n in REFUSED if not _numpy_of_its_own(n)])
def test_a_tape_refuses_what_it_cannot_follow(name):
    t, v = keras.Variable(ROWS), keras.Variable(LINE)
    with keras.GradientTape():
        with pytest.raises(TypeError, match=r"inside a GradientTape.*keras\.ops"):
            FUNCTIONS[name](t * 1, v * 1)
        FUNCTIONS[name](
            keras.ops.convert_to_tensor(ROWS), keras.ops.convert_to_tensor(LINE)
        )
    FUNCTIONS[name](t, v)  # afterwards they work


@pytest.mark.parametrize("name", REFUSED)
def test_a_compiled_function_refuses(name):
    with pytest.raises(TypeError, match=r"inside a compiled function|being compiled"):
        jit(lambda t, v: [FUNCTIONS[name](t, v), t][1]).program_for(ROWS, LINE)


@pytest.mark.parametrize("name", [*METHODS, *OPERATORS])
def test_methods_and_operators_are_compiled(name):
    function = {**METHODS, **OPERATORS}[name]
    compiled = jit(function)
    found = compiled(ROWS)
    np.testing.assert_allclose(np.asarray(found), function(ROWS), rtol=1e-6)
    assert not compiled.fallback


def test_the_error_reaches_the_caller_of_a_compiled_function():
    compiled = jit(lambda t: np.exp(t))
    with pytest.raises(
        TypeError, match=r"numpy\.exp.*compiled function.*keras\.ops\.exp"
    ):
        compiled(ROWS)
    assert not compiled.fallback


def test_an_array_on_the_left_is_recorded():
    x = keras.Variable(ROWS)
    with keras.GradientTape() as tape:
        y = keras.ops.sum(np.full((2, 2), 3, "float32") * x)
    assert tape.gradient(y, x).numpy().tolist() == [[3.0, 3.0], [3.0, 3.0]]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_in_place_sums(dtype):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    x = np.ones((4, 3), "float32")
    total = here = np.zeros((4, 2), dtype)
    for _ in range(3):
        total += model(x)
    total -= model(x)
    total *= model(x) * 0 + 2
    total /= model.weights[1] + 4
    assert total is here
    np.testing.assert_allclose(total, model.predict(x, verbose=0), rtol=1e-5)


def test_in_place_under_a_tape_is_refused_and_changes_nothing():
    x = keras.Variable(ROWS)
    total = np.zeros((2, 2), "float32")
    with (
        keras.GradientTape(),
        pytest.raises(TypeError, match=r"numpy\.add.*GradientTape"),
    ):
        total += x * 2
    assert not total.any()


def test_a_tensor_is_not_written():
    t = keras.ops.convert_to_tensor(ROWS)
    with pytest.raises(TypeError, match="out is a Tensor"):
        np.exp(ROWS, out=t)


def test_scipy():
    special = pytest.importorskip("scipy.special")
    ndimage = pytest.importorskip("scipy.ndimage")
    distance = pytest.importorskip("scipy.spatial.distance")
    for function in (
        special.expit,
        special.erf,
        special.softmax,
        special.logsumexp,
        lambda t: ndimage.zoom(t, 2),
        lambda t: distance.cdist(t, t),
    ):
        same(function(keras.ops.convert_to_tensor(ROWS)), function(ROWS))


# Dtypes.


@pytest.mark.parametrize("name", ALLOWED)
def test_a_dtype_is_a_name_and_numpys(name):
    dtype = keras.ops.cast(keras.ops.ones((2,)), name).dtype
    real = np.asarray(keras.ops.cast(keras.ops.ones((2,)), name)).dtype
    assert dtype is DTYPES[name]
    for other in (name, real, real.type):
        assert dtype == other
        assert other == dtype
        assert not dtype != other  # noqa: SIM202 - the operator itself
    for other in ("int", None, 3, object, np.dtype("S3"), "float", np.datetime64):
        assert dtype != other
        assert not dtype == other  # noqa: SIM201
    assert (dtype.name, dtype.kind, dtype.itemsize) == (name, real.kind, real.itemsize)
    assert dtype.type is real.type
    assert isinstance(dtype, str)
    assert f"{dtype}" == name == str(dtype)
    assert hash(dtype) == hash(name)
    assert {name: 1}[dtype] == {dtype: 1}[name] == 1
    assert type(standardize(dtype)) is str
    assert np.dtype(dtype) == real
    assert np.zeros(2, dtype).dtype == real
    assert json.loads(json.dumps({"dtype": dtype})) == {"dtype": name}
    for copied in (
        copy.copy(dtype),
        copy.deepcopy(dtype),
        pickle.loads(pickle.dumps(dtype)),
    ):
        assert copied is dtype
    with pytest.raises(AttributeError):
        _ = dtype.nothing


def test_dtypes_of_different_names_differ():
    for a in ALLOWED:
        for b in ALLOWED:
            assert (DTYPES[a] == DTYPES[b]) is (a == b)
            assert (DTYPES[a] != DTYPES[b]) is (a != b)
    assert np.issubdtype(keras.ops.ones(()).dtype, np.floating)
    assert np.finfo(keras.ops.ones(()).dtype).eps == np.finfo("float32").eps


def test_device():
    assert keras.ops.ones((2,)).device == "cpu:0"
    with keras.device(keras.ops.ones((2,)).device):
        pass


def test_a_number_in_a_text():
    assert (
        f"{keras.ops.convert_to_tensor(0.1)} {keras.ops.ones((), 'int32')}" == "0.1 1"
    )
    assert f"{keras.ops.convert_to_tensor(0.125):.2f}" == "0.12"
    assert f"{keras.ops.ones((2,))}".startswith("<Tensor")
