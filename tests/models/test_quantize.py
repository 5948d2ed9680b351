"""Quantization: there is none, and that is said wherever Keras has it."""

import pytest

import minikeras as keras


def test_quantize_says_what_there_is():
    model = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(1, name="d")], name="m"
    )
    before = model.get_config()
    with pytest.raises(
        NotImplementedError, match=r"model 'm'\.quantize\(mode='int8'\).*ONNX"
    ):
        model.quantize("int8")
    with pytest.raises(NotImplementedError, match=r"layer 'd'.*does not quantize"):
        model.layers[0].quantize()
    assert model.get_config() == before and model.layers[0].quantization_mode is None
    with pytest.raises(ValueError, match="is a quantized policy"):
        keras.layers.Dense(1, dtype="int8_from_float32")
    with pytest.raises(ValueError, match="quantization_config"):
        keras.layers.Dense(1, quantization_config={"mode": "int8"})
