"""Function: where its graph begins."""

import numpy as np
import pytest

import minikeras as keras


def _names(function):
    return [o.name.rstrip("_0123456789") for o in function.operations]


def test_it_may_begin_at_tensors_made_by_hand():
    x, y = keras.KerasTensor((None, 3)), keras.KerasTensor((None, 3))
    function = keras.Function({"x": x, "y": y}, x * y + 1)
    found = function({"x": np.full((2, 3), 2.0), "y": np.full((2, 3), 3.0)})
    np.testing.assert_array_equal(found, np.full((2, 3), 7.0))
    assert _names(function) == ["multiply", "add"]
    assert function.compute_output_shape({"x": (4, 3), "y": (4, 3)}) == (4, 3)


def test_what_comes_before_its_inputs_is_left_out():
    x = keras.Input((3,))
    twice = x * 2
    more = twice + 1
    function = keras.Function(more, more**2)
    assert _names(function) == ["power"]
    np.testing.assert_array_equal(function(np.full((1, 3), 3.0)), np.full((1, 3), 9.0))


def test_one_input_may_lie_before_another():
    x = keras.Input((3,))
    twice = x * 2
    more = twice + 1
    function = keras.Function([twice, more], more**2 + twice)
    given = [np.full((1, 3), 5.0), np.full((1, 3), 3.0)]
    np.testing.assert_array_equal(function(given), np.full((1, 3), 14.0))


def test_one_result_of_an_operation_is_given_and_another_computed():
    x = keras.Input((3,))
    left, right = keras.ops.split(x * 2, [1], axis=1)
    function = keras.Function([x, left], [right, left + 0])
    found = function([np.ones((1, 3)), np.full((1, 1), 7.0)])
    assert [f.tolist() for f in found] == [[[2.0, 2.0]], [[7.0]]]
    model = keras.Model([x, left], [right, left + 0])
    found = model([np.ones((1, 3)), np.full((1, 1), 7.0)])
    assert [f.tolist() for f in found] == [[[2.0, 2.0]], [[7.0]]]


def test_an_input_given_on_as_it_is():
    x = keras.KerasTensor((2,))
    assert keras.Function([x], [x])([np.ones(2)])[0].tolist() == [1.0, 1.0]


def test_a_tensor_that_is_not_among_the_inputs_is_named():
    x, y = keras.KerasTensor((2,)), keras.KerasTensor((2,), name="lost")
    with pytest.raises(ValueError, match="lost"):
        keras.Function(x, x + y)
