"""Warnings that point at the user's line, however deep the cause lies."""

from __future__ import annotations

import os
import sys
import warnings

from minikeras.engine import ranks

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Backends lie beside the package; the standard library stands between frames of ours.
_BESIDE = os.path.join(os.path.dirname(_PACKAGE), "")
_LIBRARY = os.path.join(os.path.dirname(os.path.abspath(os.__file__)), "")


def _is_ours(filename: str) -> bool:
    if filename.startswith((os.path.join(_PACKAGE, ""), f"{_PACKAGE}_")):
        return True
    if filename.startswith((f"{_BESIDE}backends{os.sep}minikeras_", "<frozen ")):
        return True
    return filename.startswith(_LIBRARY) and "-packages" not in filename


def warn_user(text: str, category: type[Warning] = UserWarning) -> None:
    """A warning at the innermost line that is neither of this package nor Python's own.

    Of several ranks the first one warns: all of them run the same script.
    """
    if not ranks.first():
        return
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and _is_ours(frame.f_code.co_filename):
        frame, level = frame.f_back, level + 1
    warnings.warn(text, category, stacklevel=level)
