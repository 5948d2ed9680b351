"""One row a draw: how it is drawn, and the exact distribution it must have."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from minikeras import ops, random

COUNT = 8000


@dataclass(frozen=True)
class Row:
    """A draw of `COUNT` numbers.

    Attributes:
        name: The function and what is special.
        draw: From a seed to a tensor.
        exact: The distribution, of scipy.
        same: Whether all backends give equal bits; else they differ in rounding.
        grid: Distance of neighbouring results where they are few, as in halves.
    """

    name: str
    draw: Callable[[Any], Any]
    exact: Any
    same: bool = False
    grid: float = 0.0

    def __str__(self) -> str:
        return self.name


SIZE = (COUNT // 4, 4)


def _uniform(
    name: str, low: float, high: float, same: bool = False, **static: Any
) -> Row:
    grid = {"float16": 2.0**-11, "bfloat16": 2.0**-8}.get(static.get("dtype"), 0.0)
    return Row(
        f"uniform-{name}",
        lambda seed: random.uniform(SIZE, low, high, seed=seed, **static),
        stats.uniform(low, high - low),
        same=same,
        grid=2 * grid,  # in shares of the range; each way of rounding moves one
    )


def _gamma(alpha: float, dtype: str = "float32") -> Row:
    return Row(
        f"gamma-{alpha:g}-{dtype}",
        lambda seed: random.gamma(SIZE, alpha, dtype=dtype, seed=seed),
        stats.gamma(alpha),
    )


def _beta(a: float, b: float, dtype: str = "float32") -> Row:
    return Row(
        f"beta-{a:g}-{b:g}-{dtype}",
        lambda seed: random.beta(SIZE, a, b, dtype=dtype, seed=seed),
        stats.beta(a, b),
    )


CONTINUOUS = [
    _uniform("unit", 0, 1, same=True),
    _uniform("unit64", 0, 1, same=True, dtype="float64"),
    _uniform("unit16", 0, 1, same=True, dtype="float16"),
    _uniform("unit-bfloat16", 0, 1, same=True, dtype="bfloat16"),
    _uniform("shifted", -1.5, 3.25),
    _uniform("widest", -3e38, 3e38),
    _uniform("shifted16", 1, 3, dtype="float16"),
    Row(
        "uniform-tensors",
        lambda seed: random.uniform(
            SIZE,
            ops.array([0.0, 1.0, 2.0, 3.0]),
            ops.array([1.0, 2.0, 3.0, 4.0]),
            seed=seed,
        ),
        stats.uniform(0, 4),
    ),
    Row("normal", lambda seed: random.normal(SIZE, seed=seed), stats.norm()),
    Row(
        "normal-scaled",
        lambda seed: random.normal(SIZE, -3.0, 0.25, seed=seed),
        stats.norm(-3, 0.25),
    ),
    Row(
        "normal64",
        lambda seed: random.normal(SIZE, dtype="float64", seed=seed),
        stats.norm(),
    ),
    Row(
        "normal16",
        lambda seed: random.normal(SIZE, dtype="float16", seed=seed),
        stats.norm(),
        grid=2.0**-10,
    ),
    Row(
        "truncated_normal",
        lambda seed: random.truncated_normal(SIZE, seed=seed),
        stats.truncnorm(-2, 2),
    ),
    Row(
        "truncated_normal-scaled64",
        lambda seed: random.truncated_normal(
            SIZE, 5.0, 3.0, dtype="float64", seed=seed
        ),
        stats.truncnorm(-2, 2, 5, 3),
    ),
    *map(_gamma, (0.1, 0.5, 1.0, 1.5, 30.0, 1e4, 1e7)),
    *(_gamma(alpha, "float64") for alpha in (0.01, 2.5, 1e12)),
    *(_beta(a, b) for a, b in ((2.0, 1.0), (0.5, 0.5), (0.2, 7.0), (900.0, 3.0))),
    _beta(0.05, 2.0, "float64"),
    _beta(1e6, 1e6),
]


def _binomial(n: float, p: float, dtype: str = "float32") -> Row:
    return Row(
        f"binomial-{n:g}-{p:g}-{dtype}",
        lambda seed: random.binomial(SIZE, n, p, dtype=dtype, seed=seed),
        stats.binom(int(n), p),
    )


def _randint(name: str, low: Any, high: Any, exact: Any, **static: Any) -> Row:
    return Row(
        f"randint-{name}",
        lambda seed: random.randint(SIZE, low, high, seed=seed, **static),
        exact,
        same=True,
    )


CHANCES = np.array([0.05, 0.4, 0.0, 0.25, 0.3])
with np.errstate(divide="ignore"):
    LOGITS = np.log(CHANCES)


def _categorical(name: str, logits: Any) -> Row:
    return Row(
        f"categorical-{name}",
        lambda seed: random.categorical(logits, COUNT // 2, seed=seed),
        stats.rv_discrete(values=(np.arange(5), CHANCES)),
        same=True,
    )


DISCRETE = [
    _randint("die", 1, 7, stats.randint(1, 7)),
    _randint("below-zero", -5, 5, stats.randint(-5, 5), dtype="int8"),
    _randint("bytes", 0, 256, stats.randint(0, 256), dtype="uint8"),
    _randint("cut", -10, 300, stats.randint(0, 256), dtype="uint8"),
    _randint("wide", -(2**31), 2**30, stats.uniform(-(2**31), 3 * 2**30)),
    _randint("wider", 0, 3 * 2**40, stats.uniform(0, 3 * 2**40), dtype="int64"),
    Row(
        "randint-tensors",
        lambda seed: random.randint(
            SIZE, ops.array([0, 4, 8, 12]), ops.array([4, 8, 12, 16]), seed=seed
        ),
        stats.randint(0, 16),
        same=True,
    ),
    _categorical("float32", np.stack([LOGITS + 3, LOGITS - 1]).astype("float32")),
    _categorical("float16", np.stack([LOGITS, LOGITS]).astype("float16")),
    *(_binomial(5, p) for p in (0.3, 0.5)),
    _binomial(16.7, 0.5),
    _binomial(17, 0.2),
    _binomial(100, 0.97),
    _binomial(3000, 0.001),
    _binomial(10**5, 0.3),
    _binomial(10**9, 0.7, "float64"),
]
