"""Ops of users: one NumPy function, its rules, everywhere where functions of `ops` go."""

import importlib.util
import pickle

import numpy as np
import pytest

import minikeras as keras
from minikeras import extend, ops
from minikeras.extend import Aval, ShapeError
from minikeras.testing import check_grads

HAS_NUMBA = importlib.util.find_spec("numba") is not None
X = np.linspace(-2, 2, 12, dtype="float32").reshape(3, 4)
reference_calls = []


def _same(*avals, **static):
    first = avals[0]
    if not extend.is_float(first.dtype):
        raise ShapeError(f"bent: got {first}; expected floats.")
    if any(a != first for a in avals):
        raise ShapeError(f"bent: got {avals}; expected equal shapes and dtypes.")
    return first


def _bent_rule(context, upstream):
    return bent_slope(*context.inputs, upstream, **context.static)


def _slope_rule(context, upstream):
    """Of `g * (sigma + b x sigma (1 - sigma))`, by ops."""
    x, g = context.inputs
    b = context.static["beta"]
    s = ops.sigmoid(b * x)
    first = s + b * x * s * (1 - s)
    second = b * s * (1 - s) * (2 + b * x * (1 - 2 * s))
    return upstream * g * second, upstream * first


@extend.op(infer=_same, vjp=_bent_rule, package="tests")
def bent(x, *, beta=1.0):
    """Swish: `x * sigmoid(beta * x)`."""
    reference_calls.append("bent")
    return x / (1 + np.exp(-beta * x))


@extend.op(infer=_same, vjp=_slope_rule, package="tests")
def bent_slope(x, g, *, beta):
    s = 1 / (1 + np.exp(-beta * x))
    return g * (s + beta * x * s * (1 - s))


@bent.kernel("numba")
def _bent(x, out, beta):
    for i in np.ndindex(x.shape):
        out[i] = x[i] / (1 + np.exp(-beta * x[i]))


@bent_slope.kernel("numba", parallel=True)
def _bent_slope(x, g, out, start, stop, beta):
    for i in range(start, stop):
        for j in np.ndindex(x[i].shape):
            s = 1 / (1 + np.exp(-beta * x[i][j]))
            out[i][j] = g[i][j] * (s + beta * x[i][j] * s * (1 - s))


def _nearest_avals(points, queries, *, k):
    if points.shape[1:] != queries.shape[1:]:
        raise ShapeError(f"nearest: widths {points.shape} and {queries.shape}.")
    shape = (queries.shape[0], k)
    return Aval(shape, points.dtype), Aval(shape, "int32")


def _nearest_rule(context, distances, indices):
    points, queries = context.inputs
    at = context.outputs[1]
    away = 2 * (ops.expand_dims(queries, 1) - ops.take(points, at, axis=0))
    to_queries = ops.sum(ops.expand_dims(distances, -1) * away, axis=1)
    spread = ops.one_hot(at, points.shape[0], dtype=points.dtype)
    weighted = ops.expand_dims(distances, -1) * away
    return -ops.einsum("qkp,qkc->pc", spread, weighted), to_queries


