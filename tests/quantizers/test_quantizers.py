"""Quantizers: values, gradients, names and configs, beside Keras's."""

import numpy as np
import pytest

import minikeras as keras
from minikeras import ops, quantizers
from tests.goldens.oracle import keras as real

RNG = np.random.default_rng(7)
W = RNG.normal(size=(10, 6)).astype("float32")


def arrays(found):
    found = found if isinstance(found, tuple) else (found,)
    return [np.asarray(v.numpy() if hasattr(v, "numpy") else v) for v in found]


def test_the_largest_input_is_at_the_end_of_the_range():
    numbers, scale = quantizers.abs_max_quantize(W, axis=0)
    assert numbers.dtype == "int8" and scale.shape == (1, 6)
    assert (np.abs(numbers.numpy()).max(0) == 127).all()
    np.testing.assert_allclose(
        numbers.numpy() / scale.numpy(), W, atol=np.abs(W).max() / 254 * 1.01
    )
    zeros, _ = quantizers.abs_max_quantize(np.zeros((2, 3), "float32"), axis=-1)
    assert not zeros.numpy().any()
    with pytest.raises(ValueError, match="int4"):
        quantizers.abs_max_quantize(W, 0, dtype="int4")


CASES = {
    "columns": lambda q, x: q.abs_max_quantize(x, 0),
    "rows": lambda q, x: q.abs_max_quantize(x, -1, (-8, 7)),
    "all": lambda q, x: q.abs_max_quantize(x, None),
    "two axes": lambda q, x: q.abs_max_quantize(x, (0, 1)),
    "uint8": lambda q, x: q.abs_max_quantize(np.abs(x), 0, (0, 255), "uint8"),
    "on the host": lambda q, x: q.abs_max_quantize(x, 0, to_numpy=True),
    "half": lambda q, x: q.abs_max_quantize(x.astype("float16"), 0),
    "blocks of 5": lambda q, x: q.abs_max_quantize_grouped_with_zero_point(x, 5),
    "a last block of 2": lambda q, x: q.abs_max_quantize_grouped_with_zero_point(x, 4),
    "one short block": lambda q, x: q.abs_max_quantize_grouped_with_zero_point(
        np.abs(x) + 1, 16
    ),
    "all equal": lambda q, x: q.abs_max_quantize_grouped_with_zero_point(0 * x + 3, 5),
    "float8": lambda q, x: q.quantize_and_dequantize(
        300 * x, np.float32(0.3), "float8_e4m3fn", "float32"
    ),
    "float8_e5m2": lambda q, x: q.quantize_and_dequantize(
        300 * x, np.float32(0.3), "float8_e5m2", "float32"
    ),
    "amax history": lambda q, x: q.compute_float8_amax_history(x, x[0]),
    "axis of a call": lambda q, x: q.AbsMaxQuantizer(axis=0)(x, axis=-1),
    "no axis": lambda q, x: q.AbsMaxQuantizer()(x),
    "fake, ends that straddle 0": lambda q, x: q.fake_quant_with_min_max_vars(
        x, -1.0, 1.0
    ),
    "fake, ends above 0": lambda q, x: q.fake_quant_with_min_max_vars(
        x, 0.5, 2.0, 4, True
    ),
    "fake, channels": lambda q, x: q.fake_quant_with_min_max_vars(
        x, -np.arange(6.0), np.ones(6), axis=1
    ),
}


