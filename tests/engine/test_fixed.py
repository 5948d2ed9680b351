"""Results that depend on nothing are made when a program is traced."""

import numpy as np

import minikeras as keras
from minikeras import ops
from minikeras.engine import fixed
from minikeras.engine.compile import jit


def slope(function):
    """The gradient of a sum, and the sum."""

    def made(x):
        with keras.GradientTape() as tape:
            tape.watch(x)
            total = ops.sum(function(x))
        return tape.gradient(total, x), total

    return made


def names(function):
    return {n.prim.name for p in function.programs for n in p.nodes}


def test_a_gradient_of_moves_is_made_once(backend):
    x = ops.reshape(ops.arange(24.0), (6, 4))
    f, eager = jit(slope(lambda x: ops.diff(x[1:4]))), slope(lambda x: ops.diff(x[1:4]))
    for scale in (1, 2):
        given = scale * x
        for one, other in zip(f(given), eager(given), strict=True):
            np.testing.assert_array_equal(one, other)
    first, second = f(x)[0], f(x)[0]
    assert first is not second and first.value is second.value
    assert f.traces == 1 and not names(f) & {"pad", "pad_strided", "slice_update"}


def test_who_holds_one_is_told_of_no_change(backend):
    """A variable that is given one has an array of its own once it changes."""
    f = jit(lambda: ops.ones((3,)))
    variable = keras.Variable(np.zeros(3, "float32"))
    variable.assign(f())

    @jit
    def step():
        variable.assign_add(ops.ones((3,)))
        return variable.value * 1

    for count in (2, 3):
        assert step().tolist() == [count] * 3
    assert f().tolist() == [1, 1, 1]


def test_random_numbers_states_and_large_ones_are_not(backend, monkeypatch):
    generator = keras.random.SeedGenerator(1)
    draw = jit(lambda: keras.random.normal((4,), seed=generator))
    assert draw().tolist() != draw().tolist()
    variable = keras.Variable(1.0)
    read = jit(lambda: variable + ops.ones(()))
    assert float(read()) == 2
    variable.assign(5.0)
    assert float(read()) == 6
    monkeypatch.setattr(fixed, "_MOST_BYTES", 100)
    f = jit(lambda x: (ops.ones((100,)), ops.ones((5,)), x))
    f(ops.ones(()))
    assert len(f.programs[0].avals) == 2 and [v.shape for v in f(ops.ones(()))] == [
        (100,), (5,), (),
    ]  # fmt: skip
    two = jit(lambda x: (ops.ones((15,)), ops.zeros((15,)), x))  # 60 bytes each
    two(ops.ones(()))
    assert len(two.programs[0].avals) == 2  # together they are too many


def test_structures_and_other_backends_results(backend):
    f = jit(lambda x: {"a": ops.ones((2,)), "b": x + 1, "c": "text"})
    for _ in range(2):
        made = f(ops.zeros((2,)))
        assert made["a"].tolist() == made["b"].tolist() == [1, 1]
        assert made["c"] == "text"
