"""How a layer is called: conversion of inputs, building, masks, the training flag.

`Layer.__call__` takes one of two ways. On arrays and tensors `LayerCalls._run` does
the steps of a call in order. On KerasTensors `_symbolic_call` builds the layer,
finds the result's shape by running `_run` on abstract values, and records a node.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING, Any

from minikeras import naming
from minikeras.engine import dtypes, tree
from minikeras.engine.aval import ShapeError
from minikeras.engine.interpret import MISS, current, scope
from minikeras.engine.prims import cast
from minikeras.engine.quiet import quiet
from minikeras.engine.strings import is_strings
from minikeras.engine.symbolic import KerasTensor, any_symbolic
from minikeras.engine.tensor import Tensor
from minikeras.engine.tracebacks import shorten
from minikeras.layers.base import declaring, masking
from minikeras.layers.base.call_context import CallContext, call_context, followed
from minikeras.layers.base.call_info import (
    build_arguments,
    build_names,
    call_info,
    missing_shapes,
    shape_of,
)
from minikeras.layers.base.input_spec import check
from minikeras.layers.base.straight import straight
from minikeras.layers.base.symbolic_calls import SymbolicCalls, first_of
from minikeras.ops.op import to_tensor
from minikeras.variable import Variable, autocast_dtype, autocast_scope

if TYPE_CHECKING:
    from minikeras.layers.base.call_info import CallInfo
    from minikeras.types import ArrayLike, Nested


# The layer whose name scope is open: its build() inside its call adds no second one.
_scope_owner: ContextVar[Any] = ContextVar("minikeras_scope_owner", default=None)

_NAMED = re.compile(r"(layer|model) '")  # an error that says where it comes from


class LayerCalls(SymbolicCalls):
    """The part of `Layer` that runs calls."""

    name: str
    built: bool
    autocast: bool
    supports_masking: bool
    input_spec: Any
    activity_regularizer: Any

    _called: bool
    _parent_path: str | None

    if TYPE_CHECKING:
        # What the other parts of a Layer define.
        build: Any
        call: Any
        compute_output_shape: Any
        add_loss: Any
        _check_initialized: Any
        _clear_losses: Any
        _has_build: Any
        _lock_state: Any
        _overrides: Any
        _parts_to_build: Any
        compute_output_spec: Any

        @property
        def variable_dtype(self) -> str: ...

        @property
        def _run_dtype(self) -> str: ...

    _converts_arguments = True  # models with declared inputs do it by themselves
    _takes_plain_arguments = False
    _follows: Mapping[str, None] = {}  # arguments from calls around it, by name
    _goes_straight = True  # whether `call` is all of a plain call; see `straight.py`

    def _register_call_context_args(self, *names: str) -> None:
        """Let calls of this layer, and of layers in it, follow arguments of these names.

        Part of Keras's interface for authors of layers. A call `layer(x, foo=1)` hands `foo`
        to `call` where that has such a parameter, and to every layer called inside it that
        has registered `foo` too and was not given one.

        Raises:
            RuntimeError: If the layer has been called before.

        Example:

        >>> class Shift(keras.layers.Layer):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self._register_call_context_args("by")
        ...
        ...     def call(self, x, by=0.0):
        ...         return x + by
        >>> model = keras.Sequential([Shift()])
        >>> model._register_call_context_args("by")
        >>> model(np.zeros((1, 1)), by=2.0).tolist()
        [[2.0]]
        """
        if self._called:
            raise RuntimeError(
                f"{self._label()}: arguments {names} registered after its first call; "
                "cannot add call-context args after the layer has been called. Do it in "
                "__init__."
            )
        fields = self.__dict__
        fields["_follows"] = {**self._follows, **dict.fromkeys(names)}
        fields["_goes_straight"] = False

    def _takes_strings(self) -> bool:
        """Whether `call` may get arrays of strings: those of users may hold layers of text."""
        return declaring.own_call(type(self))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        outermost = call_context.get() is None
        if not outermost and len(args) == 1 and not kwargs:
            found = self._straight(args[0])
            if found is not MISS:
                return found
        self._check_initialized()
        if any_symbolic(*args) or (kwargs and any_symbolic(kwargs)):
            run = self._symbolic_call
        elif outermost:
            run = self._run_quietly
        else:
            run = self._run
        if outermost:
            # In a context of its own: no scope or training flag set inside outlasts the
            # call, wherever in it an interrupt comes.
            try:
                return copy_context().run(run, args, kwargs)
            except Exception as error:
                shorten(error)
                raise
        return run(args, kwargs)

    def _run_quietly(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        with quiet():
            if len(args) == 1 and not kwargs:
                found = self._straight(args[0])
                if found is not MISS:
                    return found
            return self._run(args, kwargs)

    def _straight(self, x: Nested[ArrayLike]) -> Any:
        """The call with `x` alone, where there is nothing to do around it; else `MISS`."""
        if type(x) is not Tensor or not self.__dict__.get("_called"):
            return MISS
        try:
            return straight(self, x)
        except ShapeError as error:
            self._name(error)
            raise

    def _label(self) -> str:
        return f"layer {self.name!r} ({type(self).__name__})"

    # --- a call on values

    def _run(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """One call on tensors, arrays, or abstract tensors."""
        outer = call_context.get()
        if outer is None:
            self._clear_losses()
        info = call_info(type(self).call)
        if self._converts_arguments:
            args = tuple([self._convert(a) for a in args])
            if kwargs:
                kwargs = {key: self._convert(v) for key, v in kwargs.items()}
        self._refuse_plain(args)
        values = outer.values if outer is not None else {}
        if self._follows:
            values = followed(self._follows, info.known, kwargs, outer)
        training = self._resolve_training(info, kwargs, outer)
        if info.takes_training and training is not None:
            kwargs["training"] = training
        masks = masking.first_masks(args, kwargs, info)
        if info.takes_masks:
            masking.fill_masks(info, args, kwargs)
            if kwargs.get("mask") is not None:
                masks = kwargs["mask"]  # one that is given counts for the outputs too
        if self.input_spec is not None and (args or kwargs):
            check(self.input_spec, first_of(args, kwargs), self._label)
        token = None
        if outer is None or outer.training != training or outer.values is not values:
            entry, symbolic = (
                (self, False) if outer is None else (outer.entry, outer.symbolic)
            )
            token = call_context.set(CallContext(entry, training, symbolic, values))
        try:
            if not self._called or current().wants_paths:
                with self._scopes():
                    self._maybe_build(info, args, kwargs)
                    outputs = self._call_cast(args, kwargs)
                if not self._called:
                    self.__dict__["_called"] = True
                    self.__dict__["_output_shapes"] = shape_of(outputs)
            else:
                outputs = self._call_cast(args, kwargs)
            if self.activity_regularizer is not None:
                for out in tree.flatten(outputs):
                    penalty = self.activity_regularizer(out)
                    # Per sample, so that it does not grow with the batch.
                    batch = max(out.shape[0], 1) if out.shape else 1
                    self.add_loss(penalty / batch)
        except ShapeError as error:
            found = self._declared_inside(args, kwargs)
            if found is None:
                self._name(error)
                raise
            outputs = found
        finally:
            if token is not None:
                call_context.reset(token)
        masking.set_masks(self, first_of(args, kwargs), outputs, masks)
        return outputs

    def _call_cast(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """`call`, with variables read in the dtype computed in."""
        wanted: str | None = None
        if self.autocast:
            run = self._run_dtype
            wanted = None if run == self.variable_dtype else run
        if wanted == autocast_dtype():
            return self.call(*args, **kwargs)
        with autocast_scope(wanted):
            return self.call(*args, **kwargs)

    def _name(self, error: ShapeError) -> None:
        """Put this layer's name in front, unless an inner layer did that.

        The error stays the same one, with the lines it came through.
        """
        text = str(error)
        if getattr(error, "layer", None) is None and not _NAMED.search(text):
            label = self._label()
            error.args = (f"{label[0].upper()}{label[1:]}: {text}",)
            error.layer = self.name  # type: ignore[attr-defined]  # errors take attributes

    @contextmanager
    def _scopes(self) -> Iterator[None]:
        """Name scopes for variables made inside, and for the nodes of a staged graph."""
        if _scope_owner.get() is self:
            yield
            return
        if self._parent_path is None:
            self.__dict__["_parent_path"] = naming.scoped("").rstrip("/")
        token = _scope_owner.set(self)
        try:
            with naming.name_scope(self.name), scope(self.name):
                yield
        finally:
            _scope_owner.reset(token)

    def _weight_scope(self) -> AbstractContextManager[Any]:
        """The name scope for a weight that is made now."""
        if _scope_owner.get() is self:
            return nullcontext()
        scopes = ExitStack()
        if self._parent_path and not naming.scoped(""):  # later, from outside the model
            for part in self._parent_path.split("/"):
                scopes.enter_context(naming.name_scope(part))
        scopes.enter_context(naming.name_scope(self.name))
        return scopes

    def _convert(self, value: Any) -> Any:
        """Arrays become tensors; floats of another dtype are cast if autocast is on."""
        kind = type(value)
        if kind is Tensor:
            wanted = self._run_dtype
            if (
                not self.autocast
                or value.aval.dtype == wanted
                or not dtypes.is_float(value.aval.dtype)
            ):
                return value
            return masking.copy_mask(value, cast(value, dtype=wanted))
        if value is None or kind in (bool, int, float, str, KerasTensor):
            return value
        if isinstance(value, (list, tuple, dict)):
            return tree.map_structure(self._convert, value)
        if isinstance(value, Variable):
            return self._convert(value.value)
        if is_strings(value):
            if not self._takes_strings():
                raise ValueError(
                    f"{self._label()}: got strings; expected numbers. Encode them first, for "
                    "example with a StringLookup or TextVectorization layer."
                )
            return value
        if hasattr(value, "__array__") or hasattr(value, "__dlpack__"):
            dtype = dtypes.standardize(value.dtype)
            casts = self.autocast and dtypes.is_float(dtype)
            return to_tensor(value, self._run_dtype if casts else None)
        return value

    def _refuse_plain(self, args: tuple[Any, ...]) -> None:
        for a in args:
            if type(a) is Tensor or self._takes_plain_arguments:
                continue
            for leaf in tree.flatten(a):
                plain = not isinstance(leaf, (Tensor, KerasTensor))
                if leaf is not None and plain and not is_strings(leaf):
                    raise ValueError(
                        f"{self._label()}: only input tensors may be passed by position; got "
                        f"{naming.shown(leaf)} of type {type(leaf).__name__}. Convert data with "
                        "numpy.array(); pass options by keyword."
                    )

    def _resolve_training(
        self, info: CallInfo, kwargs: dict[str, Any], outer: CallContext | None
    ) -> bool | None:
        training = kwargs.get("training")
        if not info.takes_training and not info.open_ended:
            kwargs.pop("training", None)
        if training is None and outer is not None:
            training = outer.training
        if training is None:
            training = info.training_default
        return None if training is None else bool(training)

    # --- building

    def _maybe_build(
        self, info: CallInfo, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        if self.built:
            return
        if self._has_build():
            build = type(self).build
            tensors = info.tensors(args, kwargs, build_names(build)[0])
            shapes, named = build_arguments(build, tensors)
            if named:
                named = {**missing_shapes(build, named, info, self._label()), **named}
            self.build(*shapes, **named)
        else:
            shape = shape_of(first_of(args, kwargs))
            self.__dict__["_build_shapes"] = {"input_shape": shape}
        self.__dict__["built"] = True
        self._lock_state()
