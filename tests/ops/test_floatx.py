"""What `config.set_floatx` changes: the float dtype wherever none is given.

Keras on JAX is an oracle of the functions that create, but hardly of promotion. There
eager and symbolic calls contradict each other: under float16 `log` of integers is
float32 and float16, and under bfloat16 the lattice says float16. So the rule is taken
from the golden of float32, which is the default: of arguments without a float, a float
result is the default one, and all other results stay as they are.
"""

import warnings

import numpy as np
import pytest

from minikeras import config, ops, random
from minikeras.engine import dtypes
from minikeras.engine.compile import jit
from minikeras.engine.symbolic import KerasTensor, infer_call
from minikeras.variable import Variable
from tests.goldens.oracle import keras, oracle
from tests.ops.cases_dtypes import ROWS, SMALL
from tests.ops.table import flat
from tests.ops.test_dtypes import NO_FACTOR, REFUSED, golden, ours

NAMES = ("bool", "int32", "float16", "float32")
# The mean of integers is float32 whatever the default, as in keras.
MEANS = {"mean", "nanmean"}
# Their default alone, or Python floats and integers as strong as it, decide.
STRONG = {
    "one_hot", "multi_hot", "arctan2", "logaddexp", "logaddexp2", "psnr",
    "categorical_crossentropy", "sparse_categorical_crossentropy",
}  # fmt: skip


@pytest.fixture(params=["float16", "bfloat16", "float64"])
def floatx(request):
    config.set_floatx(request.param)
    yield request.param
    config.set_floatx("float32")


def rows():
    """Those whose floats are all in the slots that vary."""
    for row in ROWS:
        kinds = [s.draw(0).dtype.kind for s in flat(row.case.args)]
        if all(k != "f" or i in row.slots for i, k in enumerate(kinds)):
            yield row


@pytest.mark.parametrize("row", list(rows()), ids=lambda row: row.label)
def test_promotion(row, floatx):
    known = dict(zip(row.combinations(SMALL), golden()[row.label], strict=True))
    name = row.case.name
    for combination in row.combinations(NAMES):
        wanted = known[combination]
        if wanted == REFUSED or (name, combination) == NO_FACTOR:
            continue
        given = {n for n in combination if n.startswith("float")}
        if not given and name not in MEANS:
            wanted = wanted.replace("float32", floatx)
        found = ours(row, combination)
        if name in STRONG and given:
            wide = dtypes.result_type(floatx, *given)
            assert found in (wanted, wide, floatx), combination
        else:
            assert found == wanted, combination


CREATED = {
    "zeros": lambda o: o.zeros((2,)),
    "ones": lambda o: o.ones((2,)),
    "empty": lambda o: o.empty((2,)),
    "full": lambda o: o.full((2,), 1),
    "eye": lambda o: o.eye(2),
    "identity": lambda o: o.identity(2),
    "tri": lambda o: o.tri(2),
    "one_hot": lambda o: o.one_hot(np.array([0, 1]), 3),
    "multi_hot": lambda o: o.multi_hot(np.array([0, 1]), 3),
    "hamming": lambda o: o.hamming(3),
    "hanning": lambda o: o.hanning(3),
    "bartlett": lambda o: o.bartlett(3),
    "blackman": lambda o: o.blackman(3),
    "kaiser": lambda o: o.kaiser(3, 1.0),
}
DRAWN = {
    "normal": lambda r: r.normal((2,), seed=1),
    "uniform": lambda r: r.uniform((2,), seed=1),
    "uniform_range": lambda r: r.uniform((2,), 1.0, 3.0, seed=1),
    "truncated_normal": lambda r: r.truncated_normal((2,), seed=1),
    "gamma": lambda r: r.gamma((2,), 2.0, seed=1),
    "beta": lambda r: r.beta((2,), 2.0, 3.0, seed=1),
    "binomial": lambda r: r.binomial((2,), 9, 0.5, seed=1),
    "randint": lambda r: r.randint((2,), 0, 9, seed=1),
    "categorical": lambda r: r.categorical(np.zeros((1, 3), "float32"), 2, seed=1),
}


