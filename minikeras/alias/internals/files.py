"""`keras.src.utils.file_utils`: files of this machine. Those of a cloud are not here."""

from __future__ import annotations

import os
import re
import shutil
from os import PathLike
from os.path import exists, isdir, join
from pathlib import Path
from typing import IO, Any


def path_to_string(path: str | PathLike[str]) -> str:
    """A path as text; anything else stays."""
    return os.fspath(path) if isinstance(path, os.PathLike) else path


def is_remote_path(filepath: object) -> bool:
    """Whether a path names a place of another machine, such as `gs://bucket`.

    >>> is_remote_path("gs://bucket/a"), is_remote_path("/home/a")
    (True, False)
    """
    return (
        re.match(r"^(/cns|/gcs|/hdfs|/readahead|[a-z0-9]+://)", str(filepath))
        is not None
    )


def File(path: str | PathLike[str], mode: str = "r") -> IO[Any]:
    """An open file.

    Raises:
        ValueError: If the path is of another machine.
    """
    if is_remote_path(path):
        raise ValueError(
            f"file_utils: {path} is remote; expected a path of this machine."
        )
    return open(path, mode)


def remove(path: str | PathLike[str]) -> None:
    """Removes a file."""
    os.remove(path)


def rmtree(path: str | PathLike[str]) -> None:
    """Removes a folder with what is in it."""
    shutil.rmtree(path)


def listdir(path: str | PathLike[str]) -> list[str]:
    """The names in a folder."""
    return os.listdir(path)


def copy(src: str, dst: str) -> None:
    """Copies a file."""
    shutil.copy(src, dst)


def makedirs(path: str | PathLike[str]) -> None:
    """Makes a folder and those above, where they are missing."""
    Path(path).mkdir(parents=True, exist_ok=True)


__all__ = [
    "File", "copy", "exists", "is_remote_path", "isdir", "join", "listdir", "makedirs",
    "path_to_string", "remove", "rmtree",
]  # fmt: skip
