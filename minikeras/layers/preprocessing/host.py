"""Layers that run in NumPy on the host, such as those of text.

Their values may be strings, which no tensor holds, so they run outside compiled steps: on
arrays, in a data pipeline, and as the first layers of a model, where `models.host_part`
runs them on each batch before the compiled step. A model that cannot be cut so runs
eagerly.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minikeras.engine import dtypes, tree
from minikeras.engine.aval import Unknown
from minikeras.engine.interpret import current
from minikeras.engine.staging import Abstract
from minikeras.engine.strings import as_strings, is_strings
from minikeras.engine.symbolic import KerasTensor, abstract
from minikeras.engine.tensor import Tensor, TraceError, from_numpy, host_array
from minikeras.layers.base import declaring
from minikeras.layers.base.call_info import shape_of
from minikeras.layers.base.layer import Layer
from minikeras.types import ArrayLike, PartialShape
from minikeras.variable import Variable

Array = np.ndarray[Any, Any]
_ANY_SIZE = 27720  # of an axis whose size the data decide, while shapes are inferred


class HostOnlyError(TraceError):
    """A layer that runs in NumPy was met while a step is traced."""


class HostLayer(Layer):
    """A layer whose `call` takes and gives NumPy arrays.

    A subclass defines `_run_on_host(array, ...)` and `compute_output_spec`; where ops can
    do the same, `_in_step` too, so that it can stand in any step and be exported.
    """

    _on_host = True
    _converts_arguments = False
    _takes_plain_arguments = True

    @property
    def supports_jit(self) -> bool:
        """False: it runs before the compiled step."""
        return False

    @property
    def _data_dtype(self) -> str:
        """The dtype of the values it takes."""
        return dtypes.STRING

    def _run_on_host(self, *inputs: Array) -> Array:
        raise NotImplementedError

    def call(self, inputs: Any) -> Any:
        """The result for arrays, lists or tensors."""
        many = isinstance(inputs, (list, tuple)) and self._takes_many
        arrays = [self._array(v) for v in (inputs if many else [inputs])]
        return given(self._run_on_host(*arrays))

    _takes_many = False
    _goes_straight = False

    def _in_step(self, *args: Any, **kwargs: Any) -> Any:
        """The result for tensors of a step that is traced; None if only NumPy has it."""
        return None

    def _array(self, value: ArrayLike) -> Array:
        return on_host(value, self._label())

    def _call_cast(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        leaves = tree.flatten((args, kwargs))
        if not any(isinstance(v, Tensor) and v.staged for v in leaves):
            return self.call(*args, **kwargs)
        if not isinstance(current(), Abstract):
            made = self._in_step(*args, **kwargs)
            if made is not None:
                return made
            raise HostOnlyError(
                f"{self._label()} runs in NumPy, outside compiled steps. In a functional or "
                "Sequential model it may be the first layer; or use it in the data pipeline, "
                "dataset.map(layer)."
            )
        sizes = [s for v in leaves for s in getattr(v, "shape", ())]
        unknown = [int(s) for s in sizes if isinstance(s, Unknown)]
        symbols = tree.map_structure(_as_symbol, (args, kwargs))
        outputs = self.compute_output_spec(*symbols[0], **symbols[1])
        size = unknown[0] if unknown else _ANY_SIZE
        return tree.map_structure(lambda out: abstract(out, size), outputs)

    def _infer(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self._with_masks(args, kwargs, self.compute_output_spec(*args, **kwargs))

    def _maybe_build(
        self, info: object, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        if not self.built and declaring.by_user(type(self), "build"):
            first: Any = args[0] if args else next(iter(kwargs.values()), None)
            many = self._takes_many and isinstance(first, (list, tuple))
            shape: Any = [*map(_shape, first)] if many else _shape(first)
            self.build(shape)
        self.__dict__["built"] = True

    def build(self, input_shape: PartialShape | None = None) -> None:
        """Nothing: there are no variables."""
        self.__dict__["built"] = True

    def get_build_config(self) -> None:
        """None: there is nothing to build."""
        return None

    def build_from_config(self, config: dict[str, Any] | None) -> None:
        """Nothing."""
        self.__dict__["built"] = True

    def compute_output_spec(self, inputs: Any) -> Any:
        """The result's shape and dtype, as a KerasTensor."""
        raise NotImplementedError

    def compute_output_shape(self, input_shape: PartialShape) -> Any:
        """The result's shape, for inputs of this shape."""
        spec = self.compute_output_spec(KerasTensor(input_shape, self._data_dtype))
        return spec.shape


def _shape(value: np.ndarray[Any, Any]) -> tuple[int, ...]:
    """Of an array, or of strings in lists."""
    return tuple(value.shape) if hasattr(value, "shape") else np.shape(value)


def _as_symbol(value: ArrayLike) -> Any:
    if not isinstance(value, Tensor):
        return value
    return KerasTensor(shape_of(value), value.dtype)


def on_host(value: ArrayLike, owner: str) -> Array:
    """Whatever was passed for a tensor, as a NumPy array of numbers or strings.

    Raises:
        ValueError: If it is a list whose rows have different lengths, or holds neither.
    """
    if isinstance(value, Variable):
        value = value.value
    if isinstance(value, Tensor):
        return host_array(value.value)
    if isinstance(value, np.ndarray):
        array: Array = value
    elif hasattr(value, "to_numpy"):
        array = np.asarray(value.to_numpy())
    elif isinstance(value, (list, tuple)) and any(isinstance(v, Tensor) for v in value):
        array = np.stack([on_host(v, owner) for v in value])
    else:
        try:
            array = np.asarray(value)
        except ValueError:
            raise ValueError(
                f"{owner}: got a list whose rows have different lengths; expected an array. "
                "Fill the rows up to one length."
            ) from None
    if array.dtype.kind in "fiub" or is_strings(array):
        return array
    if array.dtype.kind == "O" and not array.size:
        return as_strings(array)
    raise ValueError(
        f"{owner}: got values of dtype {array.dtype} ({type(value).__name__}); expected "
        "strings or numbers. Missing values (None, NaN) have to be filled first."
    )


def given(array: Array) -> Any:
    """A result as it is given on: numbers as a Tensor, strings as a `StringArray`."""
    return as_strings(array) if array.dtype.kind in "OUST" else from_numpy(array)
