"""Values of all kinds as what JSON holds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

_LONGEST = 200  # characters of a text, and entries of a list, that a reader is shown


def plain(value: object) -> Any:
    """A config as JSON; what JSON cannot hold becomes text, what is long is cut."""
    if value is None or isinstance(value, (bool, np.bool_)):
        return None if value is None else bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, str):
        return _cut(value)
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        if len(value) > _LONGEST:
            return [*map(plain, value[:_LONGEST]), "..."]
        return [plain(v) for v in value]
    return _cut(str(value))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def number(value: Any) -> float | None:
    """A float that JSON holds; None for nan and infinities."""
    found = float(value)
    return found if math.isfinite(found) else None
