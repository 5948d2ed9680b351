"""Updates in their place: early, and behind the last reader of the old value."""

import numpy as np
import pytest

import minikeras as keras
from minikeras import extend, layers
from minikeras.engine import prims as p
from minikeras.engine.kept import owners
from minikeras.engine.passes.plan import plan
from minikeras.engine.passes.soon import soon
from tests.engine.staged import stage


def times(a, b, turned=False):
    return p.matmul(a, b, transpose_a=False, transpose_b=turned)


def order(graph, made):
    """Where these values are made."""
    return [
        next(i for i, node in enumerate(graph.nodes) if v in node.outputs) for v in made
    ]


def test_an_update_waits_for_the_last_reader_and_for_no_more():
    def f(x, w, v):
        y = times(x, w)
        z = times(y, v)
        dv = times(y, z)
        dy = times(z, v, turned=True)
        dw = times(x, dy)
        return p.sub(w, dw), p.sub(v, dv)

    graph = stage(f, *[(64, 64)] * 3)
    updates = dict(zip(graph.outputs, graph.inputs[1:], strict=True))
    after = soon(graph, updates)
    assert sorted(map(id, after.nodes)) == sorted(map(id, graph.nodes))
    names = [node.prim.name for node in after.nodes]
    # y, z, dv, dy (the last to read v), then v's update, before dw
    assert names == ["matmul"] * 4 + ["sub", "matmul", "sub"]
    assert plan(after, updates).in_place == updates


def test_what_is_read_later_stays_where_it_is():
    def f(w, g):
        new = p.sub(w, g)
        return new, times(w, g)

    graph = stage(f, (64, 64), (64, 64))
    updates = {graph.outputs[0]: graph.inputs[0]}
    assert soon(graph, updates).nodes == graph.nodes


def test_code_of_a_user_that_raises_finds_no_variable_changed(backend):
    refuses = [False]

    @extend.op(infer=lambda aval: aval, vjp=None)
    def checked(array):
        if refuses[0]:
            raise RuntimeError("refused")
        return array

    class Checking(keras.Sequential):
        def train_step(self, data):
            x, y = data
            with keras.GradientTape() as tape:
                loss = keras.ops.mean((self(x, training=True) - y) ** 2)
            gradients = tape.gradient(loss, self.trainable_variables)
            seen = keras.ops.sum(checked(gradients[0]))
            self.optimizer.apply(gradients, self.trainable_variables)
            return {"loss": loss, "seen": seen}

    wide = [layers.Dense(60, "relu") for _ in range(3)]
    model = Checking([keras.Input((60,)), *wide, layers.Dense(2)])
    model.compile("adam")
    x, y = np.ones((4, 60), "float32"), np.ones((4, 2), "float32")
    model.train_on_batch(x, y)
    variables = [*model.variables, *model.optimizer.variables]
    before = [v.numpy() for v in variables]
    refuses[0] = True
    with pytest.raises(RuntimeError, match="refused"):
        model.train_on_batch(x, y)
    for variable, value in zip(variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)


@pytest.mark.parametrize("depth", [3, 9])
def test_gradients_do_not_pile_up(backend, depth):
    """A step's memory does not grow by a gradient with each layer."""
    wide = [layers.Dense(300, "relu") for _ in range(depth)]
    model = keras.Sequential([keras.Input((300,)), *wide, layers.Dense(2)])
    model.compile("adam", "mse")
    known = {id(q) for f in owners for q in f.programs}
    x = np.ones((4, 300), "float32")
    model.train_on_batch(x, np.ones((4, 2), "float32"))
    (program,) = [q for f in owners for q in f.programs if id(q) not in known]
    routine = program._routine
    makers = {v: i for i, n in enumerate(routine.graph.nodes) for v in n.outputs}
    large = 300 * 300 * 4
    gradients = [
        (v, i)
        for v, i in makers.items()
        if v.aval.nbytes == large and v in routine_own(routine)
    ]
    last = {v: i for i, n in enumerate(routine.graph.nodes) for v in n.inputs}
    alive = max(
        sum(i <= now <= last.get(v, i) for v, i in gradients)
        for now in range(len(routine.graph.nodes))
    )
    assert gradients and alive <= 3


def routine_own(routine):
    """Values that lie in the arena."""
    return {v for v in routine.graph.values() if v not in routine.graph.outputs}
