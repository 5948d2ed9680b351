"""What the signatures of a layer's `call` and `build` say, worked out once per function."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from minikeras.engine.aval import Unknown
from minikeras.engine.symbolic import KerasTensor
from minikeras.engine.tensor import Tensor


class CallInfo:
    """The parameters of a `call` method.

    Attributes:
        names: Parameters that may be given by position, without `self`.
        known: All named parameters.
        open_ended: Whether there is a `**kwargs`.
        training_default: The default of `training`, None without one.
    """

    def __init__(self, call: Callable[..., Any]) -> None:
        parameters = list(inspect.signature(call).parameters.values())[1:]
        by_position = (
            inspect.Parameter.POSITIONAL_ONLY,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
        )
        self.names = [p.name for p in parameters if p.kind in by_position]
        variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        self.known = {p.name for p in parameters if p.kind not in variable}
        self.open_ended = any(
            p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters
        )
        self.takes_training = "training" in self.known
        self.takes_masks = any(n == "mask" or n.endswith("_mask") for n in self.known)
        defaults = {p.name: p.default for p in parameters}
        default = defaults.get("training")
        self.training_default = default if isinstance(default, bool) else None

    def tensors(
        self,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        wanted: tuple[str, ...] = (),
    ) -> dict[str, Any]:
        """The arguments that hold tensors, by name; masks only if their shape is wanted."""
        found = dict(zip(self.names, args))
        for i, extra in enumerate(args[len(self.names) :]):
            found[f"arg_{i}"] = extra
        found.update(kwargs)
        return {
            name: value
            for name, value in found.items()
            if (not is_mask(name) or f"{name}_shape" in wanted) and holds_tensor(value)
        }


def is_mask(name: str) -> bool:
    """Whether an argument of this name takes a mask."""
    return name == "mask" or name.endswith("_mask")


@functools.cache
def call_info(call: Callable[..., Any]) -> CallInfo:
    """The `CallInfo` of a class's `call`."""
    return CallInfo(call)


@functools.cache
def build_names(build: Callable[..., Any]) -> tuple[tuple[str, ...], bool]:
    """The parameters of a `build` without `self`, and whether it takes `**kwargs`."""
    parameters = list(inspect.signature(build).parameters.values())[1:]
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    names = tuple(p.name for p in parameters if p.kind not in variable)
    return names, any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters)


def missing_shapes(
    build: Callable[..., Any], found: dict[str, Any], info: CallInfo, label: str
) -> dict[str, None]:
    """None for the shapes a `build` must have of arguments that this call did without.

    Raises:
        ValueError: If a parameter of `build` can be the shape of no argument of `call`.
    """
    absent: dict[str, None] = {}
    for p in list(inspect.signature(build).parameters.values())[1:]:
        variable = p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        if variable or p.default is not p.empty or p.name in found:
            continue
        argument = p.name.removesuffix("_shape")
        if argument == p.name:
            raise ValueError(
                f"{label}: build() has the argument `{p.name}`, which does not end in "
                "`_shape`; expected `<argument>_shape` for arguments of call(). Give it "
                "that name, or a default."
            )
        if argument not in info.known:
            raise ValueError(
                f"{label}: build() has the argument `{p.name}`, but `call()` does not have "
                f"argument `{argument}`; expected one of "
                f"{[f'{n}_shape' for n in info.names]}."
            )
        absent[p.name] = None
    return absent


@functools.cache
def _passes_on(build: Callable[..., Any]) -> bool:
    """Whether a `build` takes `*args`, as one that hands them to another does."""
    parameters = inspect.signature(build).parameters.values()
    return any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters)


def holds_tensor(value: object) -> bool:
    """Whether a Tensor or KerasTensor is anywhere in `value`."""
    if isinstance(value, (Tensor, KerasTensor)):
        return True
    if isinstance(value, (list, tuple)):
        return any(holds_tensor(v) for v in value)
    return isinstance(value, dict) and any(holds_tensor(v) for v in value.values())


@functools.cache
def _named_parameters(function: Callable[..., Any]) -> tuple[frozenset[str], bool]:
    parameters = inspect.signature(function).parameters.values()
    named = frozenset(p.name for p in parameters)
    return named, any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters)


def accepted(function: Callable[..., Any], options: dict[str, Any]) -> dict[str, Any]:
    """Those of the options that a function has parameters for."""
    named, open_ended = _named_parameters(function)
    return options if open_ended else {k: v for k, v in options.items() if k in named}


def shape_of(value: object) -> Any:
    """The shapes of the tensors in `value`, in its structure; unknown sizes are None."""
    if isinstance(value, dict):
        return {key: shape_of(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [shape_of(v) for v in value]
    shape = getattr(value, "shape", None)
    if shape is None:
        return None
    return tuple(None if isinstance(d, Unknown) or d is None else int(d) for d in shape)


def build_arguments(
    build: Callable[..., Any], tensors: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What to call a `build` with, given the tensor arguments of the call."""
    names, open_ended = build_names(build)
    shapes = {f"{name}_shape": shape_of(v) for name, v in tensors.items()}
    if not shapes:
        return ((None,) if names else ()), {}
    one = len(shapes) == 1 and _passes_on(build)
    if one or (len(names) == 1 and not open_ended):
        return (next(iter(shapes.values())),), {}
    if open_ended:
        return (), shapes
    by_name = {name: shapes[name] for name in names if name in shapes}
    if by_name:
        return (), by_name
    return tuple(shapes.values())[: len(names)], {}
