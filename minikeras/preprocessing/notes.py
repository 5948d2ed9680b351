"""One note for each of Keras 2's helpers that is used."""

from __future__ import annotations

import os
import sys
import warnings

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_given: set[str] = set()


def note(name: str, instead: str) -> None:
    """Say once in a process that `name` is of Keras 2, and what does it today."""
    if name in _given:
        return
    _given.add(name)
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1
    warnings.warn(
        f"keras.preprocessing.{name} is kept from Keras 2, for books and courses that use it. "
        f"New code: {instead}.",
        DeprecationWarning,
        stacklevel=level,
    )
