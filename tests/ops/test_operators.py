"""Python's operators on Tensors, Variables and KerasTensors, beside those of keras."""

from __future__ import annotations

import copy
import operator

import numpy as np
import pytest

import minikeras
from minikeras import ops
from minikeras.engine.aval import ShapeError
from minikeras.engine.compile import jit
from tests.goldens.oracle import keras, oracle

BINARY = {
    name: getattr(operator, name)
    for name in (
        "add",
        "sub",
        "mul",
        "truediv",
        "floordiv",
        "mod",
        "pow",
        "matmul",
        "and_",
        "or_",
        "xor",
        "lshift",
        "rshift",
        "lt",
        "le",
        "gt",
        "ge",
        "eq",
        "ne",
    )
}
BINARY["divmod"] = divmod
UNARY = {
    "neg": operator.neg,
    "pos": operator.pos,
    "abs": abs,
    "invert": operator.invert,
    "round": round,
    "round1": lambda x: round(x, 1),
}
PAIRS = [("bool", "bool"), ("bool", "int32"), ("uint8", "int8"), ("int32", "int32"),
         ("int32", "float32"), ("float16", "float32"), ("float32", "float32")]  # fmt: skip
SCALARS = (True, 2, 2.5)
LEFT, RIGHT = np.array([[1, 2], [3, 1]]), np.array([[2, 1], [1, 3]])


def made(library, kind, values, dtype):
    """The values as a Tensor, Variable or, without them, KerasTensor of a library."""
    if kind == "KerasTensor":
        return library.KerasTensor(values.shape, dtype)
    if kind == "Variable":
        return library.Variable(values.astype(dtype), dtype=dtype)
    return library.ops.convert_to_tensor(values, dtype)


def outcome(library, kind, function, *operands):
    """What a library's operator gives: dtypes and shapes, and values if there are any."""
    try:
        result = function(*operands)
    except (TypeError, ValueError, IndexError):
        return None
    parts = result if isinstance(result, tuple) else (result,)
    if any(isinstance(p, bool) for p in parts):
        return parts
    seen = [(library.backend.standardize_dtype(p.dtype), tuple(p.shape)) for p in parts]
    if kind == "KerasTensor":
        return seen
    return seen, [np.asarray(p, "float64") for p in parts]


def operands(library, kind):
    """Every pair of operands that is tried, with what it is."""
    for a, b in PAIRS:
        for left, right in [(a, b)] + [(b, a)] * (kind == "KerasTensor" and a != b):
            yield (
                (left, right),
                (
                    made(library, kind, LEFT, left),
                    made(library, kind, RIGHT, right),
                ),
            )
    for dtype in ("bool", "int32", "float32"):
        # JAX compiles each of these, so values are compared for fewer.
        for scalar in SCALARS if kind == "KerasTensor" else SCALARS[1:]:
            tensor = made(library, kind, LEFT, dtype)
            yield (dtype, scalar), (tensor, scalar)
            yield (scalar, dtype), (scalar, tensor)


# What keras says of a symbolic call of bools is not what comes of running it.
UNTRUE = {("KerasTensor", name) for name in ("sub", "floordiv", "pow")}


@oracle
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["Tensor", "Variable", "KerasTensor"])
@pytest.mark.parametrize("name", BINARY)
def test_binary_operators_are_those_of_keras(kind, name):
    theirs = keras()
    for (what, given), (_, expected) in zip(
        operands(minikeras, kind), operands(theirs, kind), strict=True
    ):
        want = outcome(theirs, kind, BINARY[name], *expected)
        narrow = name == "matmul" and set(what) == {"int8"}
        if want is None or narrow:
            continue  # that we take more is no fault
        if (kind, name) in UNTRUE and {*what} <= {"bool", True}:
            continue
        got = outcome(minikeras, kind, BINARY[name], *given)
        assert got is not None, (name, what)
        np.testing.assert_equal(got, want, err_msg=f"{name} of {what}")


