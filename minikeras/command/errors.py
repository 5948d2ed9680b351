"""What commands say when something is wrong, and their exit status then."""

from __future__ import annotations

import sys

from minikeras.engine.backend import BackendError

# Errors of one who names a file: it isn't there, or is none that can be used.
WRONG = (
    ValueError,
    FileNotFoundError,
    NotADirectoryError,
    IsADirectoryError,
    PermissionError,
    FileExistsError,  # a file where a folder is wanted
)
ERRORS = (*WRONG, OSError, ImportError, NotImplementedError)


def refuse(command: str, error: BaseException, given: bool = True) -> int:
    """Prints what went wrong, in one line.

    Args:
        command: Of `minikeras`.
        error: What it raised.
        given: Whether it was about a file to be read.

    Returns:
        The exit status: 2 where such a file is missing or wrong, or no such backend is here, as
        for other words that make no sense; else 1.
    """
    text = " ".join(told(error).split()).removeprefix(f"{command}: ")
    if "custom_objects" in text:
        text += " Here: --import MODULE, the one where it is defined."
    print(f"minikeras {command}: error: {text}", file=sys.stderr)
    wrong = given and isinstance(error, WRONG)
    return 2 if wrong or isinstance(error, BackendError) else 1


def told(error: BaseException) -> str:
    """An error's message; of the system's errors what happened to which file.

    >>> told(FileNotFoundError(2, "No such file or directory", "m.keras"))
    "'m.keras': no such file or directory"
    """
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    what = error.strerror[:1].lower() + error.strerror[1:]
    return what if error.filename is None else f"{error.filename!r}: {what}"