@pytest.mark.parametrize("name", [*CREATED, *DRAWN])
def test_what_is_created_has_the_default(name, floatx):
    wanted = "int32" if name in ("randint", "categorical") else floatx
    draw = DRAWN.get(name)
    call = (lambda: draw(random)) if draw else (lambda: CREATED[name](ops))
    assert call().dtype == wanted
    assert jit(call)().dtype == wanted


@oracle
@pytest.mark.parametrize("name", [*CREATED, *DRAWN])
def test_what_keras_creates_has_the_default(name, floatx):
    theirs = keras()
    import jax

    theirs.config.set_floatx(floatx)
    try:
        with jax.enable_x64(True), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it takes indices for floats in bfloat16
            if name in DRAWN:
                wanted = jax.eval_shape(lambda: DRAWN[name](theirs.random)).dtype
            else:
                wanted = CREATED[name](theirs.ops).dtype
    finally:
        theirs.config.set_floatx("float32")
    source = random if name in DRAWN else ops
    assert (DRAWN.get(name) or CREATED[name])(source).dtype == str(wanted)


PYTHON = {
    "number": lambda: ops.convert_to_tensor(1.5),
    "list": lambda: ops.convert_to_tensor([[1.0, 2.0]]),
    "mixed list": lambda: ops.array([1, 2.0]),
    "operator": lambda: ops.array([1, 2]) * 0.5,
    "division": lambda: ops.array([1, 2]) / ops.array([2, 2]),
    "where": lambda: ops.where(ops.array([True]), 1.0, 0.0),
    "arange": lambda: ops.arange(0.0, 1.0, 0.5),
    "linspace": lambda: ops.linspace(0, 1, 3),
    "logspace": lambda: ops.logspace(0, 1, 3),
    "geomspace": lambda: ops.geomspace(1, 2, 3),
    "cast": lambda: ops.cast([1, 2], "float"),
    "cast to float": lambda: ops.cast([1, 2], float),
    "sum": lambda: ops.sum([1.0, 2.0]),
    "average": lambda: ops.average(ops.array([1, 2])),
    "variable": lambda: Variable([1.0, 2.0]),
    "variable that is filled": lambda: Variable(ops.zeros, shape=(2,)),
    "dropout": lambda: random.dropout(ops.array([1, 2]), 0.5, seed=1),
    "moments": lambda: ops.moments(ops.array([[1, 2]]), axes=[1])[0],
    "symbolic call": lambda: infer_call(ops.sqrt, KerasTensor((None, 2), "int32")),
}


@pytest.mark.parametrize("name", PYTHON)
def test_python_floats_have_the_default(name, floatx):
    assert PYTHON[name]().dtype == floatx


KEPT = {
    "array": (lambda: ops.convert_to_tensor(np.ones(2, "float32")), "float32"),
    "integers": (lambda: ops.convert_to_tensor([1, 2]), "int32"),
    "arange": (lambda: ops.arange(3), "int32"),
    "weak": (lambda: ops.ones((2,), "float32") * 0.5, "float32"),
    "weak half": (lambda: ops.add(ops.ones((2,), "float16"), 1.0), "float16"),
    "like": (lambda: ops.zeros_like(np.ones(2, "float32")), "float32"),
    "integers with integers": (lambda: ops.array([1]) + 1, "int32"),
    "softmax": (lambda: ops.softmax(ops.ones((2,), "float32")), "float32"),
    "mean": (lambda: ops.mean(ops.array([1, 2])), "float32"),
}


@pytest.mark.parametrize("name", KEPT)
def test_what_has_a_dtype_keeps_it(name, floatx):
    call, wanted = KEPT[name]
    assert call().dtype == wanted


def test_compiled_functions_follow_a_new_default():
    half = jit(lambda x: x * 0.5)
    for name in ("float32", "float16", "float64", "float32"):
        config.set_floatx(name)
        assert half(np.array([1, 2])).dtype == name
    config.set_floatx("float32")


def test_no_other_name_is_taken():
    for wrong in ("int32", "float", None, "double"):
        with pytest.raises(ValueError, match="expected one of"):
            config.set_floatx(wrong)
    assert config.floatx() == "float32"
