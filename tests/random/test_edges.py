"""Draws at the ends of their parameters, in every dtype; beside Keras on JAX."""

import numpy as np
import pytest

from minikeras import ops, random
from minikeras.engine import dtypes
from minikeras.engine.autodiff import GradientTape
from minikeras.engine.compile import jit
from tests.goldens.oracle import keras, oracle

INF, NAN = float("inf"), float("nan")
MANY = (50_000,)
LIKE_UNIFORM = {
    "normal": lambda r, **k: r.normal((7,), **k),
    "uniform": lambda r, **k: r.uniform((7,), **k),
    "uniform_range": lambda r, **k: r.uniform((7,), 1.0, 3.0, **k),
    "truncated_normal": lambda r, **k: r.truncated_normal((7,), **k),
    "gamma": lambda r, **k: r.gamma((7,), 2.0, **k),
    "beta": lambda r, **k: r.beta((7,), 2.0, 3.0, **k),
    "binomial": lambda r, **k: r.binomial((7,), 20, 0.5, **k),
}
WHOLE = {
    "randint": lambda r, **k: r.randint((7,), 0, 100, **k),
    "categorical": lambda r, **k: r.categorical(np.zeros((2, 5), "float32"), 7, **k),
}


@pytest.mark.parametrize("dtype", dtypes.FLOATS)
@pytest.mark.parametrize("name", LIKE_UNIFORM)
def test_float_dtypes(name, dtype, backend):
    draw = LIKE_UNIFORM[name]
    x = draw(random, seed=1, dtype=dtype)
    assert x.dtype == dtype and x.shape == (7,)
    wide = draw(random, seed=1).numpy().astype("float64")
    if dtype != "float64" and name != "uniform":  # computed as float32, then rounded
        tolerance = {"float16": 2.0**-10, "bfloat16": 2.0**-7}.get(dtype, 0)
        np.testing.assert_allclose(x.numpy().astype("float64"), wide, rtol=tolerance)


@pytest.mark.parametrize("dtype", [*dtypes.SIGNED, *dtypes.UNSIGNED])
@pytest.mark.parametrize("name", WHOLE)
def test_integer_dtypes(name, dtype, backend):
    draw = WHOLE[name]
    x = draw(random, seed=1, dtype=dtype)
    assert x.dtype == dtype
    assert x.tolist() == draw(random, seed=1).tolist()


@pytest.mark.parametrize("dtype", dtypes.FLOATS)
@pytest.mark.parametrize("ends", [(1, 3), (-1, 0), (0.1, 0.3), (-6e4, 6e4), (0, 1e-7)])
def test_uniform_never_reaches_its_end(dtype, ends, backend):
    kind = dtypes.numpy_dtype(dtype)
    low, high = np.asarray(ends).astype(kind).astype("float64")
    for given in (ends, [ops.array(e, dtype) for e in ends]):
        x = random.uniform(MANY, *given, dtype=dtype, seed=3)
        x = x.numpy().astype("float64")
        assert x.min() >= low and x.max() < high
        if high - low > 1e-3 or dtype in ("float32", "float64"):
            assert abs(x.mean() - (low + high) / 2) < 0.02 * (high - low)


def test_uniform_of_no_range():
    for dtype in dtypes.FLOATS:
        for ends in ((2.0, 2.0), (2.0, 1.0)):
            for given in (ends, [ops.array(e, dtype) for e in ends]):
                x = random.uniform((50,), *given, dtype=dtype, seed=1)
                assert set(x.numpy().astype("float64").tolist()) == {2.0}


def test_gradients_of_the_parameters(backend):
    draws = {
        "uniform": lambda a, b: random.uniform((500,), a, b, seed=1),
        "normal": lambda a, b: random.normal((500,), a, b - a, seed=1),
        "truncated_normal": lambda a, b: random.truncated_normal((500,), a, b, seed=1),
    }
    for name, draw in draws.items():
        ends = ops.array(1.0), ops.array(3.0)
        with GradientTape() as tape:
            for v in ends:
                tape.watch(v)
            total = ops.mean(draw(*ends))
        slopes = tape.gradient(total, ends)
        for i, slope in enumerate(slopes):
            moved = [float(v) + 0.25 * (j == i) for j, v in enumerate(ends)]
            near = (float(ops.mean(draw(*moved))) - float(total)) / 0.25
            np.testing.assert_allclose(float(slope), near, atol=1e-3, err_msg=name)


