"""The files of quantized layers: which variables they hold, in which order."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import numpy as np

from minikeras.layers.core.low_rank import LowRank
from minikeras.layers.core.quantized import float8
from minikeras.layers.core.quantized.grouped import Grouped
from minikeras.layers.core.quantized.stored import Stored
from minikeras.quantizers import (
    Float8QuantizationConfig,
    Int4QuantizationConfig,
    Int8QuantizationConfig,
    QuantizationConfig,
)

CALIBRATED = ("gptq", "awq")
_FLOAT8 = [f"{n}_{s}" for n in float8.NAMES for s in ("scale", "amax_history")]


class QuantizedFiles(LowRank):
    """What a layer that may be quantized writes and reads."""

    _stored: dict[str, Stored | Grouped]
    _zero = "kernel_zero"  # the name in files of the zeros of groups
    quantization_config: Any = None

    def _check_quantizable(self, mode: str) -> None:
        """Raises as `quantize` does, before anything is changed."""
        raise NotImplementedError

    def _quantize(self, config: QuantizationConfig) -> None:
        """Turns the weights."""
        raise NotImplementedError

    def _attribute(self, part: str) -> str:
        own = self._adapted
        return f"_{own}" if part in (own, f"quantized_{own}") else part

    def _variable(self, part: str) -> Any:
        return self.__dict__[self._attribute(part)]

    @property
    def variable_serialization_spec(self) -> dict[str | None, list[str]]:
        """The names of the variables that a file holds, in their order, for each mode."""
        name = self._adapted
        rest = ["bias"] if name == "kernel" else []
        spec: dict[str | None, list[str]] = {
            None: [name, *rest],
            "int8": [name, *rest, f"{name}_scale"],
            "int4": [name, *rest, f"{name}_scale", f"{name}_zero", "g_idx"],
        }
        if "float8" in self._modes:
            spec["float8"] = [name, *rest, *_FLOAT8]
        if "gptq" in self._modes:
            first = [*rest, f"quantized_{name}", f"{name}_scale", f"{name}_zero"]
            spec["gptq"] = [*first, "g_idx"]
            spec["awq"] = [*first, "awq_scales", "g_idx"]
        return spec

    def _own_variables(self) -> list[Any]:
        if self._kept_as is None:
            return super()._own_variables()
        names = self.variable_serialization_spec[self._kept_as]
        found = [self.__dict__.get(self._attribute(n)) for n in names]
        return [v for v in found if v is not None]

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """As every layer; integers with a correction are made anew, with it in them."""
        if self._kept_as not in ("int8", "int4") or not self.lora_enabled:
            super().save_own_variables(store)
            return
        stored = self._stored[self._adapted]
        whole = self._corrected(self._variable(self._adapted)).numpy()
        values = stored.encode(whole, self._label())
        for i, variable in enumerate(self._own_variables()):
            made = values.get(variable.name)
            store[str(i)] = variable.numpy() if made is None else made

    def _adopt(self, store: MutableMapping[str, Any]) -> None:
        """Be quantized as the file's variables are, where the config did not say it.

        Layers inside of other layers, such as those of an attention, are described by
        these, which know nothing of it.
        """
        own, count = len(self._own_variables()), len(store.keys())
        if count <= own or own > 2 or "0" not in store:
            return
        config: QuantizationConfig | None = None
        first, more = np.asarray(store["0"]), count - own
        whole = first.shape == self._variable(self._adapted).shape
        if first.dtype == np.int8 and whole and more == 1:
            config = Int8QuantizationConfig()
        elif first.dtype == np.int8 and more in (1, 3):
            groups = np.asarray(store[str(count - 1)]) if more == 3 else None
            block = None if groups is None else int((groups == 0).sum())
            config = Int4QuantizationConfig(block_size=block or None)
        elif first.dtype.kind == "f" and more == len(_FLOAT8):
            config = Float8QuantizationConfig()
        if config is not None and config.mode in self._modes:
            self._check_quantizable(config.mode)
            self._quantize(config)

    def _with_zeros(self, store: MutableMapping[str, Any]) -> dict[str, Any]:
        """What a file of Keras holds, and the zeros that Keras 3.15 does not write.

        Raises:
            ValueError: If they are not all in the middle, so that nothing tells them.
        """
        names = [v.name for v in self._own_variables()]
        place = names.index(self._zero)
        if not getattr(self.quantization_config, "symmetric", False):
            raise ValueError(
                f"{self._label()}: the file has {len(store)} of {len(names)} variables: Keras "
                f"3.15 leaves out `{self._zero}` of weights in mode={self._kept_as!r}, and "
                "without it they can't be known. Save the model from minikeras, or quantize "
                "with GPTQConfig(symmetric=True), whose zeros are known."
            )
        zero = self._own_variables()[place]
        middle = np.full(
            zero.shape, 2 ** (self._stored[self._adapted].bits - 1), "uint8"
        )
        values = [store[str(i)] for i in range(len(store))]
        values.insert(place, middle)
        return {str(i): value for i, value in enumerate(values)}

    def _check_range(self, variable: Any, value: Any) -> None:
        """Refuses what would go around, or read beyond the scales, without a word."""
        if variable.name == "g_idx":
            low, most = (
                0,
                int(self._stored[self._adapted].first("g_idx").max(initial=0)),
            )
            fits = value.dtype.kind not in "iuf" or bool(
                ((value >= low) & (value < most + 1)).all()
            )
        elif variable.dtype in ("int8", "uint8") and value.dtype.kind in "iu":
            limits = np.iinfo(variable.dtype)
            low, most = int(limits.min), int(limits.max)
            fits = bool(((value >= low) & (value <= most)).all())
        else:
            return
        if not fits:
            raise ValueError(
                f"{self._label()}: variable {variable.path!r} holds numbers from {low} to "
                f"{most}; the file has others."
            )

    def load_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """As every layer; integers are not taken for floats, nor floats for integers.

        Raises:
            ValueError: If the number of variables, a shape or a kind of dtype is wrong.
        """
        if self._kept_as is None and self.built:
            self._adopt(store)
        if self._kept_as in CALIBRATED and len(store) == len(self._own_variables()) - 1:
            store = self._with_zeros(store)
        if self._kept_as is not None:
            for i, variable in enumerate(self._own_variables()):
                value = store.get(str(i))
                if value is not None:
                    self._check_range(variable, np.asarray(value))
                whole = variable.dtype in ("int8", "uint8")
                if (
                    value is not None
                    and (np.asarray(value).dtype.kind in "iu") != whole
                ):
                    raise ValueError(
                        f"{self._label()}: variable {variable.path!r} has dtype "
                        f"{variable.dtype}; the file has {np.asarray(value).dtype}."
                    )
        super().load_own_variables(store)
