"""Dtype policies, global and by path; keras.mixed_precision."""

import copy

import numpy as np
import pytest

import minikeras as keras
from minikeras import dtype_policies, layers
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


@pytest.mark.parametrize(
    ("name", "kind", "mode", "numbers"),
    [
        ("int8_from_mixed_bfloat16", "QuantizedDTypePolicy", "int8", {}),
        ("int4_from_float16", "QuantizedDTypePolicy", "int4", {}),
        ("int4/32_from_float32", "Int4DTypePolicy", "int4", {"block_size": 32}),
        (
            "float8_from_mixed_float16",
            "QuantizedFloat8DTypePolicy",
            "float8",
            {"amax_history_length": 1024},
        ),
        (
            "gptq/3/-1_from_float32",
            "GPTQDTypePolicy",
            "gptq",
            {"weight_bits": 3, "group_size": -1},
        ),
        (
            "awq/4/128_from_mixed_bfloat16",
            "AWQDTypePolicy",
            "awq",
            {"weight_bits": 4, "group_size": 128},
        ),
    ],
)
def test_quantized_policies_are_found_by_name(lib, name, kind, mode, numbers):
    policies = lib.dtype_policies
    policy = policies.get(name)
    mode_in_full, source = name.split("_from_")
    assert (policy.name, type(policy).__name__) == (name, kind)
    assert policy.quantization_mode == mode
    assert policy.compute_dtype == policies.get(source).compute_dtype
    assert policy.variable_dtype == policies.get(source).variable_dtype
    assert {key: getattr(policy, key) for key in numbers} == numbers
    config = policies.serialize(policy)
    assert (config["module"], config["class_name"]) == ("keras.dtype_policies", kind)
    assert config["config"]["mode"] == mode_in_full
    assert config["config"]["source_name"] == source
    assert policies.deserialize(config) == policy != policies.get(source)
    by_path = policies.DTypePolicyMap(policy_map={"dense": policy})
    assert f"('dense', {name!r})" in repr(by_path)
    if lib is keras:  # the other library's forgets the source
        again = policies.deserialize(policies.serialize(by_path))
        assert again["dense"] == policy


@pytest.mark.parametrize(
    ("mode", "error"),
    [
        ("int7", ValueError),
        ("gptq/5/8", ValueError),
        ("gptq/4", ValueError),
        ("gptq/4/x", ValueError),
        ("awq/8/8", ValueError),
        ("awq/4/0", ValueError),
        ("int4/-2", ValueError),
        ("int4/", ValueError),
        ("int8_from_float16", ValueError),
        ("int8_from_float9", ValueError),
    ],
)
def test_wrong_quantized_policies_are_refused(mode, error):
    name = mode if "_from_" in mode else f"{mode}_from_float32"
    with pytest.raises(error, match=r"DTypePolicy: .*; expected|which computes"):
        keras.dtype_policies.get(name)


def test_a_map_keeps_the_global_policy_of_its_making(lib):
    before = lib.config.dtype_policy()
    try:
        lib.config.set_dtype_policy("bfloat16")
        by_path = lib.dtype_policies.DTypePolicyMap()
        lib.config.set_dtype_policy("float16")
        assert by_path["any"].name == by_path.default_policy.name == "bfloat16"
        assert by_path.get_config()["default_policy"] is None
    finally:
        lib.config.set_dtype_policy(before)


def test_what_is_no_name_is_refused():
    policies = keras.dtype_policies
    with pytest.raises(TypeError, match="mode=8 of type int"):
        policies.QuantizedDTypePolicy(8, "float32")
    with pytest.raises(TypeError, match=r"amax_history_length=1\.5"):
        policies.QuantizedFloat8DTypePolicy("float8", "float32", 1.5)
    with pytest.raises(TypeError, match="name=123 of type int"):
        DTypePolicy(123)
    for config in (
        {"name": "float32"},
        "float32",
        {"class_name": "Dense", "config": {}},
    ):
        with pytest.raises((ValueError, TypeError)):
            policies.deserialize(config)


def test_a_policy_of_ones_own_comes_back():
    @keras.saving.register_keras_serializable("mine")
    class Rounded(DTypePolicy):
        pass

    layer = layers.Dense(2, dtype=Rounded("float16"))
    again = layers.deserialize(layers.serialize(layer))
    assert type(again.dtype_policy) is Rounded
    assert again.dtype_policy == layer.dtype_policy != DTypePolicy("float16")


def test_layers_take_a_quantized_policy_out_of_a_map():
    policy = keras.dtype_policies.get("int8_from_float32")
    by_path = DTypePolicyMap("float32", {"last": policy})
    last = layers.Dense(1, dtype=by_path, name="last")
    last.build((None, 2))
    assert last.quantization_mode == "int8" and last.kernel.dtype == "int8"
    first = layers.Dense(1, dtype=by_path, name="first")
    first.build((None, 2))
    assert first.quantization_mode is None and first.kernel.dtype == "float32"


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


class _Watched(layers.Dense):
    """Keeps what it was given as `dtype`."""

    def __init__(self, *args, **kwargs):
        self.given = kwargs.get("dtype")
        super().__init__(*args, **kwargs)


@pytest.mark.parametrize("name", ["float32", "mixed_float16", "bfloat16"])
def test_a_layer_is_made_again_with_the_name_of_its_policy(name):
    config = layers.Dense(2, dtype=name).get_config()
    before = copy.deepcopy(config)
    again = _Watched.from_config(config)
    assert again.given == name and again.dtype_policy.name == name
    assert config == before


def test_a_layer_is_made_again_with_a_policy_that_no_name_tells():
    policies = DTypePolicyMap()
    policies["dense"] = "float16"
    config = layers.Dense(2, name="dense", dtype=policies).get_config()
    assert isinstance(_Watched.from_config(config).given, DTypePolicyMap)


def test_other_arguments_that_describe_a_policy_stay_descriptions():
    class Two(layers.Layer):
        def __init__(self, inner=None, **kwargs):
            super().__init__(**kwargs)
            self.inner = inner

    described = dtype_policies.serialize(DTypePolicy("float16"))
    layer = Two.from_config({"inner": described, "dtype": described})
    assert layer.inner == described and layer.compute_dtype == "float16"
