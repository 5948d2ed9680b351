"""Layer: the class that all layers and models derive from.

It is put together from what a layer holds (`LayerVariables`), how it is called
(`LayerCalls`), how it describes itself (`LayerDescription`) and, here, its life.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self, Unpack

import numpy as np

from minikeras import dtype_policies, naming, regularizers
from minikeras.budget import count_layer
from minikeras.engine.warn import warn_user
from minikeras.layers.base import declaring, stateless
from minikeras.layers.base.building import batch_shape, bookkept
from minikeras.layers.base.calling import LayerCalls
from minikeras.layers.base.card import layer_card
from minikeras.layers.base.describing import LayerDescription
from minikeras.layers.base.keywords import ShapeOptions
from minikeras.layers.base.masking import passive
from minikeras.layers.base.node import Operation
from minikeras.layers.base.quantizing import refuse_to_quantize
from minikeras.layers.base.shapes import shapes_to_tensors, tensors_to_shapes
from minikeras.layers.base.tracker import Tracker
from minikeras.layers.base.variables import LayerVariables
from minikeras.scopes import remat
from minikeras.types import Identifier, PartialShape, PolicyLike

if TYPE_CHECKING:
    from minikeras.types import ArrayLike


_LOCKED = (
    "layer {!r} ({}) is built, so no variables or layers can be added to it. Make them in "
    "__init__() or build()."
)
_SHAPE_ARGUMENTS = ("input_shape", "batch_input_shape", "input_dim", "batch_size")


class Layer(LayerCalls, LayerVariables, LayerDescription, Operation):
    """A function with state: `call` computes, variables made in `build` are learnt.

    Subclass it: make options in `__init__`, variables in `build(input_shape)` with
    `add_weight`, and compute in `call(inputs)` with `minikeras.ops`.

    Args:
        activity_regularizer: Penalty on the output, added to the losses.
        trainable: Whether training changes the variables.
        dtype: Dtype or dtype policy, e.g. `"mixed_float16"`; default the global one.
        autocast: Whether float inputs are cast to the compute dtype.
        name: Default: the class's name in snake case, numbered.

    Raises:
        ValueError: If an argument is unknown.

    >>> class Scale(keras.layers.Layer):
    ...     def build(self, input_shape):
    ...         self.factor = self.add_weight(shape=input_shape[-1:], initializer="ones")
    ...     def call(self, inputs):
    ...         return inputs * self.factor
    >>> layer = Scale()
    >>> layer(np.ones((2, 3))).shape, layer.count_params()
    ((2, 3), 3)
    """

    _tracked_as = "layers"
    # For `saving.walk`: saved part by part, but for these fields of bookkeeping.
    _saved_in_parts = True
    _not_saved: tuple[str, ...] = (
        "_init_arguments", "_tracker", "_losses", "_inbound_nodes", "_build_shapes",
    )  # fmt: skip
    _more_arguments: tuple[str, ...] = ()  # that no signature names
    supports_masking = False
    _modes: ClassVar[tuple[str, ...]] = ()  # that its weights can be quantized in
    _kept_as: str | None = None  # the one that they are quantized in

    def __new__(cls, *args: object, **kwargs: object) -> Self:
        layer = super().__new__(cls)
        fields = layer.__dict__
        fields["_tracker"] = Tracker()
        fields["_losses"] = []
        fields["_called"] = False
        fields["_building"] = False
        fields["_parent_path"] = None
        fields["_trainable"] = True
        fields["_build_shapes"] = None
        if cls._describes_itself_by_init():
            fields["_init_arguments"] = (args, kwargs)
        return layer

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in cls.__dict__:
            cls.build = bookkept(cls.__dict__["build"])  # type: ignore[method-assign]  # wrapped once for each class
        if "compute_mask" in cls.__dict__ and "supports_masking" not in cls.__dict__:
            cls.supports_masking = True

    def __init__(
        self,
        *,
        activity_regularizer: Identifier = None,
        trainable: bool = True,
        dtype: PolicyLike | None = None,
        autocast: bool = True,
        name: str | None = None,
        **kwargs: Unpack[ShapeOptions],
    ) -> None:
        count_layer()
        rest: dict[str, Any] = dict(kwargs)
        shape_arguments = {k: rest.pop(k) for k in _SHAPE_ARGUMENTS if k in rest}
        if rest:
            raise ValueError(
                naming.unknown_arguments(type(self), rest, self._more_arguments)
            )
        if not isinstance(trainable, (bool, np.bool_)):
            raise ValueError(
                f"{type(self).__name__}: trainable={trainable!r} of type "
                f"{type(trainable).__name__}; expected a bool."
            )
        self.name = naming.auto_name(type(self).__name__) if name is None else name
        naming.check_name(self.name, type(self).__name__)
        self.built = False
        self.autocast = bool(autocast)
        self.input_spec = None
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.dtype_policy = dtype_policies.get(dtype)
        self.__dict__["_trainable"] = bool(trainable)
        self.__dict__["_batch_shape"] = batch_shape(shape_arguments)

    # --- attributes

    def __setattr__(self, name: str, value: object) -> None:
        tracker = self.__dict__["_tracker"]
        object.__setattr__(self, name, tracker.track(value))

    def __delattr__(self, name: str) -> None:
        value = self.__dict__.get(name)
        object.__delattr__(self, name)
        self._tracker.untrack(value)

    @property
    def dtype_policy(self) -> dtype_policies.DTypePolicy:
        """The layer's dtype policy; out of a map, that of its path."""
        policy: Any = self.__dict__["_dtype_policy"]
        if isinstance(policy, dtype_policies.DTypePolicyMap):
            policy = policy[self._full_path()]
        found: dtype_policies.DTypePolicy = policy
        return found

    @dtype_policy.setter
    def dtype_policy(self, value: object) -> None:
        policy: Any = dtype_policies.get(value)
        held: Any = self.__dict__.get("_dtype_policy")
        whole = not isinstance(held, dtype_policies.DTypePolicyMap)
        if whole or isinstance(policy, dtype_policies.DTypePolicyMap):
            self.__dict__["_dtype_policy"] = policy
        else:
            path = self._full_path()  # a map keeps the policy of each of its layers
            if path in held:
                del held[path]
            held[path] = policy
        if policy.quantization_mode is not None:
            self._follow_policy(policy)

    def _follow_policy(self, policy: dtype_policies.DTypePolicy) -> None:
        """What a built layer does that is given a quantized policy; most do nothing."""

    def _full_path(self) -> str:
        """The path; before it is known, as it would be if built now."""
        known = self._parent_path is not None
        return self.path if known else naming.scoped(self.name)

    @property
    def dtype(self) -> str:
        """The dtype of the variables."""
        return self.dtype_policy.variable_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype of the variables."""
        return self.dtype_policy.variable_dtype

    @property
    def compute_dtype(self) -> str:
        """The dtype that the policy computes in."""
        return self.dtype_policy.compute_dtype

    @property
    def input_dtype(self) -> str:
        """The dtype that float inputs are cast to."""
        return self.dtype_policy.compute_dtype

    @property
    def quantization_mode(self) -> str | None:
        """How the policy says that weights are quantized; None: they are not."""
        return self.dtype_policy.quantization_mode

    def quantize(
        self, mode: str | None = None, type_check: bool = True, config: object = None
    ) -> None:
        """Keep weights in fewer bits; layers that can have a method of their own.

        Args:
            mode: `"int8"`, `"int4"` or `"float8"`.
            type_check: Whether subclasses of layers that can refuse.
            config: A `keras.quantizers.QuantizationConfig`.

        Raises:
            NotImplementedError: Here always: the layer has no such weights.
        """
        refuse_to_quantize(self._label(), mode)

    def quantized_build(self, input_shape: PartialShape, mode: str) -> None:
        """Make the variables of a quantized layer; layers that can have their own.

        Args:
            input_shape: Shape of the weight.
            mode: As in `quantize`.

        Raises:
            NotImplementedError: Here always.
        """
        refuse_to_quantize(self._label(), mode)

    @property
    def _run_dtype(self) -> str:
        policy = self.__dict__["_dtype_policy"]
        if type(policy) is not dtype_policies.DTypePolicy:
            policy = self.dtype_policy
        compute: str = policy.compute_dtype
        return compute if compute == policy.variable_dtype else policy.run_dtype

    @property
    def path(self) -> str:
        """Where the layer is, e.g. `"sequential/dense"`."""
        return f"{self._parent_path}/{self.name}" if self._parent_path else self.name

    @property
    def supports_jit(self) -> bool:
        """True: calls that cannot be compiled fall back to Python by themselves."""
        return True

    @property
    def call_signature_parameters(self) -> list[str]:
        """The names of `call`'s parameters."""
        return list(inspect.signature(type(self).call).parameters)[1:]

    def rematerialized_call(
        self, layer_call: Callable[..., Any], *args: object, **kwargs: object
    ) -> Callable[..., Any]:
        """`layer_call` as `RematScope` would have it; see there: it is not changed.

        Args:
            layer_call: The layer's `call`, or what stands for it.
            *args: What it will be called with.
            **kwargs: The same.
        """
        return remat(layer_call)

    # --- building and calling

    def build(self, input_shape: PartialShape) -> None:
        """Make the variables, given the input's shape; called on the first call.

        Args:
            input_shape: Tuple with None for unknown sizes, or a structure of them.
        """
        if not self._has_build():
            if self._parts_to_build():
                warn_user(
                    f"{self._label()}: build() was called, but its class defines none, so "
                    "the layers inside stay unbuilt. Define build(), or call the layer."
                )
            self.__dict__["_build_shapes"] = {"input_shape": input_shape}
        self.built = True

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """What the layer computes; every subclass has its own.

        Raises:
            NotImplementedError: If the class defines none.
        """
        raise NotImplementedError(
            f"{self._label()} has no call() method; define `def call(self, inputs): ...`."
        )

    @classmethod
    def _overrides(cls, method: str) -> bool:
        """Whether a class below Layer defines `method`."""
        return getattr(cls, method) is not getattr(Layer, method)

    def _mixes_samples(self, training: bool | None) -> bool:
        """Whether a sample's result may depend on others of the batch, or on past calls."""
        return True

    def _has_build(self) -> bool:
        return self._overrides("build")

    def _build_at_init(self) -> None:
        """Count as built from the start, unless a subclass has a `build` of its own."""
        if not self._has_build():
            self.built = True

    def _parts_to_build(self) -> bool:
        """Whether a layer inside is not built yet."""
        return not all(part.built for part in self._flatten_layers(include_self=False))

    def _lock_state(self) -> None:
        self._tracker.lock(_LOCKED.format(self.name, type(self).__name__))

    @passive
    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The mask of the output; by default that of the input."""
        return previous_mask

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """What a call on these KerasTensors would return, as KerasTensors."""
        layer = self if self.built else self._twin()
        return layer._shaped(args, kwargs)

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """The output's shape for inputs of these shapes; an unbuilt layer stays so.

        Args:
            *args: Shapes, or structures of them, as `call` takes tensors.
            **kwargs: The same by keyword, with or without `_shape` at the end.
        """
        tensors = [shapes_to_tensors(shape, self._run_dtype) for shape in args]
        named: dict[str, Any] = {
            key.removesuffix("_shape"): shapes_to_tensors(shape, self._run_dtype)
            for key, shape in kwargs.items()
        }
        if set(named) == {"input"}:
            tensors, named = [named["input"]], {}
        if declaring.by_user(type(self), "compute_output_shape"):
            layer = self if self.built else self._twin()  # super() inside of that
            return tensors_to_shapes(layer._traced(tuple(tensors), named))
        return tensors_to_shapes(self.compute_output_spec(*tensors, **named))

    def _twin(self) -> Layer:
        """An unbuilt layer of equal configuration, to try shapes on."""
        with naming.kept_counts():
            return type(self).from_config(self.get_config())

    def symbolic_call(self, *args: object, **kwargs: object) -> Any:
        """Call on KerasTensors: builds the layer and records a node."""
        return self._symbolic_call(args, kwargs)

    def stateless_call(
        self,
        trainable_variables: Sequence[ArrayLike],
        non_trainable_variables: Sequence[ArrayLike],
        *args: object,
        return_losses: bool = False,
        **kwargs: object,
    ) -> Any:
        """Call with given values in place of the variables, which stay as they are.

        Args:
            trainable_variables: Values for `trainable_variables`, in order.
            non_trainable_variables: Values for `non_trainable_variables`, in order.
            *args: For the call.
            return_losses: Whether to return `losses` too.
            **kwargs: For the call.

        Returns:
            `(outputs, non_trainable_values)`, with `losses` third if asked for.

        Raises:
            ValueError: If the layer is not built, or numbers or shapes do not match.
        """
        return stateless.call(
            self,
            trainable_variables,
            non_trainable_variables,
            args,
            return_losses,
            kwargs,
        )

    # --- describing

    @classmethod
    def _describes_itself_by_init(cls) -> bool:
        return not cls._overrides("get_config") and cls._overrides("__init__")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"

    def _repr_html_(self) -> str:
        return layer_card(self)

    def __getstate__(self) -> dict[str, Any]:
        # Nodes lead to the whole graph; a model that needs them keeps them itself.
        return {**self.__dict__, "_inbound_nodes": [], "_losses": []}

    def __setstate__(self, fields: dict[str, Any]) -> None:
        self.__dict__.update(fields)
