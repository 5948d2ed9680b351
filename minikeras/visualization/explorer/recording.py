"""A recorded training, as the page gets it."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from minikeras.callbacks import ExplorerCallback
from minikeras.visualization.explorer.packing import pack_bytes, size_of
from minikeras.visualization.explorer.plain import number

Json = Any

_BYTES = 900_000  # characters that recorded weights may take in the page


def recorded(
    recording: ExplorerCallback | str | os.PathLike[str] | None, builder: Any
) -> Json:
    """`Payload.recording`.

    Weights that would make the page heavy are kept for fewer epochs.

    Args:
        recording: The callback, or a file that it saved, or None.
        builder: The page's, for its weights, and the limits that it names.

    Raises:
        ValueError: If the recording is of another model.
    """
    if recording is None:
        return None
    if not isinstance(recording, ExplorerCallback):
        recording = ExplorerCallback.load(recording)
    if not recording.frames:
        return None
    shapes = [tuple(w.shape) for w in builder.weights]
    given = [f.levels.shape for f in recording.frames[0]]
    if shapes != given:
        raise ValueError(
            f"explore: the recording has {len(given)} weights of other shapes than the "
            f"{len(shapes)} of model {builder.model.name!r}; record the training of this model."
        )
    step = 1
    while True:
        kept = _every(len(recording.epochs), step)
        weights = _weights(recording, kept)
        if len(kept) <= 2 or sum(size_of(w["values"]) for w in weights) <= _BYTES:
            break
        step *= 2
    if step > 1:
        builder.limits.append(
            f"Weights of {len(kept)} of {len(recording.epochs)} recorded epochs came along, "
            "to keep the page small."
        )
    return {
        "epochs": [recording.epochs[i] for i in kept],
        "metrics": {str(k): list(v) for k, v in recording.metrics.items()},
        "weights": weights,
        "bits": 8,
        "histograms": [_histogram(recording, i, kept) for i in range(len(shapes))],
        "gradientNorms": _norms(recording, kept),
    }


def _every(count: int, step: int) -> list[int]:
    """Every so many, and the last one."""
    kept = list(range(0, count, step))
    return kept if kept[-1] == count - 1 else [*kept, count - 1]


def _weights(recording: ExplorerCallback, kept: list[int]) -> list[Json]:
    found = []
    for i in range(len(recording.names)):
        values = np.stack([recording.frames[k][i].values() for k in kept])
        found.append({"weight": i, "values": pack_bytes(values, delta=True)})
    return found


def _histogram(recording: ExplorerCallback, weight: int, kept: list[int]) -> Json:
    frames = [recording.frames[k][weight] for k in kept]
    return {
        "weight": weight,
        "low": [f.low for f in frames],
        "high": [f.high for f in frames],
        "counts": [f.counts.tolist() for f in frames],
    }


def _norms(recording: ExplorerCallback, kept: list[int]) -> list[Json]:
    names = dict.fromkeys(name for norms in recording.norms for name in norms)
    return [
        {
            "layer": name,
            "norms": [
                number(recording.norms[k][name]) if name in recording.norms[k] else None
                for k in kept
            ],
        }
        for name in names
    ]