@oracle
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["Tensor", "Variable", "KerasTensor"])
@pytest.mark.parametrize("name", UNARY)
def test_unary_operators_are_those_of_keras(kind, name):
    theirs = keras()
    values = np.array([[-2, 2], [0, 1]])
    for dtype in ("bool", "int8", "int32", "float16", "float32"):
        want = outcome(theirs, kind, UNARY[name], made(theirs, kind, values, dtype))
        if want is None or (dtype == "bool" and kind == "KerasTensor"):
            continue
        got = outcome(
            minikeras, kind, UNARY[name], made(minikeras, kind, values, dtype)
        )
        np.testing.assert_equal(got, want, err_msg=f"{name} of {dtype}")


@pytest.mark.parametrize("name", ["and_", "or_", "xor"])
def test_logic_or_bits(name):
    function = BINARY[name]
    bits = function(np.int32([6, 0]), np.int32([3, 0]))
    logic = function(np.array([True, False]), np.array([True, False]))
    tensor, variable = ops.array([6, 0]), minikeras.Variable([6, 0])
    assert function(tensor, [3, 0]).tolist() == bits.tolist()
    assert function(variable, [3, 0]).tolist() == logic.tolist()
    assert function([3, 0], variable).tolist() == logic.tolist()
    x = minikeras.Input((2,))
    model = minikeras.Model(x, function(x, np.float32([3, 0])))
    assert model(np.float32([[6, 0]])).tolist() == [logic.tolist()]


def test_comparison_by_identity():
    x, y = minikeras.KerasTensor((2,)), minikeras.KerasTensor((2,))
    assert x == x and (x == y) is False and x in [y, x] and [y, x].index(x) == 1
    assert (x != y).dtype == "bool" and {x: 1}[x] == 1


def test_refusals():
    x = minikeras.KerasTensor((2,))
    for function in (bool, float, int, complex, len, list, np.asarray, operator.index):
        with pytest.raises(TypeError, match="no values"):
            function(x)
        if function not in (bool, len, list):  # keras raises ValueError for these
            with pytest.raises(ValueError, match="no values"):
                function(x)
    with pytest.raises(TypeError, match="no values"):
        3 in x  # noqa: B015
    with pytest.raises(TypeError, match="unsupported operand"):
        x + "a"
    variable = minikeras.Variable([1.0])
    with pytest.raises(TypeError, match="bool"):
        bool(variable)
    for thing in (x, variable, variable.value):
        with pytest.raises(TypeError, match="item assignment"):
            thing[0] = 2.0


def test_keras_tensor_arguments():
    x = minikeras.KerasTensor((2, 1, 3), ragged_rank=None, row_splits_dtype="int32")
    assert x.ragged_rank is None and x.row_splits_dtype == "int32" and x.record_history
    assert x.reshape((3, 2)).shape == (3, 2) and x.squeeze().shape == (2, 3)
    assert x.squeeze(axis=1).shape == (2, 3) and x.T.shape == (3, 1, 2)
    with pytest.raises(TypeError, match=r"\['colour'\]"):
        minikeras.KerasTensor((2,), colour=1)
    for wrong in (3, None, (2, -1), ("a",), (2.5,)):
        with pytest.raises(ValueError, match="expected a tuple of sizes"):
            minikeras.KerasTensor(wrong)
    with pytest.raises(AttributeError):
        x.shape = (3,)


