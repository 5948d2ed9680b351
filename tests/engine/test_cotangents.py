"""Gradients of slices: parts that make a whole are joined, others are added up."""

import numpy as np
import pytest

import minikeras as keras
from minikeras import ops
from minikeras.engine.compile import jit

CUTS = {
    "split": lambda x: ops.split(x, 3, axis=1),
    "in any order": lambda x: [x[:, 4:], x[:, :2], x[:, 2:4]],
    "rows": lambda x: [x[0], x[1], x[2], x[3]],
    "of two axes": lambda x: [x[:2, :3], x[2:, :3], x[:, 3:]],
    "overlapping": lambda x: [x[:, i : i + 4] for i in range(3)],
    "overlapping in the midst": lambda x: [x[:, :4], x[:, 2:]],
    "with a gap": lambda x: [x[:, :2], x[:, 3:]],
    "twice": lambda x: [*ops.split(x, 2, axis=1), *ops.split(x, 2, axis=0)],
    "with steps": lambda x: [x[:, ::2], x[:, 1::2]],
    "and read whole": lambda x: [x * x, x[:, :3], x[:, 3:], x],
    "nothing and all": lambda x: [x[:, :0], x[:, 0:]],
    "one": lambda x: [x[1:3]],
}


def loss_of(cut, x):
    return sum(ops.sum((i + 1) * ops.sin(p) * p) for i, p in enumerate(cut(x)))


def gradient_of(cut, x):
    with keras.GradientTape() as tape:
        tape.watch(x)
        loss = loss_of(cut, x)
    return tape.gradient(loss, x)


@pytest.mark.parametrize("name", CUTS)
def test_gradients(backend, name):
    cut = CUTS[name]
    start = np.linspace(-1, 1, 24).reshape(4, 6)
    x = ops.convert_to_tensor(start, dtype="float64")
    found = np.asarray(gradient_of(cut, x))
    step = 1e-5
    for at in np.ndindex(4, 6):
        moved = np.zeros((4, 6))
        moved[at] = step
        up, down = (float(loss_of(cut, ops.convert_to_tensor(start + s * moved)))
                    for s in (1, -1))  # fmt: skip
        np.testing.assert_allclose(found[at], (up - down) / (2 * step), rtol=1e-6)
    compiled = np.asarray(jit(lambda x: gradient_of(cut, x))(x))
    np.testing.assert_allclose(compiled, found, rtol=1e-14)


def nodes_of(cut, shape):
    f = jit(lambda x: gradient_of(cut, x))
    f(np.ones(shape, "float32"))
    graph = f.programs[0].graph
    inside = [
        n for node in graph.nodes if (b := node.static.get("body")) for n in b.nodes
    ]
    return [n.prim.name for n in (*graph.nodes, *inside)]


@pytest.mark.parametrize("name", ["split", "in any order", "rows"])
def test_pieces_are_joined(name):
    names = nodes_of(CUTS[name], (4, 6))
    assert "concat" in names and "pad_strided" not in names


def test_second_order(backend):
    x = ops.convert_to_tensor(np.linspace(-1, 1, 6).reshape(1, 6), dtype="float64")
    with keras.GradientTape() as outer:
        outer.watch(x)
        first = ops.sum(gradient_of(lambda v: ops.split(v, 3, axis=1), x) ** 2)
    scale = np.repeat([1.0, 2.0, 3.0], 2)
    v = np.asarray(x)[0]
    once = scale * (np.cos(v) * v + np.sin(v))
    twice = scale * (2 * np.cos(v) - np.sin(v) * v)
    np.testing.assert_allclose(
        np.asarray(outer.gradient(first, x))[0], 2 * once * twice
    )


def test_parts_that_overlap_do_not_wait(monkeypatch):
    """What is held at a time is no more than the whole and one part."""
    from minikeras.engine import cotangents

    seen = []
    gather = cotangents.Cotangents._gather

    def watched(self, key):
        seen.append(self._waiting[key])
        gather(self, key)

    monkeypatch.setattr(cotangents.Cotangents, "_gather", watched)
    x = ops.ones((50,))
    gradient_of(lambda v: [v[i : i + 30] for i in range(20)], x)
    assert len(seen) >= 10 and max(seen) <= 80
