"""Gradients to second order, indexing, control flow, errors: what no row of the table is."""

import numpy as np
import pytest

from minikeras import ops
from minikeras.engine.autodiff import GradientTape
from minikeras.engine.aval import ShapeError
from minikeras.engine.compile import jit
from minikeras.engine.symbolic import KerasTensor, infer_call
from minikeras.testing import check_grads
from minikeras.variable import Variable

rng = np.random.default_rng(7)


def normal(*shape):
    return rng.standard_normal(shape)


def positive(*shape):
    return rng.uniform(0.2, 2.0, shape)


SMOOTH = {
    "gelu": (lambda x: ops.gelu(x), [normal(3, 4)]),
    "gelu_erf": (lambda x: ops.gelu(x, approximate=False), [normal(3, 4)]),
    "silu": (lambda x: ops.silu(x), [normal(3, 4)]),
    "softplus": (lambda x: ops.softplus(x), [normal(3, 4)]),
    "elu": (lambda x: ops.elu(x), [normal(3, 4)]),
    "selu": (lambda x: ops.selu(x), [normal(3, 4)]),
    "squareplus": (lambda x: ops.squareplus(x), [normal(3, 4)]),
    "logaddexp": (lambda x, y: ops.logaddexp(x, y), [normal(3), normal(3)]),
    "logsumexp": (lambda x: ops.logsumexp(x, axis=1), [normal(3, 4)]),
    "power": (lambda x, y: ops.power(x, y), [positive(3), normal(3)]),
    "hypot": (lambda x, y: ops.hypot(x, y), [positive(3), positive(3)]),
    "var": (lambda x: ops.var(x, axis=1), [normal(3, 4)]),
    "std": (lambda x: ops.std(x, axis=0), [normal(3, 4)]),
    "prod": (lambda x: ops.prod(x, axis=1), [normal(3, 4)]),
    "softmax": (lambda x: ops.softmax(x, axis=(0, 1)), [normal(3, 4)]),
    "normalize": (lambda x: ops.normalize(x), [normal(3, 4)]),
    "layer_normalization": (
        lambda x, g: ops.layer_normalization(x, g),
        [normal(3, 4), normal(4)],
    ),
    "batch_normalization": (
        lambda x, m, v: ops.batch_normalization(x, m, v, -1),
        [normal(3, 4), normal(4), positive(4)],
    ),
    "binary_crossentropy": (
        lambda t, x: ops.binary_crossentropy(t, x, from_logits=True),
        [positive(4), normal(4)],
    ),
    "categorical_crossentropy": (
        lambda t, x: ops.categorical_crossentropy(t, ops.softmax(x)),
        [positive(2, 4), normal(2, 4)],
    ),
    "einsum": (
        lambda a, b: ops.einsum("bij,bkj->ik", a, b),
        [normal(2, 3, 4), normal(2, 5, 4)],
    ),
    "tensordot": (lambda a, b: ops.tensordot(a, b), [normal(2, 3, 4), normal(3, 4, 2)]),
    "kron": (lambda a, b: ops.kron(a, b), [normal(2, 2), normal(2, 3)]),
    "cross": (lambda a, b: ops.cross(a, b), [normal(2, 3), normal(2, 3)]),
    "trace": (lambda x: ops.trace(x * x), [normal(3, 3)]),
    "conv": (
        lambda x, w: ops.conv(x, w, strides=2, padding="same"),
        [normal(1, 5, 5, 2), normal(3, 3, 2, 3)],
    ),
    "conv_transpose": (
        lambda x, w: ops.conv_transpose(x, w, strides=2, padding="same"),
        [normal(1, 3, 3, 2), normal(3, 3, 3, 2)],
    ),
    "average_pool": (
        lambda x: ops.average_pool(x * x, 2, padding="same"),
        [normal(1, 3, 3, 1)],
    ),
    "take": (lambda x: ops.take(x * x, [2, 0, 2], axis=0), [normal(3, 2)]),
    "scatter": (lambda v: ops.scatter([[0], [2], [0]], v * v, (4,)), [normal(3)]),
    "segment_sum": (lambda x: ops.segment_sum(x * x, [0, 1, 0], 2), [normal(3, 2)]),
    "cumprod": (lambda x: ops.cumprod(x, axis=0), [positive(4)]),
    "sort": (lambda x: ops.sort(x * x * x), [normal(5)]),
    "top_k": (lambda x: ops.top_k(x * x * x, 2)[0], [normal(5)]),
    "median": (lambda x: ops.median(x * x * x), [normal(5)]),
    "pad": (lambda x: ops.pad(x * x, ((1, 2),), mode="reflect"), [normal(5)]),
    "roll": (lambda x: ops.roll(x * x, 2), [normal(5)]),
    "scan": (
        lambda x: ops.scan(lambda c, v: (c * v, c + v), ops.ones((), "float64"), x)[1],
        [positive(4)],
    ),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_gradients_to_second_order(name):
    function, arguments = SMOOTH[name]
    check_grads(function, arguments)


KEYS = [
    1, -1, slice(None), slice(1, 3), slice(None, None, -1), slice(3, 0, -2), slice(2, 1), None,
    Ellipsis, (1, 2), (slice(None), 1), (Ellipsis, -1), (None, 1, None), (0, Ellipsis, slice(1, 3)),
    [2, 0], np.array([[0, 3], [1, -1]]), (slice(None), [1, 0]), ([0, 1], [2, 1]),
    ([0, 1], slice(None), [1, 2]), (slice(None), [0, 1], [2, 1]), (0, [1, 2]), ([1, 2], 0),
    (0, slice(None), [1, 2]), (np.array([[0], [1]]), np.array([0, 2])), (None, [1, 2]),
    (slice(1, 3), None, [0, 1]),
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_get_item_follows_numpy(key):
    x = np.arange(60.0).reshape(4, 3, 5)
    tensor = ops.convert_to_tensor(x)
    np.testing.assert_array_equal(tensor[key].numpy(), x[key])
    np.testing.assert_array_equal(jit(lambda v: v[key])(tensor).numpy(), x[key])
    with GradientTape() as tape:
        tape.watch(tensor)
        total = ops.sum(tensor[key] * tensor[key])
    wanted = np.zeros_like(x)
    np.add.at(wanted, key, 2 * x[key])
    np.testing.assert_array_equal(tape.gradient(total, tensor).numpy(), wanted)


def test_get_item_with_masks_and_tensors():
    x = np.arange(12.0).reshape(3, 4)
    tensor = ops.convert_to_tensor(x)
    mask = x > 4
    np.testing.assert_array_equal(tensor[ops.convert_to_tensor(mask)].numpy(), x[mask])
    np.testing.assert_array_equal(tensor[ops.array([2, 0])].numpy(), x[[2, 0]])
    assert float(tensor[ops.array(1), ops.array(2)]) == 6.0
    with pytest.raises(ShapeError, match="index 3 is beyond axis 0"):
        tensor[3]
    with pytest.raises(ShapeError, match="3 indices"):
        tensor[0, 0, 0]
    with pytest.raises(ShapeError, match="float32"):
        tensor[[0.5]]


def test_get_item_on_unknown_sizes():
    shape = infer_call(lambda x: x[:, 1:3, None], KerasTensor((None, 5))).shape
    assert shape == (None, 2, 1)
    assert infer_call(lambda x: x[:, -1], KerasTensor((None, 5, 2))).shape == (None, 2)
    assert infer_call(lambda x: x[1:], KerasTensor((None, 5))).shape == (None, 5)


def test_cond_chooses_and_assigns(backend):
    state = Variable(0.0)

    def step(x):
        def yes():
            state.assign(state + 1.0)
            return x * 2.0

        return ops.cond(x > 0, yes, lambda: -x)

    compiled = jit(step)
    for function in (step, compiled):
        state.assign(0.0)
        assert float(function(ops.array(3.0))) == 6.0
        assert float(state) == 1.0
        assert float(function(ops.array(-3.0))) == 3.0
        assert float(state) == 1.0
    assert compiled.traces == 1 and not compiled.fallback


def test_cond_checks_structures():
    with pytest.raises(ValueError, match="one structure"):
        jit(lambda p: ops.cond(p, lambda: (p, p), lambda: p))(ops.array(True))


def test_switch(backend):
    branches = [lambda x: x + 1, lambda x: x * 10, lambda x: -x]
    compiled = jit(lambda i, x: ops.switch(i, branches, x))
    for i, wanted in ((0, 3), (1, 20), (2, -2), (9, -2), (-4, 3)):
        assert int(ops.switch(i, branches, ops.array(2))) == wanted
        assert int(compiled(ops.array(i), ops.array(2))) == wanted


def test_loops():
    assert ops.while_loop(lambda i, s: i < 4, lambda i, s: (i + 1, s + i), (0, 0)) == (
        4,
        6,
    )
    assert ops.while_loop(lambda i: True, lambda i: i + 1, 0, maximum_iterations=3) == 3
    assert ops.fori_loop(1, 4, lambda i, v: v * i, 1) == 6
    carry, ys = ops.scan(
        lambda c, x: (c + x, c), ops.array(0), ops.arange(4), reverse=True
    )
    assert int(carry) == 6 and ys.tolist() == [6, 5, 3, 0]
    total = ops.associative_scan(ops.add, ops.arange(6), reverse=True)
    assert total.tolist() == [15, 15, 14, 12, 9, 5]
    doubled = ops.map(lambda d: {"y": d["x"] * 2}, {"x": ops.arange(3)})
    assert doubled["y"].tolist() == [0, 2, 4]
    assert infer_call(
        lambda x: ops.vectorized_map(lambda v: ops.sum(v), x), KerasTensor((None, 3))
    ).shape == (None,)


def test_a_loop_that_ends_by_a_value_is_compiled():
    compiled = jit(lambda x: ops.while_loop(lambda i: i < 5, lambda i: i * 2, x))
    assert int(compiled(ops.array(1))) == 8 and not compiled.fallback


def test_custom_gradient():
    @ops.custom_gradient
    def clipped(x):
        return x * x, lambda upstream: upstream * 0.5

    x = ops.array([3.0])
    with GradientTape() as tape:
        tape.watch(x)
        y = clipped(x)
    assert tape.gradient(y, x).tolist() == [0.5]


def test_scatter_update_keeps_the_last():
    out = ops.scatter_update(ops.zeros((3,)), [[1], [1]], [5.0, 7.0])
    assert out.tolist() == [0.0, 7.0, 0.0]
    out = ops.scatter_update(ops.zeros((3,)), [[1], [2]], [float("nan"), 7.0])
    np.testing.assert_array_equal(out.numpy(), [0.0, np.nan, 7.0])


def test_sizes_of_results_that_hang_on_values_are_not_known_before():
    for name in ("nonzero", "unique", "bincount"):
        function = getattr(ops, name)
        found = infer_call(lambda x, f=function: f(x), KerasTensor((3,), "int32"))
        found = found[0] if isinstance(found, tuple) else found
        assert (found.shape, found.dtype) == ((None,), "int32")


def test_arguments_that_mean_integers_are_no_floats(lib):
    x = np.arange(6, dtype="float32").reshape(2, 3)
    for call in (
        lambda o: o.eye(3.0),
        lambda o: o.eye(3, 2.0),
        lambda o: o.identity(3.0),
        lambda o: o.tri(3.0),
        lambda o: o.tri(2, 3, 1.0),
        lambda o: o.diag(x, k=1.0),
        lambda o: o.tril(x, k=1.0),
        lambda o: o.argpartition(x, (1, 2)),
        lambda o: o.argpartition(x, 1.0),
    ):
        with pytest.raises(TypeError):
            call(lib.ops)
    assert np.asarray(lib.ops.eye(np.int64(2))).tolist() == [[1, 0], [0, 1]]
    assert np.asarray(lib.ops.eye(lib.ops.convert_to_tensor(2))).shape == (2, 2)


def test_concatenate_and_argsort_flatten(lib):
    x = np.arange(6, dtype="float32").reshape(2, 3)
    joined = lib.ops.concatenate([x, x[:1]], axis=None)
    assert np.asarray(joined).tolist() == [0, 1, 2, 3, 4, 5, 0, 1, 2]
    with pytest.raises(ValueError, match="axis"):
        lib.ops.concatenate([lib.KerasTensor((2, 3)), lib.KerasTensor((2, 3))], None)
    assert np.asarray(lib.ops.argsort(np.array(1))).tolist() == [0]


def test_what_the_number_of_axes_forbids(lib):
    with pytest.raises(ValueError):
        lib.ops.histogram(np.ones((2, 3), "float32"))
    with pytest.raises(ValueError):
        lib.ops.argpartition(np.ones((2, 3), "float32"), 5)
    with pytest.raises(ValueError, match="squeeze"):
        lib.ops.squeeze(lib.KerasTensor((None, 3)), 0)
    with pytest.raises(ValueError):
        lib.ops.view(lib.KerasTensor((2, 6), "int8"), "int32")
    with pytest.raises(ValueError):
        lib.ops.view(np.float32(1), "int8")
    assert lib.ops.view(np.float32(1), "int32").shape == ()


def test_running_sums_take_a_tuple_of_one_axis():
    x = np.array([[1.0, np.nan, 2.0]], "float32")
    assert ops.nancumsum(x, axis=(1,)).tolist() == [[1, 1, 3]]
    assert ops.nancumprod(KerasTensor((None, 3)), axis=(1,)).shape == (None, 3)
    assert ops.cumsum(x[:, ::2], axis=(1,)).tolist() == [[1, 3]]


def test_arguments_of_every_kind():
    v = Variable([1.0, 2.0])
    for other in ([1, 2], np.array([1, 2]), ops.array([1, 2]), (1.0, 2.0)):
        assert ops.add(v, other).tolist() == [2.0, 4.0]
    assert ops.stack([v, [3.0, 4.0]]).tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert (2 - v).tolist() == [1.0, 0.0]
    assert np.add(ops.array([1.0]), 2).tolist() == [3.0]


ERRORS = [
    (lambda: ops.add(ops.ones((2, 3)), ops.ones((4,))), ShapeError, r"\(2, 3\).*\(4,\)"),
    (lambda: ops.reshape(ops.ones((2, 3)), (4, -1)), ShapeError, "holds 6 elements"),
    (lambda: ops.reshape(ops.ones((2, 3)), (-1, -1)), ShapeError, "more than one -1"),
    (lambda: ops.matmul(ops.ones((2, 3)), ops.ones((4, 5))), ShapeError, "inner sizes 3 and 4"),
    (lambda: ops.sum(ops.ones((2,)), axis=1), ShapeError, "axis 1 is out of range"),
    (lambda: ops.concatenate([ops.ones((2, 3)), ops.ones((3, 4))]), ShapeError, "axis 0 only"),
    (lambda: ops.split(ops.ones((5,)), 2), ShapeError, "size 5"),
    (lambda: ops.squeeze(ops.ones((2, 3)), 0), ShapeError, "size 2"),
    (lambda: ops.conv(ops.ones((1, 2, 2, 1)), ops.ones((3, 3, 1, 1))), ShapeError, "larger than"),
    (lambda: ops.conv(ops.ones((1, 4, 4, 3)), ops.ones((3, 3, 2, 4))), ShapeError, "3 channels"),
    (lambda: ops.conv(ops.ones((1, 4, 4, 1)), ops.ones((3, 3, 1, 1)), padding="full"),
     ValueError, "padding='full'"),
    (lambda: ops.max_pool(ops.ones((1, 4, 4, 1)), 2, data_format="nchw"), ValueError, "nchw"),
    (lambda: ops.cast([1.0], "float8"), ValueError, "float8"),
    (lambda: ops.convert_to_tensor([[1], [2, 3]]), ValueError, "rectangular|inhomogeneous"),
    (lambda: ops.categorical_crossentropy(ops.ones((2, 3)), ops.ones((2, 4))), ShapeError, "equal"),
    (lambda: ops.sparse_categorical_crossentropy(ops.ones((3,)), ops.ones((2, 4))), ShapeError,
     "class indices"),
    (lambda: ops.einsum("ij,jk->ik", ops.ones((2, 3)), ops.ones((4, 5))), ShapeError, "'j'"),
    (lambda: ops.top_k(ops.ones((3,)), 4), ValueError, "k=4"),
    (lambda: ops.pad(ops.ones((3,)), -1), ShapeError, "pad_width"),
    (lambda: ops.arange(0, 5, 0), ValueError, "step is 0"),
    (lambda: ops.where([True], 1), ValueError, "only one"),
    (lambda: ops.one_hot([1], 3, sparse=True), ValueError, "sparse"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "text"), ERRORS)
def test_errors_say_what_is_wrong(call, kind, text):
    with pytest.raises(kind, match=text):
        call()


def test_views_lie_at_the_same_bytes(backend):
    """No copy; a tensor never changes, also where its bytes become a variable's."""
    x = np.arange(60, dtype="float32").reshape(5, 12)
    t = ops.convert_to_tensor(x)
    for call in (
        lambda v: v,
        lambda v: v[1:4],
        lambda v: v[:, 1:9],
        lambda v: v[1:, 2:4],
    ):
        wanted = np.ascontiguousarray(call(x))
        for dtype in ("int32", "uint8", "float64", "int16"):
            found = ops.view(call(t), dtype)
            assert found.dtype == dtype
            np.testing.assert_array_equal(found.numpy(), wanted.view(dtype))
    turned = ops.transpose(t)
    np.testing.assert_array_equal(
        ops.view(turned, "int32").numpy(), np.ascontiguousarray(x.T).view("int32")
    )
    seen = ops.view(t, "int32")
    variable = Variable(seen, dtype="int32")
    jit(lambda: variable.assign_add(ops.ones((5, 12), "int32")))()
    np.testing.assert_array_equal(t.numpy(), x)
    np.testing.assert_array_equal(seen.numpy(), x.view("int32"))
    sums = jit(lambda v: v * 2)(ops.view(t[:, 1:9], "float64"))
    wanted = np.ascontiguousarray(x[:, 1:9]).view("float64") * 2
    np.testing.assert_array_equal(sums.numpy(), wanted)
