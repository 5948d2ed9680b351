"""jit: one trace a signature, states in place, no allocation, fallback with one warning."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import minikeras.ops  # noqa: F401 - gives tensors their operators
from minikeras.engine import prims as p
from minikeras.engine.autodiff import GradientTape
from minikeras.engine.aval import ShapeError
from minikeras.engine.compile import jit
from minikeras.engine.tensor import Tensor, from_numpy, scalar
from minikeras.variable import Variable


def total(x):
    return p.sum(x, axes=tuple(range(x.ndim)), keepdims=False)


def test_a_second_call_runs_no_python_of_the_function(backend):
    calls = []

    def f(x, y):
        calls.append(1)
        return {"sum": p.add(x, y), "kept": "text"}

    g = jit(f)
    a = np.ones((2, 3), "float32")
    for _ in range(3):
        out = g(a, from_numpy(a))
    assert len(calls) == g.traces == 1
    assert out["kept"] == "text"
    np.testing.assert_array_equal(out["sum"].numpy(), 2 * a)
    g(np.ones((4, 3), "float32"), np.ones((4, 3), "float32"))
    g(a.astype("float64"), a.astype("float64"))
    assert g.traces == 3


def test_python_values_are_part_of_the_signature(backend):
    g = jit(lambda x, flag, n: p.mul(x, scalar(n, "float32")) if flag else x)
    x = np.float32([2.0])
    assert g(x, True, 3).item() == 6.0
    assert g(x, False, 3).item() == 2.0
    assert g(x, True, 4).item() == 8.0
    assert g.traces == 3


def test_states_are_inputs_and_in_place_outputs(backend):
    v = Variable(np.float32([1.0, 2.0]), name="v")
    n = Variable(0, dtype="int32", trainable=False, name="n")

    def step(x):
        v.assign(p.add(v.value, x))
        n.assign(p.add(n.value, scalar(1, "int32")))
        return v.value

    g = jit(step)
    for _ in range(3):
        out = g(np.float32([1.0, 1.0]))
    np.testing.assert_array_equal(v.numpy(), [4.0, 5.0])
    np.testing.assert_array_equal(out.numpy(), [4.0, 5.0])
    assert int(n.numpy()) == 3 and g.traces == 1


def test_a_value_handed_out_does_not_change_under_its_holder(backend):
    v = Variable(np.float32([1.0]), name="v")

    @jit
    def g(x):
        v.assign(p.add(v.value, x))

    g(np.float32([1.0]))
    held, view = v.value, v.numpy()
    g(np.float32([1.0]))
    assert held.item() == 2.0 and view[0] == 2.0
    assert v.numpy()[0] == 3.0


def test_swapping_two_states(backend):
    a, b = Variable(np.float32([1.0]), name="a"), Variable(np.float32([2.0]), name="b")

    def swap():
        x, y = a.value, b.value
        a.assign(y)
        b.assign(x)

    g = jit(swap)
    g()
    assert (a.numpy()[0], b.numpy()[0]) == (2.0, 1.0)
    g()
    assert (a.numpy()[0], b.numpy()[0]) == (1.0, 2.0)


def test_results_are_not_overwritten_by_the_next_run(backend):
    g = jit(lambda x: (p.exp(x), x))
    first, same = g(np.float32([0.0]))
    g(np.float32([1.0]))
    assert first.item() == 1.0 and same.item() == 0.0


def test_a_training_step_matches_eager_and_allocates_nothing(backend):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(16, 8)).astype("float32")
    y = rng.normal(size=(16, 4)).astype("float32")

    def make():
        w = Variable(np.full((8, 4), 0.1, "float32"), name="w")
        b = Variable(np.zeros(4, "float32"), name="b")
        m = Variable(np.zeros((8, 4), "float32"), trainable=False, name="m")

        def step(x, y):
            with GradientTape() as tape:
                h = p.add(
                    p.matmul(x, w.value, transpose_a=False, transpose_b=False), b.value
                )
                e = p.sub(p.tanh(h), y)
                loss = total(p.mul(e, e))
            dw, db = tape.gradient(loss, [w, b])
            m.assign(p.add(p.mul(m.value, scalar(0.9, "float32")), dw))
            w.assign(p.sub(w.value, p.mul(m.value, scalar(0.01, "float32"))))
            b.assign(p.sub(b.value, p.mul(db, scalar(0.01, "float32"))))
            return loss

        return step, (w, b, m)

    eager, states_a = make()
    compiled, states_b = make()
    compiled = jit(compiled)
    for _ in range(5):
        a = eager(from_numpy(x), from_numpy(y))
        b = compiled(x, y)
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5)
    for u, v in zip(states_a, states_b, strict=True):
        np.testing.assert_allclose(u.numpy(), v.numpy(), rtol=1e-4, atol=1e-6)
    (program,) = compiled.programs
    assert program.allocating_steps == 0
    assert compiled.traces == 1


def test_control_flow_on_values_falls_back_with_one_warning(backend):
    def f(x):
        if total(x) > 0:  # the line that cannot be traced
            return p.neg(x)
        return x

    g = jit(f)
    with pytest.warns(
        RuntimeWarning, match=r"test_compile.py:\d+: `if total\(x\) > 0:"
    ):
        assert g(np.float32([2.0])).item() == -2.0
    assert g.fallback
    assert g(from_numpy(np.float32([-2.0]))).item() == -2.0


def test_a_shape_error_while_tracing_changes_nothing(backend):
    v = Variable(np.float32([1.0, 1.0]), name="v")

    def f(x):
        v.assign(p.neg(v.value))
        return p.add(v.value, x)

    g = jit(f)
    with pytest.raises(ShapeError, match="cannot be broadcast"):
        g(np.ones(3, "float32"))
    np.testing.assert_array_equal(v.numpy(), [1.0, 1.0])


def test_changing_trainable_traces_anew():
    v = Variable(np.float32([1.0]), name="v")

    def f(x):
        with GradientTape() as tape:
            y = p.mul(x, v.value)
        g = tape.gradient(y, v)
        return p.neg(x) if g is None else g

    g = jit(f)
    assert g(np.float32([5.0])).item() == 5.0
    v.trainable = False
    assert g(np.float32([5.0])).item() == -5.0


def test_inputs_of_any_layout_are_taken_and_left_alone(backend):
    g = jit(lambda x: p.mul(x, x))
    x = np.arange(12, dtype="float32").reshape(3, 4)
    np.testing.assert_array_equal(g(x.T).numpy(), (x * x).T)
    np.testing.assert_array_equal(g(x[:, ::2]).numpy(), (x * x)[:, ::2])
    np.testing.assert_array_equal(x, np.arange(12).reshape(3, 4))


def test_an_escaped_value_is_named():
    kept = []
    jit(lambda x: kept.append(p.neg(x)) or x)(np.float32([1.0]))
    with pytest.raises(TypeError, match="used outside"):
        p.neg(kept[0])


def test_threads_may_call_one_function(backend):
    g = jit(lambda x: total(p.exp(x)))
    xs = [np.full(1000, k, "float32") for k in range(4)]
    want = [g(x).item() for x in xs]
    wrong = []

    def work(k):
        for _ in range(50):
            if g(xs[k]).item() != want[k]:
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_empty_batches_run(backend):
    g = jit(lambda x: (p.exp(x), p.sum(x, axes=(0,), keepdims=False)))
    rows, sums = g(np.zeros((0, 3), "float32"))
    assert rows.shape == (0, 3)
    np.testing.assert_array_equal(sums.numpy(), np.zeros(3))


def test_nested_functions_are_inlined():
    inner = jit(lambda x: p.neg(x))
    outer = jit(lambda x: p.exp(inner(x)))
    assert isinstance(outer(np.float32([0.0])), Tensor)
    assert inner.traces == 0 and outer.traces == 1
