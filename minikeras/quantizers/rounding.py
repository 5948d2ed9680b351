"""Weights rounded by what they are multiplied with: GPTQ and AWQ.

A weight is a matrix `(inputs, outputs)`. Each output has a scale and a zero for each group
of its inputs: `w = (number - zero) * scale`. What the layer was given while data went
through it is told by the sums of products of its inputs, the Hessian of the squared error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]

_LINES = (
    128  # inputs whose errors are carried on at once: a product, not many thin ones
)


class Rounded(NamedTuple):
    """A weight in integers.

    Attributes:
        numbers: The integers, uint8 `(outputs, inputs)`.
        scale: Float32 `(outputs, groups)`.
        zero: The number that stands for 0.0, uint8 `(outputs, groups)`.
        groups: The group of each input, `(inputs,)`.
        inputs_scale: What the weights of each input were multiplied by before, `(inputs,)`.
    """

    numbers: Array
    scale: Array
    zero: Array
    groups: Array
    inputs_scale: Array

    def floats(self) -> Array:
        """The weight `(inputs, outputs)` that the integers stand for."""
        zero, scale = (
            a[:, self.groups] for a in (self.zero.astype("float32"), self.scale)
        )
        return ((self.numbers - zero) * scale / self.inputs_scale).T


@dataclass(frozen=True)
class Grid:
    """Which numbers there are.

    Attributes:
        bits: How many bits a number has.
        group_size: How many inputs share a scale; -1 is all.
        symmetric: Whether the zero lies in the middle.
        per_channel: Whether each output has a scale of its own.
    """

    bits: int = 4
    group_size: int = -1
    symmetric: bool = False
    per_channel: bool = True

    def group(self, inputs: int) -> int:
        """How many of so many inputs share a scale."""
        return self.group_size if 0 < self.group_size < inputs else max(1, inputs)

    def fit(self, weight: Array) -> tuple[Array, Array]:
        """Scale and zero of each output, for a group `(inputs, outputs)`."""
        most = 2**self.bits - 1
        axis = 0 if self.per_channel else None
        # Zero is always among the numbers: else one that all have the same sign would need
        # a zero outside of the bits.
        low = np.minimum(weight.min(axis=axis), 0.0) + np.zeros(weight.shape[1])
        high = np.maximum(weight.max(axis=axis), 0.0) + np.zeros(weight.shape[1])
        if self.symmetric:
            high = np.maximum(-low, high)
            low = -high
        scale = ((high - low) / most).astype("float32")
        scale[scale == 0] = 1.0
        if self.symmetric:
            return scale, np.full(scale.shape, 2 ** (self.bits - 1), "uint8")
        return scale, np.clip(np.rint(-low / scale), 0, most).astype("uint8")

    def round(self, weight: Array, scale: Array, zero: Array) -> Array:
        """The nearest numbers, as floats."""
        return np.clip(np.rint(weight / scale) + zero, 0, 2**self.bits - 1)


class Seen:
    """What a layer was given: sums over the rows `(rows, inputs)` of its inputs.

    Attributes:
        hessian: The sum of products `x xT`, float64 `(inputs, inputs)`.
        sizes: The sum of absolute values, `(inputs,)`.
        rows: How many rows there were.
    """

    def __init__(self, inputs: int) -> None:
        self.hessian = np.zeros((inputs, inputs))
        self.sizes = np.zeros(inputs)
        self.rows = 0

    def add(self, rows: Array) -> None:
        """Looks at more rows."""
        wide = rows.astype("float64")
        self.hessian += wide.T @ wide
        self.sizes += np.abs(wide).sum(axis=0)
        self.rows += len(rows)


def nearest(weight: Array, grid: Grid) -> Rounded:
    """Each weight rounded by itself."""
    return _by_columns(weight.astype("float64"), None, grid, None)


def gptq(
    weight: Array, seen: Seen, grid: Grid, damping: float, by_size: bool
) -> Rounded:
    """Weights rounded input by input; those that follow make up for the errors.

    Args:
        weight: Floats `(inputs, outputs)`.
        seen: What it was multiplied with.
        grid: Which numbers there are.
        damping: Share of the mean of the Hessian's diagonal that is added to it.
        by_size: Whether the inputs that have the largest sums of squares come first.

    Reference:
        Frantar et al., 2022, https://arxiv.org/abs/2210.17323, equations 2 and 3, by the
        Cholesky factor of section 3.3.
    """
    hessian = 2.0 * seen.hessian / max(1, seen.rows)
    diagonal = hessian.diagonal().copy()
    if not diagonal.any():
        return nearest(weight, grid)
    # An input that was never seen says nothing about its weights: they are rounded alone.
    hessian[np.diag_indices_from(hessian)] += (
        np.where(diagonal == 0, 1.0, 0.0) + damping * diagonal.mean()
    )
    order = np.argsort(-diagonal, kind="stable") if by_size else None
    if order is not None:
        hessian = hessian[np.ix_(order, order)]
    return _by_columns(weight.astype("float64"), _upper(hessian), grid, order)


def _upper(hessian: Array) -> Array:
    """The upper factor `U` of the inverse, `UT U`, with a longer diagonal if need be."""
    size = len(hessian)
    more = 1e-8 * hessian.diagonal().mean()
    for _ in range(12):
        try:
            inverse = np.linalg.inv(hessian)
            return np.linalg.cholesky((inverse + inverse.T) / 2).T
        except np.linalg.LinAlgError:  # inputs that depend on each other
            hessian = hessian + more * np.eye(size)
            more *= 10
    return np.eye(size)


def _by_columns(
    weight: Array, upper: Array | None, grid: Grid, order: Array | None
) -> Rounded:
    """Rounds inputs in their order; without `upper` none makes up for another."""
    inputs, outputs = weight.shape
    group = grid.group(inputs)
    count = -(-inputs // group)
    scale, zero = (
        np.ones((count, outputs), "float32"),
        np.zeros((count, outputs), "uint8"),
    )
    numbers = np.zeros((inputs, outputs), "uint8")
    left = weight.copy() if order is None else weight[order]
    for start in range(0, inputs, _LINES):
        stop = min(start + _LINES, inputs)
        errors = np.zeros((stop - start, outputs))
        for i in range(start, stop):
            g = i // group
            if i % group == 0:
                ahead = left[i : i + group]
                if upper is not None and i + group > stop:
                    # What this block's errors do to the rest of the group is not in yet.
                    done = errors[: i - start]
                    ahead = ahead.copy()
                    ahead[stop - i :] -= upper[start:i, stop : i + group].T @ done
                scale[g], zero[g] = grid.fit(ahead)
            whole = grid.round(left[i], scale[g], zero[g])
            numbers[i] = whole
            if upper is not None:
                kept = (whole - zero[g]) * scale[g].astype("float64")
                errors[i - start] = (left[i] - kept) / upper[i, i]
                left[i:stop] -= np.outer(upper[i, i:stop], errors[i - start])
        if upper is not None:
            left[stop:] -= upper[start:stop, stop:].T @ errors
    groups = np.arange(inputs) // group
    if order is not None:
        back = np.argsort(order)
        numbers, groups = numbers[back], groups[back]
    ones = np.ones(inputs, "float32")
    return Rounded(numbers.T.copy(), scale.T.copy(), zero.T.copy(), groups, ones)


def awq(weight: Array, seen: Seen, grid: Grid, points: int) -> Rounded:
    """Weights of large inputs are made larger before they are rounded.

    Each input's weights are multiplied by a power of its mean size; of `points` powers
    from 0 to 1 the one is taken with which the layer's outputs change least.

    Args:
        weight: Floats `(inputs, outputs)`.
        seen: What it was multiplied with.
        grid: Which numbers there are.
        points: How many powers are tried.

    Reference:
        Lin et al., 2023, https://arxiv.org/abs/2306.00978, equations 4 and 5.
    """
    weight = weight.astype("float64")
    sizes = np.maximum(seen.sizes / max(1, seen.rows), 1e-4)
    best: tuple[float, Rounded] | None = None
    for point in range(points):
        powers = sizes ** (point / points)
        powers = (powers / np.sqrt(powers.max() * powers.min())).astype("float32")
        made = nearest(weight * powers[:, None], grid)._replace(inputs_scale=powers)
        change = made.floats() - weight
        error = float(np.vdot(change, seen.hessian @ change))
        if best is None or error < best[0]:
            best = error, made
    if best is None:
        raise ValueError(f"awq: points={points!r}; expected a positive integer.")
    return best[1]
