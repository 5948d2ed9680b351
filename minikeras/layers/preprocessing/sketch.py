"""Quantiles of a stream, in bounded memory."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
_CHUNK = 1 << 17  # values kept as they are; below this the quantiles are exact
_LEVELS = 24  # enough for 2e12 values


class QuantileSketch:
    """The quantiles of values that come in pieces.

    Every `_CHUNK` values become a summary of weighted points, and two summaries of one
    level become one of the next, so that a value has gone through few of them. Each makes
    an error of the rank of at most half a point's share; together they stay below
    `epsilon`. How the values were cut into pieces changes nothing.

    Args:
        epsilon: The most by which a rank may be wrong, as a part of all values.

    Reference:
        Manku, Rajagopalan and Lindsay, 1998, "Approximate medians and other quantiles in
        one pass and with limited memory", section 3.
    """

    def __init__(self, epsilon: float) -> None:
        self._points = math.ceil(_LEVELS / epsilon)
        self._waiting: list[Array] = []
        self._count = 0
        self._levels: list[tuple[Array, Array] | None] = []

    def add(self, values: Array) -> None:
        """Take values in."""
        values = values.astype("float64").ravel()
        while len(values):
            part, values = np.split(values, [_CHUNK - self._count])
            self._waiting.append(part)
            self._count += len(part)
            if self._count == _CHUNK:
                whole = np.sort(np.concatenate(self._waiting))
                self._waiting, self._count = [], 0
                self._carry(self._smaller(whole, np.ones(len(whole))))

    def _carry(self, summary: tuple[Array, Array]) -> None:
        """Put a summary on the lowest free level, joined with those on the way."""
        for level, held in enumerate(self._levels):
            if held is None:
                self._levels[level] = summary
                return
            summary = self._smaller(*_merged([held, summary]))
            self._levels[level] = None
        self._levels.append(summary)

    def _smaller(self, values: Array, weights: Array) -> tuple[Array, Array]:
        """As many points as a summary may have, in the middle of equal shares."""
        if len(values) <= self._points:
            return values, weights
        ends = np.cumsum(weights)
        share = ends[-1] / self._points
        middles = (np.arange(self._points) + 0.5) * share
        return values[np.searchsorted(ends, middles)], np.full(self._points, share)

    @property
    def empty(self) -> bool:
        """Whether no value came."""
        return not self._waiting and not any(self._levels)

    def quantiles(self, fractions: Array) -> Array:
        """The values below which these fractions of all values lie, interpolated."""
        parts = [level for level in self._levels if level is not None]
        for waiting in self._waiting:
            parts.append((waiting, np.ones(len(waiting))))
        values, weights = _merged(parts)
        ends = np.cumsum(weights)
        return np.interp(fractions, ends / ends[-1], values)


def _merged(parts: list[tuple[Array, Array]]) -> tuple[Array, Array]:
    values = np.concatenate([values for values, _ in parts])
    weights = np.concatenate([weights for _, weights in parts])
    order = np.argsort(values, kind="stable")
    return values[order], weights[order]
