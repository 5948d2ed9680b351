"""Cheap steps from an array that stays in memory are repeated, not kept."""

from __future__ import annotations

import numpy as np
import pytest

import minikeras as keras
from minikeras.engine import backend as registry
from minikeras.engine import prims as p
from minikeras.engine import routine
from minikeras.engine.autodiff import GradientTape
from minikeras.engine.passes import recompute as passes_recompute
from minikeras.engine.passes.fuse import fuse
from minikeras.engine.passes.recompute import recompute
from minikeras.engine.passes.simplify import simplify
from minikeras.engine.tensor import from_numpy
from tests.engine.staged import run_graph, run_nodes, stage

SHAPE = (64, 32, 16)


def normalise(x):
    """The input is read for the mean, the variance and the result."""
    count = p.full(shape=(), dtype="float32", value=64 * 32)
    mean = p.div(p.sum(x, axes=(0, 1), keepdims=True), count)
    centred = p.sub(x, mean)
    variance = p.div(p.sum(p.mul(centred, centred), axes=(0, 1), keepdims=True), count)
    return p.mul(centred, p.rsqrt(variance))


def test_distances_from_the_mean_are_not_kept():
    graph = fuse(stage(normalise, SHAPE), registry.load("numpy")).check()
    large = [v for n in graph.nodes for v in n.outputs if v.aval.size > 1000]
    assert large == graph.outputs


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_results_are_the_same(backend):
    if backend == "numba":
        pytest.importorskip("llvmlite")
    graph = stage(normalise, SHAPE)
    x = np.random.default_rng(0).normal(3, 2, SHAPE).astype("float32")
    (expected,) = run_nodes(graph, x)
    with registry.using(backend):
        (got,) = run_graph(graph, x)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "f",
    [
        lambda x, y: (p.exp(d := p.add(x, y)), p.sum(d, axes=(0,), keepdims=False)),
        lambda x, y: (p.exp(d := p.neg(x)), d),
        lambda x, y: p.exp(p.neg(x)),
        lambda x, y: (p.exp(d := p.exp(x)), p.sum(d, axes=(0,), keepdims=False)),
        lambda x, y: (p.exp(d := p.neg(x)), p.transpose(d, perm=(2, 1, 0))),
    ],
    ids=["two large operands", "an output", "one user", "dear", "read elsewhere"],
)
def test_what_stays_as_it_is(f):
    graph = stage(f, SHAPE, SHAPE)
    assert recompute(graph, registry.load("numpy"))[0] is graph


def test_variance_is_one_row_with_exact_gradients_of_gradients():
    """Its gradient leaves out the mean's part, which is zero, but not for second ones."""
    x = from_numpy(np.array([1.0, 4.0, 6.0, 3.0]))
    with GradientTape() as outer:
        outer.watch(x)
        with GradientTape() as inner:
            inner.watch(x)
            y = p.variance(x, axes=(0,), keepdims=False)
        (first,) = inner.gradient(y, [x])
        total = p.sum(p.mul(first, first), axes=(0,), keepdims=False)
    (second,) = outer.gradient(total, [x])
    centred = x.numpy() - x.numpy().mean()
    np.testing.assert_allclose(first.numpy(), centred / 2)
    np.testing.assert_allclose(second.numpy(), centred / 2)  # 2 H g, H = (I - 1/4) / 2


def test_a_reshape_that_leads_back_is_none():
    graph = stage(
        lambda x: p.neg(p.reshape(p.reshape(x, shape=(6,)), shape=(2, 3))), (2, 3)
    )
    assert [n.prim.name for n in simplify(graph).check().nodes] == ["neg"]


def test_the_sign_of_an_activation_waits_while_the_activation_is_kept():
    """Convolutions keep it for their filters' gradients, so no array of booleans lives."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((16, 16, 8)),
            *(
                layer
                for _ in range(3)
                for layer in (
                    keras.layers.Conv2D(8, 3, padding="same"),
                    keras.layers.BatchNormalization(),
                    keras.layers.Activation("relu"),
                )
            ),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3),
        ]
    )
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x = np.random.default_rng(0).normal(size=(32, 16, 16, 8)).astype("float32")
    kept: list[tuple[int, ...]] = []
    original = routine.plan

    def watched(graph, updates, scratch=None):
        for node in graph.nodes:
            kept.extend(
                v.aval.shape for v in node.outputs if str(v.aval.dtype) == "bool"
            )
        return original(graph, updates, scratch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(routine, "plan", watched)
        model.train_on_batch(x, np.zeros(32))
    # The first two activations are inputs of convolutions; the third one is not.
    assert kept.count((32, 16, 16, 8)) <= 1


def _trained(depth, *, normalized, dropped=True, backend="numpy"):
    """Two steps of `depth` convolutions: the losses, weights, and the step's nodes."""
    sizes: list[int] = []
    nodes: list[str] = []
    original = routine.plan

    def watched(graph, updates, scratch=None):
        places = original(graph, updates, scratch)
        nodes[:] = [n.prim.name for n in graph.nodes]
        sizes.append(places.arena_bytes)
        return places

    keras.utils.set_random_seed(0)
    with pytest.MonkeyPatch.context() as patch, registry.using(backend):
        patch.setattr(routine, "plan", watched)
        patch.setattr(passes_recompute, "_DROPPED_BYTES", 1 if dropped else 1 << 60)
        layers = [keras.Input((16, 16, 8))]
        for _ in range(depth):
            layers.append(keras.layers.Conv2D(8, 3, padding="same"))
            if normalized:
                layers.append(keras.layers.BatchNormalization())
            layers.append(keras.layers.Activation("relu"))
        layers += [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3)]
        model = keras.Sequential(layers)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("sgd", loss)
        x = np.random.default_rng(0).normal(size=(32, 16, 16, 8)).astype("float32")
        y = np.arange(32) % 3
        losses = [float(model.train_on_batch(x, y)) for _ in range(2)]
        return losses, model.get_weights(), nodes, max(sizes)


