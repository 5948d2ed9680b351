"""How a layer describes itself: configs, the shapes it was built with."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, Self

from minikeras import dtype_policies, regularizers
from minikeras.layers.base.building import as_tuples, is_plain
from minikeras.saving import dialects


def init_config(thing: Any, known: dict[str, Any]) -> dict[str, Any]:
    """The arguments that a layer or operation was made with, without those known.

    Defaults are among them, which may be others when it is made again.

    Raises:
        NotImplementedError: If a config cannot hold one of them.
    """
    args, kwargs = thing._init_arguments
    signature = inspect.signature(type(thing).__init__)
    bound = signature.bind(thing, *args, **kwargs)
    given = set(bound.arguments)
    bound.apply_defaults()
    found: dict[str, Any] = {}
    for key, value in list(bound.arguments.items())[1:]:
        kind = signature.parameters[key].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            found.update(value)
        elif kind is inspect.Parameter.VAR_POSITIONAL:
            if value:
                raise NotImplementedError(
                    f"{thing._label()} takes *{key}; define get_config() and from_config()."
                )
        elif key in given or is_plain(value):
            found[key] = value
    own = {key: value for key, value in found.items() if key not in known}
    for key, value in own.items():
        if not is_plain(value):
            raise NotImplementedError(
                f"{thing._label()}: it was made with {key}={value!r}, which a config "
                "cannot hold; define get_config() (and from_config() to undo it)."
            )
    return own


def _as_argument(policy: dict[str, Any]) -> Any:
    """A described policy as users write it: its name, where that says it all."""
    found = dtype_policies.deserialize(policy)
    return found.name if type(found) is dtype_policies.DTypePolicy else found


@functools.lru_cache(1_024)
def _signature(function: Any) -> inspect.Signature:
    return inspect.signature(function)


@functools.lru_cache(1_024)
def _keywords(function: Any) -> tuple[frozenset[str], frozenset[str], bool]:
    """Arguments that may be given by name, those that must be, and whether any other may."""
    kinds = inspect.Parameter
    parameters = _signature(function).parameters.values()
    named = (kinds.POSITIONAL_OR_KEYWORD, kinds.KEYWORD_ONLY)
    variable = (kinds.VAR_POSITIONAL, kinds.VAR_KEYWORD)
    must = [p for p in parameters if p.default is p.empty and p.kind not in variable]
    return (
        frozenset(p.name for p in parameters if p.kind in named),
        frozenset(p.name for p in must),
        any(p.kind is kinds.VAR_KEYWORD for p in parameters),
    )


def takes(kind: type, argument: str) -> bool:
    """Whether the constructor of a class takes an argument of this name."""
    parameters = inspect.signature(kind.__init__).parameters  # type: ignore[misc]  # only read
    return argument in parameters or any(
        p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()
    )


def check_complete(kind: type, config: dict[str, Any]) -> None:
    """Refuse a config that lacks an argument of the constructor, or has one too many."""
    may, must, any_other = _keywords(kind)
    if must <= may and must <= config.keys() and (any_other or config.keys() <= may):
        return
    try:
        _signature(kind).bind(**config)
    except TypeError as error:
        raise TypeError(
            f"{kind.__name__}.from_config: {error}; the config has {sorted(config)}. "
            f"{kind.__name__}.get_config is to return every argument of __init__."
        ) from error


class LayerDescription:
    """The part of `Layer` that turns it into a config, and back."""

    if TYPE_CHECKING:
        name: str
        trainable: bool
        activity_regularizer: Any
        build: Any
        built: bool
        _build_shapes: dict[str, Any] | None
        _describes_itself_by_init: Any
        _has_build: Any
        _parts_to_build: Any

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal, unbuilt layer.

        A class with arguments of its own adds them to what this returns. Without a
        `get_config` the arguments it was made with are used, if they are plain.
        """
        config: dict[str, Any] = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": dtype_policies.serialize(self.__dict__["_dtype_policy"]),
        }
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = regularizers.serialize(
                self.activity_regularizer
            )
        if self._describes_itself_by_init():
            config.update(init_config(self, config))
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The layer that `get_config` described, or that of an older Keras."""
        config = dict(dialects.modern_arguments(cls.__name__, config))
        dtype = config.get("dtype")
        if isinstance(dtype, dict) and "class_name" in dtype:
            config["dtype"] = _as_argument(dtype)
        parameters = _signature(cls.__init__).parameters
        later = {}
        if not _keywords(cls.__init__)[2]:
            common = ("name", "trainable", "dtype")
            later = {
                k: config.pop(k) for k in common if k in config and k not in parameters
            }
        check_complete(cls, config)
        layer: Any = cls(**config)
        if "name" in later:
            layer.name = later["name"]
        if "dtype" in later:
            layer.dtype_policy = later["dtype"]
        if later.get("trainable") is False:
            layer.trainable = False
        return layer

    def get_build_config(self) -> dict[str, Any] | None:
        """The shapes the layer was built with, or None."""
        shapes = self._build_shapes
        if shapes is None:
            return None
        if len(shapes) == 1:
            return {"input_shape": next(iter(shapes.values()))}
        return {"shapes_dict": shapes}

    def _builds_without(self, config: dict[str, Any]) -> bool:
        """Whether it was built without a shape, as tables of a known size are."""
        if "shapes_dict" not in config or self.built:
            return False
        parameters = inspect.signature(self.build).parameters.values()
        return all(p.default is not p.empty for p in parameters)

    def build_from_config(self, config: dict[str, Any] | None) -> None:
        """Build with the shapes of `get_build_config`; None builds nothing."""
        if not config or (not self._has_build() and self._parts_to_build()):
            return  # a call makes them
        if config.get("input_shape") is not None:
            self.build(as_tuples(config["input_shape"]))
        elif config.get("shapes_dict") or self._builds_without(config):
            self.build(**{k: as_tuples(v) for k, v in config["shapes_dict"].items()})
