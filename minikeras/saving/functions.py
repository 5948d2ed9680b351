"""Python functions in configs: by name, and lambdas by their code."""

from __future__ import annotations

import base64
import importlib
import marshal
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from minikeras.engine.errors import see
from minikeras.engine.warn import warn_user
from minikeras.saving import builtin, bytecode
from minikeras.saving.registry import current_objects, get_registered_name

_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
_safe: ContextVar[bool] = ContextVar("minikeras_safe_mode", default=True)


_trusted = False  # whether code in all configs is trusted in this process


@contextmanager
def safe_mode_scope(safe: bool) -> Iterator[None]:
    """Whether code in configs is refused inside the block."""
    token = _safe.set(safe)
    try:
        yield
    finally:
        _safe.reset(token)


def in_safe_mode() -> bool:
    """Whether code in configs is refused now."""
    return _safe.get() and not _trusted


def check_lambda(function: Callable[..., Any]) -> None:
    """Refuse functions of this package in a Lambda from a config, but for ops.

    Raises:
        ValueError: In safe mode, if it is one that could do more than compute.
    """
    if in_safe_mode() and not builtin.may_stand_in_lambda(function):
        raise ValueError(
            f"the config has a Lambda that holds {function!r}: of this package only the "
            "functions of keras.ops and keras.activations may stand there. Pass "
            "safe_mode=False if you trust where it comes from." + see("security.md")
        )


def enable_unsafe_deserialization() -> None:
    """Lets configs run the code stored in them, in this process from now on.

    Python lambdas are stored as code, which may do anything; call this only if you
    trust where every config comes from. `safe_mode=False` does it for one call.

    Example:

    >>> keras.config.enable_unsafe_deserialization()  # doctest: +SKIP
    >>> model = keras.models.load_model("mine.keras")  # doctest: +SKIP
    """
    global _trusted
    _trusted = True


def serialize_function(function: Callable[..., Any]) -> dict[str, Any]:
    """A function by its name; a lambda by its code, with a warning."""
    name = getattr(function, "__name__", "")
    if name == "<lambda>" and isinstance(function, types.FunctionType):
        warn_user(
            "A Python lambda is stored in this config as code of this Python version; "
            "loading it needs safe_mode=False. Prefer a named function and "
            "@keras.saving.register_keras_serializable()."
        )
        return {"class_name": "__lambda__", "config": _dump(function)}
    registered = get_registered_name(function)
    own = function.__module__.startswith("minikeras") or registered != name
    return {
        "module": "builtins" if own else function.__module__,
        "class_name": "function",
        "config": registered,
        "registered_name": "function",
    }


def _dump(function: types.FunctionType) -> dict[str, Any]:
    cells = function.__closure__
    return {
        "python": _PYTHON,
        "code": base64.b64encode(marshal.dumps(function.__code__)).decode("ascii"),
        "defaults": function.__defaults__,
        "closure": tuple(c.cell_contents for c in cells) if cells else None,
    }


def load_lambda(config: dict[str, Any], safe_mode: bool) -> Callable[..., Any]:
    """The function whose code `serialize_function` stored.

    Raises:
        ValueError: In safe mode, since running stored code runs whatever the file's
            author wrote; and if another version of Python compiled it.
    """
    if safe_mode and not _trusted:
        raise ValueError(
            "the config holds the code of a Python lambda, which safe mode refuses: it "
            "could do anything. Pass safe_mode=False if you trust where it comes from."
            + see("security.md")
        )
    inner = config.get("value", config)
    if isinstance(inner, (list, tuple)):
        inner = dict(zip(("code", "defaults", "closure"), inner, strict=True))
    made_by = inner.get("python", _PYTHON)
    if made_by != _PYTHON:
        raise ValueError(
            f"the config holds the code of a lambda for Python {made_by}; this is "
            f"{_PYTHON}, which cannot run it. Load it there, or give the layer's "
            "function a name and pass it in custom_objects."
        )
    code = bytecode.load_code(base64.b64decode(inner["code"]))
    closure = inner.get("closure")
    cells = tuple(types.CellType(v) for v in closure) if closure else None
    defaults = inner.get("defaults")
    # What such functions most often use of where they were written.
    names = {
        "__builtins__": __builtins__,
        "keras": importlib.import_module("minikeras"),
        "ops": importlib.import_module("minikeras.ops"),
        "np": importlib.import_module("numpy"),
        **current_objects(),
    }
    return types.FunctionType(
        code, names, "<lambda>", tuple(defaults) if defaults else None, cells
    )
