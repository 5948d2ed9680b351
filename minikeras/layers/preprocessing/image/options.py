"""Arguments that many layers for pictures have: factors, ranges of values, modes."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

from minikeras import naming, ops, random
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.options import as_integer
from minikeras.types import ArrayLike

if TYPE_CHECKING:
    from minikeras.random.seed_generator import SeedGenerator

Pair = tuple[float, float]
FILL_MODES = ("reflect", "wrap", "constant", "nearest")
INTERPOLATIONS = ("nearest", "bilinear")


def _is_number(value: ArrayLike) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def interval(
    value: Any, low: float, high: float, owner: str, argument: str = "factor"
) -> Pair:
    """A range to draw from, out of two numbers or one.

    One number `f` stands for `(-f, f)` where `low` is negative, else for `(low, f)`.

    Raises:
        ValueError: If it is neither, or beyond what makes sense.
    """
    several = isinstance(value, Sequence) and not isinstance(value, str)
    numbers = tuple(value) if several else (value,)
    good = len(numbers) == 1 + several and all(_is_number(n) for n in numbers)
    if good and not several:
        f = abs(numbers[0]) if low < 0 else numbers[0]
        good = low <= f <= high
        numbers = (-f if low < 0 else low, f)
    if not good or max(numbers) < low or min(numbers) > high:
        raise ValueError(
            f"{owner}: {argument}={naming.shown(value)}; "
            f"expected a number, or two, from {low} to {high}."
        )
    return min(numbers), max(numbers)


def within(found: Pair, low: float, high: float, owner: str, argument: str) -> Pair:
    """The range, if both of its ends lie within.

    Raises:
        ValueError: If not.
    """
    if found[0] < low or found[1] > high:
        raise ValueError(
            f"{owner}: {argument}={found!r}; expected numbers from {low} to {high}."
        )
    return found


def value_range(value: Any, owner: str) -> list[float]:
    """The least and the greatest value of pictures.

    Raises:
        ValueError: If it is not two different numbers in order.
    """
    good = isinstance(value, Sequence) and not isinstance(value, str)
    good = good and len(value) == 2 and all(_is_number(n) for n in value)
    if not good or value[0] >= value[1]:
        raise ValueError(
            f"{owner}: value_range={naming.shown(value)}; "
            "expected two numbers, the lower first, such as "
            "(0, 255) or (0, 1)."
        )
    return list(value)


def one_of(value: ArrayLike, known: Sequence[str], owner: str, argument: str) -> str:
    """`value`, if it is known.

    Raises:
        NotImplementedError: If not.
    """
    if value not in known:
        raise NotImplementedError(
            f"{owner}: {argument}={value!r}; expected one of {', '.join(known)}."
        )
    return str(value)


def count(value: object, owner: str, argument: str, least: int = 1) -> int:
    """An integer.

    Raises:
        ValueError: If it is none, or below `least`.
    """
    found = as_integer(value)
    if found is None or found < least:
        raise ValueError(
            f"{owner}: {argument}={naming.shown(value)}; expected an integer of at least {least}."
        )
    return found


def uniform(
    shape: Sequence[int], found: Pair, source: SeedGenerator | int | None
) -> Tensor:
    """Numbers drawn evenly from a range, float32."""
    return random.uniform(shape, found[0], found[1], dtype="float32", seed=source)


def chosen(batch: int, found: Pair, source: SeedGenerator | int | None) -> Tensor:
    """Which pictures are taken: `(batch,)`, each with a probability from a range."""
    chance = uniform((batch,), found, source)
    return ops.less(uniform((batch,), (0.0, 1.0), source), chance)


def to_range(x: Tensor, old: Sequence[float], new: Sequence[float]) -> Tensor:
    """Values of one range, in another."""
    if tuple(old) == tuple(new):
        return x
    scale = (new[1] - new[0]) / (old[1] - old[0])
    return (x - old[0]) * scale + new[0]