@pytest.mark.oracle
@pytest.mark.parametrize("case", CASES)
def test_values_beside_keras(case):
    found, wanted = (arrays(CASES[case](q, W)) for q in (quantizers, real().quantizers))
    for a, b in zip(found, wanted, strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape
        np.testing.assert_allclose(
            a.astype("float32"), b.astype("float32"), rtol=1e-6, atol=3e-7
        )


@pytest.mark.oracle
@pytest.mark.parametrize("amax", [0.0, 1.0, 3.0, np.inf, np.nan])
@pytest.mark.parametrize("margin", [0, 2])
def test_scales_of_float8(amax, margin):
    arguments = np.float32(amax), np.float32(0.5), 448.0, margin
    found = quantizers.compute_float8_scale(*arguments)
    assert float(found) == pytest.approx(
        float(real().quantizers.compute_float8_scale(*arguments))
    )


def test_two_integers_in_a_byte():
    x = np.array([[-3, 7, 2], [2, -8, -1], [1, 0, 7]], "int8")
    for axis in (0, 1, -1):
        packed, shape, size = quantizers.pack_int4(x, axis)
        assert packed.shape == shape and size == 3 and packed.dtype == "int8"
        assert shape == ((2, 3) if axis == 0 else (3, 2))
        back = quantizers.unpack_int4(packed, size, axis)
        np.testing.assert_array_equal(back.numpy(), x)
    assert quantizers.pack_int4(x)[0].numpy().tolist() == [[45, -121, -14], [1, 0, 7]]
    unsigned = np.arange(15, dtype="uint8")
    packed, _, size = quantizers.pack_int4(unsigned, dtype="uint8")
    back = quantizers.unpack_int4(packed, size, dtype="uint8")
    np.testing.assert_array_equal(back.numpy(), unsigned)
    with pytest.raises(TypeError, match="arr has dtype int32; expected int8"):
        quantizers.pack_int4(x.astype("int32"))
    with pytest.raises(ValueError, match="expected 'int8' or 'uint8'"):
        quantizers.pack_int4(x, dtype="int32")
    with pytest.raises(TypeError, match="packed has dtype int32"):
        quantizers.unpack_int4(x.astype("int32"), 3)
    with pytest.raises(ValueError, match="axis=5"):
        quantizers.unpack_int4(x, 3, axis=5)


def gradients(function, *values):
    tensors = [ops.convert_to_tensor(v) for v in values]
    with keras.GradientTape() as tape:
        for t in tensors:
            tape.watch(t)
        total = ops.sum(function(*tensors))
    return [g.numpy() for g in tape.gradient(total, tensors)]


def test_gradients_of_fake_rounding_go_where_values_went():
    x = np.array([[1.0, 3.0, -1.0], [2.0, 0.0, 9.0]], "float32")
    one = gradients(
        lambda *a: quantizers.fake_quant_with_min_max_vars(*a),
        x, np.float32(0), np.float32(2.5),
    )  # fmt: skip
    np.testing.assert_array_equal(one[0], [[1, 0, 0], [1, 1, 0]])
    assert (one[1], one[2]) == (1, 2)
    each = gradients(
        lambda *a: quantizers.fake_quant_with_min_max_vars(*a, axis=1),
        x, np.zeros(3, "float32"), np.ones(3, "float32"),
    )  # fmt: skip
    np.testing.assert_array_equal(each[0], [[1, 0, 0], [0, 1, 0]])
    np.testing.assert_array_equal(each[1], [0, 0, 1])
    np.testing.assert_array_equal(each[2], [1, 1, 1])


def test_gradients_through_float8_are_rounded_to_it():
    x = np.array([1.0, 2.3, 1000.0, -5.0], "float32")
    weights = np.array([0.1, 0.234567, 1, 2], "float32")
    (found,) = gradients(
        lambda t: (
            weights
            * quantizers.quantize_and_dequantize(t, 1.0, "float8_e4m3fn", "float32")
        ),
        x,
    )
    np.testing.assert_array_equal(
        found, np.array([0.1015625, 0.234375, 0, 2], "float32")
    )


def test_names_and_configs():
    made = quantizers.AbsMaxQuantizer(axis=(0, 1), value_range=(-7, 7))
    copy = quantizers.deserialize(quantizers.serialize(made))
    assert vars(copy) == vars(made)
    assert "axis" not in quantizers.AbsMaxQuantizer().get_config()
    assert quantizers.get(None) is None and quantizers.get(made) is made
    assert quantizers.get("AbsMaxQuantizer", axis=0).axis == (0,)
    for bad in ("l3", 3):
        with pytest.raises(ValueError, match=r"quantizers\.get"):
            quantizers.get(bad)
    with pytest.raises(NotImplementedError, match="get_config"):
        quantizers.Quantizer().get_config()


def test_configs_of_layers():
    for config in (
        quantizers.Int8QuantizationConfig(made := quantizers.AbsMaxQuantizer(0), None),
        quantizers.Int4QuantizationConfig(block_size=-1, activation_quantizer=made),
        quantizers.Int4QuantizationConfig(),
        quantizers.Float8QuantizationConfig(),
        quantizers.GPTQConfig([1], None, group_size=8),
        quantizers.AWQConfig([1], None, num_grid_points=3),
    ):
        described = keras.saving.serialize_keras_object(config)
        back = keras.saving.deserialize_keras_object(described)
        assert type(back) is type(config)
        assert back.get_config() == config.get_config()
        assert back.dtype_policy_string() == config.dtype_policy_string()
    with pytest.raises(ValueError, match="block_size=0"):
        quantizers.Int4QuantizationConfig(block_size=0)
    with pytest.raises(ValueError, match="exclude each other"):
        quantizers.Int4QuantizationConfig(activation_quantizer=made)
    with pytest.raises(ValueError, match="output_dtype='int8'"):
        quantizers.Int8QuantizationConfig(
            quantizers.AbsMaxQuantizer(output_dtype="uint8")
        )
    with pytest.raises(NotImplementedError, match="no mode"):
        quantizers.QuantizationConfig().mode  # noqa: B018
    with pytest.raises(ValueError, match="weight_bits=5"):
        quantizers.GPTQConfig([1], None, weight_bits=5)
    with pytest.raises(ValueError, match="hessian_damping"):
        quantizers.GPTQConfig([1], None, hessian_damping=2)
    with pytest.raises(ValueError, match="num_grid_points=0"):
        quantizers.AWQConfig([1], None, num_grid_points=0)


def test_symbolic_calls():
    x = keras.KerasTensor((4, 3))
    numbers, scale = quantizers.abs_max_quantize(x, 0)
    assert (numbers.dtype, numbers.shape, scale.shape) == ("int8", (4, 3), (1, 3))
    found = quantizers.abs_max_quantize_grouped_with_zero_point(x, 2)
    assert [t.shape for t in found] == [(4, 3), (2, 3), (2, 3)]
    assert quantizers.fake_quant_with_min_max_vars(x, 0.0, 1.0).shape == (4, 3)
