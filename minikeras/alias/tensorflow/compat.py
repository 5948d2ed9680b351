"""`tf.compat` and `tf.autograph`: what scripts call once at their top."""

from __future__ import annotations

import logging as _logging
from typing import Any

from minikeras import tree
from minikeras.alias.tensorflow.random import set_seed as set_random_seed
from minikeras.engine.errors import see
from minikeras.engine.warn import warn_user

DEBUG, INFO, WARN, ERROR, FATAL = 10, 20, 30, 40, 50


def set_verbosity(v: object = None, *args: object, **options: object) -> None:
    """Which of minikeras's messages are shown, by the numbers of `logging`."""
    if isinstance(v, int) and v >= DEBUG:
        _logging.getLogger("minikeras").setLevel(v)


def enable_eager_execution(*args: object, **options: object) -> None:
    """Accepted and ignored: it is always on."""


def disable_eager_execution(*args: object, **options: object) -> None:
    """Accepted with a note: there are no graphs of TensorFlow 1, and nothing needs them."""
    warn_user(
        "tf.compat.v1.disable_eager_execution() changes nothing: models, losses and "
        "callbacks work as they are; graphs of TensorFlow 1 are not there."
    )


class ConfigProto:
    """Settings of a session; any can be set, and none means anything here."""

    def __init__(self, **settings: object) -> None:
        self.__dict__.update(settings)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        made = self.__dict__[name] = ConfigProto()
        return made


class Session:
    """A session of TensorFlow 1: it only reads values, since nothing waits to be run.

    Args:
        target, graph, config: Taken, and not looked at.
    """

    def __init__(
        self, target: str = "", graph: object = None, config: object = None
    ) -> None:
        self.graph = graph

    def run(self, fetches: object, feed_dict: object = None) -> Any:
        """The values of tensors and variables, as arrays; None for what initializes.

        Raises:
            NotImplementedError: If something is fed, or is no value.
        """
        if feed_dict:
            raise NotImplementedError(
                "tf.Session.run(feed_dict=): graphs of TensorFlow 1 are not in minikeras; "
                "use model.predict or keras.backend.function."
                + see("guides/drop-in.md#what-answers")
            )
        return tree.map_structure(
            lambda one: None if one is None else one.numpy(), fetches, none_is_leaf=True
        )

    def as_default(self) -> Session:
        """Itself, for `with`."""
        return self

    def close(self) -> None:
        """Nothing: it holds nothing."""

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


GPUOptions = ConfigProto
InteractiveSession = Session
disable_v2_behavior = disable_eager_execution


def global_variables_initializer() -> None:
    """None: variables have values from the beginning."""


def get_default_session() -> Session:
    """A session."""
    return Session()


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
    "ConfigProto", "DEBUG", "ERROR", "FATAL", "GPUOptions", "INFO", "InteractiveSession",
    "Session", "WARN", "as_bytes", "as_str", "as_str_any", "as_text",
    "disable_eager_execution", "disable_v2_behavior", "do_not_convert",
    "enable_eager_execution", "enable_v2_behavior", "get_default_session",
    "global_variables_initializer", "set_random_seed", "set_verbosity",
]  # fmt: skip
