"""Draws: equal bits everywhere, right distributions, seeds that go on."""

import numpy as np
import pytest

from minikeras import ops, random
from minikeras.engine.compile import jit
from minikeras.engine.symbolic import KerasTensor, infer_call

COUNT = 20000
DRAWS = {
    "uniform": lambda seed: random.uniform((COUNT,), seed=seed),
    "uniform64": lambda seed: random.uniform((COUNT,), dtype="float64", seed=seed),
    "uniform16": lambda seed: random.uniform((COUNT,), dtype="float16", seed=seed),
    "randint": lambda seed: random.randint((COUNT,), -3, 7, seed=seed),
    "shuffle": lambda seed: random.shuffle(ops.arange(1000), seed=seed),
    "dropout": lambda seed: random.dropout(ops.ones((COUNT,)), 0.3, seed=seed),
}


@pytest.mark.parametrize("name", DRAWS)
def test_equal_seeds_give_equal_draws(name, backend):
    draw = DRAWS[name]
    first = draw(5).numpy()
    np.testing.assert_array_equal(first, draw(5).numpy())
    assert (first != draw(6).numpy()).any()
    generator = random.SeedGenerator(5)
    np.testing.assert_array_equal(first, draw(generator).numpy())
    assert (first != draw(generator).numpy()).any()


def test_bits_are_the_same_on_every_backend(backend):
    x = random.uniform((5,), seed=7).numpy()
    wanted = [0.9545971, 0.7501522, 0.1141773, 0.0856578, 0.4069604]
    kept = (random.dropout(ops.ones((8,)), 0.5, seed=7).numpy() > 0).tolist()
    np.testing.assert_allclose(x, wanted, rtol=1e-6)
    assert kept == [w < 0.5 for w in random.uniform((8,), seed=7).numpy()]


def test_uniform_stays_below_its_end_in_every_dtype():
    for dtype in ("float16", "bfloat16", "float32", "float64"):
        x = random.uniform((COUNT,), dtype=dtype, seed=3)
        assert x.dtype == dtype
        assert float(ops.min(x)) >= 0 and float(ops.max(x)) < 1


def test_a_generator_goes_on_inside_compiled_functions(backend):
    generator = random.SeedGenerator(3)
    draw = jit(lambda: random.uniform((4,), seed=generator))
    found = [draw().numpy() for _ in range(3)]
    assert draw.traces == 1
    assert generator.state.numpy().tolist() == [3, 3]
    eager = random.SeedGenerator(3)
    for x in found:
        np.testing.assert_allclose(
            x, random.uniform((4,), seed=eager).numpy(), rtol=1e-6
        )


def test_the_global_generator_starts_again():
    random.set_global_seed(4)
    first = random.normal((3,)).numpy()
    second = random.normal((3,)).numpy()
    random.set_global_seed(4)
    np.testing.assert_array_equal(first, random.normal((3,)).numpy())
    assert (first != second).any()


def test_config_of_a_generator():
    made = random.SeedGenerator.from_config(random.SeedGenerator(8).get_config())
    assert made.next().tolist() == [8, 0]


def test_symbolic_draws():
    assert infer_call(
        lambda x: random.dropout(x, 0.5, seed=1), KerasTensor((None, 3))
    ).shape == (
        None,
        3,
    )
    assert infer_call(
        lambda x: random.shuffle(x, seed=1), KerasTensor((None, 3))
    ).shape == (
        None,
        3,
    )


ERRORS = [
    (lambda: random.uniform((2,), dtype="int32"), "dtype='int32'"),
    (lambda: random.randint((2,), 0, 3, dtype="float32"), "dtype='float32'"),
    (lambda: random.normal((2,), seed="a"), "seed='a'"),
    (lambda: random.dropout([1.0], 1.5), "rate=1.5"),
    (lambda: random.categorical([0.0], 2), r"\(1,\)"),
    (lambda: random.categorical([[0.0]], -1), "num_samples=-1"),
    (lambda: random.categorical(ops.zeros((2, 0)), 2), "empty"),
    (lambda: random.dropout(ops.ones((3, 4)), 0.5, (2, 4)), r"noise_shape=\(2, 4\)"),
    (lambda: random.dropout(ops.ones((4,)), 0.5, (1, 4)), "more axes"),
    (lambda: random.gamma((3, 4), np.ones(3)), r"\(3,\).*\(3, 4\)"),
    (lambda: random.gamma((4,), np.ones((3, 4))), r"\(3, 4\).*\(4,\)"),
    (lambda: random.beta((3, 4), np.ones(3), 1.0), r"\(3,\)"),
    (lambda: random.binomial((3, 2), np.ones(3), 0.5), r"\(3,\)"),
    (lambda: random.normal((3, 4), np.ones(3)), r"\(3,\)"),
    (lambda: random.normal((None, 2)), "shape="),
    (lambda: random.normal((2,), dtype="complex64"), "complex64"),
    (lambda: random.shuffle(ops.ones((2, 3)), axis=2), "axis 2"),
    (lambda: random.normal((2,), seed=1.5), "seed=1.5"),
    (lambda: random.normal((2,), seed=-1), "seed=-1"),
    (lambda: random.normal((2,), seed=ops.array(3)), "Tensor"),
    (lambda: random.SeedGenerator(-1), "seed=-1"),
    (lambda: random.SeedGenerator(1.5), "seed=1.5"),
    (lambda: random.SeedGenerator(1, sed=2), "sed"),
]


@pytest.mark.parametrize(("call", "text"), ERRORS)
def test_errors_say_what_is_wrong(call, text):
    with pytest.raises(ValueError, match=text):
        call()