RANGES = {
    "int8": [(-128, 128), (-500, 500), (100, 101), (5, 5), (5, 3)],
    "uint8": [(0, 256), (-5, 5), (250, 1000)],
    "int16": [(-(2**15), 2**15)],
    "int32": [(-(2**31), 2**31), (0, 2**16), (0, 2**16 + 1)],
    "uint32": [(0, 2**32), (2**32 - 1, 2**32)],
    "int64": [(-(2**63), 2**63), (-(2**63), 2**63 - 1), (2**62, 2**62 + 3)],
    "uint64": [(0, 2**64), (2**64 - 3, 2**64), (-4, 7)],
}


@pytest.mark.parametrize("dtype", RANGES)
def test_ranges_of_integers(dtype, backend):
    info = np.iinfo(dtype)
    for low, high in RANGES[dtype]:
        draw = lambda low=low, high=high: random.randint(  # noqa: E731
            (400,), low, high, dtype=dtype, seed=2
        )
        x = draw().numpy()
        first, stop = max(low, int(info.min)), min(high, int(info.max) + 1)
        stop = max(stop, first + 1)
        values = [int(v) for v in x]
        assert first <= min(values) and max(values) < stop
        if stop - first <= 16:
            assert set(values) == set(range(first, stop))
        else:
            assert max(values) - min(values) > 0.9 * (stop - first)
        assert jit(draw)().tolist() == x.tolist()
        if max(abs(low), abs(high)) < 2**62:  # tensors hold them too
            given = ops.array(low, "int64"), ops.array(high, "int64")
            drawn = random.randint((400,), *given, dtype=dtype, seed=2).tolist()
            assert first <= min(drawn) and max(drawn) < stop
            if stop - first > 2**16:
                assert drawn == values


def test_ends_of_integers_may_be_floats():
    x = random.randint((200,), -1.5, 3.9, seed=1).numpy()
    assert set(x.tolist()) == {-1, 0, 1, 2}


SPECIAL = {
    "gamma": [(0.0,), (-1.0,), (NAN,), (INF,), (1e30,), (1e-30,)],
    "beta": [
        *((0.0, 1.0), (1.0, 0.0), (0.0, 0.0), (-1.0, 1.0), (1.0, -1.0), (NAN, 1.0)),
        *((1e-30, 1.0), (1e30, 1e30), (1e-3, 1e3)),
    ],
    "binomial": [
        *((10, 0.0), (10, 1.0), (10, 1.5), (10, -0.5), (10, NAN), (0, 0.5), (-3, 0.5)),
        *((NAN, 0.5), (INF, 0.5), (1e9, 1.0), (1e9, 0.0), (1000, 1.0)),
    ],
    "normal": [(2.0, 0.0), (0.0, NAN), (INF, 1.0), (NAN, 1.0)],
    "truncated_normal": [(2.0, 0.0), (NAN, 1.0)],
}
PAIRS = [(name, given) for name, rows in SPECIAL.items() for given in rows]


def kind_of(x):
    """Finite, infinite or NaN; the value itself, if all are one."""
    x = np.asarray(x).astype("float64")
    if np.isnan(x).all():
        return "nan"
    assert not np.isnan(x).any()
    if np.isinf(x).all():
        return "infinite"
    near = np.abs(x - x[0]) <= 1e-4 * np.abs(x[0])
    return f"{x[0]:.3g}" if near.all() else "various"


@oracle
@pytest.mark.parametrize(("name", "given"), PAIRS)
def test_special_parameters_as_in_keras(name, given):
    wanted = kind_of(getattr(keras().random, name)((64,), *given, seed=1))
    draw = getattr(random, name)
    assert kind_of(draw((64,), *given, seed=1).numpy()) == wanted
    staged = jit(lambda *given: draw((64,), *given, seed=1))
    assert kind_of(staged(*map(ops.array, given)).numpy()) == wanted


