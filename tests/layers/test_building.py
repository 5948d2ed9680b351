"""What `build` and `add_weight` are given, and where variables say they are."""

import numpy as np
import pytest

import minikeras as keras


class Two(keras.Layer):
    def call(self, first, second=None, attention_mask=None):
        return first if second is None else first + second


def _layer(build):
    return type("Own", (Two,), {"build": build})()


def test_an_argument_of_build_that_is_no_shape_is_named():
    def build(self, first_shape, width):
        pass

    with pytest.raises(ValueError, match="`width`, which does not end in `_shape`"):
        _layer(build)(np.ones((1, 2)), np.ones((1, 2)))


def test_an_argument_of_build_that_call_has_not_is_named():
    def build(self, first_shape, third_shape):
        pass

    with pytest.raises(ValueError, match=r"`third_shape`.*`third`"):
        _layer(build)(np.ones((1, 2)), np.ones((1, 2)))


def test_the_shape_of_an_argument_left_out_is_none():
    seen = []

    def build(self, first_shape, second_shape):
        seen.append((first_shape, second_shape))

    _layer(build)(np.ones((1, 2)))
    assert seen == [((1, 2), None)]


def test_build_gets_the_shape_of_a_mask_it_asks_for():
    seen = []

    def build(self, first_shape, attention_mask_shape=None):
        seen.append(attention_mask_shape)

    _layer(build)(np.ones((2, 3)), attention_mask=np.ones((2, 1)))
    _layer(build)(np.ones((2, 3)))
    assert seen == [(2, 1), None]


def test_two_shapes_for_one_weight_are_refused():
    with pytest.raises(ValueError, match=r"\(3, 4\) by position and \(2,\)"):
        Two().add_weight((3, 4), shape=(2,))


def test_weights_made_later_have_the_path_of_their_layer():
    model = keras.Sequential([keras.layers.Dense(4, name="head")], name="net")
    model.build((None, 5))
    model.layers[0].enable_lora(2)
    paths = [v.path for v in model.variables]
    assert paths[-2:] == ["net/head/lora_kernel_a", "net/head/lora_kernel_b"]


def test_no_samples_have_no_activity_penalty():
    layer = keras.layers.Dense(2, activity_regularizer="l2")
    layer(np.ones((0, 3)))
    assert float(layer.losses[0]) == 0.0


def test_tuples_of_shapes_give_tuples_of_results():
    class Twice(keras.Layer):
        def compute_output_shape(self, shape):
            return (shape, shape)

    found = Twice().compute_output_spec(keras.KerasTensor((2, 3)))
    assert type(found) is tuple and [t.shape for t in found] == [(2, 3), (2, 3)]


def test_a_policy_set_on_a_layer_with_a_map_goes_into_the_map():
    policies = keras.dtype_policies.DTypePolicyMap()
    layer = keras.layers.Dense(2, dtype=policies, name="head")
    layer.build((None, 1))
    for name in ("float16", "float64"):
        layer.dtype_policy = name
        assert policies["head"].name == layer.compute_dtype == name
    layer.dtype_policy = keras.dtype_policies.DTypePolicyMap()
    assert layer.compute_dtype == "float32"


def test_the_older_name_of_a_shape_is_warned_of():
    with pytest.warns(UserWarning, match="shape="):
        layer = keras.layers.InputLayer(input_shape=(3,))
    assert layer.batch_shape == (None, 3)
