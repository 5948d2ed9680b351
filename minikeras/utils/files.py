"""`keras.utils.get_file`: a file from the network, kept in the cache folder."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from minikeras.callbacks.progbar import Progbar
from minikeras.console import interactive, say
from minikeras.engine.warn import warn_user
from minikeras.saving.limits import FileError
from minikeras.utils.archives import archive_kind, unpack
from minikeras.utils.downloading import download, file_digest

_ENDINGS = (".tar.gz", ".tar.bz2", ".tar.xz", ".tgz", ".tbz", ".txz", ".tar", ".zip")
_LENGTHS = {32: "md5", 64: "sha256"}


def keras_home() -> Path:
    """The cache folder: `$KERAS_HOME`, else `~/.keras`."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")


def get_file(
    fname: str | os.PathLike[str] | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: object = "auto",
    cache_dir: str | os.PathLike[str] | None = None,
    force_download: bool = False,
) -> str:
    """A file from the network, fetched once and kept in the cache folder.

    A connection that breaks is taken up again; the file appears only when it is whole and
    has the right hash. Archives are unpacked with nothing written outside of their folder.

    Args:
        fname: The name of the file in the cache. Default: the last part of `origin`.
        origin: The URL; `http`, `https`, `ftp` or `file`.
        untar: Old name of `extract=True` for tar files.
        md5_hash: Old name of `file_hash` for MD5.
        file_hash: The file's SHA-256 or MD5, in hexadecimal digits. A file in the cache
            with another one is fetched anew.
        cache_subdir: Folder in the cache.
        hash_algorithm: `"sha256"`, `"md5"`, or `"auto"` to tell by the length.
        extract: Whether to unpack the file, a tar or zip archive.
        archive_format: `"auto"`, `"tar"`, `"zip"`, or a list of them.
        cache_dir: The cache. Default: `$KERAS_HOME`, else `~/.keras`.
        force_download: Whether to fetch it although it is there.

    Returns:
        The path of the file; with `extract` that of the folder, which has the name of
        `fname` without its ending and with `_extracted`, or, where `fname` is None or has
        no ending, the name of the file (the archive is then called `..._archive`).

    Raises:
        DownloadError: If it cannot be fetched (an OSError).
        ValueError: If the hash or an argument is wrong, or an archive is not safe.

    Example:
        >>> import pathlib, tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> _ = (folder / "a.txt").write_text("some text")
        >>> path = keras.utils.get_file(
        ...     "b.txt", (folder / "a.txt").as_uri(), cache_dir=folder)
        Downloading data from file:...
        >>> pathlib.Path(path).read_text()
        'some text'
    """
    if origin is None:
        raise ValueError("get_file: origin is None; expected the URL of the file.")
    name = _name(fname, origin)
    if md5_hash is not None and file_hash is None:
        file_hash, hash_algorithm = md5_hash, "md5"
    algorithm = _algorithm(file_hash, hash_algorithm)
    folder = _folder(cache_dir, cache_subdir)
    extract = extract or untar
    goal, unpacked = folder / name, folder / name
    if extract:
        # As in Keras: a name that was given is the archive's, one taken from the
        # origin the folder's.
        stem = None if fname is None else _stem(name)
        if stem is None:
            goal = folder / f"{name}_archive"
        else:
            unpacked = folder / f"{stem}_extracted"

    def wrong(path: Path) -> str | None:
        if algorithm is None or file_hash is None:
            return None
        found = file_digest(path, algorithm)
        if found == file_hash.lower():
            return None
        return (
            f"the file has the {algorithm} {found}; expected {file_hash}. It is incomplete, or "
            "another one than wanted; it is not kept."
        )

    fetch = force_download or not goal.exists()
    if not fetch and wrong(goal) is not None:
        say(f"{goal} has another {algorithm} than wanted, so it is fetched anew.")
        fetch = True
    if fetch:
        say(f"Downloading data from {origin}")
        download(origin, goal, _Shown(), wrong)
    if not extract:
        return str(goal)
    if fetch or not unpacked.exists():
        kind = archive_kind(goal, "tar" if untar else archive_format)
        if kind is None:
            raise FileError(
                f"get_file: {goal} is no archive of the form {archive_format!r}; expected a tar "
                "or zip file, or extract=False."
            )
        unpack(goal, unpacked, kind)
    return str(unpacked)


def _name(fname: Any, origin: str) -> str:
    if fname is None:
        name = os.path.basename(unquote(urlsplit(origin).path))
        if not name:
            raise ValueError(
                f"get_file: origin={origin!r} ends in no name; expected fname='...'."
            )
        return name
    name = os.fspath(fname)
    if os.path.basename(name) != name or name in ("", ".", ".."):
        raise ValueError(
            f"get_file: fname={name!r}; expected a name without folders. Folders go into "
            "cache_dir and cache_subdir."
        )
    return name


def _stem(name: str) -> str | None:
    """A name without the ending of an archive, or its last ending; None without any."""
    known = (name[: -len(end)] for end in _ENDINGS if name.lower().endswith(end))
    stem = next(known, None) or os.path.splitext(name)[0]
    return stem if stem != name else None


def _algorithm(file_hash: str | None, algorithm: str) -> str | None:
    if algorithm not in ("auto", "md5", "sha256"):
        raise ValueError(
            f"get_file: hash_algorithm={algorithm!r}; expected 'auto', 'sha256' or 'md5'."
        )
    if file_hash is None:
        return None
    found = _LENGTHS.get(len(file_hash)) if algorithm == "auto" else algorithm
    if found is None or _LENGTHS.get(len(file_hash)) != found:
        raise ValueError(
            f"get_file: file_hash={file_hash!r} has {len(file_hash)} digits; expected 64 of a "
            "SHA-256, or 32 of an MD5."
        )
    return found


def _folder(cache_dir: str | os.PathLike[str] | None, cache_subdir: str) -> Path:
    """The folder in the cache, made; one below the system's for a home that is read-only."""
    base = keras_home() if cache_dir is None else Path(cache_dir).expanduser()
    folder = base / cache_subdir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if (
            not os.access(folder, os.W_OK)
            and cache_dir is None
            and not any(folder.iterdir())
        ):
            raise PermissionError(f"{folder} cannot be written")
    except OSError:
        if cache_dir is not None:
            raise
        user = os.getuid() if hasattr(os, "getuid") else "user"
        folder = Path(tempfile.gettempdir(), f".keras-{user}", cache_subdir)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        warn_user(
            f"get_file: {base} cannot be written; files are kept in {folder}. Set KERAS_HOME "
            "to a folder of yours."
        )
    return folder


class _Shown:
    """A progress bar of bytes."""

    def __init__(self) -> None:
        self._bar: Progbar | None = None
        self._first = 0

    def __call__(self, have: int, total: int | None) -> None:
        if not interactive() or sys.stdout is None:
            return
        if self._bar is None or self._bar.target != total:
            self._bar = Progbar(total, unit_name="byte")
        if total is not None or have:
            self._bar.update(have, finalize=total is not None and have >= total)
