"""Sequential: a plain list of layers."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from minikeras import dtype_policies
from minikeras.engine import dtypes
from minikeras.engine.symbolic import KerasTensor
from minikeras.engine.tensor import TraceError
from minikeras.layers.base import masking
from minikeras.layers.base.call_info import shape_of
from minikeras.layers.base.describing import takes
from minikeras.layers.base.layer import Layer
from minikeras.layers.base.shapes import is_shape
from minikeras.layers.core.input_layer import InputLayer
from minikeras.models.functional import Functional
from minikeras.models.host_part import HostPart
from minikeras.models.model import Model
from minikeras.saving import dialects, serialization
from minikeras.types import PartialShape

if TYPE_CHECKING:
    from minikeras.types import ArrayLike, Nested


class Sequential(Model):
    """Layers, each called on what the one before it gave.

    With an input shape (a `keras.Input` first, or `input_shape=` in the first layer) the
    variables are made at once; else by the first call, or by `build`.

    Args:
        layers: List of layers.
        trainable: Whether training changes the variables.
        name: Name of the model.

    Raises:
        ValueError: If something in the list is no layer, or two have the same name.

    Example:

    >>> model = keras.Sequential()
    >>> model.add(keras.Input((16,)))
    >>> model.add(keras.layers.Dense(8, activation="relu"))
    >>> model.add(keras.layers.Dense(1))
    >>> model.output_shape, model.count_params()
    ((None, 1), 145)
    """

    _saved_first = "layers"
    _not_saved = ("_graph",)
    _graph: Any

    _converts_arguments = False
    _takes_plain_arguments = True

    def __init__(
        self,
        layers: Sequence[Layer | KerasTensor] | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        Layer.__init__(self, trainable=trainable, name=name)
        self.__dict__["_graph"] = None
        if isinstance(layers, Layer) or (
            layers is not None and not hasattr(layers, "__iter__")
        ):
            raise ValueError(
                f"{self._label()}: layers={layers!r}; expected a list of layers."
            )
        names: dict[str, Layer] = {}
        for layer in layers or ():
            self._append(layer, names)
        self._rebuild()

    # --- the list

    def add(self, layer: Layer | KerasTensor, rebuild: bool = True) -> None:
        """Put a layer at the end.

        Args:
            layer: A layer, or the tensor of `keras.Input` as the first.
            rebuild: Kept for Keras's signature.

        Raises:
            ValueError: If it is no layer, does not fit the one before it, or its name is
                taken; the model is as before then.
        """
        count = len(self._tracker.layers)
        self._append(layer, {known.name: known for known in self._tracker.layers})
        try:
            self._rebuild()
        except BaseException:
            del self._tracker.layers[count:]
            raise

    def pop(self, rebuild: bool = True) -> Layer:
        """Take the last layer off; the others keep their weights.

        Args:
            rebuild: Kept for Keras's signature.

        Returns:
            The layer.

        Raises:
            ValueError: If there is none.
        """
        if not self.layers:
            raise ValueError(f"{self._label()}: pop() with no layers left.")
        layer: Layer = self._tracker.layers.pop()
        self.__dict__["_graph"] = None
        self.__dict__["built"] = False
        self._rebuild()
        return layer

    def _append(self, layer: Layer | KerasTensor, names: dict[str, Layer]) -> None:
        """Put a layer at the end; `names` has the layers that are there, and gets it."""
        stored = self._tracker.layers
        if isinstance(layer, KerasTensor):
            layer = layer._keras_history.operation if layer._keras_history else layer
        if not isinstance(layer, Layer):
            raise ValueError(
                f"{self._label()}: got {layer!r} of type {type(layer).__name__}; expected a "
                "layer, such as keras.layers.Dense(10)."
            )
        if names.setdefault(layer.name, layer) is not layer:
            raise ValueError(
                f"{self._label()}: it already has a layer named {layer.name!r}; names must be "
                "unique. Give one of them another name=."
            )
        if isinstance(layer, InputLayer):
            if stored:
                raise ValueError(
                    f"{self._label()}: an Input comes first, before {stored[0].name!r}."
                )
        elif not stored:
            shape = _first_shape(layer)
            if shape is not None:
                first = InputLayer(batch_shape=shape, dtype=_data_dtype(layer))
                names[first.name] = first
                stored.append(first)
        stored.append(layer)
        if not self.trainable:
            layer.trainable = False

    # --- building

    def _rebuild(self) -> None:
        """Connect the layers, if the input's shape is known."""
        stored = self._tracker.layers
        if len(stored) > 1 and isinstance(stored[0], InputLayer):
            try:
                self._join()
            except NotImplementedError:  # a layer that does not say its shape
                self.__dict__["_graph"] = None
                self.__dict__["built"] = False
        elif not stored or isinstance(stored[0], InputLayer):
            self.__dict__["built"] = False

    def build(self, input_shape: PartialShape | None = None) -> None:
        """Make the variables for inputs of a shape.

        Args:
            input_shape: Shape with the batch axis, None where unknown.

        Raises:
            ValueError: If it is no shape, there are no layers, or the model was built for
                another shape.
        """
        stored = self._tracker.layers
        if self._graph is None and stored and isinstance(stored[0], InputLayer):
            return  # its shapes are not known before it runs
        if stored and isinstance(stored[0], InputLayer):
            have = stored[0].batch_shape
            if input_shape is not None and tuple(input_shape)[1:] != have[1:]:
                raise ValueError(
                    f"{self._label()}: it is built for inputs of shape {have}; got "
                    f"{tuple(input_shape)}."
                )
            return
        if not is_shape(input_shape):
            raise ValueError(
                f"{self._label()}: build({input_shape!r}); expected one shape with the batch "
                "axis, such as (None, 784)."
            )
        if not stored:
            raise ValueError(
                f"{self._label()}: it has no layers to build. Add some with `model.add()`."
            )
        first = InputLayer(batch_shape=input_shape, dtype=_data_dtype(stored[0]))
        stored.insert(0, first)
        try:
            self._join()
        except (TraceError, NotImplementedError):
            # A layer that looks at values, or does not say its shape: it runs, but its
            # shapes are not known before.
            stored.pop(0)
        except BaseException:
            stored.pop(0)
            raise

    def _join(self) -> None:
        """Call the layers one after the other, symbolically; earlier calls are kept."""
        stored = self._tracker.layers
        graph = self._graph
        start = stored[0]._inbound_nodes[0].outputs
        reached, x = 1, start
        if graph is not None and graph.inputs[0] is start:
            reached, x = self.__dict__["_joined"], graph.output
        marks = {layer: len(layer._inbound_nodes) for layer in stored[reached:]}
        try:
            with self._scopes():
                for layer in stored[reached:]:
                    x = layer(x)
            made = Functional(start, x, name=self.name) if x is not start else None
        except BaseException:
            for layer, count in marks.items():
                del layer._inbound_nodes[count:]
            raise
        if made is not None:
            made.__dict__["_shown_as"] = self._label()  # in its errors
            made.__dict__["_open_sizes"] = True
        self.__dict__["_graph"], self.__dict__["_joined"] = made, len(stored)
        self.__dict__["built"] = True

    def _maybe_build(
        self, info: object, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        if self.built:
            return
        shape: Any = shape_of(args[0]) if args else None
        if is_shape(shape):
            self.build((None, *shape[1:]))
        if not self.built and self._graph is None:
            self.__dict__["built"] = bool(self.layers)

    def _has_build(self) -> bool:
        return True

    # --- running

    def call(
        self,
        inputs: object,
        training: bool | None = None,
        mask: Nested[ArrayLike] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Run the layers in order.

        Args:
            inputs: Data `(batch, ...)`.
            training: Flag for the layers.
            mask: Mask of the inputs.
            **kwargs: Taken and ignored, as Keras does.
        """
        graph = self._graph
        if graph is not None:
            return graph.call(inputs, training=training, mask=mask)
        if not self.layers:
            raise ValueError(
                f"{self._label()}: it has no layers. Add some with `model.add()`."
            )
        for layer in self.layers:
            inputs = layer(inputs)
        return inputs

    @property
    def _host_part(self) -> HostPart | None:
        """How the graph is cut, if something in it runs on the host."""
        graph = self._graph
        if graph is None or type(self).call is not Sequential.call:
            return None
        part: HostPart | None = graph._host_part
        return part

    def _before_step(self, x: object, training: bool) -> Any:
        shape: Any = shape_of(x)
        if not self.built and self._runs_on_host() and is_shape(shape):
            self.build((None, *shape[1:]))
        return x if self._host_part is None else self._graph._before_step(x, training)

    @masking.passive
    def compute_mask(
        self, inputs: Nested[KerasTensor], previous_mask: ArrayLike
    ) -> Any:
        """The mask that the output carries; set while running."""
        return None

    # --- what is known of it

    @property
    def layers(self) -> list[Layer]:
        """The layers, without the input layer."""
        stored = self._tracker.layers
        return (
            stored[1:] if stored and isinstance(stored[0], InputLayer) else list(stored)
        )

    @layers.setter
    def layers(self, value: object) -> None:
        raise AttributeError(
            f"{self._label()}: `layers` cannot be set; use add() and pop()."
        )

    def _connected(self, wanted: str) -> Functional:
        if self._graph is None:
            raise AttributeError(
                f"{self._label()} has no {wanted} yet: the input's shape is not known. Put a "
                "keras.Input first, or call model.build(input_shape)."
            )
        graph: Functional = self._graph
        return graph

    @property
    def inputs(self) -> list[KerasTensor]:
        """The input tensor, in a list."""
        return self._connected("inputs").inputs

    @property
    def outputs(self) -> list[KerasTensor]:
        """The output tensor, in a list."""
        return self._connected("outputs").outputs

    @property
    def input(self) -> Any:
        """The input tensor."""
        return self._connected("input").input

    @property
    def output(self) -> Any:
        """The output tensor."""
        return self._connected("output").output

    @property
    def input_shape(self) -> Any:
        """The shape of the input."""
        return self._connected("input_shape").input_shape

    @property
    def output_shape(self) -> Any:
        """The shape of the output."""
        return self._connected("output_shape").output_shape

    @property
    def input_names(self) -> list[str] | None:
        """The name of the input, in a list; None before it is known."""
        return None if self._graph is None else self._graph.input_names

    @property
    def output_names(self) -> list[str] | None:
        """The name of the last layer, in a list; None before the model is connected."""
        return None if self._graph is None else self._graph.output_names

    def compute_output_shape(self, input_shape: PartialShape) -> tuple[int | None, ...]:
        """The output's shape for an input of this shape."""
        for layer in self.layers:
            input_shape = layer.compute_output_shape(input_shape)
        return input_shape

    # --- describing

    def get_config(self) -> dict[str, Any]:
        """The layers' configs, and the input's shape if it is known."""
        config: dict[str, Any] = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": dtype_policies.serialize(self.__dict__["_dtype_policy"]),
            "layers": [
                serialization.serialize_keras_object(layer)
                for layer in self._tracker.layers
            ],
        }
        if self._graph is not None:
            config["build_input_shape"] = self._tracker.layers[0].batch_shape
        return config

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        """The model that `get_config` described, with fresh weights."""
        if isinstance(config, list):  # the form of Keras 1
            config = {"layers": config}
        if "layers" not in config:
            raise ValueError(
                f"{cls.__name__}.from_config: the config has {sorted(config)}; expected "
                "'name' and 'layers' among them."
            )
        own = own_arguments(cls, config)
        if takes(cls, "name"):
            own["name"] = config.get("name")
        model = cls(**own)
        if config.get("dtype") is not None:
            model.dtype_policy = config["dtype"]
        deserialize = serialization.deserialize_keras_object
        layers = config["layers"]
        if model.layers:  # made by the `__init__` of a subclass
            layers = [c for c in layers if c.get("class_name") != "InputLayer"]
            layers = layers[len(model.layers) :]
        with (
            dialects.one_note(),
            model._scopes(),
        ):  # layers that come built are part of this model's paths
            made: dict[Any, Layer] = {}  # names are unique: the same one is one layer
            names = {known.name: known for known in model._tracker.layers}
            for layer in layers:
                name = layer.get("config", {}).get("name")
                if name is None or name not in made:
                    made[name] = deserialize(layer, custom_objects=custom_objects)
                model._append(made[name], names)
        model._rebuild()
        shape = config.get("build_input_shape")
        if (
            not model.built
            and model.layers
            and shape is not None
            and is_shape(list(shape))
        ):
            model.build(tuple(shape))
        if config.get("trainable") is False:
            model.trainable = False
        return model

    def get_build_config(self) -> dict[str, Any] | None:
        """The batch shape it was built with, or None."""
        if self._graph is None:
            return None
        return {"input_shape": self._tracker.layers[0].batch_shape}

    def build_from_config(self, config: dict[str, Any] | None) -> None:
        """Build with the shape of `get_build_config`, unless the layers were enough."""
        shape = (config or {}).get("input_shape")
        if shape is not None and not self.built:
            self.build(tuple(shape))

    def __getstate__(self) -> dict[str, Any]:
        fields = super().__getstate__()
        connected = fields.pop("_graph") is not None
        return {**fields, "_graph": None, "_was_connected": connected}

    def __setstate__(self, fields: dict[str, Any]) -> None:
        fields = dict(fields)
        connected = fields.pop("_was_connected")
        self.__dict__.update(fields)
        if connected:
            self._join()


_OF_LIST = ("name", "trainable", "dtype", "layers", "build_input_shape")


def own_arguments(kind: type, config: dict[str, Any]) -> dict[str, Any]:
    """What a config has for arguments that a subclass's `__init__` names beside the list."""
    names = inspect.signature(kind.__init__).parameters  # type: ignore[misc]  # only read
    return {k: config[k] for k in names if k in config and k not in _OF_LIST}


def of_layers(kind: Any, layers: list[Any], config: dict[str, Any]) -> Sequential:
    """A model of these layers, of the class if its `__init__` takes them, else a plain one."""
    parameters = inspect.signature(kind.__init__).parameters
    kinds = [p.kind for p in parameters.values()]
    takes_list = "layers" in parameters or inspect.Parameter.VAR_POSITIONAL in kinds
    if not (takes_list and takes(kind, "name")):
        kind = Sequential
    own = own_arguments(kind, config)
    made: Sequential = kind(layers, name=config["name"], **own)
    return made


def _first_shape(layer: Layer) -> Any:
    """The batch shape that a first layer asks for, or None."""
    if isinstance(layer, Functional):
        return layer.input_shape if len(layer.inputs) == 1 else None
    if isinstance(layer, Sequential):
        return None if layer._graph is None else layer.input_shape
    return layer.__dict__.get("_batch_shape")


def _data_dtype(layer: Layer) -> str:
    """The dtype of the data for a first layer."""
    if isinstance(layer, (Functional, Sequential)) and getattr(layer, "inputs", None):
        return str(layer.inputs[0].dtype)
    on_host = getattr(layer, "_data_dtype", None)
    if on_host is not None:  # such as a layer of text
        return str(on_host)
    wanted = layer.compute_dtype
    return wanted if dtypes.is_float(wanted) else dtypes.floatx()
