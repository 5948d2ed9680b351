"""Gradients that follow a recipe: the bits of the plain backward pass, without its Python."""

import threading

import numpy as np
import pytest

import minikeras as keras
from minikeras import ops
from minikeras.engine import autodiff, gradient_recipes
from minikeras.engine.autodiff import GradientTape
from minikeras.engine.forgetting import forget

layers = keras.layers


def tensor(values, dtype="float32"):
    return ops.convert_to_tensor(np.asarray(values, dtype))


@pytest.fixture
def backwards(monkeypatch):
    """How often the plain backward pass ran, with nothing remembered of other tests."""
    forget()
    count = []
    plain = autodiff.backward

    def counted(*args):
        count.append(1)
        return plain(*args)

    monkeypatch.setattr(autodiff, "backward", counted)
    return count


def build():
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [
            layers.Dense(8, "relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.Dense(8, "gelu"),
            layers.LayerNormalization(),
            layers.Dense(3),
        ]
    )


def losses(steps, name="SGD"):
    """Of a loop, and the weights at its end."""
    model, rng = build(), np.random.default_rng(0)
    x, y = (
        rng.normal(size=(16, 5)).astype("float32"),
        rng.integers(0, 3, 16).astype("int32"),
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model(tensor(x), training=True)
    optimizer = getattr(keras.optimizers, name)(0.05)
    said = []
    for i in range(steps):
        rows = np.roll(x, i, 0), np.roll(y, i)
        with GradientTape() as tape:
            value = loss(
                tensor(rows[1], "int32"), model(tensor(rows[0]), training=True)
            )
        optimizer.apply(
            tape.gradient(value, model.trainable_variables), model.trainable_variables
        )
        said.append(float(value))
    return said, [w.tobytes() for w in model.get_weights()]


def test_a_loop_has_the_bits_of_the_plain_backward_pass(monkeypatch, backend):
    found = losses(7)
    monkeypatch.setattr(autodiff, "gradients", lambda *args: None)
    assert losses(7) == found


def test_rules_are_asked_for_the_first_gradients_alone(backwards):
    x, w = tensor(np.ones((4, 3))), keras.Variable(np.ones((3, 2), "float32"))
    for _ in range(4):
        with GradientTape() as tape:
            y = ops.sum(ops.tanh(ops.matmul(x, w)))
        tape.gradient(y, w)
    before = len(backwards)
    for _ in range(5):
        with GradientTape() as tape:
            y = ops.sum(ops.tanh(ops.matmul(x, w)))
        tape.gradient(y, w)
    # One of ops called by themselves, two of ops by recipe, of which the second is noted.
    assert before == 3
    assert len(backwards) == before


def answers():
    """Of gradients by and of several things, with what was watched told apart."""
    x, y, found = tensor([1.0, 2.0]), tensor([3.0, 5.0]), []
    for watched in ([x], [y], [x, y]):
        with GradientTape() as tape:
            tape.watch(watched)
            z = x * y + x
        found.append(tape.gradient(z, [x, y]))
    with GradientTape() as tape:
        w = tensor([3.0])
        tape.watch(w)
        z = x * w
        tape.watch(y)
        z = z + y * w + x
    found.append(tape.gradient(z, [w, x, y]))
    with GradientTape(persistent=True) as tape:
        tape.watch(x)
        z = x * 3.0 + x
    found += [
        tape.gradient(z, x),
        tape.gradient(z, x, output_gradients=y),
        tape.gradient(z, y, unconnected_gradients="zero"),
        tape.gradient([z, z], x),
        tape.gradient(x, x),
        [tape.gradient(z, {"x": x, "y": y})["x"], tape.gradient(z, [y])[0]],
    ]
    return [
        [None if g is None else g.tolist() for g in (v if isinstance(v, list) else [v])]
        for v in found
    ]


def test_what_a_gradient_is_by_and_of(monkeypatch):
    found = [answers() for _ in range(5)]
    monkeypatch.setattr(autodiff, "gradients", lambda *args: None)
    assert found == [answers()] * 5
    assert found[0][4:] == [
        *([[4, 4]], [[12, 20]], [[0, 0]], [[8, 8]], [[1, 1]], [[4, 4], None]),
    ]


def test_second_order_and_gradients_of_a_users_own():
    slopes = []

    @keras.ops.custom_gradient
    def twice(x):
        def grad(upstream):
            slopes.append(1)
            return upstream * 7

        return x * 2, grad

    for value in (1.0, 2.0, 3.0, 4.0, 5.0):
        x = tensor(value)
        with GradientTape() as outer:
            outer.watch(x)
            with GradientTape() as inner:
                inner.watch(x)
                y = ops.exp(x) * x
            slope = inner.gradient(y, x)
        assert float(outer.gradient(slope, x)) == pytest.approx(
            np.exp(value) * (value + 2), rel=1e-5
        )
        with GradientTape() as tape:
            tape.watch(x)
            y = twice(ops.square(x))
        assert float(tape.gradient(y, x)) == 14 * value
    assert len(slopes) == 5


def test_losses_of_probabilities_stay_stable():
    dense, x = layers.Dense(2, "softmax"), tensor([[400.0, -400.0]])
    dense(x)
    dense.set_weights([np.eye(2, dtype="float32"), np.zeros(2, "float32")])
    for _ in range(5):
        with GradientTape() as tape:
            y = ops.sum(
                ops.sparse_categorical_crossentropy(tensor([1], "int32"), dense(x))
            )
        assert float(y) == 800
        assert tape.gradient(y, dense.bias).tolist() == [1, -1]


def test_records_are_there_one_by_one():
    x = tensor([[1.0, 2.0]])
    for _ in range(4):
        with GradientTape() as tape:
            tape.watch(x)
            y = ops.mean(ops.gelu(x))
        records = tape._tape.records
        made = {id(t) for record in records for t in record.outputs}
        assert id(y) in made and len(records) > 3
        assert records == tape._tape.records
        tape.gradient(y, x)


def test_few_structures_are_kept():
    x = tensor([1.0])
    for n in range(1, 90):
        for _ in range(3):
            with GradientTape() as tape:
                tape.watch(x)
                y = x
                for _ in range(n):
                    y = y * x
            assert tape.gradient(y, x).tolist() == [n + 1]
    assert len(gradient_recipes._known) <= 64


def test_threads():
    x, wrong = tensor(np.arange(4.0)), []

    def work():
        for _ in range(30):
            with GradientTape() as tape:
                tape.watch(x)
                y = ops.sum(ops.square(x) * 3.0)
            if tape.gradient(y, x).tolist() != [0, 6, 12, 18]:
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_the_backend_may_change():
    before = keras.config.backend()
    w = keras.Variable(np.float32([0.5, 2.0]))
    try:
        for name in ("numpy", before, "numpy", before):
            keras.config.set_backend(name)
            for _ in range(4):
                with GradientTape() as tape:
                    y = ops.sum(ops.square(w))
                assert tape.gradient(y, w).tolist() == [1, 4]
    finally:
        keras.config.set_backend(before)
