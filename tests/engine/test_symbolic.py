"""KerasTensors: shapes with None come from the ops themselves."""

from __future__ import annotations

import numpy as np
import pytest

from minikeras import ops
from minikeras.engine.aval import ShapeError
from minikeras.engine.symbolic import KerasTensor, any_symbolic, infer_call
from minikeras.variable import Variable


def shape(function, *shapes):
    made = infer_call(function, *[KerasTensor(s) for s in shapes])
    return made.shape


def test_none_stays_none_through_ops():
    assert shape(lambda x: x * 2 + 1, (None, 3)) == (None, 3)
    assert shape(lambda x: ops.reshape(x, (-1, 12)), (None, 3, 4)) == (None, 12)
    assert shape(lambda x: ops.mean(x, axis=(1, 2)), (None, None, None, 5)) == (None, 5)
    assert shape(lambda x: ops.concatenate([x, x], axis=0), (None, 3)) == (None, 3)
    assert shape(lambda a, b: ops.matmul(a, b), (None, 3, 4), (4, 5)) == (None, 3, 5)
    assert shape(lambda x: x[:, 0], (None, 7, 2)) == (None, 2)
    assert shape(lambda x: ops.max_pool(x, 2), (None, None, 9, 3)) == (None, None, 4, 3)


def test_none_meets_a_known_size_as_that_size():
    assert shape(lambda a, b: a + b, (None, 10), (5, 10)) == (5, 10)
    assert shape(lambda a, b: a + b, (None, 10), (1, 10)) == (None, 10)


def test_code_that_computes_with_shapes_works():
    assert shape(lambda x: ops.zeros((x.shape[0], x.shape[1] * 2)), (None, 3)) == (
        None,
        6,
    )


def test_errors_show_none_and_the_op():
    with pytest.raises(ShapeError, match=r"\(None, 3\) and \(None, 4\)"):
        infer_call(lambda a, b: a + b, KerasTensor((None, 3)), KerasTensor((None, 4)))


def test_nothing_is_computed_and_no_variable_changes():
    v = Variable(np.float32([1.0]), name="v")

    def f(x):
        v.assign(v + ops.sum(x))
        return v.value * x

    assert shape(f, (None,)) == (None,)
    assert v.numpy()[0] == 1.0


def test_a_keras_tensor_has_no_values():
    x = KerasTensor((None, 2))
    for wrong in (bool, float, int, len, list, np.asarray):
        with pytest.raises(TypeError, match="no values"):
            wrong(x)
    assert any_symbolic([{"a": (1, x)}]) and not any_symbolic([1, {"a": 2}])


def test_python_flow_on_values_is_an_error():
    with pytest.raises(TypeError, match=r"bool\(\) needs the values"):
        infer_call(lambda x: x if ops.sum(x) > 0 else -x, KerasTensor((2,)))
