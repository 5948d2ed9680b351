"""Random numbers: `keras.random`. Equal seeds give equal bits on every backend."""

from minikeras.random.distributions import beta, binomial, gamma
from minikeras.random.draws import (
    categorical,
    dropout,
    normal,
    randint,
    shuffle,
    truncated_normal,
    uniform,
)
from minikeras.random.seed_generator import SeedGenerator as SeedGenerator
from minikeras.random.seed_generator import draw_seed as draw_seed
from minikeras.random.seed_generator import (
    global_seed_generator as global_seed_generator,
)
from minikeras.random.seed_generator import make_default_seed as make_default_seed
from minikeras.random.seed_generator import set_global_seed as set_global_seed


def __dir__() -> list[str]:
    return __all__


__all__ = [
    "SeedGenerator",
    "beta",
    "binomial",
    "categorical",
    "dropout",
    "gamma",
    "normal",
    "randint",
    "shuffle",
    "truncated_normal",
    "uniform",
]
