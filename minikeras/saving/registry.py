"""Names of custom classes and functions, for configs that mention them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")

_custom_objects: dict[str, Any] = {}
_custom_names: dict[Any, str] = {}
_scoped: ContextVar[dict[str, Any]] = ContextVar("minikeras_custom_scope")


def get_custom_objects() -> dict[str, Any]:
    """The global table of custom objects, name to class or function; may be changed.

    >>> def double(x):
    ...     return 2 * x
    >>> keras.utils.get_custom_objects()["double"] = double
    >>> keras.activations.get("double") is double
    True
    >>> del keras.utils.get_custom_objects()["double"]
    """
    return _custom_objects


def register_keras_serializable(
    package: str = "Custom", name: str | None = None
) -> Callable[[T], T]:
    """Decorator: let configs name this class or function as `package>name`.

    Args:
        package: Group of names, usually the name of your package.
        name: Default: the object's own name.

    Returns:
        The decorator; it gives the object back unchanged.

    Raises:
        ValueError: If a class has no `get_config`.

    >>> @keras.saving.register_keras_serializable(package="shapes")
    ... def plus_one(x):
    ...     return x + 1
    >>> keras.saving.get_registered_name(plus_one)
    'shapes>plus_one'
    """

    def decorate(target: T) -> T:
        own_name = (
            name if name is not None else getattr(target, "__name__", str(target))
        )
        if inspect.isclass(target) and not hasattr(target, "get_config"):
            raise ValueError(
                f"register_keras_serializable: class {own_name!r} has no get_config(); "
                "add one that returns the constructor's arguments as a dict."
            )
        registered = f"{package}>{own_name}"
        _custom_objects[registered] = target
        _custom_names[target] = registered
        return target

    return decorate


def get_registered_name(obj: Any) -> str:
    """The name under which a class or function is registered, else its own name.

    Example:

    >>> @keras.saving.register_keras_serializable(package="mine")
    ... class Shift(keras.layers.Layer):
    ...     pass
    >>> keras.utils.get_registered_name(Shift)
    'mine>Shift'
    """
    try:
        found = _custom_names.get(obj)
    except TypeError:  # not hashable
        found = None
    return found if found is not None else obj.__name__


def get_registered_object(
    name: str,
    custom_objects: dict[str, Any] | None = None,
    module_objects: dict[str, Any] | None = None,
) -> Any:
    """The class or function of this name, or None.

    Looked up in the current `custom_object_scope`, then among registered objects,
    then in `custom_objects`, then in `module_objects`.

    Example:

    >>> @keras.saving.register_keras_serializable(package="mine")
    ... class Turn(keras.layers.Layer):
    ...     pass
    >>> keras.utils.get_registered_object("mine>Turn") is Turn
    True
    """
    for table in (_scoped.get({}), _custom_objects, custom_objects, module_objects):
        if table and name in table:
            return table[name]
    return None


def registered_alone(name: str) -> Any:
    """What is registered under this name in one package only; None where in none or many."""
    found = [v for key, v in _custom_objects.items() if key.partition(">")[2] == name]
    return found[0] if len(found) == 1 else None


def current_objects() -> dict[str, Any]:
    """Everything that is registered or passed now, by name."""
    return {**_custom_objects, **_scoped.get({})}


@contextmanager
def _scope(objects: dict[str, Any]) -> Iterator[None]:
    token = _scoped.set({**_scoped.get({}), **objects})
    try:
        yield
    finally:
        _scoped.reset(token)


class CustomObjectScope:
    """Block inside which configs may name the given classes and functions.

    Args:
        custom_objects: Name to class or function.

    >>> def halve(x):
    ...     return x / 2
    >>> with keras.saving.custom_object_scope({"halve": halve}):
    ...     layer = keras.layers.Activation("halve")
    """

    def __init__(self, custom_objects: Mapping[str, Any] | None) -> None:
        self.custom_objects = dict(custom_objects or {})
        self._blocks: list[Any] = []

    def __enter__(self) -> CustomObjectScope:
        block = _scope(self.custom_objects)
        block.__enter__()
        self._blocks.append(block)
        return self

    def __exit__(self, *exception: object) -> None:
        self._blocks.pop().__exit__(*exception)


custom_object_scope = CustomObjectScope
