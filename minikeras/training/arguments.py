"""What `fit`, `evaluate` and `predict` check of their arguments."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import numpy as np

from minikeras import console
from minikeras.callbacks import CallbackList


def listed(callbacks: object) -> list[Any]:
    """The callbacks that `fit` was given, as a list."""
    if callbacks is None:
        return []
    if isinstance(callbacks, CallbackList):
        return callbacks.callbacks
    return list(callbacks) if isinstance(callbacks, Iterable) else [callbacks]


def check_frequency(frequency: object) -> None:
    """Raise unless it is a number of epochs, or a collection of their numbers."""
    if isinstance(frequency, int):
        if frequency > 0:
            return
    elif isinstance(frequency, Collection) and not isinstance(frequency, str):
        if all(isinstance(epoch, int) for epoch in frequency):
            return
    raise ValueError(
        f"fit: validation_freq={frequency!r}; expected an integer of at least 1 (every so many "
        "epochs), or a list of the epochs after which to validate, counted from 1."
    )


def check_verbose(owner: str, verbose: object) -> int:
    """The number that `verbose` stands for."""
    if verbose == "auto":
        return 1 if console.interactive() else 2
    if verbose not in (0, 1, 2):
        raise ValueError(f'{owner}: verbose={verbose!r}; expected 0, 1, 2 or "auto".')
    return int(verbose)


def check_counts(owner: str, **counts: object) -> None:
    """Raise unless each is None or an integer of at least 1 (or the given least)."""
    for name, value in counts.items():
        value, least = value if isinstance(value, tuple) else (value, 1)
        if value is None:
            continue
        if not isinstance(value, (int, np.integer)) or value < least:
            raise ValueError(
                f"{owner}: {name}={value!r}; expected an integer of at least {least}."
            )
