"""Archives unpacked so that nothing is written outside of the wanted folder.

Members are written by this module, never by the archive's own rules: names that leave
the folder, devices and links out of the archive are refused, links inside become copies,
permissions are the usual ones, and an archive that unpacks to far more than it weighs is
refused before the disk is full. The folder appears as a whole, or not at all.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from minikeras.saving.limits import FileError

if TYPE_CHECKING:
    import tarfile  # imported where it is used: it takes 10 ms, and few programs need it

# What an archive may unpack to: this much in any case, and this many times its own size.
SLACK_BYTES = 256 * 2**20
EXPANSION = 200
MAX_MEMBERS = 5_000_000
_COPY_BYTES = 2**20

# A member: its name, and the open file of its content, or None for a folder.
Member = tuple[str, IO[bytes] | None]


def archive_kind(path: str | os.PathLike[str], form: Any = "auto") -> str | None:
    """`"tar"` or `"zip"`, whichever of the wanted forms the file has; None for neither.

    Args:
        path: The file.
        form: `"auto"`, `"tar"`, `"zip"`, a list of these, or None.

    Raises:
        ValueError: If a form is unknown.
    """
    wanted = [form] if isinstance(form, str) else list(form or ())
    if "auto" in wanted:
        wanted = ["tar", "zip"]
    unknown = [f for f in wanted if f not in ("tar", "zip")]
    if unknown:
        raise ValueError(
            f"get_file: archive_format={form!r}; expected 'auto', 'tar', 'zip', None or a list "
            "of them."
        )
    import tarfile

    tests = {"tar": tarfile.is_tarfile, "zip": zipfile.is_zipfile}
    return next((f for f in wanted if tests[f](path)), None)


def unpack(
    path: str | os.PathLike[str], folder: str | os.PathLike[str], kind: str
) -> None:
    """Unpack an archive into a new folder, which replaces an old one of that name.

    Args:
        path: The archive.
        folder: The folder to make.
        kind: `"tar"` or `"zip"`.

    Raises:
        FileError: If a member is not safe, or there is too much in it; nothing is left
            then, and an old folder stays.
    """
    import tarfile

    goal = Path(folder)
    part = Path(tempfile.mkdtemp(".part", f".{goal.name}.", goal.parent))
    try:
        members = _tar(path) if kind == "tar" else _zip(path)
        _write(members, part, os.path.getsize(path), str(path))
        part.chmod(0o755)
        if goal.exists():
            old = Path(tempfile.mkdtemp(".part", f".{goal.name}.", goal.parent))
            os.replace(goal, old / "old")
            os.replace(part, goal)
            shutil.rmtree(old, ignore_errors=True)
        else:
            os.replace(part, goal)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise FileError(f"{path}: the archive is damaged ({error}).") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _write(members: Iterator[Member], folder: Path, size: int, what: str) -> None:
    left = SLACK_BYTES + EXPANSION * size
    for count, (name, content) in enumerate(members):
        if count >= MAX_MEMBERS:
            raise FileError(f"{what}: more than {MAX_MEMBERS} files in one archive.")
        target = folder / _safe_name(name, what)
        if content is None:
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        with content, open(target, "wb") as file:
            while data := content.read(_COPY_BYTES):
                left -= len(data)
                if left < 0:
                    raise FileError(
                        f"{what}: {size} bytes unpack to more than "
                        f"{SLACK_BYTES + EXPANSION * size}; this looks like an archive made to "
                        "fill a disk. Unpack it by hand if you trust it."
                    )
                file.write(data)


def _safe_name(name: str, what: str) -> Path:
    """A member's name as a path below the folder."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or "\0" in name or ":" in name:
        raise FileError(
            f"{what}: the member {name!r} would be written outside of the folder; expected "
            "names below it."
        )
    return Path(*path.parts)


def _tar(path: str | os.PathLike[str]) -> Iterator[Member]:
    import tarfile

    with tarfile.open(path) as archive:
        for member in archive:
            if member.isdir():
                yield member.name, None
                continue
            if not (member.isreg() or member.issym() or member.islnk()):
                raise FileError(
                    f"{path}: the member {member.name!r} is a device or a pipe; expected files."
                )
            if not member.isreg():
                _safe_name(_target(member), f"{path}: the link {member.name!r}")
            try:
                content = archive.extractfile(member)  # of links, what they point to
            except KeyError:
                content = None
            if content is None:
                raise FileError(
                    f"{path}: the link {member.name!r} points to {member.linkname!r}, which is "
                    "no file of the archive."
                )
            yield member.name, content


def _target(member: tarfile.TarInfo) -> str:
    """Where in the archive a link points to."""
    if member.islnk():
        return member.linkname
    where = os.path.join(os.path.dirname(member.name), member.linkname)
    return os.path.normpath(where)


def _zip(path: str | os.PathLike[str]) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            mode = member.external_attr >> 16
            if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise FileError(
                    f"{path}: the member {member.filename!r} is a link or a device; expected "
                    "files."
                )
            yield member.filename, None if member.is_dir() else archive.open(member)
