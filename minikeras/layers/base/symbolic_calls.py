"""Calls of a layer on KerasTensors: the shape of the result, and a node for the graph.

The result is what the layer declares of itself, where a user's class does; else `call` is
run on abstract values. Nothing is computed either way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from minikeras.engine import tree
from minikeras.engine.aval import ShapeError, Unknown
from minikeras.engine.symbolic import KerasTensor, abstract, infer_call
from minikeras.engine.tensor import Tensor, TraceError
from minikeras.layers.base import declaring, masking
from minikeras.layers.base.call_context import CallContext, call_context
from minikeras.layers.base.call_info import (
    build_arguments,
    call_info,
)
from minikeras.layers.base.input_spec import check
from minikeras.layers.base.node import Node
from minikeras.layers.base.shapes import shapes_to_tensors

if TYPE_CHECKING:
    from minikeras.types import Nested


class SymbolicCalls:
    """The part of `Layer` that is called on KerasTensors."""

    input_spec: Any

    if TYPE_CHECKING:
        # What the other parts of a Layer define.
        call: Any
        compute_output_shape: Any
        compute_output_spec: Any
        _convert: Any
        _converts_arguments: bool
        _follows: Mapping[str, None]
        _has_build: Any
        _label: Any
        _maybe_build: Any
        _overrides: Any
        _parts_to_build: Any
        _refuse_plain: Any
        _run: Any
        _scopes: Any

        @property
        def _run_dtype(self) -> str: ...

    def _symbolic_call(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Nested[KerasTensor]:
        if self._converts_arguments:  # arrays may stand beside KerasTensors
            args, kwargs = tree.map_structure(self._convert, (args, kwargs))
        self._refuse_plain(args)
        if self.input_spec is not None:
            check(self.input_spec, first_of(args, kwargs), self._label)
        with self._scopes():
            token = call_context.set(CallContext(self, None, True))
            try:
                info = call_info(type(self).call)
                given = {
                    k: v
                    for k, v in kwargs.items()
                    if k not in self._follows or k in info.known
                }
                self._maybe_build(info, args, given)
            finally:
                call_context.reset(token)
            outputs = self._infer(args, kwargs)
        Node(self, args, kwargs, outputs)
        return outputs

    def _infer(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Nested[KerasTensor]:
        """The result's KerasTensors with their masks; nothing is computed or recorded.

        What a user's class says of its results is believed, and its `call` not run.
        """
        if declaring.by_user(type(self), "compute_output_spec"):
            outputs = self.compute_output_spec(*args, **kwargs)
            return self._with_masks(args, kwargs, outputs)
        return self._shaped(args, kwargs)

    def _shaped(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Nested[KerasTensor]:
        """By the class's `compute_output_shape` if it is a user's, else by tracing."""
        if not declaring.by_user(type(self), "compute_output_shape"):
            return self._traced(args, kwargs)
        if not self._has_build() and self._parts_to_build():
            try:  # a call makes the variables of the layers inside
                return self._traced(args, kwargs)
            except TraceError:
                pass
            except ShapeError:
                if not _open(args, kwargs, 0):
                    raise
        return self._with_masks(args, kwargs, self._declared(args, kwargs))

    def _traced(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Nested[KerasTensor]:
        """By running `call` on abstract values."""
        token = call_context.set(CallContext(self, kwargs.get("training"), True))
        masks_of = [_mask_of(leaf) for leaf in tree.flatten((args, kwargs))]
        given = masks_of if any(mask is not None for mask in masks_of) else []

        def run(args: tuple[Any, ...], kwargs: dict[str, Any], given: list[Any]) -> Any:
            leaves = tree.flatten((args, kwargs)) if given else ()
            for tensor, mask in zip(leaves, given):
                if mask is not None:
                    tensor._keras_mask = mask
            outputs = self._run(args, dict(kwargs))
            return outputs, [_mask_of(out) for out in tree.flatten(outputs)]

        try:
            outputs, masks = infer_call(run, args, kwargs, given)
        except (ShapeError, TraceError) as error:
            outputs = self._rescued(args, kwargs, error)
            masks = [None] * len(tree.flatten(outputs))
        finally:
            call_context.reset(token)
        for tensor, mask in zip(tree.flatten(outputs), masks):
            if isinstance(tensor, KerasTensor):
                tensor._keras_mask = mask
        return outputs

    def _rescued(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], error: Exception
    ) -> Any:
        """The declared result where tracing failed; where there is none, the error."""
        declares = self._overrides("compute_output_shape")
        if isinstance(error, ShapeError):
            # Of a size that is known when data comes, or wrong whatever comes.
            if declares and declaring.own_call(type(self)) and _open(args, kwargs, 1):
                return self._declared(args, kwargs)
            raise error
        if not declares:
            raise TraceError(
                f"{self._label()}: its call() looks at values, so the shape of its result "
                "cannot be found without data. Write it with keras.ops, or define "
                f"compute_output_shape(). The cause: {error}"
            ) from error
        return self._declared(args, kwargs)

    def _declared_inside(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """`_rescued` for a layer in a layer that is being traced; None where it is no help."""
        sizes = [
            size
            for leaf in tree.flatten((args, kwargs))
            if isinstance(leaf, Tensor)
            for size in leaf.shape[1:]
            if isinstance(size, Unknown)
        ]
        declares = self._overrides("compute_output_shape")
        if not sizes or not declares or not declaring.own_call(type(self)):
            return None
        outputs = self._declared(args, kwargs)
        return tree.map_structure(lambda out: abstract(out, sizes[0]), outputs)

    def _declared(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Nested[KerasTensor]:
        """The result as the class's own `compute_output_shape` describes it."""
        tensors = call_info(type(self).call).tensors(args, kwargs)
        shapes, named = build_arguments(type(self).compute_output_shape, tensors)
        shape = self.compute_output_shape(*shapes, **named)
        return shapes_to_tensors(shape, self._run_dtype)

    def _with_masks(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], outputs: object
    ) -> Any:
        """`outputs`, with the masks that `compute_mask` gives for the inputs'."""
        masks = masking.first_masks(args, kwargs, None)
        masking.set_masks(self, first_of(args, kwargs), outputs, masks)
        return outputs


def _open(args: tuple[Any, ...], kwargs: dict[str, Any], first: int) -> bool:
    """Whether a size is unknown among the arguments, from axis `first` on."""
    leaves = tree.flatten((args, kwargs))
    return any(None in t.shape[first:] for t in leaves if isinstance(t, KerasTensor))


def _mask_of(value: object) -> Any:
    return getattr(value, "_keras_mask", None)


def first_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The first argument of a call, by position or by name."""
    return args[0] if args else next(iter(kwargs.values()), None)
