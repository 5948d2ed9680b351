"""The two shapes of `.keras`: a zip archive, and the same members in a folder."""

from __future__ import annotations

import io
import os
import stat
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from minikeras.engine.errors import see
from minikeras.saving import limits
from minikeras.saving.limits import FileError

_DIRECTORY_ENTRY = 46  # bytes of the shortest entry in a zip's list of members


class Members:
    """The members of an archive, each read as a whole.

    Attributes:
        names: The names, with `/` between folders.
        size: The bytes of the archive on disk.
        label: What errors call it.
    """

    label: str
    names: tuple[str, ...]
    size: int

    def read(self, name: str, most: int | None = None) -> bytes:
        """The contents of a member.

        Args:
            name: Its name.
            most: How many bytes it may have; default: any number.

        Raises:
            FileError: If there is none of this name, or it is damaged or too large.
        """
        raise NotImplementedError

    def source(self, name: str) -> bytes | Path:
        """A member as its contents, or as the path of a file of its own."""
        return self.read(name)

    def extract(self, prefix: str, target: Path) -> bool:
        """Write the members under `prefix` into a folder; whether there are any.

        Raises:
            FileError: If they are very many, or one is both a file and a folder.
        """
        found = [n for n in self.names if n.startswith(prefix)]
        if sum(n.count("/") for n in found) > limits.MAX_ASSETS:
            raise FileError(
                f"{self.label}: {len(found):,} files below {prefix!r}; at most "
                f"{limits.MAX_ASSETS:,} files and folders are written."
            )
        lines = limits.SLACK_LINES + self.size // limits.LINE_BYTES
        for name in found:
            goal = target.joinpath(*PurePosixPath(name[len(prefix) :]).parts)
            try:
                goal.parent.mkdir(parents=True, exist_ok=True)
                data = self.read(name)
                lines -= data.count(b"\n")
                if lines < 0:
                    raise FileError(
                        f"{self.label}: {name!r} has far more lines than an archive of "
                        f"{self.size:,} bytes: refused." + see("security.md")
                    )
                goal.write_bytes(data)
            except (FileExistsError, NotADirectoryError, IsADirectoryError):
                raise FileError(
                    f"{self.label}: {name!r} is both a file and a folder."
                ) from None
        return bool(found)


def _check_most(size: int, most: int | None, what: str) -> None:
    if most is not None and size > most:
        raise FileError(f"{what} has {size:,} bytes; at most {most:,} are read.")


def checked_name(name: str, label: str) -> str:
    """A member's name with `/`, if it stays inside the archive.

    Raises:
        FileError: If it leads elsewhere, or is unreasonably long or deep.
    """
    shown = name if len(name) <= 100 else name[:100] + "..."
    if len(name) > limits.MAX_NAME:
        raise FileError(f"{label}: a member's name is too long: {shown!r}.")
    plain = name.replace("\\", "/")  # what Keras on Windows wrote
    parts = plain.split("/")
    if (
        plain.startswith("/")
        or ":" in parts[0]
        or any(part in ("..", ".") for part in parts)
        or any(ord(letter) < 32 for letter in plain)
    ):
        raise FileError(f"{label}: member {shown!r} leads out of the archive: refused.")
    if len(parts) > limits.MAX_DEPTH:
        raise FileError(f"{label}: member {shown!r} is too deep.")
    return plain


class _Zip(Members):
    def __init__(self, archive: zipfile.ZipFile, size: int, label: str) -> None:
        self._archive, self.label, self.size = archive, label, size
        self._infos: dict[str, zipfile.ZipInfo] = {}
        claimed = 0
        if len(archive.infolist()) > limits.MAX_MEMBERS:
            raise FileError(f"{label}: more than {limits.MAX_MEMBERS:,} members.")
        for info in archive.infolist():
            name = checked_name(info.filename, label)
            if name.endswith("/"):
                continue
            if name in self._infos:
                raise FileError(f"{label}: two members are named {name!r}: refused.")
            if stat.S_ISLNK(info.external_attr >> 16):
                raise FileError(f"{label}: member {name!r} is a link: refused.")
            if info.flag_bits & 1:
                raise FileError(f"{label}: member {name!r} is encrypted.")
            claimed += info.file_size
            limits.check_claim(claimed, size, label)
            self._infos[name] = info
        self.names = tuple(self._infos)

    def read(self, name: str, most: int | None = None) -> bytes:
        info = self._infos.get(name)
        if info is None:
            raise FileError(f"{self.label}: there is no {name!r} in it.")
        _check_most(info.file_size, most, f"{self.label}: member {name!r}")
        with _clear_errors(self.label), self._archive.open(info) as member:
            data = member.read(info.file_size + 1)
        if len(data) != info.file_size:
            raise FileError(f"{self.label}: member {name!r} is damaged.")
        return data


