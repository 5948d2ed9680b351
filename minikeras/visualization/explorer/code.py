"""The Keras code that makes a model: what its author may have written, ready to copy."""

from __future__ import annotations

import inspect
import json
import keyword
import re
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.engine.symbolic import KerasTensor
from minikeras.layers import InputLayer
from minikeras.layers.base.node import Node, OpCall
from minikeras.models import Functional, Sequential
from minikeras.naming import to_snake_case
from minikeras.saving import serialize_keras_object

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor
    from minikeras.layers.base.layer import Layer
    from minikeras.models.model import Model


_WIDTH = 88
_LEFT_OUT = ("batch_input_shape", "batch_shape", "build_config")
# Defaults of `compile`.
_COMPILED = {"run_eagerly": False, "steps_per_execution": 1, "jit_compile": "auto"}
_HEAD = "import keras\nfrom keras import layers, ops\n\n"


class Unwritable(Exception):
    """Something that code cannot make, such as an object of the author's."""


def model_code(model: Model) -> tuple[str, bool]:
    """Python source that makes an equal, untrained model, and whether it is all of it.

    Example:
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
        >>> print(model_code(model)[0])
        import keras
        from keras import layers, ops
        <BLANKLINE>
        model = keras.Sequential(
            [
                keras.Input((4,)),
                layers.Dense(2),
            ]
        )
        <BLANKLINE>
    """
    writer = _Writer()
    if type(model) is Sequential:
        text = writer.sequential(model, "model")
    elif isinstance(model, Functional):
        text = writer.functional(model, "model")
    else:
        name = type(model).__name__
        writer.missing.append(name)
        text = f"model = {name}(...)\n"
    text += writer.compiled(model)
    missing = list(dict.fromkeys(writer.missing))
    if missing:
        names = ", ".join(missing)
        text = (
            f"# Not made by Keras alone, and missing here: {_comment(names)}\n" + text
        )
    return _HEAD + text, not missing


def _comment(text: str) -> str:
    return re.sub(r"[^\w .,<>()-]", "?", text)


