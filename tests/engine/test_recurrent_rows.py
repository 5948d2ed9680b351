"""Recurrent ops: gradients of what layers use, staged and symbolic calls, shape errors."""

import numpy as np
import pytest

from minikeras.engine import backend as registry
from minikeras.engine.aval import ShapeError
from minikeras.engine.compile import jit
from minikeras.engine.symbolic import KerasTensor, infer_call
from minikeras.ops.nn import recurrent
from minikeras.testing.gradients import check_grads, tensor

GATES = {"lstm": 4, "gru": 3, "simple_rnn": 1}
MASK = np.array([[1, 0, 1, 1], [0, 1, 1, 0], [0, 0, 0, 0]], dtype=bool)


@pytest.fixture(autouse=True, params=["numpy", "numba"])
def _backend(request):
    if request.param not in registry.available():
        pytest.skip(f"{request.param} is not installed")
    before = registry.current_name()
    registry.use(request.param)
    yield
    registry.use(before)


def _arrays(name, batch=3, time=4, units=3, dtype=np.float64):
    rng = np.random.default_rng(1)
    width = GATES[name] * units
    shapes = [(batch, time, width), (batch, units), (units, width)]
    if name == "lstm":
        shapes.insert(1, (batch, units))
    if name == "gru":
        shapes.append((width,))
    return [rng.uniform(-1, 1, s).astype(dtype) for s in shapes]


@pytest.mark.parametrize("name", GATES)
@pytest.mark.parametrize("mask", [None, MASK], ids=["plain", "masked"])
@pytest.mark.parametrize("reverse", [False, True])
def test_gradients_of_outputs_and_states(name, mask, reverse):
    """First order by the gradient rows, second order by their compositions."""
    function = getattr(recurrent, name)

    def call(*tensors):
        return function(*tensors, mask=mask, reverse=reverse)

    check_grads(call, _arrays(name), order=2, projections=1)


@pytest.mark.parametrize("name", GATES)
@pytest.mark.parametrize("mask", [None, MASK], ids=["plain", "masked"])
def test_staged_equals_eager_and_allocates_nothing(name, mask):
    arrays = [tensor(a) for a in _arrays(name, dtype=np.float32)]
    given = None if mask is None else tensor(mask)

    def call(arrays, given):
        return getattr(recurrent, name)(*arrays, mask=given)

    staged = jit(call)
    for a, b in zip(call(arrays, given), staged(arrays, given), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), 1e-5, 1e-6)
    if mask is None:
        assert staged.programs[0].allocating_steps <= 1  # the copy of the last state


@pytest.mark.parametrize("name", GATES)
def test_symbolic_calls_keep_none(name):
    units, width = 3, 3 * GATES[name]
    state = KerasTensor((None, units))
    states = (state, state) if name == "lstm" else (state,)
    kernel = KerasTensor((units, width))
    function = getattr(recurrent, name)
    out, *last = infer_call(function, KerasTensor((None, None, width)), *states, kernel)
    assert out.shape == (None, None, units)
    assert [s.shape for s in last] == [(None, units)] * len(states)


@pytest.mark.parametrize("name", GATES)
def test_a_mask_gives_the_states_of_shorter_sequences(name):
    """Steps masked at the end change nothing; masked ones in front neither."""
    x, *rest = _arrays(name, time=5)
    mask = np.array([[0, 1, 1, 1, 0]] * 3, dtype=bool)
    function = getattr(recurrent, name)
    out, *last = function(x, *rest, mask=mask)
    short, *wanted = function(np.ascontiguousarray(x[:, 1:4]), *rest)
    np.testing.assert_allclose(out.numpy()[:, 1:4], short.numpy(), 1e-12)
    np.testing.assert_array_equal(out.numpy()[:, 0], rest[0])
    for a, b in zip(last, wanted, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), 1e-12)


@pytest.mark.parametrize("name", GATES)
def test_backwards_is_forwards_on_the_flipped_sequence(name):
    x, *rest = _arrays(name)
    function = getattr(recurrent, name)
    there = function(x, *rest, reverse=True)
    here = function(np.ascontiguousarray(x[:, ::-1]), *rest)
    for a, b in zip(there, here, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


@pytest.mark.parametrize("name", GATES)
def test_no_steps_give_the_first_state(name):
    x, *rest = _arrays(name, time=0)
    out, *last = getattr(recurrent, name)(x, *rest)
    assert out.shape == (3, 0, 3)
    for state, first in zip(last, rest, strict=False):
        np.testing.assert_array_equal(state.numpy(), first)


def test_errors_name_the_argument():
    x, h, c, w = _arrays("lstm")
    with pytest.raises(ShapeError, match=r"lstm: argument `x` has shape \(3, 4, 11\)"):
        recurrent.lstm(x[..., :11], h, c, w)
    with pytest.raises(ShapeError, match="lstm: argument `c0`"):
        recurrent.lstm(x, h, c[:2], w)
    with pytest.raises(ShapeError, match="lstm: argument `mask`"):
        recurrent.lstm(x, h, c, w, mask=MASK[:, :2])
    with pytest.raises(ShapeError, match="recurrent kernel has shape"):
        recurrent.gru(x[..., :9], h, w)
    with pytest.raises(ShapeError, match="activation 'gelu'"):
        recurrent.simple_rnn(x[..., :3], h, w[:, :3], activation="gelu")
