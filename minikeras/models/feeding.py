"""Data for the inputs of a functional model: found by name or in order, cast, checked."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import numpy as np

from minikeras import ops
from minikeras.engine import dtypes, tree
from minikeras.engine.aval import ShapeError, Unknown
from minikeras.engine.errors import see
from minikeras.engine.strings import is_strings
from minikeras.engine.symbolic import KerasTensor
from minikeras.engine.tensor import Tensor
from minikeras.layers.base import masking
from minikeras.ops.op import to_tensor
from minikeras.variable import Variable

# In `predict` too: pictures of another size, longer sequences.
any_sizes: ContextVar[bool] = ContextVar("minikerasany_sizes", default=False)


class Feeding:
    """The part of `Functional` that takes data."""

    _inputs: list[KerasTensor]
    _inputs_struct: Any
    _open_sizes: bool
    input_names: Any
    _label: Callable[[], str]

    def _feeds(self, inputs: object) -> list[Any]:
        """The data, one tensor for each input, checked."""
        values = self._values(inputs)
        return [self._feed(t, v) for t, v in zip(self._inputs, values)]

    def _values(self, inputs: object) -> list[Any]:
        """What was passed for each input."""
        wanted = self._inputs
        if isinstance(inputs, dict):
            values = self._by_name(inputs)
        elif len(wanted) == 1 and not isinstance(inputs, (list, tuple)):
            return [inputs]
        elif len(wanted) == 1 and wanted[0].dtype == dtypes.STRING and _texts(inputs):
            return [np.array(inputs, object)]
        else:
            values = tree.flatten(inputs)
            if len(values) == len(wanted) > 1:
                self._look_at_order(inputs)
        if len(values) != len(wanted):
            raise ValueError(
                f"{self._label()}: got {len(values)} input tensors, expected {len(wanted)}: "
                f"{', '.join(self.input_names)}."
            )
        return values

    def _by_name(self, inputs: dict[str, Any]) -> list[Any]:
        struct = self._inputs_struct
        names = self.input_names
        if isinstance(struct, dict):
            if set(struct) <= set(inputs):
                if len(struct) < len(inputs):
                    extra = sorted(map(str, set(inputs) - set(struct)))
                    self._warn_once(f"no input takes the keys {extra}.")
                return tree.flatten({key: inputs[key] for key in struct})
            names = sorted(struct) if all(map(_is_symbolic, struct.values())) else names
        missing = [n for n in names if n not in inputs]
        optional = [t._keras_history.operation.optional for t in self._inputs]
        if any(n in missing and not o for n, o in zip(names, optional)):
            keys = sorted(struct) if isinstance(struct, dict) else names
            raise ValueError(
                f"{self._label()}: the input dict has keys {sorted(inputs)}; expected {keys}."
            )
        return [inputs.get(n) for n in names]

    def _look_at_order(self, inputs: Any) -> None:
        """Tells of data that is nested otherwise than the inputs.

        Raises:
            ValueError: If a list is given for a dict whose order is not its keys' sorted
                order: one could take either.
        """
        struct = self._inputs_struct
        if not isinstance(struct, dict):
            flat = not any(isinstance(v, (list, tuple, dict)) for v in struct)
            if flat and any(isinstance(v, (list, tuple, dict)) for v in inputs):
                self._warn_once(
                    "the data is nested otherwise than the inputs, which are a plain list; "
                    "it is taken in order."
                )
            return
        keys = list(struct)
        if keys != sorted(keys):
            raise ValueError(
                f"{self._label()}: got a {type(inputs).__name__}; expected a dict with the "
                f"keys {keys}, as they are not in sorted order."
            )
        self._warn_once(
            f"got a {type(inputs).__name__} for inputs in a dict; it is taken in the order "
            f"{keys}."
        )

    def _warn_once(self, text: str) -> None:
        told: set[str] = self.__dict__.setdefault("_told", set())
        if text not in told:
            told.add(text)
            from minikeras.engine.warn import warn_user  # rarely needed

            warn_user(f"{self._label()}: {text}")

    def _feed(self, wanted: KerasTensor, value: Tensor | np.ndarray[Any, Any]) -> Any:
        """`value` as a tensor of the input's dtype and rank."""
        layer = wanted._keras_history.operation
        if value is None and layer.optional:
            return None
        if isinstance(value, Variable):
            value = value.value
        space: Any = (
            ops  # what changes the rank: strings are NumPy's, no tensor has them
        )
        if is_strings(value):
            if wanted.dtype != dtypes.STRING:
                raise ValueError(
                    f"Input {layer.name!r} of {self._label()}: got strings; expected "
                    f"{wanted.dtype}. Encode them as numbers first, or make the input with "
                    'dtype="string" and put a layer such as StringLookup behind it.'
                )
            space = np
        elif wanted.dtype == dtypes.STRING and getattr(value, "dtype", "") != "string":
            kind = getattr(value, "dtype", type(value).__name__)
            raise ValueError(
                f"Input {layer.name!r} of {self._label()}: got values of dtype {kind}; "
                "expected an array of strings."
            )
        elif type(value) is not Tensor or value.dtype != wanted.dtype:
            value = masking.copy_mask(value, to_tensor(value, wanted.dtype))
        shape, expected = value.shape, wanted.shape
        if len(shape) == len(expected):
            if self._open_sizes or any_sizes.get():
                return value  # the layers say what they cannot take
            for got, size in zip(shape[1:], expected[1:]):
                if size is not None and got != size and not isinstance(got, Unknown):
                    break
            else:
                return value
        elif len(shape) == len(expected) - 1 and expected[-1] == 1:
            return space.expand_dims(value, -1)
        elif len(shape) == len(expected) + 1 and shape[-1] == 1:
            return space.squeeze(value, -1)
        hint = ""
        if len(shape) == len(expected) - 1 and all(
            size in (None, got) for got, size in zip(shape, expected[1:])
        ):
            hint = (
                " The first axis is the batch: one sample `x` is passed as `x[None]`."
            )
        raise ShapeError(
            f"Input {layer.name!r} of {self._label()}: expected shape {expected}, got "
            f"{tuple(shape)}.{hint}"
            + see("faq.md#expected-ndim3-found-ndim2-or-shapes-that-do-not-fit")
        )


def _is_symbolic(value: object) -> bool:
    return isinstance(value, KerasTensor)


def _texts(inputs: object) -> bool:
    """Whether this is a list of strings: data for one input, not for several."""
    return all(isinstance(v, (str, bytes)) for v in tree.flatten(inputs))
