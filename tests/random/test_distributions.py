"""Every draw has its distribution, on every backend, eager and compiled.

Seeds are fixed, so a test gives the same answer each time. A right generator would fail
one with a chance of `CHANCE`, as a wrong one would hardly pass.
"""

import functools
import itertools
import math

import numpy as np
import pytest
from scipy import stats

from minikeras import config, ops, random
from minikeras.engine.compile import jit
from tests.random.table import CONTINUOUS, COUNT, DISCRETE

CHANCE = 1e-4
# Of the draws with rounding, those that are compiled too: each function is there.
COMPILED = {
    "uniform-shifted", "uniform-shifted16", "uniform-widest", "normal", "normal64",
    "truncated_normal", "gamma-0.5-float32", "beta-0.5-0.5-float32",
    "binomial-100-0.97-float32",
}  # fmt: skip
every_row = pytest.mark.parametrize("row", [*CONTINUOUS, *DISCRETE], ids=str)


@functools.cache
def sample(row):
    return row.draw(11).numpy().astype("float64").ravel()


def kolmogorov_smirnov(row, x):
    """The chance of a distance as great; `grid` is the distance that few results make."""
    ordered = np.sort(x)
    at = row.exact.cdf(ordered)
    steps = np.arange(x.size + 1) / x.size
    distance = max(np.max(steps[1:] - at), np.max(at - steps[:-1])) - row.grid
    return stats.kstwobign.sf(max(distance, 0) * math.sqrt(x.size))


def chi_square(row, x):
    """The chance of counts as far off, over ranges that are about equally likely."""
    ends = np.unique(row.exact.ppf(np.linspace(0, 1, 21)[1:-1]))
    cdf = np.concatenate([[0], row.exact.cdf(ends), [1]])
    expected = np.diff(cdf) * x.size
    counts = np.bincount(np.searchsorted(ends, x), minlength=expected.size)
    assert counts[expected == 0].sum() == 0
    counts, expected = counts[expected > 0], expected[expected > 0]
    while expected.min() < 5:  # the last ones are few
        counts = np.append(counts[:-2], counts[-2:].sum())
        expected = np.append(expected[:-2], expected[-2:].sum())
    return stats.chisquare(counts, expected).pvalue


@every_row
def test_distribution(row):
    x = sample(row)
    assert x.size == COUNT
    test = kolmogorov_smirnov if row in CONTINUOUS else chi_square
    assert test(row, x) > CHANCE
    low, high = row.exact.support()
    assert x.min() >= low and x.max() <= high


@every_row
def test_moments(row):
    x = sample(row)
    scale = row.exact.std()
    z = (x - row.exact.mean()) / scale
    with np.errstate(all="ignore"):
        kurtosis = np.nan_to_num(float(row.exact.stats(moments="k")))
    assert abs(z.mean()) < 4 / math.sqrt(COUNT) + row.grid
    assert abs((z**2).mean() - 1) < 4 * math.sqrt((kurtosis + 2) / COUNT) + 4 * row.grid


@pytest.mark.parametrize("row", [*CONTINUOUS, *DISCRETE], ids=str)
def test_neighbours_are_independent(row):
    z = stats.rankdata(
        sample(row).reshape(-1, 4), axis=0
    )  # by column: parameters differ
    z = (z - z.mean(axis=0)).ravel()
    for step in (1, 2, 4):
        together = (z[step:] * z[:-step]).sum() / (z**2).sum()
        assert abs(together) < 5 / math.sqrt(COUNT)


@every_row
def test_the_same_seed_gives_the_same_draw_on_every_backend(row, backend):
    """All but rounding, which may turn a rejection round."""
    made = [row.draw(3).numpy()]
    np.testing.assert_array_equal(made[0], row.draw(3).numpy())
    assert (made[0] != row.draw(4).numpy()).any()
    if row.same or row.name in COMPILED:
        made.append(jit(lambda: row.draw(3))().numpy())
    config.set_backend("numpy")
    reference = row.draw(3).numpy()
    for x in made:
        assert x.dtype == reference.dtype
        if row.same or backend == "numpy":
            np.testing.assert_array_equal(x, reference)
        else:
            x, wanted = x.astype("float64"), reference.astype("float64")
            near = np.isclose(x, wanted, rtol=2e-3 if row.grid else 1e-4, atol=1e-30)
            assert near.mean() > 0.998


def test_wide_spans_of_integers_favour_no_number():
    """Of 32 random bits and three quarters of their range, each third would have two."""
    for low, dtype in (
        (0, "uint32"),
        (-(2**31), "int32"),
        (ops.array(0, "int64"), "int64"),
    ):
        x = random.randint((COUNT,), low, 3 * 2**30 + low, dtype=dtype, seed=5).numpy()
        counts = np.bincount((x.astype("int64") - int(low)) % 3, minlength=3)
        assert stats.chisquare(counts).pvalue > CHANCE