class _Writer:
    """Writes models and parts as expressions; notes what is missing."""

    def __init__(self) -> None:
        self.missing: list[str] = []
        self._used: set[str] = {"keras", "layers", "ops", "model"}

    # --- models

    def sequential(self, model: Sequential, target: str) -> str:
        lines = [
            f"        {self.start(t)},\n" for t in getattr(model, "inputs", None) or ()
        ]
        lines += [f"        {self.part(layer, 8)},\n" for layer in model.layers]
        name = self._model_name(model, "sequential")
        end = f"    ],\n    {name[2:]},\n)\n" if name else "    ]\n)\n"
        return f"{target} = keras.Sequential(\n    [\n{''.join(lines)}{end}"

    def functional(self, model: Functional, target: str) -> str:
        lines: list[str] = []
        names: dict[int, str] = {}
        calls: dict[int, int] = {}
        for node in model._nodes:
            calls[id(node.operation)] = calls.get(id(node.operation), 0) + 1
        shared: dict[int, str] = {}
        for node in model._nodes:
            if isinstance(node.operation, InputLayer):
                tensor = node.output_tensors[0]
                made = self._fresh(node.operation.name)
                names[id(tensor)] = made
                lines.append(f"{made} = {self.start(tensor)}\n")
                continue
            lines += self._call(node, names, shared, calls[id(node.operation)] > 1)
        ends = [self._tensors(s, names) for s in (model.input, model.output)]
        name = self._model_name(model, "functional")
        lines.append(f"{target} = keras.Model({ends[0]}, {ends[1]}{name})\n")
        return "".join(lines)

    def compiled(self, model: Model) -> str:
        """The call of `compile`; nothing where the model has none that code can write."""
        try:
            with warnings.catch_warnings():
                # A lambda of the author's would be told of as if it were to be saved.
                warnings.simplefilter("ignore", UserWarning)
                config = model.get_compile_config()
            words = [
                f"{key}={self.value(value)}"
                for key, value in (config or {}).items()
                if value != _COMPILED.get(key)
            ]
        except (Unwritable, NotImplementedError, AttributeError, TypeError, ValueError):
            self.missing.append("what it was compiled with")
            return ""
        line = f"model.compile({', '.join(words)})\n"
        if len(line) > _WIDTH:
            line = "model.compile(\n" + "".join(f"    {w},\n" for w in words) + ")\n"
        return line if words else ""

    def _call(
        self, node: Node, names: dict[int, str], shared: dict[int, str], often: bool
    ) -> list[str]:
        operation, lines = node.operation, []
        made = self._fresh(operation.name)
        given = [self._tensors(a, names) for a in node.args]
        given += [f"{k}={self._tensors(v, names)}" for k, v in node.kwargs.items()]
        if isinstance(operation, OpCall):
            callee = self._function(operation.function)
        elif isinstance(operation, (Functional, Sequential)):
            if id(operation) not in shared:
                inner = shared[id(operation)] = self._fresh(operation.name + "_model")
                write = (
                    self.sequential
                    if type(operation) is Sequential
                    else self.functional
                )
                lines.append(write(operation, inner))  # type: ignore[arg-type]  # one of the two by kind
            callee = shared[id(operation)]
        elif often:
            if id(operation) not in shared:
                inner = shared[id(operation)] = self._fresh(operation.name + "_layer")
                lines.append(f"{inner} = {self.part(operation, 0)}\n")
            callee = shared[id(operation)]
        else:
            callee = self.part(operation, 0)
        lines.append(f"{made} = {callee}({', '.join(given)})\n")
        single = isinstance(node.outputs, KerasTensor)
        for i, tensor in enumerate(node.output_tensors):
            names[id(tensor)] = made if single else f"{made}[{i}]"
        if isinstance(node.outputs, dict):
            for key, tensor in node.outputs.items():
                names[id(tensor)] = f"{made}[{key!r}]"
        return lines

    def _model_name(self, model: Model, plain: str) -> str:
        return (
            ""
            if re.fullmatch(rf"{plain}(_\d+)?", model.name)
            else f", name={_quoted(model.name)}"
        )

    def _fresh(self, name: str) -> str:
        """A name for a variable, like that of the layer."""
        made = re.sub(r"\W", "_", name, flags=re.ASCII).strip("_") or "x"
        if made[0].isdigit() or keyword.iskeyword(made):
            made = f"x_{made}"
        base, count = made, 1
        while made in self._used:
            count += 1
            made = f"{base}_{count}"
        self._used.add(made)
        return made

    def start(self, tensor: KerasTensor) -> str:
        """An input."""
        layer = tensor._keras_history.operation
        shape = tuple(tensor.shape)
        more = "" if shape[0] is None else f", batch_size={shape[0]}"
        if tensor.dtype != "float32":
            more += f", dtype={_quoted(str(tensor.dtype))}"
        if not re.fullmatch(r"(input|input_layer|keras_tensor)(_\d+)?", layer.name):
            more += f", name={_quoted(layer.name)}"
        return f"keras.Input({shape[1:]!r}{more})"

    # --- parts

    def part(self, layer: Layer, indent: int) -> str:
        """A layer as an expression."""
        if isinstance(layer, (Sequential, Functional)):
            self.missing.append(f"the model {layer.name} inside")
            return f"{type(layer).__name__}(...)"
        cls = type(layer)
        if not _ours(cls):
            self.missing.append(cls.__name__)
            return f"{cls.__name__}(...)"
        try:
            config = layer.get_config()
            return self.made(f"layers.{cls.__name__}", cls, config, indent)
        except (Unwritable, NotImplementedError, TypeError, ValueError) as error:
            self.missing.append(f"{cls.__name__} ({error})")
            return f"layers.{cls.__name__}(...)"

    def made(self, callee: str, cls: type, config: dict[str, Any], indent: int) -> str:
        """A call of a class with what differs from its defaults."""
        parameters = inspect.signature(cls.__init__).parameters  # type: ignore[misc]  # of a class, not of an instance
        needed = [
            p.name
            for p in list(parameters.values())[1:]
            if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD
        ]
        given = {key: config[key] for key in needed if key in config}
        usual = _config_of(cls, given)
        more = {
            key: value
            for key, value in config.items()
            if key not in given
            and key not in _LEFT_OUT
            and not (key in usual and _same(usual[key], value))
            and not (key == "name" and _is_automatic(cls, value))
        }
        # What follows from another argument, as strides from the size of a pool.
        follows = _config_of(cls, {**given, **more})
        for key, value in config.items():
            if (
                key in usual
                and key not in ("name", *given)
                and not _same(follows.get(key), value)
            ):
                more[key] = value
        more.update({"name": more.pop("name")} if "name" in more else {})  # comes last
        words = [self.value(value) for value in given.values()]
        words += [f"{key}={self.value(value)}" for key, value in more.items()]
        line = f"{callee}({', '.join(words)})"
        if len(line) + indent <= _WIDTH:
            return line
        pad = " " * (indent + 4)
        inner = "".join(f"{pad}{word},\n" for word in words)
        return f"{callee}(\n{inner}{' ' * indent})"

    def value(self, value: object) -> str:
        """A value of a config as an expression."""
        if isinstance(value, dict) and "class_name" in value:
            return self._object(value)
        if isinstance(value, (list, tuple)):
            if type(value) is tuple and len(value) > 1 and _all_alike(value):
                return repr(value[0])  # (3, 3) may be said as 3
            inner = ", ".join(self.value(v) for v in value)
            if isinstance(value, list):
                return f"[{inner}]"
            return f"({inner},)" if len(value) == 1 else f"({inner})"
        if isinstance(value, dict):
            pairs = (f"{k!r}: {self.value(v)}" for k, v in value.items())
            return "{" + ", ".join(pairs) + "}"
        if isinstance(value, str):
            return _quoted(value)
        if value is None or isinstance(value, (bool, int)):
            return repr(value)
        if isinstance(value, float):
            if not np.isfinite(value):
                return f"float({str(value)!r})"
            short = np.float32(value)  # 0.1, where a float32 is 0.10000000149011612
            return str(short) if float(short) == value else repr(value)
        if isinstance(value, np.generic):
            return self.value(value.item())
        if callable(value) or hasattr(value, "get_config"):
            return self.value(serialize_keras_object(value))
        raise Unwritable(f"a {type(value).__name__}")

    def _object(self, config: dict[str, Any]) -> str:
        """What a config with `class_name` stands for."""
        from minikeras.saving import deserialize_keras_object

        name, inner = config["class_name"], config.get("config") or {}
        if name == "DTypePolicy":
            return _quoted(inner["name"])
        module = str(config.get("module") or "")
        if name == "function" or not module.startswith("keras"):
            raise Unwritable(f"{name} of the author's")
        thing = deserialize_keras_object(config)
        if module.startswith("keras.layers"):
            return self.part(thing, 12)
        return self.made(f"{module}.{name}", type(thing), thing.get_config(), 12)

    def _tensors(self, value: object, names: dict[int, str]) -> str:
        if isinstance(value, KerasTensor):
            return names.get(id(value), "...")
        if isinstance(value, list):
            return "[" + ", ".join(self._tensors(v, names) for v in value) + "]"
        if isinstance(value, tuple):
            inner = ", ".join(self._tensors(v, names) for v in value)
            return f"({inner},)" if len(value) == 1 else f"({inner})"
        if isinstance(value, dict):
            pairs = (f"{k!r}: {self._tensors(v, names)}" for k, v in value.items())
            return "{" + ", ".join(pairs) + "}"
        try:
            return self.value(value)
        except (Unwritable, TypeError, ValueError):
            self.missing.append(f"an argument of type {type(value).__name__}")
            return "..."

    def _function(self, function: Callable[..., Any]) -> str:
        from minikeras import ops

        name = getattr(function, "__name__", "function")
        if getattr(ops, name, None) is not function:
            self.missing.append(f"the function {name}")
        return f"ops.{name}"


def _all_alike(value: tuple[Any, ...]) -> bool:
    return all(type(v) is int and v == value[0] for v in value)


def _quoted(text: str) -> str:
    """A text as Python writes it, in double quotes."""
    return json.dumps(text) if text.isprintable() and text.isascii() else repr(text)


def _ours(cls: type) -> bool:
    return cls.__module__.startswith("minikeras.layers") and cls.__name__ != "Lambda"


def _is_automatic(cls: type, name: object) -> bool:
    return bool(re.fullmatch(rf"{to_snake_case(cls.__name__)}(_\d+)?", str(name)))


def _config_of(cls: Any, given: dict[str, Any]) -> dict[str, Any]:
    """The config of one that is made of this alone; {} where that cannot be."""
    try:
        made: Any = cls.from_config(dict(given))
        found: dict[str, Any] = made.get_config()
        return found
    except Exception:  # nothing is usual then: all is written
        return {}


def _same(a: Any, b: Tensor) -> bool:
    try:
        return bool(a == b)
    except ValueError:
        return bool(np.array_equal(a, b))
