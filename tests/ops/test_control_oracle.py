"""Control flow against keras on JAX: eager and compiled, values and gradients."""

import numpy as np
import pytest

from minikeras import ops
from minikeras.engine import tree
from minikeras.engine.autodiff import GradientTape
from minikeras.engine.compile import jit
from tests.goldens.oracle import keras, oracle
from tests.ops.table import weights

RNG = np.random.default_rng(0)
X = RNG.normal(size=(5, 3)).astype("float32")
M = RNG.normal(size=(3, 3)).astype("float32") * 0.5
PLACES = np.array([[1], [3], [1], [0], [2]])
CASES = {
    "cond": lambda o, x: o.cond(o.sum(x) > 0, lambda: x * 2, lambda: o.exp(x)),
    "switch": lambda o, x: o.switch(
        o.cast(o.sum(o.abs(x)), "int32") % 3, [lambda v: v * 2, o.sin, o.square], x
    ),
    "fori_loop": lambda o, x: o.fori_loop(
        0, 4, lambda i, v: o.sin(v) * 1.5 + x * o.cast(i, "float32"), x
    ),
    "scan": lambda o, x: o.scan(
        lambda c, v: (o.tanh(o.matmul(c, M) + v), c * v), o.zeros((3,)), x
    ),
    "scan_reverse": lambda o, x: o.scan(
        lambda c, v: (c * 0.5 + v, c), o.ones((3,)), x, reverse=True
    ),
    "scan_length": lambda o, x: o.scan(lambda c, _: (o.sin(c), c), x, length=4),
    "associative_scan": lambda o, x: o.associative_scan(
        lambda a, b: a * b, x, axis=1, reverse=True
    ),
    "map": lambda o, x: o.map(lambda v: o.sum(v * v), x),
    "vectorized_map": lambda o, x: o.vectorized_map(
        lambda v: v[0] * o.matmul(v[1], M), (x, x * 2)
    ),
    "stop_gradient": lambda o, x: o.stop_gradient(x) * x,
    "unstack": lambda o, x: o.unstack(x, axis=1),
    "slice": lambda o, x: o.slice(x, [1, 0], [3, 2]),
    "slice_update": lambda o, x: o.slice_update(x, [1, 1], x[:2, :2] * 3),
    "scatter": lambda o, x: o.scatter(PLACES, x, (6, 3)),
    "scatter_update": lambda o, x: o.scatter_update(
        x, np.array([[1, 2], [0, 0]]), x[0, :2] * 5
    ),
    "saturate_cast": lambda o, x: o.saturate_cast(x * 200, "uint8"),
    "searchsorted": lambda o, x: o.searchsorted(o.sort(x[:, 0]), x[:, 1]),
}


def leaves(result):
    return [v for v in tree.flatten(result) if v is not None]


def gradient(function, x):
    x = ops.convert_to_tensor(x)
    with GradientTape() as tape:
        tape.watch(x)
        results = leaves(function(ops, x))
        parts = [ops.sum(v * weights(v.shape, n)) for n, v in enumerate(results)]
        total = sum(parts, start=ops.zeros(()))
    return tape.gradient(total, x)


@oracle
@pytest.mark.parametrize("name", CASES)
def test_is_as_in_keras(name):
    theirs, function = keras(), CASES[name]
    import jax

    wanted = [
        np.asarray(v)
        for v in jax.tree_util.tree_leaves(function(theirs.ops, jax.numpy.asarray(X)))
    ]
    for call in (
        lambda x: function(ops, ops.array(x)),
        jit(lambda x: function(ops, x)),
    ):
        for ours, value in zip(leaves(call(X)), wanted, strict=True):
            assert ours.dtype == value.dtype.name
            np.testing.assert_allclose(ours.numpy(), value, 1e-5, 1e-5)
    if wanted[0].dtype.kind != "f":
        return

    def total(x):
        results = jax.tree_util.tree_leaves(function(theirs.ops, x))
        return sum((v * weights(v.shape, n)).sum() for n, v in enumerate(results))

    slope = np.asarray(jax.grad(total)(jax.numpy.asarray(X)))
    for call in (gradient, jit(lambda f, x: gradient(f, x))):
        np.testing.assert_allclose(call(function, X).numpy(), slope, 1e-4, 1e-4)