def test_beta_of_tiny_parameters_is_near_the_ends():
    """Both gamma numbers are below the least float; their share of the sum is not."""
    for dtype in ("float32", "float64", "float16", "bfloat16"):
        for a in (0.01, 1e-4, 1e-10):
            x = (
                random.beta((COUNT,), a, a, dtype=dtype, seed=2)
                .numpy()
                .astype("float64")
            )
            assert np.isfinite(x).all() and x.min() >= 0 and x.max() <= 1
            at_ends = (x < 1e-3) | (x > 1 - 1e-3)
            share = 2 * stats.beta(a, a).cdf(1e-3)
            spread = math.sqrt(share * (1 - share) / COUNT)
            slack = {"float16": 0.01, "bfloat16": 0.02}.get(dtype, 0)
            assert abs(at_ends.mean() - share) < 4 * spread + slack
            assert abs(x.mean() - 0.5) < 4 * 0.5 / math.sqrt(COUNT)


def test_gamma_of_tiny_parameters_has_the_right_logarithm():
    x = random.gamma((COUNT,), 0.02, dtype="float64", seed=2).numpy()
    x = np.log(x[x > 0])
    # Cut at the least double, about 1e-323, of which little lies below.
    cdf = stats.loggamma(0.02).cdf
    low = cdf(math.log(5e-324))
    ordered = (np.sort(cdf(x)) - low) / (1 - low)
    assert stats.kstest(ordered, "uniform").pvalue > CHANCE


def test_parameters_broadcast(backend):
    alpha = np.array([[0.5], [4.0], [100.0]])
    for draw, exact in (
        (
            lambda: random.gamma((3, 4000), alpha, seed=1),
            lambda i: stats.gamma(alpha[i]),
        ),
        (
            lambda: random.beta((3, 4000), alpha, 2.0, seed=1),
            lambda i: stats.beta(alpha[i], 2),
        ),
        (
            lambda: random.normal((3, 4000), alpha, alpha, seed=1),
            lambda i: stats.norm(alpha[i], alpha[i]),
        ),
        (
            lambda: random.truncated_normal((3, 4000), alpha, 2.0, seed=1),
            lambda i: stats.truncnorm(-2, 2, alpha[i], 2),
        ),
    ):
        for x in (draw(), jit(draw)()):
            for i, line in enumerate(x.numpy()):
                assert stats.kstest(line, exact(i).cdf).pvalue > CHANCE
    counts = ops.array([[3], [40], [50_000]])
    drawn = jit(lambda n: random.binomial((3, 4000), n, 0.25, seed=1))(counts).numpy()
    for n, line in zip((3, 40, 50_000), drawn, strict=True):
        z = (line - n * 0.25) / math.sqrt(n * 0.25 * 0.75)
        assert abs(z.mean()) < 4 / math.sqrt(4000)
        assert abs(z.var() - 1) < 4 * math.sqrt(2 / 4000)


@pytest.mark.parametrize("axis", [0, 1])
def test_a_shuffle_is_a_uniform_permutation(axis):
    orders = {p: i for i, p in enumerate(itertools.permutations(range(4)))}
    counts = np.zeros(len(orders))
    x = np.arange(8).reshape(2, 4) if axis else np.arange(8).reshape(4, 2)
    shuffled = jit(lambda key: random.shuffle(x, axis=axis, seed=key))
    for seed in range(1200):
        made = shuffled(np.uint32([seed, 0])).numpy()
        made = made if axis else made.T
        assert ((made[1] - made[0]) == (x[1, 0] - x[0, 0] if axis else 1)).all()
        first = made[0] if axis else made[0] // 2
        counts[orders[tuple(first.tolist())]] += 1
    assert stats.chisquare(counts).pvalue > CHANCE


@pytest.mark.parametrize("rate", [0.01, 0.3, 0.5, 0.99])
def test_dropout_keeps_its_share_and_scales(rate, backend):
    x = np.linspace(1, 2, 40_000, dtype="float32").reshape(200, 200)
    for drop in (random.dropout, jit(random.dropout)):
        made = drop(x, rate, seed=4).numpy()
        kept = made != 0
        spread = math.sqrt(rate * (1 - rate) / x.size)
        assert abs(kept.mean() - (1 - rate)) < 4 * spread
        np.testing.assert_allclose(made[kept], x[kept] / (1 - rate), rtol=1e-6)


def test_the_shared_mask_of_dropout():
    made = random.dropout(np.ones((4, 5000, 3)), 0.3, noise_shape=(1, None, 1), seed=4)
    mask = made.numpy() != 0
    assert (mask == mask[:1, :, :1]).all()
    assert abs(mask[0, :, 0].mean() - 0.7) < 4 * math.sqrt(0.21 / 5000)
