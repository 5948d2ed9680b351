"""How large and how deep a file may be, and the error for files that are not right.

A file may come from a stranger. What it claims is compared with what it weighs before
anything is read or made, so that a small file cannot ask for much memory or time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

MIB = 2**20
# What a file may unpack to: this much in any case, and this many times its own size.
SLACK_BYTES = 64 * MIB
EXPANSION = 16
MAX_MEMBERS = 20_000  # files in an archive
# Groups and arrays in an HDF5 file: this many, and one for so many bytes of it.
SLACK_OBJECTS = 10_000
OBJECT_BYTES = 512
# Layers and variables that a config may make: as many in any case, and so many for each
# array, or one for so many bytes of the file where those are fewer. The largest networks
# of `applications` have 1,040 layers.
SLACK_THINGS = 2_000
THINGS_PER_ARRAY = 8
THING_BYTES = 256
MAX_ASSETS = 10_000  # files and folders that parts of a model read from
MAX_SHARDS = 500  # files that hold a model's weights together
MAX_OPCODES = 100_000  # steps of a pickle
MAX_MESSAGE = 1_500  # letters of an error
MAX_NAME = 1_024  # letters in the name of a member
MAX_DEPTH = 100  # folders in folders, groups in groups
MAX_JSON_BYTES = 32 * MIB
MAX_JSON_PARTS = 2_000_000  # commas and brackets in a JSON text, and braces as
PARTS_PER_DICT = 4  # so many each, since they take several times the memory
# Of a packed text as many in any case, and one for so many bytes of the archive.
SLACK_PARTS = 200_000
PART_BYTES = 2
# Lines of texts in archives, such as vocabularies: so many, and one for so many bytes.
SLACK_LINES = 250_000
LINE_BYTES = 2
MAX_JSON_DEPTH = 400
MAX_LISTED = 50_000  # layers and calls of them in a config, whatever else there is
MAX_TEXT_VARIABLES = 2**31  # bytes of variables of a model that a text alone describes
MAX_TEXT_MADE = SLACK_BYTES  # of more, none are made before they are asked for
MAX_TEXT_THINGS = 6_000  # its layers and variables


class FileError(ValueError):
    """A file that is damaged, of another kind, or not safe to read."""


class MissingFileError(FileNotFoundError, ValueError):
    """No file of this name; Keras raises the one error or the other."""


@contextmanager
def short_errors() -> Iterator[None]:
    """Errors about what a file says are cut where that is long."""
    try:
        yield
    except ValueError as error:
        text = str(error)
        if len(text) > MAX_MESSAGE and error.args == (text,):
            error.args = (f"{text[:MAX_MESSAGE]}...",)
        raise


def most_bytes(file_size: int) -> int:
    """What a file of this size may hold when unpacked."""
    return SLACK_BYTES + EXPANSION * file_size


def most_objects(file_size: int) -> int:
    """How many groups and arrays an HDF5 file of this size may have."""
    return SLACK_OBJECTS + file_size // OBJECT_BYTES


def most_things(arrays: int, file_size: int) -> int:
    """How many layers and variables the config of a file may make.

    Args:
        arrays: How many arrays it holds.
        file_size: Its bytes on disk, packed as it is there.
    """
    return SLACK_THINGS + min(THINGS_PER_ARRAY * arrays, file_size // THING_BYTES)


def most_parts(file_size: int) -> int:
    """How many parts a JSON text in an archive of this size may have."""
    return min(MAX_JSON_PARTS, SLACK_PARTS + file_size // PART_BYTES)


def check_claim(claimed: int, file_size: int, what: str) -> None:
    """Refuse `what` if it unpacks to far more than the file weighs.

    Raises:
        FileError: If it does.
    """
    if claimed > most_bytes(file_size):
        raise FileError(
            f"{what} claims {claimed:,} bytes of data in a file of {file_size:,} bytes; at "
            f"most {most_bytes(file_size):,} are read, as a small file that unpacks to much "
            "is usually an attack."
        )


def parse_json(
    text: bytes | str, what: str, most: int = MAX_JSON_PARTS
) -> dict[str, Any]:
    """The value of a JSON text that is neither huge nor deep.

    Args:
        text: The text.
        what: Its name, for errors.
        most: How many commas, brackets and braces it may have.

    Raises:
        FileError: If it is no JSON, or too large or deep.
    """
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if len(data) > MAX_JSON_BYTES:
        raise FileError(
            f"{what} is JSON of {len(data):,} bytes; at most {MAX_JSON_BYTES:,} are read."
        )
    parts = data.count(b",") + data.count(b"[") + PARTS_PER_DICT * data.count(b"{")
    if parts > most:
        raise FileError(
            f"{what} is JSON of {parts:,} values; at most {most:,} are read of it."
        )
    try:
        value = json.loads(data)
    except RecursionError:
        raise FileError(f"{what} is nested too deep.") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise FileError(f"{what} is not valid JSON: {error}.") from None
    check_depth(value, what)
    return value


def check_depth(value: Any, what: str) -> None:
    """Refuse JSON values nested deeper than any model needs.

    Raises:
        FileError: If they are.
    """
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > MAX_JSON_DEPTH:
            raise FileError(f"{what} is nested more than {MAX_JSON_DEPTH} levels deep.")
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
