"""Files from the network: in pieces, begun anew where a connection broke, checked.

A file is written beside its goal, as `.NAME.part`, and takes its name only when it is
whole and has the right hash. What a broken connection left is continued where the
server says, by an unchanged ETag or date, that it still has the same file.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from minikeras.version import __version__

SCHEMES = ("http", "https", "ftp", "file")
TRIES = 4
TIMEOUT = 30.0  # seconds without a byte
_PAUSE = 0.5  # seconds before the second try; each later one waits twice as long
_PIECE = 2**18

# Gets the bytes that are there, and the bytes of the whole file or None.
Progress = Callable[[int, int | None], None]


class DownloadError(OSError):
    """A file that could not be fetched."""


def file_digest(path: str | os.PathLike[str], algorithm: str) -> str:
    """The hash of a file, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def download(
    origin: str,
    goal: Path,
    progress: Progress,
    check: Callable[[Path], str | None],
) -> None:
    """Fetch a file.

    Args:
        origin: Its URL.
        goal: Where to put it.
        progress: Told how far it is.
        check: Says what is wrong with a whole file, or None.

    Raises:
        DownloadError: If it cannot be fetched.
        ValueError: If the scheme is unknown, or what came is not right. Nothing is left
            at `goal` then.
    """
    scheme = urlsplit(origin).scheme
    if scheme not in SCHEMES:
        raise ValueError(
            f"get_file: origin={origin!r} has the scheme {scheme!r}; expected one of "
            f"{', '.join(SCHEMES)}."
        )
    part = _Part(goal)
    try:
        resumed = _fetch(origin, part, progress)
        wrong = check(part.path)
        if wrong is not None and resumed:  # the two pieces did not belong together
            part.remove()
            _fetch(origin, part, progress)
            wrong = check(part.path)
        if wrong is not None:
            part.remove()
            raise ValueError(f"{origin}: {wrong}")
        os.replace(part.path, goal)
        part.remove()
    finally:
        part.close()


def _fetch(origin: str, part: _Part, progress: Progress) -> bool:
    """Fetch the file into its part; whether an older piece was continued."""
    # Few programs download, and these take 40 ms to import.
    import http.client
    import urllib.error

    resumed = False
    for number in range(1, TRIES + 1):
        try:
            resumed |= _try(origin, part, progress)
            return resumed
        except urllib.error.HTTPError as error:
            code, reason = error.code, error.reason
            error.close()
            if code == 416:  # what is there is not of this file
                part.remove()
                failure = f"{code} {reason}"
            elif code < 500 and code not in (408, 429):
                raise DownloadError(f"{origin}: {code} {reason}") from None
            else:
                failure = f"{code} {reason}"
        except (OSError, http.client.HTTPException) as error:
            cause = getattr(error, "reason", error)
            failure = str(cause) or type(error).__name__
            if _is_offline(cause):
                raise DownloadError(f"{origin}: {failure}") from None
        if number < TRIES:
            time.sleep(_PAUSE * 2 ** (number - 1))
    raise DownloadError(f"{origin}: {failure} (tried {TRIES} times)")


def _is_offline(cause: object) -> bool:
    """Whether there is no network or no such host, so that trying again is of no use."""
    import socket

    return isinstance(cause, socket.gaierror) or getattr(cause, "errno", None) in (
        errno.ENETUNREACH,
        errno.EHOSTUNREACH,
        errno.ENOENT,  # of a file: URL
    )


def _try(origin: str, part: _Part, progress: Progress) -> bool:
    import urllib.request

    have, mark = part.state(origin)
    request = urllib.request.Request(
        origin, headers={"User-Agent": f"minikeras/{__version__}"}
    )
    if have and mark:
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", mark)
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
        go_on = bool(have) and getattr(answer, "status", None) == 206
        have = have if go_on else 0
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length and length.isdigit() else None
        part.begin(origin, _mark(answer.headers))
        with open(part.path, "ab" if go_on else "wb") as file:
            progress(have, total)
            while data := answer.read(_PIECE):
                file.write(data)
                have += len(data)
                progress(have, total)
    if total is not None and have != total:
        raise ConnectionError(f"the connection broke after {have} of {total} bytes")
    return go_on


def _mark(headers: Mapping[str, Any]) -> str:
    """What the server knows this state of the file by; weak marks do not promise bytes."""
    tag = headers.get("ETag") or ""
    return (
        tag if tag and not tag.startswith("W/") else headers.get("Last-Modified") or ""
    )


class _Part:
    """The unfinished file: its path, and a note of where it is from.

    Two processes do not write the same one: who comes second takes a name of its own.
    """

    def __init__(self, goal: Path) -> None:
        self.path = goal.with_name(f".{goal.name}.part")
        self._lock: Any = None
        try:
            import fcntl

            self._lock = open(goal.with_name(f".{goal.name}.lock"), "w")  # noqa: SIM115
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (ImportError, OSError):
            self.path = goal.with_name(f".{goal.name}.{os.getpid()}.part")
            self._close_lock()
        self._note = self.path.with_suffix(".json")

    def state(self, origin: str) -> tuple[int, str]:
        """How many bytes are there, and the server's mark of them; 0 if they are of no use."""
        try:
            note = json.loads(self._note.read_text())
            if note["origin"] == origin:
                return self.path.stat().st_size, str(note["mark"])
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return 0, ""

    def begin(self, origin: str, mark: str) -> None:
        """Note where the bytes come from."""
        self._note.write_text(json.dumps({"origin": origin, "mark": mark}))

    def remove(self) -> None:
        """Forget what is there."""
        for path in (self.path, self._note):
            with suppress(OSError):
                path.unlink()

    def close(self) -> None:
        """Let others go on with it."""
        if self._lock is not None:
            with suppress(OSError):
                os.unlink(self._lock.name)
        self._close_lock()

    def _close_lock(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.close()
