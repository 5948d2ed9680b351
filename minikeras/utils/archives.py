"""Archives unpacked so that nothing is written outside of the wanted folder.

Members are written by this module, never by the archive's own rules: names that leave
the folder, devices and links out of the archive are refused, links inside become copies
(one to nothing is left out), permissions are the usual ones, and an archive that unpacks
to far more than it weighs is refused before the disk is full. The folder appears as a
whole, or not at all.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import warnings
import zipfile
import zlib
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

# A member: its name, and the open file of its content, None for a folder, or the name of
# what it is a copy of.
Member = tuple[str, IO[bytes] | str | None]


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
        _Writer(part, os.path.getsize(path), str(path)).write(members)
        part.chmod(0o755)
        if goal.exists():
            old = Path(tempfile.mkdtemp(".part", f".{goal.name}.", goal.parent))
            os.replace(goal, old / "old")
            os.replace(part, goal)
            shutil.rmtree(old, ignore_errors=True)
        else:
            os.replace(part, goal)
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise FileError(
            f"{path}: a name in the archive is that of a file and of a folder ({error})."
        ) from error
    except (RuntimeError, NotImplementedError) as error:  # zip: a password, a method
        raise FileError(f"{path}: the archive cannot be read ({error}).") from error
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error) as error:
        raise FileError(f"{path}: the archive is damaged ({error}).") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


class _Writer:
    """Writes members below a folder, up to a number of bytes.

    Args:
        folder: The folder.
        size: Bytes of the archive.
        what: The archive, for messages.
    """

    def __init__(self, folder: Path, size: int, what: str) -> None:
        self._folder, self._size, self._what = folder, size, what
        self._limit = self._left = SLACK_BYTES + EXPANSION * size
        self._count = 0

    def write(self, members: Iterator[Member]) -> None:
        """Write all of them; copies come last, when what they are of is there."""
        copies: list[tuple[Path, Path]] = []
        for name, content in members:
            target = self._folder / _safe_name(name, self._what)
            if isinstance(content, str):
                copies.append((target, self._folder / _safe_name(content, self._what)))
            elif content is None:
                self._count_one()
                target.mkdir(parents=True, exist_ok=True)
            else:
                self._file(target, content)
        # A link may point to a link: what is not there yet may be so in the next round.
        waiting = -1
        while len(copies) != waiting:
            waiting, late = len(copies), []
            for target, source in copies:
                if source.exists():
                    self._copy(source, target)
                else:
                    late.append((target, source))
            copies = late
        if copies:
            names = ", ".join(target.name for target, _ in copies[:5])
            warnings.warn(
                f"{self._what}: {len(copies)} links point to nothing in the archive and are "
                f"left out: {names}.",
                stacklevel=2,
            )

    def _copy(self, source: Path, target: Path) -> None:
        if target.is_relative_to(source):
            raise FileError(
                f"{self._what}: the link {target.name!r} points to a folder that it is in, "
                "so it has no end."
            )
        if source.is_dir():
            self._count_one()
            target.mkdir(parents=True, exist_ok=True)
            for each in sorted(source.iterdir()):
                self._copy(each, target / each.name)
        else:
            self._file(target, open(source, "rb"))  # noqa: SIM115

    def _file(self, target: Path, content: IO[bytes]) -> None:
        self._count_one()
        target.parent.mkdir(parents=True, exist_ok=True)
        with content, open(target, "wb") as file:
            while data := content.read(_COPY_BYTES):
                self._left -= len(data)
                if self._left < 0:
                    raise FileError(
                        f"{self._what}: {self._size} bytes unpack to more than {self._limit}; "
                        "this looks like an archive made to fill a disk. Unpack it by hand if "
                        "you trust it."
                    )
                file.write(data)

    def _count_one(self) -> None:
        self._count += 1
        if self._count > MAX_MEMBERS:
            raise FileError(
                f"{self._what}: more than {MAX_MEMBERS} files in one archive."
            )


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
            if member.isreg():
                yield member.name, archive.extractfile(member)
                continue
            target = _target(member)
            _safe_name(target, f"{path}: the link {member.name!r}")
            yield member.name, target


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
