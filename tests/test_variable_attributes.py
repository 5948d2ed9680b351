"""Attributes of variables, and what tensors of many elements are not."""

import numpy as np
import pytest

import minikeras as keras


def test_penalties_and_projections_are_functions():
    v = keras.Variable([1.0, 2.0])
    for name in ("regularizer", "constraint"):
        for value in (abs, None):
            setattr(v, name, value)
            assert getattr(v, name) is value
        with pytest.raises(ValueError, match=f"{name}='l2'"):
            setattr(v, name, "l2")


def test_overwriting_is_yes_or_no():
    v = keras.Variable([1.0, 2.0])
    v.overwrite_with_gradient = True
    with pytest.raises(TypeError, match="overwrite_with_gradient='true'"):
        v.overwrite_with_gradient = "true"
    assert v.overwrite_with_gradient is True


@pytest.mark.parametrize("number", [float, int, complex])
@pytest.mark.parametrize("kind", [keras.Variable, keras.ops.array])
def test_many_elements_are_no_number(kind, number):
    assert number(kind(np.full((1, 1), 3.0))) == 3
    with pytest.raises(TypeError, match=r"shape \(2, 2\); expected one element"):
        number(kind(np.ones((2, 2))))


def test_symbolic_tensors_cannot_be_iterated():
    for error in (NotImplementedError, TypeError, ValueError):
        with pytest.raises(error, match="iteration"):
            iter(keras.KerasTensor((3, 4)))