class _Folder(Members):
    def __init__(self, root: Path, label: str) -> None:
        self._root, self.label, self.size = root, label, 0
        names = []
        for path in _files_in(root, label):
            name = path.relative_to(root).as_posix()
            self.size += path.stat().st_size
            names.append(name)
            if len(names) > limits.MAX_MEMBERS:
                raise FileError(f"{label}: more than {limits.MAX_MEMBERS} files.")
        self.names = tuple(names)

    def read(self, name: str, most: int | None = None) -> bytes:
        if name not in self.names:
            raise FileError(f"{self.label}: there is no {name!r} in it.")
        path = self._root / name
        _check_most(path.stat().st_size, most, f"{self.label}: member {name!r}")
        return path.read_bytes()

    def source(self, name: str) -> bytes | Path:
        if name not in self.names:
            raise FileError(f"{self.label}: there is no {name!r} in it.")
        return self._root / name


def _files_in(root: Path, label: str) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        folders.sort()
        for name in sorted(files) + folders:
            path = Path(folder, name)
            if path.is_symlink():
                raise FileError(f"{label}: {name!r} is a link: refused.")
            if not (path.is_file() or path.is_dir()):
                raise FileError(f"{label}: {name!r} is a pipe or a device: refused.")
        yield from (Path(folder, name) for name in sorted(files))


@contextmanager
def opened(file: Any, label: str, weight: int | None = None) -> Iterator[Members]:
    """The members of a zip archive or folder that was looked through.

    Args:
        file: A path, or an open binary file.
        label: What to call it in errors.
        weight: The bytes on disk of what it was packed in, if it was.

    Raises:
        FileError: If it is damaged or not safe: members that lead out of it, links, the
            same name twice, or more data than its size allows.
    """
    if not hasattr(file, "read") and Path(file).is_dir():
        yield _Folder(Path(file), label)
        return
    with ExitStack() as stack:
        source = file
        if not hasattr(file, "read"):
            source = stack.enter_context(open(file, "rb"))
        size = source.seek(0, io.SEEK_END)
        with _clear_errors(label):
            _check_directory(source, size, label)
            archive = stack.enter_context(zipfile.ZipFile(source))
        yield _Zip(archive, size if weight is None else min(size, weight), label)


def _check_directory(source: Any, size: int, label: str) -> None:
    """Refuse a list of members too long to be read in a moment."""
    tail_size = min(size, 2**16 + 100)
    source.seek(size - tail_size)
    tail = source.read(tail_size)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0:
        raise FileError(f"{label} is damaged: it has no list of members.")
    length = int.from_bytes(tail[at + 12 : at + 16], "little")
    wide = tail.rfind(b"PK\x06\x06")
    if wide >= 0:
        length = max(
            length % 0xFFFFFFFF, int.from_bytes(tail[wide + 40 : wide + 48], "little")
        )
    if length > limits.MAX_MEMBERS * (_DIRECTORY_ENTRY + 80):
        raise FileError(f"{label}: its list of members has {length:,} bytes: refused.")


@contextmanager
def _clear_errors(label: str) -> Iterator[None]:
    try:
        yield
    except (
        FileError,
        FileNotFoundError,
        PermissionError,
        IsADirectoryError,
        MemoryError,
    ):
        raise
    except Exception as error:  # BadZipFile, zlib.error, EOFError and more
        raise FileError(f"{label} is damaged: {str(error)[:200]}") from None


def write_zip(target: Path, members: dict[str, Any]) -> None:
    """Write members into a new zip archive, not packed, as Keras does.

    Args:
        target: The new file.
        members: Name to bytes (or a view of some), or to the path of a file.
    """
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            # A fixed date: the same model gives the same bytes.
            info = zipfile.ZipInfo(name)
            info.external_attr = 0o644 << 16
            if not isinstance(content, Path):
                archive.writestr(info, content)
                continue
            info.file_size = os.path.getsize(content)
            with open(content, "rb") as source, archive.open(info, "w") as member:
                while piece := source.read(limits.MIB):
                    member.write(piece)


def write_folder(target: Path, members: dict[str, Any]) -> None:
    """Write members as files under a folder."""
    for name, content in members.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.read_bytes() if isinstance(content, Path) else content)
