"""How right a classifier is: confusion, worst mistakes, calibration."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Json = Any

MOST_CLASSES = 100  # a larger matrix cannot be read
_WORST = 24
_BINS = 10


def probabilities(outputs: Array, kind: str) -> Array | None:
    """Of each class `(samples, classes)`; None if the outputs are of no classes."""
    if outputs.ndim != 2 or kind not in ("probabilities", "logits", "independent"):
        return None
    if kind == "logits":
        shifted = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        found: Array = shifted / shifted.sum(axis=1, keepdims=True)
        return found
    if kind == "independent":  # one unit says yes or no
        return (
            np.concatenate([1 - outputs, outputs], axis=1)
            if outputs.shape[1] == 1
            else None
        )
    return outputs


def classes_of(labels: Array | None, count: int) -> Array | None:
    """True classes `(samples,)`, from numbers or one-hot rows; None if they are neither."""
    if labels is None:
        return None
    labels = np.asarray(labels)
    if labels.ndim == 2 and labels.shape[1] == count > 1:
        return labels.argmax(axis=1)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    whole = labels.ndim == 1 and labels.dtype.kind in "biuf"
    if not whole or (labels != np.floor(labels)).any():
        return None
    if labels.min() < 0 or labels.max() >= count:
        return None
    return labels.astype(int)


def mistakes(truth: Array, chances: Array) -> Array:
    """Numbers of samples that are wrong, the surest first."""
    predicted = chances.argmax(axis=1)
    wrong = np.flatnonzero(predicted != truth)
    sure = chances[wrong, predicted[wrong]]
    return wrong[np.argsort(-sure, kind="stable")][:_WORST]


def evaluation(truth: Array, chances: Array, places: dict[int, int]) -> Json:
    """What the page gets.

    Args:
        truth: True classes of all samples.
        chances: Probabilities `(samples, classes)`.
        places: Sample -> its number in the page; the worst mistakes are among them.
    """
    classes = chances.shape[1]
    predicted = chances.argmax(axis=1)
    confusion: Json = []
    if classes <= MOST_CLASSES:
        counts = np.zeros((classes, classes), int)
        np.add.at(counts, (truth, predicted), 1)
        confusion = counts.tolist()
    worst = [
        {
            "sample": places[int(i)],
            "label": int(truth[i]),
            "predicted": int(predicted[i]),
            "probability": float(chances[i, predicted[i]]),
        }
        for i in mistakes(truth, chances)
        if int(i) in places
    ]
    return {
        "classes": classes,
        "accuracy": float(np.mean(predicted == truth)),
        "confusion": confusion,
        "worst": worst,
        "calibration": calibration(chances.max(axis=1), predicted == truth),
    }


def calibration(sure: Array, right: Array) -> Json:
    """How often the model is right where it is so sure, in ten bins.

    Guo et al., On calibration of modern neural networks (2017), equation 5.
    """
    at = np.minimum((sure * _BINS).astype(int), _BINS - 1)
    bins, error = [], 0.0
    for k in range(_BINS):
        inside = at == k
        count = int(inside.sum())
        confidence = float(sure[inside].mean()) if count else 0.0
        accuracy = float(right[inside].mean()) if count else 0.0
        error += count / max(len(sure), 1) * abs(confidence - accuracy)
        bins.append(
            {
                "low": k / _BINS, "high": (k + 1) / _BINS, "count": count,
                "confidence": confidence, "accuracy": accuracy,
            }
        )  # fmt: skip
    return {"bins": bins, "error": error}
