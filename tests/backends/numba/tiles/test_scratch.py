"""Scratch of steps: in the routine's arena, shared by steps that follow each other."""

import numpy as np
import pytest
from minikeras_numba.backend import NumbaBackend
from minikeras_numba.tiles import scratch

import minikeras as keras
from minikeras.engine import arenas
from minikeras.engine import backend as registry
from minikeras.engine import prims as p
from minikeras.engine.kept import owners
from minikeras.engine.routine import Routine
from minikeras.extend import Numbers
from tests.engine.staged import stage

SIDE = 256


@pytest.fixture
def no_scratch_of_its_own(monkeypatch):
    """Large memory may come from the arena alone."""

    def refuse(nbytes):
        assert nbytes < 1 << 16, f"a step keeps {nbytes} bytes for itself"
        return owned(nbytes)

    owned = scratch.owned
    monkeypatch.setattr(scratch, "owned", refuse)
    # without the rehearsal that compiles several kernels at once
    lowering = lambda backend, work, nodes, regs: work()  # noqa: E731
    monkeypatch.setattr(NumbaBackend, "lowering", lowering)


def products(depth):
    def f(x, w):
        for _ in range(depth):
            x = p.matmul(x, w, transpose_a=False, transpose_b=True)
            x = p.maximum(x, p.full(shape=(), dtype="float32", value=0))
        return x

    return f


def convolutions(depth):
    same = {"strides": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1)}

    def f(x, w):
        for _ in range(depth):
            x = p.conv(x, w, groups=1, **same)
            x = p.conv_input_grad(x, w, input_shape=x.aval.shape, groups=1, **same)
        return p.conv_filter_grad(x, x, kernel_shape=w.aval.shape, groups=1, **same)

    return f


@pytest.mark.parametrize(
    ("function", "shapes"),
    [
        # B packed, and lists of A's nonzeros where those are looked for
        (products, [(SIDE, SIDE)] * 2),
        # workspaces of threads, filters in tiles
        (convolutions, [(8, 16, 16, 32), (3, 3, 32, 32)]),
    ],
)
def test_steps_share(no_scratch_of_its_own, monkeypatch, function, shapes):
    monkeypatch.setenv("MINIKERAS_CHECK", "1")
    few = Routine(stage(function(3), *shapes), [], registry.load("numba"))
    graph = stage(function(9), *shapes)
    routine = Routine(graph, [], registry.load("numba"))
    assert routine.arena_bytes < 1.1 * few.arena_bytes
    arrays = [np.random.default_rng(0).normal(size=s).astype("f4") / 9 for s in shapes]
    reference = Routine(graph, [], registry.load("numpy"))
    made = []
    for one in (routine, reference):
        for register, array in zip(one.inputs, arrays, strict=True):
            one.registers[register] = array
        one.run()
        made.append(np.array(one.registers[one.outputs[0]]))
    limit = 1e-4 * np.abs(made[1]).max()
    np.testing.assert_allclose(*made, rtol=0, atol=limit)


def test_a_step_of_no_routine_has_its_own():
    assert scratch.scratch(100).register == -1
    numbers = Numbers([])
    with scratch.preparing(numbers):
        assert scratch.scratch(100) == (0, None)
        with scratch.preparing({}):
            assert len(scratch.scratch(7).array) == 7
        assert scratch.scratch(0).register == 1
    assert numbers.asked == {0: [(0, 100), (1, 1)]}
    assert scratch.scratch(100).array.ctypes.data % scratch.LINE == 0


def test_programs_of_a_model_hold_little_beside_one_arena(monkeypatch):
    """Training and predictions of two sizes: panels, lists and sums lie in the arena."""
    # Not in one that a program of another test keeps.
    monkeypatch.setattr(arenas, "_arenas", {})
    layers = [keras.layers.Dense(512, "relu") for _ in range(6)]
    model = keras.Sequential([keras.Input((512,)), *layers])
    model.compile("adam", "mse")
    x = np.ones((256, 512), "float32")
    known = {id(program) for function in owners for program in function.programs}
    with registry.using("numba"):
        model.train_on_batch(x, x)
        before = [v.state.array().ctypes.data for v in model.variables]
        model.predict_on_batch(x)
        model.predict_on_batch(x[:1])
        model.train_on_batch(x, x)
        made = [v.state.array().ctypes.data for v in model.variables]
    assert made == before
    new = [q for f in owners for q in f.programs if id(q) not in known]
    assert len(new) >= 3
    sizes = {id(q._routine.arena): q._routine.arena.nbytes for q in new}
    assert sum(sizes.values()) < 1.1 * max(sizes.values())
    assert sum(program.nbytes for program in new) < model.count_params() * 4 / 3