MODELS = {
    "arithmetic": lambda x: (2 - x) * x / (x * x + 3) - 1.5,
    "whole": lambda x: (x // 2) ** 2 % 3 + abs(-x),
    "reflected": lambda x: 2 ** (3 // (x * x + 1)) + 5 % (x * x + 1) + 1 / (x * x + 1),
    "matmul": lambda x: x @ np.ones((4, 2), "float32"),
    "comparison": lambda x: ((x > 0) & (x <= 2)) | ~(x != 1) ^ (x < -1),
    "logic": lambda x: 0 | x & 1,
    "methods": lambda x: round(x.reshape((-1, 2, 2)) * 0.37, 1).squeeze(),
    "divmod": lambda x: divmod(x, 2.0)[1],
}


@pytest.mark.parametrize("name", MODELS)
def test_models_of_operators(name, backend):
    x = minikeras.Input((4,))
    model = minikeras.Model(x, MODELS[name](x))
    data = np.float32([[0, 1, -2, 3.5], [2, -1, 4, 0.5]])
    want = model(data).numpy()
    again = minikeras.Model.from_config(model.get_config())
    text = minikeras.models.model_from_json(model.to_json())
    for other in (again, text):
        np.testing.assert_array_equal(other(data), want)
    np.testing.assert_allclose(model.predict(data, verbose=0), want, rtol=1e-6)
    assert model.output.dtype == want.dtype.name
    plain = ops.convert_to_tensor(data)
    if name not in ("methods", "logic"):  # logic works on bits there
        np.testing.assert_allclose(MODELS[name](plain), want, rtol=1e-6)


@oracle
@pytest.mark.parametrize("dtype", ["bool", "int32", "float16", "float32"])
def test_numpy_scalars_do_not_widen(dtype):
    half = np.float64(0.5)
    for function in (lambda x: x * half, lambda x: half * x, lambda x: x + half):
        want = function(keras().ops.ones((2,), dtype)).dtype.name
        got = function(ops.ones((2,), dtype))
        assert got.dtype == want
        assert function(minikeras.Variable(got)).dtype == want
        assert function(minikeras.KerasTensor((2,), dtype)).dtype == want
    assert (ops.ones((2,), "float64") * half).dtype == "float64"
    assert (ops.ones((2,)) * np.ones(2)).dtype == "float64"  # arrays keep theirs


METHODS = {
    "all": lambda x: (x > 0).all(axis=1),
    "any": lambda x: (x > 0).any(),
    "argmax": lambda x: x.argmax(axis=1),
    "argmin": lambda x: x.argmin(),
    "argsort": lambda x: x.argsort(axis=0),
    "astype": lambda x: x.astype("int32"),
    "clip": lambda x: x.clip(-1, 2),
    "clip_low": lambda x: x.clip(min=0.5),
    "conj": lambda x: x.conj(),
    "copy": lambda x: x.copy(),
    "cumprod": lambda x: x.cumprod(axis=1),
    "cumsum": lambda x: x.cumsum(axis=0),
    "diagonal": lambda x: x.diagonal(),
    "dot": lambda x: x.dot(x.T),
    "flatten": lambda x: x.flatten(),
    "max": lambda x: x.max(axis=0, keepdims=True),
    "mean": lambda x: x.mean(),
    "min": lambda x: x.min(axis=-1),
    "mT": lambda x: x[None].mT,
    "nonzero": lambda x: x.nonzero()[0],
    "prod": lambda x: x.prod(axis=1),
    "ravel": lambda x: x.ravel(),
    "real": lambda x: x.real,
    "repeat": lambda x: x.repeat(2, axis=1),
    "reshape": lambda x: x.reshape(3, 2) + x.reshape((-1, 2)),
    "round": lambda x: x.round(1),
    "sort": lambda x: x.sort(axis=0),
    "squeeze": lambda x: x[None].squeeze(),
    "std": lambda x: x.std(axis=0),
    "sum": lambda x: x.sum(axis=(0, 1)),
    "swapaxes": lambda x: x.swapaxes(0, 1),
    "take": lambda x: x.take(np.int32([0, 2]), axis=1),
    "trace": lambda x: x.trace(),
    "transpose": lambda x: x.transpose() + x.transpose(1, 0) + x.transpose((1, 0)),
    "var": lambda x: x.var(),
}


@oracle
@pytest.mark.parametrize("name", METHODS)
def test_array_methods_are_those_of_jax(name):
    values = np.float32([[1.25, -2, 3], [0.5, 4, -1.15]])
    want = METHODS[name](keras().ops.convert_to_tensor(values))
    got = METHODS[name](ops.convert_to_tensor(values))
    assert (got.dtype, got.shape) == (want.dtype.name, want.shape)
    np.testing.assert_allclose(got, want, rtol=1e-6)
    if name != "nonzero":  # its shape depends on the values
        np.testing.assert_allclose(jit(METHODS[name])(values), want, rtol=1e-6)


def test_tensors_as_containers():
    x = ops.array([[1.5, 2.0], [3.0, 4.0]])
    assert 3.0 in x and 7.0 not in x and len(x) == 2 and x.nbytes == 16
    assert [row.tolist() for row in x] == [[1.5, 2.0], [3.0, 4.0]]
    assert complex(x[0, 0]) == 1.5 + 0j and copy.copy(x) is x and x.itemsize == 4
    assert 2.0 in minikeras.Variable([1.0, 2.0])
    with pytest.raises(ShapeError, match="cannot be broadcast"):
        x + ops.ones((3, 1, 3))
