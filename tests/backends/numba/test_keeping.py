"""What is made of weights alone stays from run to run, and follows when they change."""

import threading

import numpy as np
import pytest

import minikeras as keras
from minikeras import ops
from minikeras.engine import arenas, routine
from minikeras.engine import backend as registry
from minikeras.engine.compile import jit
from minikeras.engine.passes.plan import Numbers
from minikeras.engine.tensor import from_numpy

ROWS = 70  # more than are multiplied by weights where these lie


@pytest.fixture(autouse=True)
def numba(monkeypatch):
    """Which programs share an arena hangs on those that live: here none but the test's."""
    monkeypatch.setattr(arenas, "_arenas", {})
    with registry.using("numba"):
        yield


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


class Product:
    """A compiled product by a variable."""

    def __init__(self, width=48, columns=100, rows=ROWS):
        self.weights = keras.Variable(draw(width, columns, seed=1))
        self.x = from_numpy(draw(rows, width))
        self.run = jit(lambda x: ops.matmul(x, self.weights))

    def check(self):
        got = self.run(self.x).numpy()
        np.testing.assert_allclose(
            got, self.x.numpy() @ self.weights.numpy(), rtol=1e-4, atol=1e-4
        )
        return got

    @property
    def program(self):
        (program,) = self.run.programs
        return program


def test_weights_are_packed_once():
    p = Product()
    first = p.check()
    for _ in range(3):
        np.testing.assert_array_equal(p.run(p.x).numpy(), first)
    assert p.program.preparations == 1
    nbytes = p.weights.numpy().nbytes
    assert nbytes <= p.program.kept_bytes <= nbytes * 5 // 4 + (1 << 14)
    assert p.program.kept_bytes <= p.program.arena_bytes


def test_they_are_packed_again_when_they_were_assigned():
    p = Product()
    p.check()
    for seed in (5, 6):
        p.weights.assign(draw(48, 100, seed=seed))
        p.check()
        p.check()
    assert p.program.preparations == 3


def adding(variable):
    """A compiled step that writes a variable in place."""

    def step():
        variable.assign_add(ops.ones(variable.shape))

    return jit(step)


def test_they_are_packed_again_when_a_program_wrote_them_in_place():
    p = Product(rows=3000)
    step = adding(p.weights)
    step()
    step()
    written = p.weights.state._tensor.value
    held = p.run(p.x).numpy()
    assert step.programs[0]._routine.arena is not p.program._routine.arena
    sums = p.x.numpy().sum(axis=1, keepdims=True)
    packed = p.program.preparations
    for runs in range(1, 4):
        step()
        now = p.run(p.x).numpy()
        np.testing.assert_allclose(
            now - held, np.broadcast_to(sums, now.shape), atol=1e-3
        )
        held = now
        np.testing.assert_array_equal(p.run(p.x).numpy(), now)
        assert p.program.preparations == packed + runs
    assert p.weights.state._tensor.value is written


def test_they_are_packed_again_when_another_used_the_arena():
    p, other = Product(), Product(columns=90)
    shared = p.check(), other.check()
    assert p.program._routine.arena is other.program._routine.arena
    for _ in range(2):
        np.testing.assert_array_equal(p.check(), shared[0])
        np.testing.assert_array_equal(other.check(), shared[1])
    assert p.program.preparations == other.program.preparations == 3


def test_a_program_that_keeps_nothing_uses_the_arena_too():
    p = Product()
    held = p.check()
    plain = jit(lambda x: ops.matmul(ops.exp(ops.matmul(x, ops.transpose(x))), x))
    plain(p.x)
    assert plain.programs[0]._routine.arena is p.program._routine.arena
    np.testing.assert_array_equal(p.check(), held)
    assert p.program.preparations == 2


def test_the_bits_are_those_of_packing_in_each_run(monkeypatch):
    p = Product()
    kept = p.check()
    monkeypatch.setattr(routine, "limit", lambda: 0)
    bare = Product()
    np.testing.assert_array_equal(bare.check(), kept)
    assert bare.program.kept_bytes == bare.program.preparations == 0