@extend.op(infer=_nearest_avals, vjp=_nearest_rule, outputs=2, package="tests")
def nearest(points, queries, *, k=1):
    square = ((queries[:, None] - points[None]) ** 2).sum(-1)
    at = np.argsort(square, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(square, at, 1), at.astype("int32")


@nearest.kernel("numba", parallel=True, grain=2)
def _nearest(points, queries, far, at, start, stop, k):
    for q in range(start, stop):
        far[q, :] = np.inf
        for p in range(len(points)):
            d = points.dtype.type(0)
            for c in range(points.shape[1]):
                d += (queries[q, c] - points[p, c]) ** 2
            place = k
            while place > 0 and far[q, place - 1] > d:
                place -= 1
            if place < k:
                for i in range(k - 1, place, -1):
                    far[q, i], at[q, i] = far[q, i - 1], at[q, i - 1]
                far[q, place], at[q, place] = d, p


def wanted(x, beta=1.0):
    return x / (1 + np.exp(-beta * x))


@pytest.fixture(autouse=True)
def _counted(backend):
    reference_calls.clear()
    if backend == "numba" and not HAS_NUMBA:
        pytest.skip("llvmlite without numba")


def test_it_runs_the_reference_on_numpy_and_the_kernel_on_numba(backend):
    np.testing.assert_allclose(bent(X, beta=1.5), wanted(X, 1.5), rtol=1e-6)
    assert reference_calls == ["bent"] * (backend == "numpy")


@pytest.mark.parametrize(
    "x",
    [X[:0], X[0], X[0, 0], X.T, X[:, ::2], X[::-1], X.astype("float64"), X.tolist(),
     keras.Variable(X)],
    ids=lambda x: str(np.shape(x)),
)  # fmt: skip
def test_all_kinds_of_arrays(x):
    made = bent(x)
    array = np.asarray(x, None if hasattr(x, "dtype") else "float32")
    assert made.shape == array.shape and made.dtype == array.dtype.name
    np.testing.assert_allclose(made, wanted(array), rtol=1e-6)


def test_sixteen_bits_take_the_reference():
    x = ops.cast(X, "bfloat16")
    made = bent(x)
    assert made.dtype == "bfloat16" and reference_calls == ["bent"]
    np.testing.assert_allclose(ops.cast(made, "float32"), wanted(X), atol=0.02)
    compiled = keras.function(lambda x: bent(x))(x)
    assert np.array_equal(ops.cast(compiled, "float32"), ops.cast(made, "float32"))


def test_several_results_and_arrays_by_keyword():
    far, at = nearest(queries=X[:2] + 0.01, points=X, k=2)
    assert at.numpy().tolist() == [[0, 1], [1, 2]] and at.dtype == "int32"
    np.testing.assert_allclose(far[:, 0], [4e-4, 4e-4], rtol=1e-4)
    f = keras.function(lambda p, q: nearest(p * 1.0, q, k=2))
    for eager, compiled in zip((far, at), f(X, X[:2] + 0.01)):
        np.testing.assert_array_equal(eager, compiled)


def test_gradients_to_second_order():
    check_grads(lambda x: bent(x, beta=1.5), [np.linspace(-1, 2, 12).reshape(3, 4)])
    rng = np.random.default_rng(0)
    check_grads(
        lambda p, q: nearest(p, q, k=2)[0],
        [rng.normal(size=(5, 3)), rng.normal(size=(4, 3))],
        order=2,
    )


def test_without_a_rule_it_stops_gradients():
    @extend.op(infer=lambda x: x, package="tests")
    def stopped(x):
        return 2 * x

    x = keras.Variable(X)
    with keras.GradientTape() as tape:
        y = ops.sum(stopped(x) + x)
    assert tape.gradient(y, x).numpy().tolist() == np.ones_like(X).tolist()


def test_compiled_gives_the_eager_bits():
    def step(x):
        with keras.GradientTape() as tape:
            tape.watch(x)
            y = ops.sum(bent(ops.tanh(x), beta=0.5) ** 2)
        return y, tape.gradient(y, x)

    x = ops.convert_to_tensor(X)
    for eager, compiled in zip(step(x), keras.function(step)(x)):
        np.testing.assert_allclose(eager, compiled, rtol=1e-6)


def test_unknown_sizes_and_functional_models(tmp_path):
    class Bend(keras.layers.Layer):
        def call(self, x):
            return bent(x, beta=2.0)

    x = keras.Input((4,))
    assert bent(x).shape == (None, 4)
    far, at = nearest(X, keras.Input((4,)), k=2)
    assert far.shape == at.shape == (None, 2)
    y = keras.layers.Dense(4, activation=bent)(Bend()(x))
    model = keras.Model(x, keras.layers.Dense(1)(bent(y, beta=0.25)))
    model.compile("adam", "mse")
    history = model.fit(X, X[:, :1], batch_size=2, epochs=3, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    model.save(tmp_path / "model.keras")
    with keras.saving.custom_object_scope({"Bend": Bend}):
        again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        model.predict(X, verbose=0), again.predict(X, verbose=0)
    )
    ops_of = [c for c in again.get_config()["layers"] if c["class_name"] == "bent"]
    assert [c["config"]["beta"] for c in ops_of] == [0.25]
    assert pickle.loads(pickle.dumps(bent)) is bent


def test_a_model_whose_op_is_not_defined_says_so():
    config = keras.Model(x := keras.Input((4,)), bent(x)).get_config()
    config["layers"][1]["registered_name"] = "elsewhere>gone"
    config["layers"][1]["class_name"] = "gone"
    with pytest.raises(ValueError, match=r"elsewhere>gone.*import the module"):
        keras.Model.from_config(config)


def test_inside_a_loop():
    def grown(x):
        return ops.scan(lambda c, row: (c + bent(row), c), ops.zeros(4), x)

    x = ops.convert_to_tensor(X)
    total, rows = keras.function(grown)(x)
    np.testing.assert_allclose(total, wanted(X).sum(0), rtol=1e-5)
    np.testing.assert_allclose(rows[1], wanted(X)[0], rtol=1e-5)


def test_defining_it_again_replaces_it_and_another_name_is_refused():
    def define(factor):
        @extend.op(infer=lambda x: x, package="tests")
        def times(x):
            return factor * x

        return times

    assert define(2)(X[0]).numpy().tolist() == (2 * X[0]).tolist()
    assert define(3)(X[0]).numpy().tolist() == (3 * X[0]).tolist()
    with pytest.raises(ValueError, match=r"tests>times.*name="):

        @extend.op(infer=lambda x: x, name="times", package="tests")
        def other(x):
            return x


@pytest.mark.parametrize(
    ("result", "error", "said"),
    [
        (lambda x: x[:1], ValueError, r"shape \(1, 4\).*infer says \(3, 4\)"),
        (lambda x: x.astype("complex64"), TypeError, "dtype complex64"),
        (lambda x: (x, x), ValueError, "wrong's?|reference gave"),
    ],
)
def test_a_reference_that_does_not_keep_its_word(result, error, said):
    @extend.op(infer=lambda x: x, name=f"wrong{len(said)}", package="tests")
    def wrong(x):
        return result(x)

    with pytest.raises(error, match=said):
        wrong(X)


def test_a_reference_may_give_its_argument_back_but_not_write_it():
    @extend.op(infer=lambda x: x, package="tests")
    def back(x):
        return x

    @extend.op(infer=lambda x: x, package="tests")
    def writes(x):
        x += 1
        return x

    v = keras.Variable(X)
    made = back(v)
    v.assign(0 * X)
    np.testing.assert_array_equal(made, X)
    with pytest.raises(ValueError, match=r"read-only"):
        writes(v)


def test_a_rule_that_gives_no_gradient_names_the_op():
    @extend.op(infer=lambda x, y: x, vjp=lambda c, g: g, package="tests")
    def short(x, y):
        return x * y

    @extend.op(infer=lambda x: x, vjp=lambda c, g: ops.sum(g), package="tests")
    def flat(x):
        return x * 1

    x = keras.Variable(X)
    for function, said in (
        (lambda: short(x, x), "'short'.*1 gradients; expected 2.*x, y"),
        (lambda: flat(x), r"'flat'.*float32\[\].*for x.*float32\[3,4\]"),
    ):
        with keras.GradientTape() as tape:
            y = function()
        with pytest.raises(ValueError, match=said):
            tape.gradient(y, x)


def test_infer_that_gives_no_aval():
    @extend.op(infer=lambda x: x.shape, package="tests")
    def odd(x):
        return x

    @extend.op(infer=lambda x: x, outputs=2, package="tests")
    def pair(x):
        return x, x

    with pytest.raises(TypeError, match=r"'odd'.*expected an Aval"):
        odd(X)
    with pytest.raises(ValueError, match=r"'pair'.*one for outputs=2"):
        pair(X)


def test_arguments_are_checked():
    with pytest.raises(TypeError, match=r"'bent'.*missing.*signature"):
        bent()
    with pytest.raises(TypeError, match=r"'bent'.*gamma"):
        bent(X, gamma=1)
    with pytest.raises(TypeError, match=r"'bent'.*beta got ndarray.*static"):
        bent(X, beta=X)
    with pytest.raises(ShapeError, match=r"expected floats"):
        bent(np.arange(3))
    with pytest.raises(TypeError, match=r"has a default.*\*, y=1"):
        extend.op(infer=lambda x: x)(lambda x, y=1: x)
    with pytest.raises(TypeError, match=r"takes \*x"):
        extend.op(infer=lambda x: x)(lambda *x: x)
    with pytest.raises(TypeError, match=r"takes no array"):
        extend.op(infer=lambda x: x)(lambda *, x: x)
    with pytest.raises(ValueError, match=r"outputs=0"):
        extend.op(infer=lambda x: x, outputs=0)


def test_kernels_are_checked():
    with pytest.raises(ValueError, match=r"\(x, queer\).*expected \(x, out, beta\)"):
        bent.kernel("numba")(lambda x, queer: None)
    with pytest.raises(ValueError, match=r"out0, out1, start, stop, k"):
        nearest.kernel("numba", parallel=True)(lambda p, q, far, at, k: None)
    with pytest.raises(ValueError, match=r"'abacus'.*expected one of"):
        bent.kernel("abacus")
    with pytest.raises(ValueError, match=r"runs the reference"):
        bent.kernel("numpy")
    with pytest.raises(ValueError, match=r"got str; expected a function"):
        bent.kernel("numba", "out[i] = x[i];")
    assert bent.row.kernels.keys() == {"numba"}
