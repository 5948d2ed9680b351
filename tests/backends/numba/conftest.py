"""Running one lowered node against a reference, on one thread and on several."""

import importlib.util

import numpy as np
import pytest

import minikeras.engine.prims  # noqa: F401
from minikeras import config
from minikeras.extend import Aval, Node, Value, lookup

if importlib.util.find_spec("llvmlite"):
    from minikeras_numba.machine import team
else:  # the extra `numba` is not installed: nothing here can be imported
    collect_ignore_glob = ["*"]


def _run(lower, name, arrays, **static):
    """The node's output, checked: written whole, inputs unchanged, the same again."""
    row = lookup(name)
    inputs = [Value(Aval(a.shape, a.dtype.name)) for a in arrays]
    output = Value(row.infer(*(v.aval for v in inputs), **static))
    registers = team.Registers(len(arrays) + 1)
    closure = lower(
        Node(row, inputs, [output], static),
        {v: i for i, v in enumerate([*inputs, output])},
    )
    assert closure is not None
    assert not closure.allocates
    for i, array in enumerate(arrays):
        registers[i] = array
    before = [a.copy() for a in arrays]
    results = []
    floats = output.aval.dtype.startswith(("float", "bfloat"))
    for garbage in (np.nan if floats else 3, 7):
        registers[len(arrays)] = np.full(output.aval.shape, garbage, output.aval.dtype)
        closure(registers)
        results.append(registers[len(arrays)])
    for old, new in zip(before, arrays, strict=True):
        np.testing.assert_array_equal(old, new)
    np.testing.assert_array_equal(results[0], results[1])
    return results[0], closure, registers


@pytest.fixture
def run_node():
    """`run_node(lower, name, arrays, **static)` -> (output, closure, registers)."""
    return _run


@pytest.fixture
def on_numba():
    """Numba is the backend in use during the test."""
    before = config.backend()
    config.set_backend("numba")
    yield
    config.set_backend(before)


@pytest.fixture(params=[1, 3], ids=["1-thread", "3-threads"])
def threads(request):
    """How many threads share a kernel during the test."""
    before = team.get_threads()
    team.set_threads(request.param)
    yield request.param
    team.set_threads(before)


@pytest.fixture(scope="session")
def run_node_anywhere():
    """The same for generated tests, which outlive a function's fixtures."""
    return _run
