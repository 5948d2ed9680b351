"""`tf.compat` and `tf.autograph`: what scripts call once at their top."""

from __future__ import annotations

import logging as _logging
from typing import Any

from minikeras.alias.tensorflow.random import set_seed as set_random_seed

DEBUG, INFO, WARN, ERROR, FATAL = 10, 20, 30, 40, 50


def set_verbosity(v: object = None, *args: object, **options: object) -> None:
    """Which of minikeras's messages are shown, by the numbers of `logging`."""
    if isinstance(v, int) and v >= DEBUG:
        _logging.getLogger("minikeras").setLevel(v)


def enable_eager_execution(*args: object, **options: object) -> None:
    """Accepted and ignored: it is always on."""


def do_not_convert(func: object = None) -> Any:
    """The function itself: nothing is converted."""
    return (lambda f: f) if func is None else func


def as_text(bytes_or_text: str | bytes, encoding: str = "utf-8") -> str:
    """A string of bytes or of a string."""
    if isinstance(bytes_or_text, bytes):
        return bytes_or_text.decode(encoding)
    return str(bytes_or_text)


def as_bytes(bytes_or_text: str | bytes, encoding: str = "utf-8") -> bytes:
    """Bytes of a string or of bytes."""
    if isinstance(bytes_or_text, bytes):
        return bytes_or_text
    return bytes_or_text.encode(encoding)


as_str = as_str_any = as_text
enable_v2_behavior = enable_eager_execution

__all__ = [
    "DEBUG", "ERROR", "FATAL", "INFO", "WARN", "as_bytes", "as_str", "as_str_any", "as_text",
    "do_not_convert", "enable_eager_execution", "enable_v2_behavior", "set_random_seed",
    "set_verbosity",
]  # fmt: skip
