"""Eager loops: the update is compiled after some calls, with the bits of the eager one."""

import gc
import sys
import weakref

import numpy as np
import pytest

import minikeras as keras
from minikeras.optimizers import compiled

SHAPES = ((3, 4), (4,), ())
OPTIMIZERS = {
    "adam": lambda: keras.optimizers.Adam(0.01),
    "amsgrad": lambda: keras.optimizers.Adam(0.01, amsgrad=True, clipvalue=0.5),
    "adamw": lambda: keras.optimizers.AdamW(0.01, weight_decay=0.1),
    "sgd": lambda: keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True),
    "rmsprop": lambda: keras.optimizers.RMSprop(0.01, centered=True, momentum=0.3),
    "adagrad": lambda: keras.optimizers.Adagrad(0.1),
    "adadelta": lambda: keras.optimizers.Adadelta(0.1),
    "adamax": lambda: keras.optimizers.Adamax(0.01),
    "nadam": lambda: keras.optimizers.Nadam(0.01),
    "ftrl": lambda: keras.optimizers.Ftrl(0.1, l1_regularization_strength=0.01),
    "lion": lambda: keras.optimizers.Lion(0.01),
    "decaying": lambda: keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(
            0.1, 4, warmup_steps=2, warmup_target=0.2
        )
    ),
    "scaled": lambda: keras.optimizers.Adam(0.01, loss_scale_factor=8.0),
}


def variables(dtype="float32"):
    rng = np.random.default_rng(0)
    return [keras.Variable(rng.standard_normal(s).astype(dtype)) for s in SHAPES]


def gradients(step, dtype="float32"):
    rng = np.random.default_rng(step)
    made = [rng.standard_normal(s).astype(dtype) for s in SHAPES]
    return [keras.ops.convert_to_tensor(g) for g in made]


def trained(make, steps=6, dtype="float32", between=lambda optimizer, step: None):
    """All values after some steps, and the optimizer."""
    optimizer, weights = make(), variables(dtype)
    for step in range(steps):
        optimizer.apply(gradients(step, dtype), weights)
        between(optimizer, step)
    return [v.numpy() for v in (*weights, *optimizer.variables)], optimizer


def functions(optimizer):
    updates = compiled._known.get(optimizer)
    return [] if updates is None else list(updates.functions.values())


def both(monkeypatch, make, **how):
    """The values of a loop that compiles its updates, and of one that does not."""
    found, optimizer = trained(make, **how)
    with monkeypatch.context() as patch:
        patch.setattr(compiled, "EAGER_CALLS", 1000)
        wanted, eager = trained(make, **how)
    assert not functions(eager)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)
    return optimizer


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_compiled_updates_have_the_bits_of_eager_ones(monkeypatch, name):
    optimizer = both(monkeypatch, OPTIMIZERS[name])
    assert [f.traces for f in functions(optimizer)] == [1]
    assert not any(f.fallback for f in functions(optimizer))


def test_float64(monkeypatch):
    optimizer = both(monkeypatch, OPTIMIZERS["adam"], dtype="float64")
    assert functions(optimizer)


def test_settings_may_change_between_steps(monkeypatch):
    def between(optimizer, step):
        if step == 4:
            optimizer.learning_rate = 0.5
        if step == 6:
            optimizer.weight_decay = 0.3

    optimizer = both(monkeypatch, OPTIMIZERS["adamw"], steps=12, between=between)
    assert len(functions(optimizer)) == 2  # the rate is a variable, the decay a number


def test_a_schedule_may_change_between_steps(monkeypatch):
    def make():
        decay = keras.optimizers.schedules.InverseTimeDecay(0.1, 5, 0.9)
        return keras.optimizers.SGD(decay, momentum=0.9)

    def between(optimizer, step):
        if step == 5:
            optimizer._learning_rate.decay_rate = 0.1

    optimizer = both(monkeypatch, make, steps=10, between=between)
    assert len(functions(optimizer)) == 2


def test_a_value_that_was_read_stays():
    optimizer, (v, *_) = OPTIMIZERS["sgd"](), variables()
    held = []
    for step in range(5):
        held.append((v.value, v.numpy()))
        optimizer.apply(gradients(step)[:1], [v])
    for tensor, copy in held:
        np.testing.assert_array_equal(tensor.numpy(), copy)


class Own(keras.optimizers.SGD):
    """A user's class, whose Python lines run at every step."""

    steps = 0

    def update_step(self, gradient, variable, learning_rate):
        self.steps += 1
        super().update_step(gradient, variable, learning_rate)


def test_what_users_write_runs_at_every_step():
    _, optimizer = trained(lambda: Own(0.1))
    assert optimizer.steps == 6 * len(SHAPES)
    assert not functions(optimizer)
    calls = []

    def rate():
        calls.append(1)
        return 0.1

    _, optimizer = trained(lambda: keras.optimizers.SGD(rate))
    assert len(calls) >= 6
    assert not functions(optimizer)


def test_constraints_and_halves_stay_eager():
    optimizer = keras.optimizers.SGD(0.1)
    seen = []

    def constraint(value):
        seen.append(1)
        return value

    v = keras.Variable(np.ones(3, "float32"))
    v.constraint = constraint
    half = keras.Variable(np.ones(3, "float16"))
    for _ in range(5):
        optimizer.apply(
            [keras.ops.ones(3), keras.ops.ones(3, dtype="float16")], [v, half]
        )
    assert len(seen) == 5
    assert not functions(optimizer)


def test_other_variables_are_another_update():
    optimizer, weights = keras.optimizers.SGD(0.1), variables()
    optimizer.build(weights)
    for step in range(4):
        optimizer.apply(gradients(step), weights)
        optimizer.apply(gradients(step)[:2], weights[:2])
    assert len(functions(optimizer)) == 2


def test_an_optimizer_goes_with_its_last_reference():
    _, optimizer = trained(OPTIMIZERS["adam"])
    assert functions(optimizer)
    gone = weakref.ref(optimizer)
    del optimizer
    gc.collect()
    assert gone() is None


def test_a_loop_makes_few_calls_of_python():
    """The update of each variable in Python took 700 and more."""
    optimizer, weights = OPTIMIZERS["adam"](), variables()
    given = gradients(0)
    for _ in range(4):
        optimizer.apply(given, weights)
    count = 0

    def watch(frame, event, argument):
        nonlocal count
        count += event == "call"

    sys.setprofile(watch)
    try:
        optimizer.apply(given, weights)
    finally:
        sys.setprofile(None)
    assert count < 260


def test_a_row_looked_up_twice_steps_by_the_sum_of_its_gradients(backend):
    """Adam's first step is `learning_rate`, however often the row is in the batch."""
    model = keras.Sequential(
        [keras.Input((2,), dtype="int32"), keras.layers.Embedding(4, 2)]
    )
    before = model.get_weights()[0]
    model.compile(keras.optimizers.Adam(0.01, epsilon=1e-12), "mse")
    model.train_on_batch(np.array([[1, 1], [1, 2]]), np.ones((2, 2, 2), "float32"))
    moved = np.abs(model.get_weights()[0] - before)
    np.testing.assert_allclose(moved[1:3], 0.01, rtol=1e-3)
    assert not moved[[0, 3]].any()