def test_no_more_is_kept_than_there_is_room_for(monkeypatch):
    a, b = keras.Variable(draw(64, 100)), keras.Variable(draw(100, 90, seed=2))
    x = draw(ROWS, 64)
    monkeypatch.setattr(routine, "limit", lambda: 60_000)
    f = jit(lambda x: ops.matmul(ops.matmul(x, a), b))
    got = f(from_numpy(x)).numpy()
    np.testing.assert_allclose(got, x @ a.numpy() @ b.numpy(), rtol=1e-3, atol=1e-3)
    assert 64 * 100 * 4 <= f.programs[0].kept_bytes <= 60_000


def test_registers_are_given_for_steady_arrays_alone():
    regs = Numbers([])
    regs.steady, regs.room = {3: 100_000}, 150_000
    assert regs.keep(2, 100) is None
    assert regs.keep(3, 200_000) is None  # a good deal larger than the source
    assert regs.keep(3, 110_000) == 0
    assert regs.keep(3, 110_000) is None  # no room is left
    assert regs.kept == {0: (3, 110_000)}


def model():
    layers = keras.layers
    keras.utils.set_random_seed(0)
    inputs = keras.Input((20, 24))
    x = layers.MultiHeadAttention(num_heads=2, key_dim=12)(inputs, inputs)
    x = layers.LSTM(33, return_sequences=True)(layers.Dense(50, "relu")(x))
    x = layers.Conv1D(20, 3, padding="same")(x)
    made = keras.Model(inputs, layers.Dense(4)(layers.Flatten()(x)))
    made.compile("adam", "mse")
    return made


def test_a_model_predicts_as_it_would_without(monkeypatch):
    x, y = draw(6, 20, 24), draw(6, 4)
    results = []
    for room in (None, 0):
        if room is not None:
            monkeypatch.setattr(routine, "limit", lambda: 0)
        found, net = [], model()
        for _ in range(3):
            found += [net.predict(x, verbose=0), net.predict(x[:1], verbose=0)]
            found.append(net.evaluate(x, y, verbose=0))
            net.fit(x, y, epochs=2, verbose=0)
            found.append(net.predict(x, verbose=0))
        results.append(found)
    for kept, plain in zip(*results, strict=True):
        np.testing.assert_array_equal(kept, plain)


def test_training_keeps_nothing_and_predictions_in_a_row_pack_once():
    x, y = draw(6, 20, 24), draw(6, 4)
    net = model()
    net.fit(x, y, verbose=0)
    before = net.predict(x, verbose=0)
    for _ in range(3):
        np.testing.assert_array_equal(net.predict(x, verbose=0), before)
    (trained,) = net.train_function.programs
    (predicts,) = net.predict_function.programs
    assert trained.kept_bytes == 0 < predicts.kept_bytes
    assert predicts.preparations == 1


def test_a_profile_runs_on_packed_weights():
    p = Product()
    want = p.check()
    p.program.profile([p.x.value], repeat=1)
    np.testing.assert_array_equal(p.check(), want)


def test_another_thread_trains_meanwhile():
    p = Product()
    step = adding(p.weights)
    base = p.x.numpy() @ p.weights.numpy()
    sums = p.x.numpy().sum(axis=1, keepdims=True)
    stop, wrong = threading.Event(), []

    def train():
        while not stop.is_set():
            step()

    thread = threading.Thread(target=train)
    thread.start()
    try:
        for _ in range(60):
            got = p.run(p.x).numpy()
            # every sum has moved by the same whole number of ones
            moved = ((got - base) / sums)[np.abs(sums[:, 0]) > 2]
            if np.abs(moved - np.round(moved)).max() > 0.2 or np.ptp(moved) > 0.4:
                wrong.append(moved)
    finally:
        stop.set()
        thread.join()
    assert not wrong
