"""Objects to JSON-ready dicts and back, in the form Keras 3 uses.

An object becomes `{"module", "class_name", "config", "registered_name"}`, with
`build_config` and `compile_config` where it has them. Classes of this package are
written under `keras.`, so that the dicts travel both ways between the two.
"""

from __future__ import annotations

import inspect
import os
import types
from collections.abc import Mapping
from typing import Any

import numpy as np

from minikeras import naming
from minikeras.engine import dtypes, tree
from minikeras.engine.errors import see
from minikeras.engine.symbolic import KerasTensor
from minikeras.engine.tensor import Tensor, from_numpy
from minikeras.saving import builtin, dialects, functions, sharing
from minikeras.saving.registry import (
    current_objects,
    custom_object_scope,
    get_registered_name,
    get_registered_object,
    registered_alone,
)
from minikeras.variable import Variable

_LONGEST_SHOWN = 100
_PLAIN = (str, bool, int, float, type(None))
# Where a class of ours is written as living directly in `keras`.
_TOP_LEVEL = ("DTypePolicy", "FloatDTypePolicy", "Sequential", "Model", "Variable")
_OWN_ONLY = ("SumPooling2D", "CarriedMask")  # names Keras lacks keep our module


def serialize_keras_object(obj: object) -> Any:
    """A JSON-ready description of an object.

    Args:
        obj: A layer, model, loss and so on; or numbers, strings, lists, dicts, arrays.

    Returns:
        Plain values for plain values, else a dict that
        `deserialize_keras_object` takes.

    Raises:
        TypeError: If the object has no `get_config`.

    >>> d = keras.saving.serialize_keras_object(keras.layers.ReLU(max_value=6))
    >>> d["module"], d["class_name"], d["config"]["max_value"]
    ('keras.layers', 'ReLU', 6.0)
    """
    if isinstance(obj, _PLAIN):
        return obj
    if isinstance(obj, (list, tuple)):
        return type(obj)([serialize_keras_object(v) for v in obj]) if type(obj) in (
            list, tuple) else [serialize_keras_object(v) for v in obj]  # fmt: skip
    if isinstance(obj, dict):
        return {key: serialize_keras_object(v) for key, v in obj.items()}
    special = _serialize_special(obj)
    if special is not None:
        return special
    if isinstance(obj, types.FunctionType) or inspect.isbuiltin(obj):
        return functions.serialize_function(obj)
    if inspect.isclass(obj):
        return {
            "module": _public_module(obj),
            "class_name": obj.__name__,
            "config": None,
            "registered_name": _registered(obj),
        }
    if not hasattr(obj, "get_config"):
        raise TypeError(
            f"cannot serialize {obj!r} of type {type(obj).__name__}: it has no get_config(). "
            "Add a get_config() that returns the constructor's arguments."
        )
    return _serialize_object(obj)


def _serialize_special(obj: object) -> Any:
    if isinstance(obj, KerasTensor):
        history = obj._keras_history
        config: dict[str, Any] = {"shape": obj.shape, "dtype": obj.dtype}
        if history is not None:
            config["keras_history"] = [history.operation.name, *history[1:]]
        return {"class_name": "__keras_tensor__", "config": config}
    if isinstance(obj, (Tensor, Variable)):
        return _values("__tensor__", obj.numpy())
    if isinstance(obj, np.generic) or (isinstance(obj, np.ndarray) and not obj.ndim):
        return obj.item()
    if isinstance(obj, np.ndarray):
        return _values("__numpy__", obj)
    if isinstance(obj, np.dtype):
        return obj.name
    if isinstance(obj, bytes):
        return {"class_name": "__bytes__", "config": {"value": obj.decode("utf-8")}}
    if obj is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(obj, slice):
        parts = {"start": obj.start, "stop": obj.stop, "step": obj.step}
        return {"class_name": "__slice__", "config": serialize_keras_object(parts)}
    return None


def _values(kind: str, array: np.ndarray) -> dict[str, Any]:
    return {
        "class_name": kind,
        "config": {"value": array.tolist(), "dtype": array.dtype.name},
    }


def _public_module(cls: type) -> str:
    parts = cls.__module__.split(".")
    if parts[0] != "minikeras" or len(parts) == 1:
        return cls.__module__
    home: str | None = getattr(cls, "_home", None)
    if home is not None:  # where Keras has it, if it is elsewhere here
        return home
    if cls.__name__ in _OWN_ONLY:
        return ".".join(parts[:2])
    if cls.__name__ == "Functional":
        return "keras.src.models.functional"
    if parts[1] == "applications":  # layers of a network's own, which Keras finds there
        return ".".join(["keras", "src", *parts[1:]])
    if parts[1:3] == ["optimizers", "schedules"]:
        return "keras.optimizers.schedules"
    return "keras" if cls.__name__ in _TOP_LEVEL else f"keras.{parts[1]}"