def refused_or(call):
    try:
        return str(call().dtype)
    except ValueError:
        return "ValueError"


@oracle
@pytest.mark.parametrize("name", [*LIKE_UNIFORM, *WHOLE])
def test_dtypes_as_in_keras(name):
    theirs, draw = keras().random, {**LIKE_UNIFORM, **WHOLE}[name]
    import jax

    for dtype in (None, "float16", "bfloat16", "float32", "uint8", "int32", "bool"):
        make = lambda module, d=dtype: draw(module, seed=1, dtype=d)  # noqa: E731
        wanted = refused_or(lambda: jax.eval_shape(lambda: make(theirs)))  # noqa: B023
        assert refused_or(lambda: make(random)) == wanted, dtype  # noqa: B023


LOGITS = {
    "one": [[0.0, -INF]],
    "none": [[-INF, -INF]],
    "infinite": [[0.0, INF]],
    "nan": [[0.0, NAN, 0.0]],
}


@oracle
@pytest.mark.parametrize("name", LOGITS)
def test_special_logits_as_in_keras(name):
    logits = np.array(LOGITS[name], "float32")
    wanted = np.asarray(keras().random.categorical(logits, 50, seed=1))
    np.testing.assert_array_equal(random.categorical(logits, 50, seed=1), wanted)


EMPTY = {
    "normal": lambda: random.normal((0, 3), seed=1),
    "uniform": lambda: random.uniform((0, 3), 1, 2, seed=1),
    "truncated_normal": lambda: random.truncated_normal((0, 3), seed=1),
    "gamma": lambda: random.gamma((0, 3), 2.0, seed=1),
    "beta": lambda: random.beta((0, 3), 2.0, 1.0, seed=1),
    "binomial": lambda: random.binomial((0, 3), 40, 0.5, seed=1),
    "randint": lambda: random.randint((0, 3), 0, 9, seed=1),
    "categorical": lambda: random.categorical(ops.zeros((0, 4)), 3, seed=1),
    "shuffle": lambda: random.shuffle(ops.zeros((0, 3)), seed=1),
    "dropout": lambda: random.dropout(ops.zeros((0, 3)), 0.5, seed=1),
}


@pytest.mark.parametrize("name", EMPTY)
def test_empty_shapes_and_scalars(name, backend):
    assert EMPTY[name]().shape == jit(EMPTY[name])().shape == (0, 3)
    if name in LIKE_UNIFORM:
        parameters = {"gamma": (2.0,), "beta": (2.0, 1.0), "binomial": (40, 0.5)}
        x = getattr(random, name)((), *parameters.get(name, ()), seed=1)
        assert x.shape == () and np.isfinite(float(x))


def test_no_samples():
    assert random.categorical(ops.zeros((2, 4)), 0, seed=1).shape == (2, 0)


def test_the_ends_of_dropout(backend):
    x = ops.array([1.0, NAN, INF])
    np.testing.assert_array_equal(random.dropout(x, 0, seed=1), x)
    assert random.dropout(x, 1, seed=1).tolist() == [0.0, 0.0, 0.0]
    for dtype in dtypes.FLOATS:
        assert random.dropout(ops.ones((3,), dtype), 0.5, seed=1).dtype == dtype
    assert random.dropout([1, 2], 0.5, seed=1).dtype == "float32"


def test_numbers_that_logarithms_are_taken_of_stay_below_one():
    """2**20 seeds would find a 1 in float32, if there was one; words tell sooner."""
    from minikeras.engine import prims
    from minikeras.random import bits

    words = np.uint32([0, 2**32 - 1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            prims, "random_bits", lambda key, shape: ops.array(words[:, None])
        )
        for dtype, shape in (("float32", (2, 1)), ("float64", (1,))):
            x = bits.positive(None, shape, dtype).numpy()
            assert x.min() > 0 and x.max() < 1
