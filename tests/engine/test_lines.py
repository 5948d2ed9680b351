"""Groups along lines become one node, which computes what they did."""

import numpy as np
import pytest

from minikeras import ops
from minikeras.engine import backend as registry
from minikeras.engine.autodiff import GradientTape
from minikeras.engine.compile import jit
from minikeras.engine.graph import Graph
from minikeras.engine.passes.lines import along_lines
from minikeras.engine.passes.pipeline import pipeline
from minikeras.engine.passes.plan import check_plan, plan
from tests.backends.cupy import fake_cupy
from tests.backends.cupy.conftest import needs_compiler, standing_in  # noqa: F401
from tests.engine.staged import stage


class Lined:
    """The backend in use, with lines."""

    lines = True

    def __init__(self):
        self._plain = registry.load("numpy")

    def __getattr__(self, name):
        return getattr(self._plain, name)


def passed(function, *shapes):
    """The graph after the pass, and before it."""
    graph, backend = stage(function, *shapes), Lined()
    for name, run in pipeline(backend):
        if name == "lines":
            before = graph
        graph = run(graph)
        if name == "lines":
            after = graph
            break
    after.check()
    check_plan(after, plan(after, {}))
    return before, after


def names(graph):
    return [node.prim.name for node in graph.nodes if not node.prim.facets.alias]


def normalized(x, gamma, beta):
    return ops.layer_normalization(x, gamma, beta, -1, 1e-3)


def test_a_layer_normalization_is_one_node():
    before, after = passed(normalized, (4, 6, 10), (10,), (10,))
    assert len(names(before)) == 5
    assert names(after) == ["lines"]


def test_its_gradient_is_two_beside_the_sums_over_samples():
    def function(x, gamma, beta):
        with GradientTape() as tape:
            for v in (x, gamma, beta):
                tape.watch(v)
            loss = ops.sum(normalized(x, gamma, beta) ** 3)
        return tape.gradient(loss, [x, gamma, beta])

    before, after = passed(function, (4, 6, 10), (10,), (10,))
    assert len(names(before)) == 8
    assert names(after) == ["lines", "fused", "fused", "lines"]


def test_what_mixes_lines_ends_a_run():
    """A fold over samples, a product, a line of another length."""

    def over_samples(x):
        y = x - ops.mean(x, axis=-1, keepdims=True)
        return ops.sum(y, axis=0)

    assert names(passed(over_samples, (4, 10))[1]) == ["lines", "fused"]

    def product(x, w):
        return ops.matmul(x, w) - ops.sum(ops.matmul(x, w), axis=-1, keepdims=True)

    _, after = passed(product, (4, 10), (10, 10))
    assert names(after) == ["matmul", "lines"]

    def turned(x):  # what was one number a line becomes a line
        return x * ops.sum(x, axis=-1)

    assert "lines" not in names(passed(turned, (10, 10))[1])

    def one(x):
        return x - ops.mean(x, axis=-1, keepdims=True)

    for shape in ((1, 10), (10, 1), (3, 9000)):
        assert "lines" not in names(passed(one, shape)[1])
    assert names(passed(one, (2, 10))[1]) == ["lines"]


def test_others_go_before_a_run_and_views_behind_it():
    def function(x, z):
        total = ops.sum(x, axis=-1)
        other = ops.matmul(z, z)
        wide = ops.reshape(total, (4, 1))
        return x / wide, other, wide

    _, after = passed(function, (4, 6), (3, 3))
    order = [node.prim.name for node in after.nodes]
    assert order.index("matmul") < order.index("lines") < order.index("reshape")
    assert len(after.outputs) == 3


def test_a_backend_without_lines_keeps_its_groups():
    graph = stage(normalized, (4, 6, 10), (10,), (10,))
    assert along_lines(graph, registry.load("numpy")) is graph
    assert isinstance(graph, Graph)


CASES = {
    "layer": (lambda x, g: ops.layer_normalization(x, g, g, -1, 1e-3), (3, 5, 70)),
    "rms": (lambda x, g: ops.rms_normalization(x, g, -1), (9, 33)),
    "unit": (
        lambda x, g: x * ops.rsqrt(ops.sum(x * x, axis=-1, keepdims=True)) * g,
        (65, 4),
    ),
    "softmax": (
        lambda x, g: ops.exp(x) / ops.sum(ops.exp(x), axis=-1, keepdims=True) * g,
        (2, 131),
    ),
    "extremes": (
        lambda x, g: (
            (x - ops.min(x, -1, keepdims=True)) / ops.max(x + g, -1, keepdims=True)
        ),
        (4, 32),
    ),
}


@needs_compiler
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_lines_on_the_stand_in_are_numpys(standing_in, name, dtype):  # noqa: F811
    """One launch forward; results and gradients as the groups' one by one."""
    function, shape = CASES[name]
    rng = np.random.default_rng(1)
    x = np.asarray(rng.normal(size=shape) + 2, "float32")
    g = np.asarray(rng.normal(size=shape[-1:]) + 2, "float32")

    def both(x, g):
        x, g = ops.cast(x, dtype), ops.cast(g, dtype)
        with GradientTape() as tape:
            tape.watch(x)
            made = function(x, g)
            loss = ops.sum(ops.cast(made, "float32") ** 2)
        return [ops.cast(v, "float32") for v in (made, tape.gradient(loss, [x])[0])]

    step = jit(both)
    found = [v.numpy() for v in step(x, g)]
    kinds = [n.prim.name for n in step.programs[0].nodes]
    assert "lines" in kinds
    registry.use("numpy")
    wanted = [v.numpy() for v in jit(both)(x, g)]
    for made, plain in zip(found, wanted, strict=True):
        loose = 4e-2 if dtype == "bfloat16" else 2e-5
        np.testing.assert_allclose(made, plain, loose, loose * np.abs(plain).max())


@needs_compiler
def test_a_normalization_is_one_launch(standing_in):  # noqa: F811
    driver = standing_in._maker.launch.driver
    assert type(driver) is fake_cupy.Driver
    standing_in._graphs.on = False
    step = jit(normalized)
    x, g = np.ones((6, 40), "float32"), np.ones(40, "float32")
    step(x, g, g)
    before = driver.launches
    step(x, g, g)
    assert driver.launches - before == 1
