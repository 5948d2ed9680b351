"""Seed generators: how they go on, eagerly and compiled, in steps of training, saved."""

import numpy as np
import pytest

import minikeras as keras
from minikeras import ops, random
from minikeras.engine.compile import jit
from minikeras.variable import Variable

DRAWS = {
    "normal": lambda seed: random.normal((5,), seed=seed),
    "uniform": lambda seed: random.uniform((5,), seed=seed),
    "truncated_normal": lambda seed: random.truncated_normal((5,), seed=seed),
    "gamma": lambda seed: random.gamma((5,), 0.5, seed=seed),
    "beta": lambda seed: random.beta((5,), 2.0, 3.0, seed=seed),
    "binomial": lambda seed: random.binomial((5,), 100, 0.5, seed=seed),
    "randint": lambda seed: random.randint((5,), 0, 10**6, seed=seed),
    "categorical": lambda seed: random.categorical(ops.zeros((1, 90)), 5, seed=seed),
    "shuffle": lambda seed: random.shuffle(ops.arange(50), seed=seed),
    "dropout": lambda seed: random.dropout(ops.ones((50,)), 0.5, seed=seed),
}
ROUNDED = ("normal", "truncated_normal", "gamma", "beta")


@pytest.mark.parametrize("name", DRAWS)
def test_a_generator_goes_on_one_a_draw(name, backend):
    draw = DRAWS[name]
    eager, staged = random.SeedGenerator(5), random.SeedGenerator(5)
    step = jit(lambda: (draw(staged), draw(staged)))
    seen = []
    for number in range(2):
        for made in step():
            wanted = draw(eager).numpy()
            tolerance = 1e-5 if name in ROUNDED and backend != "numpy" else 0
            np.testing.assert_allclose(made.numpy(), wanted, rtol=tolerance)
            assert all((wanted != before).any() for before in seen)
            seen.append(wanted)
        assert step.traces == 1
        assert staged.state.numpy().tolist() == [5, 2 * number + 2]
        assert eager.state.numpy().tolist() == [5, 2 * number + 2]
    eager.reset()
    np.testing.assert_array_equal(draw(eager).numpy(), seen[0])
    np.testing.assert_array_equal(draw(5).numpy(), seen[0])  # a new one starts there


@pytest.mark.parametrize("name", DRAWS)
def test_the_global_generator_goes_on_too(name):
    draw = DRAWS[name]
    random.set_global_seed(9)
    first, second = draw(None).numpy(), draw(None).numpy()
    assert (first != second).any()
    keras.utils.set_random_seed(9)
    again = jit(lambda: draw(None))
    np.testing.assert_array_equal(again().numpy(), first)
    np.testing.assert_array_equal(again().numpy(), second)


def test_a_key_that_a_generator_gave_is_a_seed():
    generator = random.SeedGenerator(4)
    key = generator.next()
    first = random.uniform((3,), seed=key).numpy()
    np.testing.assert_array_equal(first, random.uniform((3,), seed=key).numpy())
    np.testing.assert_array_equal(first, random.uniform((3,), seed=4).numpy())
    staged = jit(lambda key: random.uniform((3,), seed=key))
    np.testing.assert_array_equal(staged(key).numpy(), first)


def test_draws_inside_of_loops_go_on(backend):
    generator = random.SeedGenerator(2)
    draw = lambda c, _: (c, random.uniform((3,), seed=generator))  # noqa: E731
    rows = jit(lambda: ops.scan(draw, 0.0, None, length=4)[1])().numpy()
    eager = random.SeedGenerator(2)
    wanted = [random.uniform((3,), seed=eager).numpy() for _ in range(4)]
    np.testing.assert_array_equal(rows, wanted)
    assert generator.state.numpy().tolist() == [2, 4]


def noisy_model(eagerly):
    keras.utils.set_random_seed(3)
    layers = [
        keras.layers.Dense(8, activation="tanh"),
        keras.layers.GaussianNoise(0.1, seed=1),
        keras.layers.Dropout(0.5, seed=2),
        keras.layers.Dense(1),
    ]
    model = keras.Sequential(layers)
    model.compile("sgd", "mse", run_eagerly=eagerly)
    return model, layers


def test_masks_of_training_steps_go_on_and_are_those_of_eager_steps(backend):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(16, 4)).astype("float32"), np.ones((16, 1), "float32")
    found = []
    for eagerly in (False, True):
        model, layers = noisy_model(eagerly)
        losses = [float(model.train_on_batch(x, y)) for _ in range(3)]
        states = [part.seed_generator.state.numpy().tolist() for part in layers[1:3]]
        found.append((losses, states))
    (losses, states), (eager_losses, eager_states) = found
    assert states == eager_states == [[1, 3], [2, 3]]
    np.testing.assert_allclose(losses, eager_losses, rtol=1e-4)


def test_masks_differ_from_step_to_step(backend):
    generator = random.SeedGenerator(7)
    total = Variable(np.zeros(200, "float32"))

    @jit
    def step():
        mask = random.dropout(ops.ones((200,)), 0.5, seed=generator)
        total.assign_add(mask)
        return mask

    masks = [step().numpy() for _ in range(4)]
    np.testing.assert_array_equal(total.numpy(), np.sum(masks, axis=0))
    for mask in masks[1:]:
        assert 0.3 < (mask == masks[0]).mean() < 0.7


def test_a_generator_is_saved_as_its_first_seed():
    generator = random.SeedGenerator(8, name="mine")
    generator.next()
    form = keras.saving.serialize_keras_object(generator)
    assert form["module"] == "keras.random" and form["class_name"] == "SeedGenerator"
    made = keras.saving.deserialize_keras_object(form)
    assert isinstance(made, random.SeedGenerator)
    assert made.get_config() == {"seed": 8, "name": "mine"}
    assert made.next().tolist() == [8, 0]


def test_what_holds_a_generator_is_saved_with_it():
    initializer = keras.initializers.RandomUniform(seed=random.SeedGenerator(3))
    form = keras.saving.serialize_keras_object(initializer)
    made = keras.saving.deserialize_keras_object(form)
    np.testing.assert_array_equal(made((4,)).numpy(), initializer((4,)).numpy())


def test_other_seeds_of_a_generator():
    assert random.SeedGenerator(np.int64(6)).next().tolist() == [6, 0]
    assert random.SeedGenerator(2**32 - 1).next().tolist() == [2**32 - 1, 0]
    generator = random.SeedGenerator(1)
    generator.reset(seed=5)
    assert generator.next(ordered=False).tolist() == [5, 0]
    assert generator.get_config()["seed"] == 5
    keras.utils.set_random_seed(1)
    first = random.SeedGenerator().get_config()["seed"]
    keras.utils.set_random_seed(1)
    assert random.SeedGenerator().get_config()["seed"] == first
