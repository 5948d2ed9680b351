"""Graph passes: golden text for each, and the same results after as before."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikeras.engine import backend as registry
from minikeras.engine import prims as p
from minikeras.engine.aval import Aval
from minikeras.engine.graph import Graph, GraphError, Node, Value
from minikeras.engine.passes.epilogue import epilogues
from minikeras.engine.passes.fuse import fuse
from minikeras.engine.passes.plan import Plan, check_plan, plan
from minikeras.engine.passes.simplify import (
    algebra,
    common_subexpressions,
    dead_code,
    simplify,
)
from minikeras.engine.passes.stabilise import stabilise_graph
from minikeras.engine.primitive import lookup
from minikeras.engine.tensor import scalar
from tests.engine.staged import run_graph, run_nodes, stage


def names(graph: Graph) -> list[str]:
    return [node.prim.name for node in graph.nodes]


def test_dead_code_drops_what_no_output_needs():
    def f(x):
        p.exp(x)
        return p.neg(x)

    assert dead_code(stage(f, (3,))).check().text() == (
        "%0 = input float32[3]\n%1 = neg(%0) : float32[3]\nreturn %1"
    )


def test_common_subexpressions_are_made_once():
    graph = stage(lambda x: p.add(p.exp(x), p.exp(x)), (3,))
    assert common_subexpressions(graph).check().text() == (
        "%0 = input float32[3]\n"
        "%1 = exp(%0) : float32[3]\n"
        "%2 = add(%1, %1) : float32[3]\n"
        "return %2"
    )


def test_equal_calls_with_other_keywords_stay_apart():
    graph = stage(
        lambda x: p.add(
            p.sum(x, axes=(0,), keepdims=False), p.sum(x, axes=(1,), keepdims=False)
        ),
        (3, 3),
    )
    assert names(common_subexpressions(graph)) == ["sum", "sum", "add"]


def test_constants_fold_and_neutral_arithmetic_disappears():
    def f(x):
        two = p.add(scalar(1, "float32"), scalar(1, "float32"))
        ones = p.broadcast_to(scalar(1, "float32"), shape=(2, 3))
        return p.mul(p.mul(x, ones), two)

    assert dead_code(algebra(stage(f, (2, 3)))).check().text() == (
        "%0 = input float32[2,3]\n"
        "%1 = constant float32[] 2.0\n"
        "%2 = mul(%0, %1) : float32[2,3]\n"
        "return %2"
    )


def test_a_neutral_operand_that_broadcasts_is_kept():
    graph = simplify(
        stage(lambda x: p.mul(x, p.full(shape=(4, 3), dtype="float32", value=1)), (3,))
    )
    (result,) = run_graph(graph, np.ones(3, "float32"))
    assert result.shape == (4, 3)


def test_matmul_reads_transposed_operands_in_place():
    graph = stage(
        lambda a, b: p.matmul(
            p.transpose(a, perm=(1, 0)), b, transpose_a=False, transpose_b=False
        ),
        (5, 2),
        (5, 3),
    )
    graph = simplify(graph).check()
    assert names(graph) == ["matmul"]
    assert graph.nodes[0].static["transpose_a"] is True


def test_reshapes_of_reshapes_are_one():
    graph = stage(lambda x: p.reshape(p.reshape(x, shape=(6,)), shape=(3, 2)), (2, 3))
    assert names(simplify(graph).check()) == ["reshape"]


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("divide", [False, True])
def test_log_of_softmax_is_stable(clip, divide):
    def f(x):
        s = p.softmax(x, axis=1)
        if divide:
            s = p.div(s, p.sum(s, axes=(1,), keepdims=True))
        if clip:
            s = p.minimum(
                p.maximum(s, scalar(1e-7, "float32")), scalar(1 - 1e-7, "float32")
            )
        return p.log(s)

    graph = dead_code(stabilise_graph(stage(f, (2, 3)))).check()
    assert names(graph) == ["log_softmax"]
    (out,) = run_graph(graph, np.float32([[1000, 0, 0], [0, 0, 0]]))
    assert np.isfinite(out).all()
    assert out[0, 1] == -1000


def test_log_of_sigmoid_and_its_complement_are_stable():
    def f(x):
        s = p.minimum(
            p.maximum(p.logistic(x), scalar(1e-7, "float32")),
            scalar(1 - 1e-7, "float32"),
        )
        return p.log(s), p.log(p.sub(scalar(1, "float32"), s))

    graph = dead_code(stabilise_graph(stage(f, (2,)))).check()
    assert [(n.prim.name, n.static["sign"]) for n in graph.nodes] == [
        ("log_logistic", 1),
        ("log_logistic", -1),
    ]
    a, b = run_graph(graph, np.float32([-200, 200]))
    np.testing.assert_allclose(a, [-200, 0], atol=1e-6)
    np.testing.assert_allclose(b, [0, -200], atol=1e-6)


def test_a_clip_that_is_no_guard_is_respected():
    graph = stage(
        lambda x: p.log(p.maximum(p.softmax(x, axis=1), scalar(0.2, "float32"))), (2, 3)
    )
    assert "log" in names(stabilise_graph(graph))


class _Everything(registry.Backend):
    """A backend that takes all elementwise nodes and reductions, for tests of the passes."""

    name = "everything"
    kernels = MappingProxyType({})

    def fusible(self, node):
        return (
            node.prim.kind in ("elementwise", "create", "random")
            or node.prim.name == "sum"
        )

    def has_epilogues(self, node):
        return True


def fused(function, *shapes):
    return fuse(simplify(stage(function, *shapes)), _Everything()).check()


def test_fuse_makes_one_node_of_a_tree_with_its_reduction():
    graph = fused(
        lambda x, y: p.sum(p.mul(p.exp(x), p.neg(y)), axes=(0,), keepdims=False),
        (4, 3),
        (4, 3),
    )
    assert graph.text() == (
        "%0 = input float32[4,3]\n"
        "%1 = input float32[4,3]\n"
        "%2 = fused(%0, %1) space=(4, 3) : float32[3]\n"
        "  body:\n"
        "    %0 = input float32[4,3]\n"
        "    %1 = input float32[4,3]\n"
        "    %2 = exp(%0) : float32[4,3]\n"
        "    %3 = neg(%1) : float32[4,3]\n"
        "    %4 = mul(%2, %3) : float32[4,3]\n"
        "    %5 = sum(%4) axes=(0,) keepdims=False : float32[3]\n"
        "    return %5\n"
        "return %2"
    )


def test_fuse_does_not_make_a_cycle_through_a_contraction():
    def f(x, w):
        a = p.exp(x)
        b = p.matmul(a, w, transpose_a=False, transpose_b=False)
        return p.add(a, b)

    assert names(fused(f, (3, 3), (3, 3))) == ["exp", "matmul", "add"]


def test_fuse_keeps_what_follows_a_reduction_apart():
    def f(x):
        total = p.sum(p.exp(x), axes=(0, 1), keepdims=True)
        return p.div(p.exp(x), total)

    assert names(fused(f, (3, 3))) == ["fused", "div"]


def test_fuse_gives_several_outputs():
    graph = fused(lambda x: (p.neg(p.exp(x)), p.exp(x)), (5,))
    assert names(graph) == ["fused"]
    assert len(graph.nodes[0].outputs) == 2


def test_epilogue_takes_bias_and_activation():
    def f(x, w, b):
        y = p.add(p.matmul(x, w, transpose_a=False, transpose_b=False), b)
        return p.maximum(y, scalar(0, "float32"))

    graph = epilogues(simplify(stage(f, (2, 3), (3, 4), (4,))), _Everything()).check()
    assert names(graph) == ["epilogue"]
    assert [n.prim.name for n in graph.nodes[0].static["body"].nodes] == [
        "add",
        "maximum",
    ]


def test_epilogue_takes_scales_made_of_inputs_later_on():
    """As a batch normalization is in a prediction."""

    def f(x, w, mean, var, other):
        y = p.sub(p.matmul(x, w, transpose_a=False, transpose_b=False), mean)
        late = p.neg(p.exp(other))  # as large as the result: not moved
        return p.mul(y, p.rsqrt(p.reshape(var, shape=(1, 4)))), late

    shapes = ((2, 3), (3, 4), (4,), (4,), (2048, 4))
    graph = epilogues(simplify(stage(f, *shapes)), _Everything()).check()
    assert names(graph) == ["reshape", "rsqrt", "exp", "neg", "epilogue"]


def test_epilogues_of_two_products_that_meet(backend):
    """What the first one's tail made is there for the second: it is not made again."""

    def f(x, v, w):
        a = p.matmul(x, v, transpose_a=False, transpose_b=False)
        b = p.matmul(x, w, transpose_a=False, transpose_b=False)
        return p.add(p.mul(a, a), p.mul(b, b))

    graph = stage(f, (2, 3), (3, 4), (3, 4))
    joined = epilogues(graph, _Everything()).check()
    assert names(joined) == ["epilogue", "epilogue"]
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=v.aval.shape).astype("float32") for v in graph.inputs]
    expected = run_nodes(graph, *arrays)
    np.testing.assert_allclose(run_graph(graph, *arrays), expected, rtol=1e-5)


