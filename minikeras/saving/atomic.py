"""Files that are replaced as a whole, or stay as they were.

Everything is written beside the target and forced to the disk; then one `rename` puts
it in place, and the folder is forced to the disk too. A process that is killed, or a
disk that is full, leaves the old file untouched, and at most a stray `.name.*.part`.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PART = ".part"  # what unfinished files end in
# No room left on the disk, for a user, or in one file: errors that name no file.
_FULL = tuple(
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EFBIG")
    if hasattr(errno, name)
)


@contextmanager
def replaced_file(target: str | os.PathLike[str]) -> Iterator[Path]:
    """Path of a new file beside `target`, which replaces it when the block ends well.

    Args:
        target: The file to write. A link is followed, as `open` does.

    Raises:
        OSError: If the folder does not exist or cannot be written.
    """
    goal = Path(os.path.realpath(target))
    if goal.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a folder, not a file", str(goal))
    mode = _mode_of(goal)
    with _naming(goal):
        handle, name = tempfile.mkstemp(PART, f".{goal.name}.", goal.parent)
    os.close(handle)
    part = Path(name)
    try:
        with _naming(goal, _FULL):
            yield part
            os.chmod(part, mode)
            sync_file(part)
            os.replace(part, goal)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
    sync_folder(goal.parent)


@contextmanager
def replaced_folder(target: str | os.PathLike[str]) -> Iterator[Path]:
    """Path of a new folder beside `target`, which replaces it when the block ends well.

    Linux swaps two folders in one step. Elsewhere the old one is renamed first: a kill
    between the two renames leaves both, under other names.
    """
    goal = Path(os.path.realpath(target))
    goal.parent.mkdir(parents=True, exist_ok=True)
    with _naming(goal):
        part = Path(tempfile.mkdtemp(PART, f".{goal.name}.", goal.parent))
    try:
        with _naming(goal, _FULL):
            yield part
            os.chmod(part, 0o777 & ~_umask())
            for path in sorted(part.rglob("*"), reverse=True):
                sync_folder(path) if path.is_dir() else sync_file(path)
            sync_folder(part)
        if not goal.exists():
            os.replace(part, goal)
        elif not _swapped(part, goal):
            _replace_in_two_steps(part, goal)
        sync_folder(goal.parent)
    finally:
        # What is here now is the old folder, or an unfinished one.
        shutil.rmtree(part) if part.is_dir() else part.unlink(missing_ok=True)


@contextmanager
def scratch_folder(target: str | os.PathLike[str]) -> Iterator[Path]:
    """Path of an empty folder beside `target`, which goes away with the block."""
    goal = Path(target)
    with _naming(goal):
        made = tempfile.TemporaryDirectory(PART, f".{goal.name}.", goal.parent)
    with made as name, _naming(goal, _FULL):
        yield Path(name)


@contextmanager
def _naming(goal: Path, numbers: tuple[int, ...] = ()) -> Iterator[None]:
    """Lets an error name the file that was asked for, not the one beside it.

    Args:
        goal: That file.
        numbers: The errors that are meant; by default all.
    """
    try:
        yield
    except OSError as error:
        if not numbers or error.errno in numbers:
            error.filename = str(goal)
        raise


def _swapped(one: Path, other: Path) -> bool:
    """Exchange two names in one step, where the system can; whether it did."""
    import ctypes

    exchange, here = 2, -100  # RENAME_EXCHANGE, AT_FDCWD
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):
        return False
    return bool(call(here, os.fsencode(one), here, os.fsencode(other), exchange) == 0)


def _replace_in_two_steps(part: Path, goal: Path) -> None:
    old = part.with_name(f"{part.name}.old")
    os.replace(goal, old)
    try:
        os.replace(part, goal)
    except BaseException:
        os.replace(old, goal)
        raise
    os.replace(old, part)


def sync_file(path: Path) -> None:
    """Force a file's contents to the disk."""
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_folder(path: Path) -> None:
    """Force a folder's list of names to the disk, where the system can."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        return
    try:
        with suppress(OSError):  # some network disks refuse
            os.fsync(handle)
    finally:
        os.close(handle)


def _mode_of(goal: Path) -> int:
    """The permissions a new file gets: those of the one it replaces, or the usual."""
    try:
        return os.stat(goal).st_mode & 0o7777
    except OSError:
        return 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
