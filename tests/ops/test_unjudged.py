"""A KerasTensor that is float32 for want of a dtype may stand for integers."""

import numpy as np
import pytest

import minikeras as keras
from minikeras import ops
from minikeras.engine.aval import ShapeError
from minikeras.engine.compile import jit

# The function, shapes of its arguments, and what shape comes of it.
CASES = {
    "take": (lambda x, i: ops.take(x, i, axis=1), [(None, 5), (3,)], (None, 3)),
    "take_along_axis": (
        lambda x, i: ops.take_along_axis(x, i, axis=1),
        [(None, 5), (None, 2)],
        (None, 2),
    ),
    "scatter": (lambda i, v: ops.scatter(i, v, (9,)), [(2, 1), (2,)], (9,)),
    "scatter_update": (ops.scatter_update, [(3,), (2, 1), (2,)], (3,)),
    "slice": (lambda x, i: ops.slice(x, i, (1, 2)), [(4, 5), (2,)], (1, 2)),
    "slice_update": (ops.slice_update, [(4, 5), (2,), (1, 2)], (4, 5)),
    "switch": (
        lambda i, x: ops.switch(i, [ops.abs, ops.negative], x),
        [(), (None, 5)],
        (None, 5),
    ),
    "in_top_k": (lambda i, x: ops.in_top_k(i, x, 2), [(None,), (None, 5)], (None,)),
    "segment_sum": (
        lambda x, i: ops.segment_sum(x, i, num_segments=3),
        [(4, 5), (4,)],
        (3, 5),
    ),
    "bincount": (lambda x: ops.bincount(x, minlength=3), [(4,)], (None,)),
    "ldexp": (ops.ldexp, [(2,), (None, 2)], (None, 2)),
    **{
        name: (getattr(ops, name), [(2,), (None, 2)], (None, 2))
        for name in (
            "gcd", "lcm", "bitwise_and", "bitwise_or", "bitwise_xor", "left_shift",
            "right_shift", "bitwise_left_shift", "bitwise_right_shift",
        )
    },
    **{
        name: (getattr(ops, name), [(None, 2)], (None, 2))
        for name in ("bitwise_not", "bitwise_invert")
    },
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_shapes_are_told_and_real_floats_are_refused(name):
    function, shapes, wanted = CASES[name]
    got = function(*map(keras.KerasTensor, shapes))
    dtypes = {"in_top_k": "bool", "bincount": "int32"}
    assert got.shape == wanted
    assert got.dtype == dtypes.get(name, "float32")
    arrays = [np.ones([d or 4 for d in shape], "float32") for shape in shapes]
    for call in (function, jit(function)):
        with pytest.raises(ShapeError, match=r"expected .*integer"):
            call(*arrays)


def test_a_model_of_float_indices_says_so_when_it_is_called():
    rows, places = keras.Input((5,)), keras.Input((2,))
    model = keras.Model([rows, places], ops.take_along_axis(rows, places, axis=1))
    assert model.output_shape == (None, 2)
    with pytest.raises(ShapeError, match=r"take_along_axis: `indices` .* float32"):
        model.predict([np.ones((3, 5)), np.ones((3, 2))], verbose=0)
    whole = keras.Input((2,), dtype="int32")
    model = keras.Model([rows, whole], ops.take_along_axis(rows, whole, axis=1))
    x = np.arange(15.0).reshape(3, 5)
    found = model.predict([x, np.array([[4, 0]] * 3)], verbose=0)
    np.testing.assert_array_equal(found, x[:, [4, 0]])
