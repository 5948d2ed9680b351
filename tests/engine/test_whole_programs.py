"""Whole programs: compiled as eager, numba as NumPy, whatever the model."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minikeras as keras
from minikeras import ops
from minikeras.engine import backend as registry
from minikeras.engine import prims as p
from minikeras.engine.compile import jit
from minikeras.engine.passes.pipeline import optimise
from minikeras.engine.tensor import from_numpy
from tests.conftest import BACKENDS
from tests.engine.staged import stage

# (name, arguments) of layers that keep (batch, height, width, channels), or vectors.
PICTURES = [
    ("Conv2D", (3, 3), {"padding": "same", "activation": "relu"}),
    ("Conv2D", (5, 2), {"padding": "same", "strides": 2}),
    ("Conv2DTranspose", (2, 3), {"padding": "same"}),
    ("DepthwiseConv2D", (3,), {"padding": "same", "activation": "gelu"}),
    ("SeparableConv2D", (4, 2), {"padding": "same"}),
    ("MaxPooling2D", (2,), {"padding": "same"}),
    ("AveragePooling2D", (2,), {"padding": "same", "strides": 1}),
    ("BatchNormalization", (), {}),
    ("LayerNormalization", (), {}),
    ("Activation", ("swish",), {}),
]
VECTORS = [
    ("Dense", (6,), {"activation": "tanh"}),
    ("Dense", (3,), {"activation": "softmax"}),
    ("LayerNormalization", (), {}),
    ("UnitNormalization", (), {}),
    ("Activation", ("elu",), {}),
    ("Reshape", ((-1, 1),), {}),
    ("LSTM", (4,), {}),
    ("GRU", (3,), {}),
]


@st.composite
def models(draw):
    """Steps: a layer after an earlier value, or two earlier values combined; and how many
    of them are for pictures."""
    pictures = draw(st.integers(0, 3))
    steps = [
        (draw(st.sampled_from(PICTURES)), draw(st.integers(0, 3)))
        for _ in range(pictures)
    ]
    count = draw(st.integers(1, 4))
    steps += [
        (draw(st.sampled_from(VECTORS)), draw(st.integers(0, 3))) for _ in range(count)
    ]
    return pictures, steps


def layer(name, args, kwargs):
    return getattr(keras.layers, name)(*args, **kwargs)


def build(pictures, steps):
    """A functional model; values of one shape are also added or multiplied."""
    keras.utils.set_random_seed(7)
    inputs = x = keras.Input((6, 5, 2))
    flat, earlier = False, []
    for number, ((name, args, kwargs), how) in enumerate(steps):
        if not flat and number >= pictures:
            x, flat, earlier = keras.layers.Flatten()(x), True, []
        if name in ("LSTM", "GRU") and len(x.shape) == 2:
            x = keras.layers.Reshape((-1, 1))(x)
        elif (
            flat
            and name != "Reshape"
            and name not in ("LSTM", "GRU")
            and len(x.shape) > 2
        ):
            x = keras.layers.Flatten()(x)
        if name == "Reshape" and len(x.shape) > 2:
            continue
        x = layer(name, args, kwargs)(x)
        match = [e for e in earlier if e.shape == x.shape]
        if match and how:
            merge = (keras.layers.Add, keras.layers.Multiply, keras.layers.Average)[
                how - 1
            ]
            x = merge()([x, match[-1]])
        earlier.append(x)
    x = keras.layers.Flatten()(x)
    return keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x))


RNG = np.random.default_rng(3)
X = RNG.standard_normal((4, 6, 5, 2)).astype("float32")
Y = RNG.integers(0, 3, 4)


def trained(steps, eagerly):
    model = build(*steps)
    model.compile(
        keras.optimizers.SGD(0.05),
        "sparse_categorical_crossentropy",
        run_eagerly=eagerly,
    )
    losses = [float(np.ravel(model.train_on_batch(X, Y))[0]) for _ in range(2)]
    return losses, model.predict_on_batch(X), model.get_weights()


def close(a, b):
    for one, other in zip(a, b, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-3, atol=2e-4)


@settings(max_examples=5)
@given(models())
def test_any_model_compiled_eager_and_on_both_backends(steps):
    results = []
    for name in BACKENDS:
        with registry.using(name):
            for eagerly in (False, True):
                losses, predicted, weights = trained(steps, eagerly)
                results.append([losses, predicted, *weights])
    for other in results[1:]:
        close(results[0], other)


@st.composite
def reductions(draw):
    """Steps over one space: elementwise, and sums that are broadcast back."""
    kinds = st.sampled_from(
        ["exp", "mul", "add", "sum0", "sum1", "all", "matmul", "max1"]
    )
    return [
        (draw(kinds), draw(st.integers(0, 1 + i)), draw(st.integers(0, 1 + i)))
        for i in range(draw(st.integers(3, 14)))
    ]


def reduced(steps, x, y):
    values = [x, y]
    for kind, a, b in steps:
        u, v = values[a], values[b]
        if kind == "exp":
            made = ops.exp(-ops.abs(u))
        elif kind == "matmul":
            made = ops.matmul(ops.tanh(u), ops.full((5, 5), 0.1, dtype=u.dtype))
        elif kind in ("mul", "add"):
            made = ops.tanh(u * v if kind == "mul" else u + v)
        elif kind == "max1":
            made = u - ops.max(v, axis=1, keepdims=True)
        else:
            axis = {"sum0": 0, "sum1": 1, "all": None}[kind]
            made = u * 0.5 + ops.mean(v, axis=axis, keepdims=True)
        values.append(made)
    return [*values[2:], ops.sum(values[-1]), ops.sum(values[2], axis=0)]


@pytest.mark.parametrize("name", BACKENDS)
@settings(max_examples=25)
@given(reductions())
def test_groups_with_reductions_in_any_order(name, steps):
    """Fusion puts no reduction and its reader in one loop, and makes no cycle."""
    with registry.using(name):
        rng = np.random.default_rng(0)
        x, y = (from_numpy(rng.standard_normal((7, 5))) for _ in range(2))
        eager = reduced(steps, x, y)
        compiled = jit(lambda x, y: reduced(steps, x, y))(x, y)
        for a, b in zip(eager, compiled, strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-9, atol=1e-12)


def test_a_reduction_and_its_reader_are_two_loops(backend):
    """A third node that reads what both read must not join them."""

    def f(x):
        total = p.sum(x, axes=(1,), keepdims=True)
        return p.sub(x, total), p.abs(x), total

    graph = optimise(stage(f, (7, 5)), registry.active())
    for node in graph.nodes:
        if node.prim.name == "fused":
            body = node.static["body"]
            sums = {n.outputs[0] for n in body.nodes if n.prim.name == "sum"}
            assert not any(v in sums for n in body.nodes for v in n.inputs)
    x = from_numpy(np.random.default_rng(0).standard_normal((7, 5)).astype("float32"))
    for a, b in zip(f(x), jit(f)(x), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-6, atol=1e-6)
