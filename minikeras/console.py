"""What is written for people to read: to a terminal, a notebook, a file, or the log.

A stream may be unable to show what we would like to draw (ASCII, a Windows code page,
a narrow terminal). What depends on that is asked here.
"""

from __future__ import annotations

import logging
import shutil
import sys
import unicodedata
from typing import Any

from minikeras.engine import ranks

_interactive = True


def set_interactive(value: bool) -> None:
    """Whether text goes to standard output, or to the log named `minikeras`."""
    global _interactive
    _interactive = value


def interactive() -> bool:
    """Whether text goes to standard output."""
    return _interactive


def notebook() -> Any:
    """IPython's `display`, if this runs in a notebook and text is to be seen; else None."""
    ipython = sys.modules.get("IPython")
    if ipython is None or not _interactive:
        return None
    shell = ipython.get_ipython()
    return ipython.display.display if hasattr(shell, "kernel") else None


def encodable(text: str, stream: object) -> bool:
    """Whether the stream's encoding has all of these characters."""
    try:
        text.encode(getattr(stream, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def write(text: str) -> None:
    """Write to standard output; characters that it does not have become `?`.

    Of several processes that train together, the first one writes.
    """
    stream = sys.stdout
    if not ranks.first():
        return
    if stream is None:  # a program without a console, as pythonw on Windows
        return
    if not encodable(text, stream):
        # The code page is unknown only where the stream is odd; ASCII is safe there.
        try:
            text = text.encode(stream.encoding, "replace").decode(stream.encoding)
        except LookupError:
            text = text.encode("ascii", "replace").decode("ascii")
    stream.write(text)
    stream.flush()


def say(text: str) -> None:
    """Write a line; to the log, if interactive logging is off."""
    if _interactive:
        write(text + "\n")
    elif ranks.first():
        logging.getLogger("minikeras").info(text.strip("\n"))


def is_live(stream: object) -> bool:
    """Whether a line written there can be drawn over."""
    if not _interactive or stream is None:
        return False
    if type(stream).__module__.startswith("ipykernel"):
        return True
    isatty = getattr(stream, "isatty", None)
    return bool(isatty is not None and isatty())


def columns(stream: object) -> int | None:
    """The width of a terminal in characters; None where lines may be of any length."""
    if not is_live(stream) or type(stream).__module__.startswith("ipykernel"):
        return None
    return shutil.get_terminal_size((80, 24)).columns


def width(text: str) -> int:
    """How many columns a text takes."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(map(bool, map(unicodedata.combining, text)))


def shown(value: Any) -> str:
    """A number with four decimals, or in scientific form if it is very small."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value)
    return f"{number:.4f}" if abs(number) > 1e-3 or number == 0 else f"{number:.4e}"


def percentage(share: float, digits: int = 0) -> str:
    """A share as a percentage that says 100 % of certainty alone, and 0 % of none.

    Args:
        share: From 0 to 1; others are shown as they are.
        digits: Behind the point; more where they are needed to tell it from 0 and 100 %.

    Example:
        >>> [percentage(p) for p in (0.5, 0.9994, 0.99999, 1.0, 1e-9)]
        ['50%', '99.9%', '>99.99%', '100%', '<0.01%']
        >>> [percentage(p, 1) for p in (0.5, 0.9994, 0.9996)]
        ['50.0%', '99.9%', '99.96%']
    """
    if not 0 < share < 1:
        return f"{share:.{digits if share not in (0, 1) else 0}%}"
    for more in range(digits, 3):
        said = f"{share:.{more}%}"
        if 0 < float(said[:-1]) < 100:
            return said
    return ">99.99%" if share > 0.5 else "<0.01%"