def test_activations_of_normalized_convolutions_are_made_twice_instead_of_kept():
    _, _, with_both, kept = _trained(8, normalized=True, dropped=False)
    _, _, nodes, size = _trained(8, normalized=True)
    # The gradients' loops make them: there are no more loops than before.
    assert nodes.count("fused") == with_both.count("fused")
    one = 32 * 16 * 16 * 8 * 4
    assert size <= kept - 4 * one


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_gradients_are_the_same_with_dropped_activations(backend):
    if backend == "numba":
        pytest.importorskip("llvmlite")
    kept = _trained(8, normalized=True, dropped=False, backend=backend)
    made = _trained(8, normalized=True, backend=backend)
    np.testing.assert_allclose(made[0], kept[0], rtol=1e-5)
    for a, b in zip(made[1], kept[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_an_activation_whose_base_is_not_kept_stays():
    """Without a normalization the gradients need the activation, not the sum before it."""
    _, _, with_both, kept = _trained(8, normalized=False, dropped=False)
    _, _, nodes, size = _trained(8, normalized=False)
    assert nodes == with_both
    assert size == kept


def _arena(layers, shape, monkeypatch, dropped):
    """A step's memory, its nodes, and weights after two steps."""
    sizes: list[int] = []
    nodes: list[str] = []
    original = routine.plan

    def watched(graph, updates, scratch=None):
        places = original(graph, updates)
        nodes[:] = [n.prim.name for n in graph.nodes]
        sizes.append(places.arena_bytes)
        return places if scratch is None else original(graph, updates, scratch)

    monkeypatch.setattr(routine, "plan", watched)
    monkeypatch.setattr(
        passes_recompute, "_DROPPED_BYTES", 1 << 16 if dropped else 1 << 60
    )
    monkeypatch.setattr(passes_recompute, "_DROPPED_NODES", 12)
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input(shape[1:]), *layers()])
    model.compile("adam", "mse")
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    for _ in range(2):
        model.train_on_batch(x, x[..., :3])
    return max(sizes), nodes, model.get_weights()


BLOCKS = {
    "gelu": lambda: [keras.layers.Dense(64, "gelu") for _ in range(6)],
    "layer normalization": lambda: [
        layer
        for _ in range(6)
        for layer in (keras.layers.Dense(64), keras.layers.LayerNormalization())
    ],
}


@pytest.mark.parametrize("block", BLOCKS)
def test_what_a_block_makes_of_a_product_is_made_again(monkeypatch, block):
    """Of a product's result and what is made of it, one array is kept for the gradients."""
    pytest.importorskip("llvmlite")  # NumPy's loops take no erf
    shape = (8, 64, 64)

    def layers():
        return [*BLOCKS[block](), keras.layers.Dense(3)]

    with registry.using("numba"):
        kept, before, expected = _arena(layers, shape, monkeypatch, False)
        size, nodes, weights = _arena(layers, shape, monkeypatch, True)
    one = 8 * 64 * 64 * 4
    assert size <= kept - 4 * one
    assert nodes.count("fused") <= before.count("fused") + 1
    for a, b in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kept", [True, False])
def test_an_array_is_not_kept_longer_to_make_an_activation_of_it(monkeypatch, kept):
    """Only where something else reads it as late."""
    monkeypatch.setattr(passes_recompute, "_DROPPED_BYTES", 1)
    monkeypatch.setattr(passes_recompute, "_DROPPED_NODES", 12)

    def f(x):
        base = p.matmul(x, x)
        active = p.maximum(base, p.full(shape=(), dtype="float32", value=0))
        y = p.matmul(active, x)
        for _ in range(20):
            y = p.matmul(y, x)
        y = p.matmul(active, y)
        return p.matmul(base, y) if kept else y

    graph = stage(f, (64, 64))
    made, _ = recompute(graph, registry.load("numpy"))
    names = [n.prim.name for n in made.check().nodes]
    assert names.count("maximum") == (2 if kept else 1)
    x = np.random.default_rng(0).normal(0, 0.1, (64, 64)).astype("float32")
    np.testing.assert_array_equal(run_nodes(made, x)[0], run_nodes(graph, x)[0])


@pytest.mark.parametrize("rank", [0, 4])
def test_a_sign_waits_whatever_the_rank_of_its_bound(rank):
    """It is one number, so there are as many comparisons as elements."""

    def f(x):
        active = p.maximum(p.matmul(x, x), bound(()))
        sign = p.cast(p.gt(active, bound((1,) * rank)), dtype="float32")
        y = p.matmul(active, x)
        for _ in range(3):
            y = p.matmul(y, active)
        return p.mul(sign, y)

    def bound(shape):
        return p.full(shape=shape, dtype="float32", value=0)

    graph = stage(f, (4, 128, 128))
    _, waiting = recompute(graph, registry.load("numpy"))
    assert [n.prim.name for n in waiting] == ["gt"]
    x = np.random.default_rng(0).normal(0, 0.1, (4, 128, 128)).astype("float32")
    np.testing.assert_allclose(
        run_graph(graph, x)[0], run_nodes(graph, x)[0], rtol=1e-5, atol=1e-9
    )
