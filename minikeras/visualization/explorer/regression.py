"""How near the numbers are that a model gives, where it gives numbers and not classes."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Json = Any

_MOST_NUMBERS = 16  # that a sample has
_MOST_POINTS = 1000
_WORST = 24


def targets_of(labels: Array | None, answers: Array) -> Array | None:
    """True numbers `(samples, numbers)`; None if the labels are none of these, or many.

    Args:
        labels: What is known of each sample.
        answers: What the model gives `(samples, ...)`.
    """
    if labels is None or labels.dtype.kind not in "biuf" or not len(answers):
        return None
    width = answers[0].size
    if labels.size != answers.size or not 0 < width <= _MOST_NUMBERS:
        return None
    found: Array = labels.reshape(len(answers), width).astype("float64")
    return found if np.isfinite(found).all() else None


def errors(targets: Array, answers: Array) -> Array:
    """How far off each sample's answer is `(samples,)`: the length of the difference."""
    off = answers.reshape(targets.shape).astype("float64") - targets
    return np.nan_to_num(np.sqrt((off**2).sum(axis=1)), nan=np.inf)


def farthest(targets: Array, answers: Array) -> Array:
    """Numbers of the samples that are farthest off."""
    return np.argsort(-errors(targets, answers), kind="stable")[:_WORST]


def regression(targets: Array, answers: Array, places: dict[int, int]) -> Json:
    """What the page gets.

    Args:
        targets: True numbers `(samples, numbers)`.
        answers: What the model gives.
        places: Sample -> its number in the page; those farthest off are among them.
    """
    answers = np.nan_to_num(answers.reshape(targets.shape).astype("float64"))
    off = errors(targets, answers)
    some = np.linspace(0, len(targets) - 1, min(len(targets), _MOST_POINTS)).astype(int)
    return {
        "numbers": [_facts(t, a) for t, a in zip(targets.T, answers.T, strict=True)],
        "points": [
            [
                [_short(t), _short(a)]
                for t, a in zip(true[some], given[some], strict=True)
            ]
            for true, given in zip(targets.T, answers.T, strict=True)
        ],
        "worst": [
            {"sample": places[int(i)], "error": _short(off[i])}
            for i in farthest(targets, answers)
            if int(i) in places
        ],
    }


def _facts(truth: Array, answers: Array) -> Json:
    off = answers - truth
    spread = float(((truth - truth.mean()) ** 2).sum())
    return {
        "mae": float(np.abs(off).mean()),
        "rmse": float(np.sqrt((off**2).mean())),
        "r2": 1 - float((off**2).sum()) / spread if spread > 0 else None,
    }


def _short(value: Any) -> float:
    return float(f"{float(value):.6g}")


def listed(targets: Array) -> list[list[float]]:
    """True numbers as the page gets them."""
    return [[_short(v) for v in row] for row in targets]
