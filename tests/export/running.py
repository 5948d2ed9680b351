"""Exported files, run by ONNX Runtime."""

import numpy as np
import pytest

from minikeras.engine import tree

onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")


def outputs(path, inputs):
    """What the file at `path` gives for inputs in the structure of the model's."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(str(path), options)
    names = [i.name for i in session.get_inputs()]
    return session.run(None, dict(zip(names, tree.flatten(inputs), strict=True)))


def compare(model, inputs, path, rtol=1e-5, **export):
    """Export `model`; its file predicts the same. Gives the ONNX model."""
    model.export(path, format="onnx", **export)
    wanted = tree.flatten(model.predict(inputs, verbose=0))
    got = outputs(path, inputs)
    assert len(got) == len(wanted)
    for ours, theirs in zip(wanted, got, strict=True):
        assert theirs.shape == ours.shape
        largest = np.abs(ours.astype("float64")).max(initial=1e-6)
        np.testing.assert_allclose(theirs, ours, rtol=0, atol=rtol * largest)
    return onnx.load(str(path))


def kinds(model):
    """Types of the nodes, in order."""
    return [node.op_type for node in model.graph.node]
