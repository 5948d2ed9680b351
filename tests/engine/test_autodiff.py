"""GradientTape: what is watched, second order, broadcasting, custom gradients, errors."""

from __future__ import annotations

import numpy as np
import pytest

from minikeras.engine import prims as p
from minikeras.engine.autodiff import GradientTape
from minikeras.engine.custom_gradients import custom_gradient
from minikeras.engine.tensor import from_numpy, scalar
from minikeras.variable import Variable


def total(x):
    return p.sum(x, axes=tuple(range(x.ndim)), keepdims=False)


def test_gradient_of_a_product():
    x, y = from_numpy(np.float64([2.0])), from_numpy(np.float64([5.0]))
    with GradientTape() as tape:
        tape.watch([x, y])
        z = p.mul(x, y)
    dx, dy = tape.gradient(z, [x, y])
    assert (dx.item(), dy.item()) == (5.0, 2.0)


def test_broadcasting_is_summed_back():
    x, b = from_numpy(np.ones((4, 3))), from_numpy(np.ones((1, 3)))
    s = from_numpy(np.float64(2.0))
    with GradientTape() as tape:
        tape.watch((x, b, s))
        z = total(p.mul(p.add(x, b), s))
    db, ds = tape.gradient(z, (b, s))
    np.testing.assert_array_equal(db.numpy(), [[8.0, 8.0, 8.0]])
    assert ds.shape == () and ds.item() == 24.0


def test_variables_are_watched_unless_frozen():
    a = Variable(np.float32([3.0]), name="a")
    b = Variable(np.float32([4.0]), name="b", trainable=False)
    with GradientTape() as tape:
        z = p.mul(a.value, b.value)
    da, db = tape.gradient(z, [a, b])
    assert da.item() == 4.0 and db is None


def test_unconnected_gives_none_or_zeros():
    x, y = from_numpy(np.ones(2)), from_numpy(np.ones(3))
    with GradientTape(persistent=True) as tape:
        tape.watch([x, y])
        z = total(x)
    assert tape.gradient(z, y) is None
    zeros = tape.gradient(z, y, unconnected_gradients="zero")
    np.testing.assert_array_equal(zeros.numpy(), np.zeros(3))
    with pytest.raises(ValueError, match="unconnected_gradients='never'"):
        tape.gradient(z, y, unconnected_gradients="never")


def test_second_derivative_by_nesting():
    x = from_numpy(np.float64([3.0]))
    with GradientTape() as outer:
        outer.watch(x)
        with GradientTape() as inner:
            inner.watch(x)
            y = p.mul(p.mul(x, x), x)
        dy = inner.gradient(y, x)
    assert dy.item() == 27.0
    assert outer.gradient(dy, x).item() == 18.0


def test_a_tape_is_used_once_unless_persistent():
    x = from_numpy(np.ones(1))
    with GradientTape() as tape:
        tape.watch(x)
        y = p.mul(x, x)
    tape.gradient(y, x)
    with pytest.raises(RuntimeError, match="nothing is recorded"):
        tape.gradient(y, x)


def test_structures_in_and_out():
    x, y = from_numpy(np.ones(1)), from_numpy(np.ones(1))
    with GradientTape() as tape:
        tape.watch({"x": x, "y": [y]})
        z = p.add(x, p.mul(y, y))
    g = tape.gradient(z, {"x": x, "y": [y]})
    assert g["x"].item() == 1.0 and g["y"][0].item() == 2.0


def test_output_gradients_weigh_targets():
    x = from_numpy(np.float64([1.0, 2.0]))
    with GradientTape() as tape:
        tape.watch(x)
        y = p.mul(x, x)
    g = tape.gradient(y, x, output_gradients=from_numpy(np.float64([10.0, 100.0])))
    np.testing.assert_array_equal(g.numpy(), [20.0, 400.0])


def test_stop_gradient_and_stop_recording():
    x = from_numpy(np.float64([2.0]))
    with GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = p.mul(x, p.stop_gradient(x))
        with tape.stop_recording():
            z = p.mul(x, x)
    assert tape.gradient(y, x).item() == 2.0
    assert tape.gradient(z, x) is None


def test_watching_integers_is_an_error():
    with GradientTape() as tape, pytest.raises(ValueError, match="dtype int64"):
        tape.watch(from_numpy(np.arange(3)))


def test_the_same_operand_twice_counts_twice():
    x = from_numpy(np.float64([3.0]))
    with GradientTape() as tape:
        tape.watch(x)
        y = p.add(x, x)
    assert tape.gradient(y, x).item() == 2.0


def test_gradient_of_an_intermediate():
    x = from_numpy(np.float64([3.0]))
    with GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = p.mul(x, x)
        z = p.mul(y, y)
    assert tape.gradient(z, y).item() == 18.0
    dy, dx = tape.gradient(z, [y, x])
    assert (dy.item(), dx.item()) == (18.0, 108.0)


def test_custom_gradient_replaces_the_rule():
    @custom_gradient
    def clipped(x):
        def grad(*args, upstream=None):
            (upstream,) = args if args else (upstream,)
            return p.mul(upstream, scalar(7.0, "float64"))

        return p.mul(x, x), grad

    x = from_numpy(np.float64([3.0]))
    with GradientTape() as tape:
        tape.watch(x)
        y = clipped(x)
    assert y.item() == 9.0
    assert tape.gradient(y, x).item() == 7.0


def test_softmax_loss_has_a_finite_gradient_far_from_the_label():
    x = from_numpy(np.float32([[200.0, 0.0]]))
    with GradientTape() as tape:
        tape.watch(x)
        s = p.softmax(x, axis=1)
        s = p.minimum(
            p.maximum(s, scalar(1e-7, "float32")), scalar(1 - 1e-7, "float32")
        )
        loss = p.neg(total(p.mul(p.log(s), from_numpy(np.float32([[0.0, 1.0]])))))
    np.testing.assert_allclose(tape.gradient(loss, x).numpy(), [[1.0, -1.0]], atol=1e-6)


def test_a_value_assigned_under_the_tape_is_a_result_of_the_one_before():
    variable = Variable(np.float32([2.0, 3.0]))
    with GradientTape() as tape:
        variable.assign(p.mul(variable.value, variable.value))
        z = total(p.mul(variable.value, from_numpy(np.float32([5.0, 5.0]))))
    np.testing.assert_allclose(tape.gradient(z, variable).numpy(), [20.0, 30.0])
