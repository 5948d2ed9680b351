"""`keras.utils.legacy`: configs of two keys, `class_name` and `config`, as in Keras 2.

For packages with objects of their own that write such configs; today's are those of
`keras.saving`.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from minikeras.saving import (
    custom_object_scope,
    get_registered_name,
    get_registered_object,
)

if TYPE_CHECKING:
    from minikeras.types import Identifier


def serialize_keras_object(instance: object) -> dict[str, Any] | str | None:
    """The config of an object, or the name of a function.

    Args:
        instance: Something with a `get_config()`, a function, or None.

    Returns:
        Dict with `class_name` and `config`; a name for a function; None for None.

    Raises:
        ValueError: If it has neither a `get_config()` nor a name.

    >>> keras.utils.legacy.serialize_keras_object(keras.initializers.Constant(2.0))
    {'class_name': 'Constant', 'config': {'value': 2.0}}
    """
    if instance is None:
        return None
    if hasattr(instance, "get_config"):
        name = get_registered_name(type(instance))
        return {"class_name": name, "config": instance.get_config()}
    if hasattr(instance, "__name__"):
        return get_registered_name(instance)
    raise ValueError(
        f"serialize_keras_object: {instance!r} of type {type(instance).__name__}; expected "
        "an object with a get_config(), or a function."
    )


def deserialize_keras_object(
    identifier: Identifier,
    module_objects: dict[str, Any] | None = None,
    custom_objects: dict[str, Any] | None = None,
    printable_module_name: str = "object",
) -> Any:
    """The object that a config or name stands for.

    Args:
        identifier: Dict with `class_name` and `config`, the name of a function or class, a
            function or class itself, or None.
        module_objects: Names that are known besides custom and registered ones.
        custom_objects: More names; those in a `custom_object_scope` and registered ones come
            first.
        printable_module_name: What errors call such an object, e.g. `"loss"`.

    Returns:
        An object, or a function; None for None.

    Raises:
        ValueError: If the form or the name is unknown.

    >>> keras.utils.legacy.deserialize_keras_object(
    ...     {"class_name": "Constant", "config": {"value": 2.0}},
    ...     module_objects={"Constant": keras.initializers.Constant},
    ... ).value
    2.0
    """
    if identifier is None or inspect.isclass(identifier) or callable(identifier):
        return identifier
    if isinstance(identifier, str):
        found = _find(identifier, module_objects, custom_objects, printable_module_name)
        return found() if inspect.isclass(found) else found
    if not isinstance(identifier, dict) or not {"class_name", "config"} <= set(
        identifier
    ):
        raise ValueError(
            f"deserialize_keras_object: {identifier!r}; expected a dict with the keys "
            f"'class_name' and 'config', or the name of an {printable_module_name}."
        )
    name, config = identifier["class_name"], identifier["config"]
    found = _find(name, module_objects, custom_objects, printable_module_name)
    with custom_object_scope(custom_objects or {}):
        if not hasattr(found, "from_config"):
            return found(**config)
        if "custom_objects" in inspect.signature(found.from_config).parameters:
            return found.from_config(config, custom_objects=dict(custom_objects or {}))
        return found.from_config(config)


def _find(
    name: str,
    module_objects: dict[str, Any] | None,
    custom_objects: dict[str, Any] | None,
    what: str,
) -> Any:
    found = get_registered_object(name, custom_objects, module_objects)
    if found is None:
        raise ValueError(
            f"Unknown {what}: {name!r}. Put it into `custom_objects`, or into the names of a "
            "`keras.utils.custom_object_scope`."
        )
    return found


def __dir__() -> list[str]:
    return __all__


__all__ = ["deserialize_keras_object", "serialize_keras_object"]
