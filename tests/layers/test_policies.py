"""Dtype policies, global and by path; keras.mixed_precision."""

import numpy as np
import pytest

import minikeras as keras
from minikeras import layers
from minikeras.dtype_policies import DTypePolicy, DTypePolicyMap


def test_mixed_precision_names_set_the_global_policy():
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        assert keras.mixed_precision.global_policy().name == "mixed_bfloat16"
        assert keras.config.dtype_policy() == DTypePolicy("mixed_bfloat16")
        layer = layers.Dense(1)
        assert (layer.compute_dtype, layer.variable_dtype) == ("bfloat16", "float32")
        assert layers.Dense(1, dtype="float32").compute_dtype == "float32"
    finally:
        keras.config.set_dtype_policy("float32")
    optimizer = keras.mixed_precision.LossScaleOptimizer(keras.optimizers.SGD())
    assert isinstance(optimizer, keras.optimizers.Optimizer)


def test_a_map_finds_policies_by_path():
    policies = DTypePolicyMap("float64", {"a": "bfloat16"})
    policies["b/c"] = DTypePolicy("mixed_float16")
    policies["d/.*"] = "float16"
    names = [policies[key].name for key in ("a", "a/x", "b/c", "d/x", "xa")]
    assert names == ["bfloat16", "float64", "mixed_float16", "float16", "float64"]
    assert list(policies) == ["a", "b/c", "d/.*"]
    assert (policies.name, policies.compute_dtype) == ("map_float64", "float64")
    twin = keras.dtype_policies.get(keras.dtype_policies.serialize(policies))
    assert twin == policies
    del policies["a"]
    assert policies["a"].name == "float64"
    assert twin != policies


def test_a_map_refuses_what_is_not_clear():
    policies = DTypePolicyMap(policy_map={"a": "float32", "x.*": "float16"})
    with pytest.raises(ValueError, match="'a' is there already"):
        policies["a"] = "float16"
    with pytest.raises(ValueError, match="stands for no dtype policy"):
        policies["c"] = 3
    policies[".*y"] = "float64"
    with pytest.raises(ValueError, match="expected at most one key"):
        policies["xy"]
    with pytest.raises(TypeError, match="expected a dict"):
        DTypePolicyMap(policy_map=[1])
    with pytest.raises(ValueError, match="not quantized"):
        keras.dtype_policies.deserialize(
            {"class_name": "QuantizedDTypePolicy", "config": {"mode": "int8"}}
        )


def test_layers_take_the_policy_of_their_path():
    policies = DTypePolicyMap(policy_map={"outer/inner": "float16"})

    class Outer(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.inner = layers.Dense(2, name="inner", dtype=kwargs["dtype"])

        def call(self, inputs):
            return self.inner(inputs)

    layer = Outer(name="outer", dtype=policies)
    out = layer(np.ones((1, 3), "float32"))
    assert (layer.compute_dtype, layer.inner.compute_dtype) == ("float32", "float16")
    assert (out.dtype, layer.inner.kernel.dtype) == ("float16", "float16")
    config = layers.serialize(layer.inner)
    assert config["config"]["dtype"]["class_name"] == "DTypePolicyMap"
    assert layers.deserialize(config).get_config() == layer.inner.get_config()


def test_an_integer_policy_casts_floats():
    floats = np.array([[1.6, -2.5]], "float32")
    assert layers.Identity(dtype="int32")(floats).numpy().tolist() == [[1, -2]]
    kept = layers.Identity(dtype="int32", autocast=False)(floats)
    assert kept.dtype == "float32"
    out = layers.Identity(dtype="int32")(keras.Input((3,)))
    assert out.dtype == "int32"
