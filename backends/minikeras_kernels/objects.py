"""Object code on disk, and whom to trust with it.

What lies here is run. So the folder must be this user's (or the system's) and nobody
else may write to it; the same holds for each file. A file begins with a digest of its
name and content: what was cut short, altered or put under another name is not used.
"""

from __future__ import annotations

import functools
import hashlib
import os
import stat
import sys
import tempfile
import warnings
from pathlib import Path

_DIGEST = 16
# Neither waits for the other end of a pipe, nor follows a link out of the folder.
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_BINARY", 0)
)


def root() -> Path | None:
    """Where caches are kept, or None where there is no home to keep them in."""
    chosen = os.environ.get("MINIKERAS_CACHE_DIR")
    base = os.environ.get("XDG_CACHE_HOME")
    if base is None and sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
    try:
        if chosen:
            return Path(chosen).expanduser()
        above = Path(base).expanduser() if base else Path.home() / ".cache"
    except RuntimeError:  # no home
        return None
    return above / "minikeras"


def _private(status: os.stat_result) -> bool:
    """Whether nobody but this user and the system can have written this."""
    if not hasattr(os, "geteuid"):
        return True
    mine = status.st_uid in (os.geteuid(), 0)
    return mine and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


@functools.cache
def usable(folder: Path) -> bool:
    """Whether the folder is there, or could be made, and is nobody else's.

    Warns once of a folder that others own or can write to.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        private = _private(folder.stat())
    except OSError:
        return False
    if not private:
        warnings.warn(
            f"the kernel cache {folder} is not used: another user owns it or can write "
            "to it, and could run code here. Remove it, or set MINIKERAS_CACHE_DIR to "
            "a folder of your own.",
            RuntimeWarning,
            stacklevel=2,
        )
    return private


def _digest(name: str, body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_DIGEST, key=name.encode()[:64]).digest()


def read(path: Path) -> bytes | None:
    """The object in `path`, or None where there is none that can be used."""
    if not usable(path.parent):
        return None
    try:
        handle = os.open(path, _FLAGS)
    except OSError:
        return None
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or not _private(status):
            return None
        with open(handle, "rb", closefd=False) as file:
            data = file.read()
    except OSError:
        return None
    finally:
        os.close(handle)
    body = data[_DIGEST:]
    return body if data[:_DIGEST] == _digest(path.name, body) else None


def write(path: Path, body: bytes) -> None:
    """Keep an object; a cache that cannot be written is no error."""
    _write(path, _digest(path.name, body) + body)


def write_text(path: Path, text: str) -> None:
    """Keep a source that another compiler reads."""
    _write(path, text.encode())


def _write(path: Path, data: bytes) -> None:
    if not usable(path.parent):
        return
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            os.replace(temporary, path)
        except OSError:
            os.unlink(temporary)
            raise
    except OSError:
        return