def test_epilogue_stops_where_the_result_has_two_readers():
    def f(x, w):
        y = p.matmul(x, w, transpose_a=False, transpose_b=False)
        return p.add(p.neg(y), p.exp(y))

    assert "epilogue" not in names(epilogues(stage(f, (2, 3), (3, 4)), _Everything()))


def test_check_finds_a_use_before_definition():
    a, b, c = (Value(Aval((2,), "float32")) for _ in range(3))
    nodes = [Node(lookup("neg"), [b], [c], {}), Node(lookup("neg"), [a], [b], {})]
    with pytest.raises(GraphError, match="before it is made"):
        Graph([a], {}, nodes, [c]).check()


def test_check_finds_a_wrong_shape():
    a, b = Value(Aval((2,), "float32")), Value(Aval((3,), "float32"))
    with pytest.raises(GraphError, match="infer says"):
        Graph([a], {}, [Node(lookup("neg"), [a], [b], {})], [b]).check()


def test_plan_shares_bytes_of_values_that_do_not_meet():
    def f(x):
        for _ in range(6):
            x = p.sum(p.broadcast_to(x, shape=(8, 64)), axes=(0,), keepdims=False)
        return x

    places = plan(graph := stage(f, (64,)), {})
    check_plan(graph, places)
    assert places.arena_bytes < places.total_bytes / 3


