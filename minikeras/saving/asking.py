"""Whether a file that is there may be replaced."""

from __future__ import annotations

import os


def may_overwrite(path: str, overwrite: bool) -> bool:
    """Whether to write to `path`: yes if nothing is there, else as told, else asked.

    Raises:
        FileExistsError: If something is there, `overwrite` is False and nobody answers.
    """
    if overwrite or not os.path.exists(path):
        return True
    try:
        while True:
            answer = input(f"[WARNING] {path} already exists - overwrite? [y/n] ")
            if answer.strip().lower() in ("y", "yes", "n", "no"):
                return answer.strip().lower().startswith("y")
    except (EOFError, OSError):
        raise FileExistsError(
            f"{path!r} is there already, overwrite=False, and there is nobody to ask. Pass "
            "overwrite=True, or another name."
        ) from None
