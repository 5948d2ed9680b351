"""Prepared steps of the NumPy backend: memory."""

import tracemalloc

import minikeras_numpy
import numpy as np
import pytest

from minikeras.engine.aval import Aval
from minikeras.engine.graph import Node, Value
from minikeras.engine.primitive import lookup

STEPS = {
    "conv_filter_grad": (
        ((64, 16, 16, 8), (64, 16, 16, 8)),
        {
            "strides": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1), "groups": 1,
            "kernel_shape": (3, 3, 8, 8),
        },
    ),
    "max_pool_grad": (
        ((64, 64, 64, 8), (64, 32, 32, 8)),
        {"window": (2, 2), "strides": (2, 2), "padding": ((0, 0), (0, 0))},
    ),
    "tanh": (((600, 600),), {}),
}  # fmt: skip


@pytest.mark.parametrize("name", STEPS)
def test_one_run_makes_the_workspace(name):
    shapes, static = STEPS[name]
    inputs = [Value(Aval(shape, "float32")) for shape in shapes]
    row = lookup(name)
    made = Value(row.infer(*[v.aval for v in inputs], **static))
    node = Node(row, inputs, [made], static)
    values = (*inputs, *node.outputs)
    table = [np.ones(v.aval.shape, np.float32) for v in values]
    step = minikeras_numpy.backend().lower(node, {v: i for i, v in enumerate(values)})
    step(table)
    tracemalloc.start()
    for _ in range(20):
        step(table)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 150_000  # of NumPy's own iteration buffers