def test_scratch_lies_where_no_living_value_does():
    def f(x):
        for _ in range(4):
            x = p.sum(p.broadcast_to(x, shape=(8, 64)), axes=(0,), keepdims=False)
        return x

    graph = stage(f, (64,))
    asked = {i: [(100 + i, 5000), (200 + i, 1)] for i in range(len(graph.nodes))}
    bare, places = plan(graph, {}), plan(graph, {}, asked)
    check_plan(graph, places, asked)
    assert len(places.scratch) == 2 * len(graph.nodes)
    assert all(at % 64 == 0 for at, _ in places.scratch.values())
    # once for all steps, however many there are
    assert places.arena_bytes <= bare.arena_bytes + 5056 + 64
    at, _ = places.scratch[102]
    places.scratch[102] = at, 1 << 20
    with pytest.raises(GraphError, match="scratch of"):
        check_plan(graph, places, asked)
    places.scratch[102] = places.scratch[202] = 1 << 20, 64
    with pytest.raises(GraphError, match="scratch of"):
        check_plan(graph, places, asked)


def test_check_plan_finds_an_overlap():
    graph = stage(lambda x: p.add(p.exp(x), p.neg(x)), (64,))
    places = plan(graph, {})
    bad = Plan(offsets=dict.fromkeys(places.offsets, 0))
    with pytest.raises(GraphError, match="alive together"):
        check_plan(graph, bad)


def test_plan_updates_a_state_in_place_unless_it_is_read_later():
    def good(w, g):
        return p.sub(w, g)

    graph = stage(good, (8,), (8,))
    new, old = graph.outputs[0], graph.inputs[0]
    assert plan(graph, {new: old}).in_place == {new: old}

    def late(w, g):
        new = p.sub(w, g)
        return new, p.sum(p.mul(w, g), axes=(0,), keepdims=False)

    graph = stage(late, (8,), (8,))
    new, old = graph.outputs[0], graph.inputs[0]
    assert plan(graph, {new: old}).in_place == {}


_UNARY = ["exp", "neg", "tanh", "logistic", "abs"]
_BINARY = ["add", "sub", "mul", "maximum"]


@st.composite
def random_function(draw):
    """A random straight-line program over two inputs, some steps reducing or reshaping."""
    steps = draw(
        st.lists(
            st.tuples(
                st.sampled_from(
                    [*_UNARY, *_BINARY, "sum", "reshape", "matmul", "first"]
                ),
                st.integers(0, 50),
                st.integers(0, 50),
            ),
            min_size=1,
            max_size=14,
        )
    )
    picks = draw(st.lists(st.integers(0, 50), min_size=1, max_size=3))

    def f(x, y):
        values = [x, y]
        for name, i, j in steps:
            a, b = values[i % len(values)], values[j % len(values)]
            if name in _UNARY:
                made = getattr(p, name)(p.mul(a, scalar(0.1, "float32")))
            elif name in _BINARY:
                made = getattr(p, name)(a, b)
            elif name == "sum":
                total = p.sum(a, axes=(0,), keepdims=True)
                made = p.mul(
                    p.broadcast_to(total, shape=(4, 4)), scalar(0.1, "float32")
                )
            elif name == "reshape":
                made = p.reshape(p.reshape(a, shape=(16,)), shape=(4, 4))
            elif name == "first":
                made = p.add(p.sum(a, axes=(0,), keepdims=False), b)
            else:
                made = p.matmul(a, b, transpose_a=False, transpose_b=True)
                made = p.tanh(made)
            values.append(made)
        return [values[k % len(values)] for k in picks]

    return f


@given(random_function())
def test_programs_compute_what_the_nodes_say(function):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 4, 4)).astype("float32")
    graph = stage(function, (4, 4), (4, 4))
    expected = run_nodes(graph, x, y)
    for result, want in zip(run_graph(graph, x, y), expected, strict=True):
        np.testing.assert_allclose(result, want, rtol=2e-5, atol=2e-5)