def _registered(cls: type) -> str | None:
    name = get_registered_name(cls)
    ours = cls.__module__.split(".")[0] == "minikeras"
    inside = ".src." in getattr(cls, "_home", "")
    hidden = cls.__name__ == "Functional" or ".applications." in cls.__module__
    hidden = hidden or inside
    return None if ours and not hidden else name


def _serialize_object(obj: Any) -> dict[str, Any]:
    cls = type(obj)
    result = {
        "module": _public_module(cls),
        # Keras exports a class or two under another name than its own.
        "class_name": cls.__dict__.get("_exported_as", cls.__name__),
        "config": serialize_keras_object(obj.get_config()),
        "registered_name": _registered(cls),
    }
    for part in ("build_config", "compile_config"):
        get = getattr(obj, f"get_{part}", None)
        value = get() if get is not None else None
        if value is not None:
            result[part] = serialize_keras_object(value)
    result.update(sharing.number_written(obj))
    return result


def deserialize_keras_object(
    config: object,
    custom_objects: Mapping[str, Any] | None = None,
    safe_mode: bool = True,
    **kwargs: Any,
) -> Any:
    """The object that `serialize_keras_object` described.

    Args:
        config: The dict, or plain values.
        custom_objects: Names of classes and functions that are not part of the package.
        safe_mode: Whether to refuse code stored in the config (Python lambdas).

    Returns:
        The object, built and compiled if the config says so.

    Raises:
        ValueError: If safe mode forbids code in the config.
        TypeError: If a class is unknown, or its constructor refuses the config (it is a
            ValueError too).

    >>> layer = keras.layers.Dense(3, activation="relu", name="hidden")
    >>> config = keras.saving.serialize_keras_object(layer)
    >>> keras.saving.deserialize_keras_object(config).name
    'hidden'
    """
    if custom_objects:
        with custom_object_scope(custom_objects):
            return deserialize_keras_object(config, safe_mode=safe_mode, **kwargs)
    if isinstance(config, str):
        found = get_registered_object(config)
        if found is None:
            found = (kwargs.get("module_objects") or {}).get(config)
            # A class by its name alone, e.g. "greedy", means one with its defaults.
            found = _construct(found, {}) if isinstance(found, type) else found
        return config if found is None else found
    if isinstance(config, (list, tuple)):
        return type(config)(
            [deserialize_keras_object(v, safe_mode=safe_mode) for v in config]
        )
    if not isinstance(config, dict):
        return config
    if "class_name" not in config or "config" not in config:
        return {
            key: deserialize_keras_object(v, safe_mode=safe_mode)
            for key, v in config.items()
        }
    # Inside a block where code is trusted, it is trusted in all parts of a config.
    safe = safe_mode and functions.in_safe_mode()
    with dialects.one_note(), functions.safe_mode_scope(safe):
        return _deserialize_dict(config, safe, kwargs.get("module_objects"))


def _deserialize_dict(
    config: dict[str, Any], safe_mode: bool, module_objects: dict[str, Any] | None
) -> Any:
    kind, inner = config["class_name"], config["config"]
    special = _SPECIAL.get(kind)
    if special is not None:
        return special(inner, safe_mode)
    if kind == "function":
        if not isinstance(inner, str):
            raise ConfigError(
                f"the config of a function has no name: {_short(config)}."
            )
        return _find(inner, config, "function", module_objects)
    shared = sharing.read(config)
    if shared is not None:
        return shared
    cls = _find(kind, config, "class", module_objects)
    _refuse_nameless(kind, config)
    if inner is None or not inspect.isclass(cls):
        return cls
    made = _construct(cls, inner)
    sharing.note_read(config, made)
    build_config = config.get("build_config")
    if (
        build_config
        and hasattr(made, "build_from_config")
        and not getattr(made, "built", False)
    ):
        made.build_from_config(
            deserialize_keras_object(build_config, safe_mode=safe_mode)
        )
    compile_config = config.get("compile_config")
    if compile_config and hasattr(made, "compile_from_config"):
        made.compile_from_config(compile_config)
    return made


class ConfigError(TypeError, ValueError):
    """A config that a class cannot be made from: Keras's type for it, and ours."""


def _construct(cls: Any, inner: object) -> Any:
    if not hasattr(cls, "from_config"):
        raise TypeError(
            f"cannot rebuild {cls.__name__}: the class has no from_config(); add one that "
            "takes the dict that get_config() returned."
        )
    if isinstance(inner, dict):
        inner = dialects.modern_arguments(cls.__name__, inner)
    _refuse_paths(cls, inner)
    try:
        return cls.from_config(inner)  # a list: Sequential, as Keras 1 wrote it
    except ConfigError:  # of something inside, which its own text says best
        raise
    except TypeError as error:
        raise ConfigError(
            f"{cls.__name__} could not be rebuilt from its config {_short(inner)}: {error}. Its "
            "get_config() must return exactly what its constructor takes."
        ) from error


