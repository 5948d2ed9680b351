"""Draws: equal bits everywhere, right distributions, seeds that go on."""

import math

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


def ks_distance(sample, cdf):
    """The Kolmogorov-Smirnov distance, times the root of the size."""
    x = np.sort(sample.astype("float64"))
    n = x.size
    at = cdf(x)
    above = np.max(np.arange(1, n + 1) / n - at)
    below = np.max(at - np.arange(n) / n)
    return max(above, below) * math.sqrt(n)


def normal_cdf(x):
    return np.array([0.5 * math.erfc(-v / math.sqrt(2)) for v in x])


def cut_cdf(x):
    low, high = normal_cdf(np.array([-2.0, 2.0]))
    return (normal_cdf(x) - low) / (high - low)


# The distance is above 1.95 with a chance of 0.001.
CONTINUOUS = {
    "uniform": (
        lambda: random.uniform((COUNT,), -1.0, 3.0, seed=1),
        lambda x: (x + 1) / 4,
    ),
    "normal": (
        lambda: random.normal((COUNT,), 1.0, 2.0, seed=2),
        lambda x: normal_cdf((x - 1) / 2),
    ),
    "normal64": (lambda: random.normal((COUNT,), dtype="float64", seed=2), normal_cdf),
    "truncated_normal": (lambda: random.truncated_normal((COUNT,), seed=3), cut_cdf),
    "gamma": (lambda: random.gamma((COUNT,), 1.0, seed=4), lambda x: 1 - np.exp(-x)),
    "gamma_small": (
        lambda: random.gamma((COUNT,), 0.5, seed=4),
        lambda x: np.array([math.erf(math.sqrt(v)) for v in x]),
    ),
    "beta": (lambda: random.beta((COUNT,), 2.0, 1.0, seed=5), lambda x: x**2),
}


@pytest.mark.parametrize("name", CONTINUOUS)
def test_continuous_distributions(name, backend):
    draw, cdf = CONTINUOUS[name]
    assert ks_distance(draw().numpy(), cdf) < 1.95


@pytest.mark.parametrize(("n", "p"), [(5, 0.3), (100, 0.3), (3000, 0.9), (40, 0.5)])
def test_binomial_moments(n, p):
    x = random.binomial((COUNT,), n, p, seed=9).numpy().astype("float64")
    deviation = math.sqrt(n * p * (1 - p))
    assert abs(x.mean() - n * p) < 4 * deviation / math.sqrt(COUNT)
    assert abs(x.var() / deviation**2 - 1) < 4 * math.sqrt(2 / COUNT)
    assert x.min() >= 0 and x.max() <= n


def test_integers_and_categories_are_as_likely_as_said():
    counts = np.bincount(
        random.randint((COUNT,), 10, 16, seed=1).numpy() - 10, minlength=6
    )
    assert counts.size == 6
    assert np.abs(counts / COUNT - 1 / 6).max() < 4 * math.sqrt(5 / 36 / COUNT)
    chances = np.array([0.2, 0.3, 0.5])
    drawn = random.categorical(np.log([chances]), COUNT, seed=1).numpy()[0]
    assert np.abs(np.bincount(drawn) / COUNT - chances).max() < 4 * 0.5 / math.sqrt(
        COUNT
    )


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


def test_dropout_scales_and_shares_its_mask():
    x = random.dropout(ops.ones((1000, 4)), 0.25, noise_shape=(None, 1), seed=1).numpy()
    assert set(np.unique(x)) == {np.float32(0), np.float32(4 / 3)}
    assert (x == x[:, :1]).all()
    assert abs((x > 0).mean() - 0.75) < 0.06
    assert (random.dropout(ops.ones((9,)), 0.0, seed=1).numpy() == 1).all()
    assert (random.dropout(ops.ones((9,)), 1.0, seed=1).numpy() == 0).all()


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
    (lambda: random.SeedGenerator(-1), "seed=-1"),
]


@pytest.mark.parametrize(("call", "text"), ERRORS)
def test_errors_say_what_is_wrong(call, text):
    with pytest.raises(ValueError, match=text):
        call()
