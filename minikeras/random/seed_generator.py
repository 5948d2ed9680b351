"""Seeds: where the keys of random draws come from.

A key is uint32[2], (seed, counter). The same key gives the same bits on every
backend. A `SeedGenerator` holds one in a variable and counts up with each draw, so it
works inside compiled functions too, where the count goes on from call to call.
"""

from __future__ import annotations

import random as python_random
from typing import Any

import numpy as np

from minikeras import naming
from minikeras.engine import prims
from minikeras.engine.interpret import eagerly
from minikeras.engine.tensor import Tensor, from_numpy
from minikeras.variable import Variable

_WORD = 2**32


def make_default_seed() -> int:
    """A seed from Python's generator, which `keras.utils.set_random_seed` sets."""
    return python_random.randint(1, 10**9)


def _key(seed: int) -> np.ndarray[Any, Any]:
    return np.array([seed % _WORD, 0], "uint32")


class SeedGenerator:
    """A source of seeds: each draw that is given it uses up one.

    Args:
        seed: Integer of at least 0; None picks one by Python's `random` module.
        name: Name of the generator.

    Raises:
        ValueError: If `seed` is not an integer of at least 0, or there are arguments
            that it does not know.

    Example:

    >>> generator = keras.random.SeedGenerator(seed=7)
    >>> a = keras.random.uniform((2,), seed=generator)
    >>> b = keras.random.uniform((2,), seed=generator)
    >>> bool((a.numpy() != b.numpy()).all())
    True
    """

    def __init__(
        self, seed: int | None = None, name: str | None = None, **kwargs: object
    ) -> None:
        if kwargs:
            raise ValueError(f"SeedGenerator: unknown arguments {sorted(kwargs)}.")
        if seed is None:
            seed = make_default_seed()
        if isinstance(seed, np.integer):
            seed = int(seed)
        if not isinstance(seed, int) or seed < 0:
            raise ValueError(
                f"SeedGenerator: seed={naming.shown(seed)}; expected an integer of at least 0, or "
                "None."
            )
        self.name = naming.auto_name("seed_generator") if name is None else name
        self._initial_seed = seed
        with naming.name_scope(self.name):
            self.state = Variable(
                _key(seed),
                dtype="uint32",
                trainable=False,
                aggregation="none",
                name="seed_generator_state",
            )

    def next(self, ordered: bool = True) -> Tensor:
        """The key of the next draw, uint32[2]; the counter goes up by one.

        Args:
            ordered: Kept for Keras's signature; draws are always in order.

        Returns:
            Tensor `(2,)`, (seed, counter).

        Example:

        >>> generator = keras.random.SeedGenerator(seed=7)
        >>> generator.next().tolist(), generator.next().tolist()
        ([7, 0], [7, 1])
        """
        key = self.state.value
        self.state.assign(prims.add(key, from_numpy([0, 1], "uint32")))
        return key

    def reset(self, seed: int | None = None) -> None:
        """Start again, from the first seed or another.

        Args:
            seed: New seed; None takes the one the generator was made with.
        """
        self._initial_seed = self._initial_seed if seed is None else seed
        eagerly(lambda: self.state.assign(_key(self._initial_seed)))

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"seed": self._initial_seed, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> SeedGenerator:
        """The generator that `get_config` described."""
        return cls(**config)


_global: SeedGenerator | None = None


def global_seed_generator() -> SeedGenerator:
    """The generator of draws that are given no seed; made when first asked for."""
    global _global
    if _global is None:
        _global = SeedGenerator(name="global_seed_generator")
    return _global


def set_global_seed(seed: int | None) -> None:
    """Start the global generator at a seed; None: at one from Python's generator.

    A generator that exists is kept, as compiled functions may hold its variable.
    """
    global _global
    first = make_default_seed() if seed is None else seed
    if (
        _global is None
    ):  # made with the seed: the default one would use up a Python draw
        _global = SeedGenerator(first, name="global_seed_generator")
    else:
        _global.reset(first)


def draw_seed(seed: int | SeedGenerator | None) -> Tensor:
    """The key for one draw.

    Args:
        seed: Integer: always the same key. `SeedGenerator`: its next one. Tensor that
            `SeedGenerator.next` gave: that key. None: the next one of the global
            generator.

    Returns:
        Tensor `(2,)` of uint32.

    Raises:
        ValueError: If it is none of these.
    """
    if seed is None:
        return global_seed_generator().next()
    if isinstance(seed, SeedGenerator):
        return seed.next()
    if isinstance(seed, (int, np.integer)) and seed >= 0:
        return from_numpy(_key(int(seed)))
    if isinstance(seed, Tensor) and seed.shape == (2,) and seed.dtype == "uint32":
        return seed
    raise ValueError(
        f"seed={seed!r} of type {type(seed).__name__}; expected an integer of at least 0, "
        "a SeedGenerator, a key that one gave by next(), or None."
    )
