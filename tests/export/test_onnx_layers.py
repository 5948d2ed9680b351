"""Every layer of the table, exported with a free batch, gives what it predicts."""

import pytest

import minikeras as keras
from tests.layers.case import made
from tests.layers.cases import CASES, data, dtype

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from tests.export.running import compare


@pytest.mark.filterwarnings("ignore:Policy")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_layer_predicts_the_same(case, tmp_path):
    shapes = case.inputs if isinstance(case.inputs, list) else [case.inputs]
    inputs = [keras.Input(shape, dtype=dtype(case)) for shape in shapes]
    given = inputs if isinstance(case.inputs, list) else inputs[0]
    model = keras.Model(given, made(keras, case)(given))
    compare(model, data(case, batch=5), tmp_path / "layer.onnx")
