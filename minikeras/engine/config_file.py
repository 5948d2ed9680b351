"""The user's config file: `$MINIKERAS_HOME/minikeras.json`, else `~/.minikeras/minikeras.json`.

Read once, on first use. Keys: floatx, epsilon, image_data_format, backend. A file
that cannot be read is named in one warning and then ignored.
"""

from __future__ import annotations

import functools
import json
import os
from pathlib import Path
from typing import Any

from minikeras.engine.warn import warn_user

FILE_NAME = "minikeras.json"


def home() -> Path:
    """The folder of the config file."""
    return Path(os.environ.get("MINIKERAS_HOME") or Path.home() / ".minikeras")


@functools.cache
def _file(path: Path) -> dict[str, Any]:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        warn_user(f"the config file {path} is ignored: {error}")
        return {}
    if not isinstance(read, dict):
        warn_user(f"the config file {path} is ignored: not a JSON object.")
        return {}
    return read


def file_value(key: str) -> Any:
    """What the config file says of `key`, or None."""
    return _file(home() / FILE_NAME).get(key)


def file_choice(key: str, allowed: tuple[str, ...], default: str) -> str:
    """What the config file says of `key`; `default` if nothing, or nothing allowed."""
    value = file_value(key)
    if value is None or value in allowed:
        return value or default
    ignored(key, value, f"one of {', '.join(allowed)}")
    return default


def ignored(key: str, value: object, expected: str) -> None:
    """Warns that an entry of the config file is not used, and why."""
    warn_user(
        f"the config file {home() / FILE_NAME} has {key}={value!r}, which is ignored; "
        f"expected {expected}."
    )