def _refuse_nameless(kind: str, config: dict[str, Any]) -> None:
    """Of configs that say a module, which those of Keras 1 and 2 do not."""
    inner = config["config"]
    if kind == "Sequential" and "module" in config and isinstance(inner, dict):
        missing = {"name", "layers"} - set(inner)
        if missing:
            raise ValueError(
                "A Sequential model configuration must be a dictionary containing the "
                f"'name' and 'layers' keys; {sorted(missing)} are missing in {_short(inner)}."
            )


def _refuse_paths(cls: Any, inner: object) -> None:
    """A config cannot make a layer of ours, or one derived from it, read a file or address."""
    given = inner.get("vocabulary") if isinstance(inner, dict) else None
    own = any(
        base.__module__.split(".")[0] == "minikeras"
        and (base is cls or hasattr(base, "set_vocabulary"))
        for base in inspect.getmro(cls)
    )
    if own and functions.in_safe_mode() and isinstance(given, (str, os.PathLike)):
        raise ValueError(
            f"the config of {cls.__name__} names a file, vocabulary={str(given)[:100]!r}, "
            "which is refused: it could be any file. Pass safe_mode=False if you trust "
            "where it comes from." + see("security.md")
        )


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 600 else f"{text[:600]}..."


def _find(
    name: str, config: dict[str, Any], what: str, module_objects: dict[str, Any] | None
) -> Any:
    """The class or function a config names: registered, passed, or of this package."""
    for candidate in (config.get("registered_name"), name):
        if isinstance(candidate, str) and candidate != "function":
            found = get_registered_object(candidate, None, module_objects)
            if found is not None:
                return found
    if not isinstance(name, str):
        raise ConfigError(f"the config of a {what} has no name: {_short(config)}.")
    if what == "function":  # Keras 3.6 wrote a registered function's own name only
        found = registered_alone(name)
        if found is not None:
            return found
    module = str(config.get("module") or "")
    look = builtin.find_class if what == "class" else builtin.find_function
    found = look(module, str(name))
    if found is not None:
        _refuse_other(config, module, name)
        return found
    found = None if module else registered_alone(name)  # as `.h5` files name classes
    if found is not None:
        return found
    raise _not_found(what, name, module, module_objects)


def _not_found(
    what: str, name: str, module: str, module_objects: dict[str, Any] | None
) -> ConfigError:
    known = {*builtin.names_in(module), *current_objects(), *(module_objects or ())}
    close = naming.did_you_mean(name, [n for n in known if isinstance(n, str)])
    name, module = name[:_LONGEST_SHOWN], module[:_LONGEST_SHOWN]
    return ConfigError(
        f"could not locate {what} {name!r} (module {module!r}). "
        + (f"{close} If it is of your own, decorate" if close else "Decorate")
        + " it with @keras.saving.register_keras_serializable(), or pass it in "
        f"custom_objects={{{name!r}: {name}}}."
        + see("guides/saving.md#classes-of-your-own")
    )


def _refuse_other(config: dict[str, Any], module: str, name: str) -> None:
    """Something of this package does not stand in for what was registered elsewhere."""
    registered = config.get("registered_name")
    ours = module == "builtins" or module.startswith("keras.")
    ours = ours and not module.startswith("keras.src")
    if ours and registered not in (None, "", name, "function"):
        raise ValueError(
            f"the config of {name!r} (module {module!r}) has registered_name={registered!r}, "
            "which is not registered; expected it to be, or no registered_name, which "
            f"means {module}.{name}."
        )


def _array_form(inner: dict[str, Any], safe_mode: bool) -> np.ndarray[Any, Any]:
    kind = str(inner["dtype"])
    if kind.startswith(("str", "<U")):  # text, as long as it is
        return np.asarray(inner["value"], dtype=str)
    return np.asarray(
        inner["value"], dtype=dtypes.numpy_dtype(dtypes.standardize(kind))
    )


def _tensor_form(inner: dict[str, Any], safe_mode: bool) -> Tensor:
    return from_numpy(_array_form(inner, safe_mode), inner["dtype"])


def _symbolic_form(inner: dict[str, Any], safe_mode: bool) -> KerasTensor:
    return KerasTensor(tuple(inner["shape"]), inner["dtype"])


def _typespec_form(inner: object, safe_mode: bool) -> Any:
    raise ConfigError(
        f"the config holds a TypeSpec of TensorFlow, {_short(inner)}; expected an object "
        "of Keras. There are no TypeSpecs here."
    )


_SPECIAL = {
    "__typespec__": _typespec_form,
    "__numpy__": _array_form,
    "__tensor__": _tensor_form,
    "__keras_tensor__": _symbolic_form,
    "__bytes__": lambda inner, safe: inner["value"].encode("utf-8"),
    "__ellipsis__": lambda inner, safe: Ellipsis,
    "__slice__": lambda inner, safe: slice(
        *[deserialize_keras_object(inner[k]) for k in ("start", "stop", "step")]
    ),
    "__lambda__": lambda inner, safe: functions.load_lambda(inner, safe),
}


def tensors_in(structure: object) -> list[KerasTensor]:
    """The KerasTensors among the leaves of a structure."""
    return [leaf for leaf in tree.flatten(structure) if isinstance(leaf, KerasTensor)]
