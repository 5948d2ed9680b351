"""How a layer keeps a weight that was rounded by what it is multiplied with."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.layers.core.quantized.stored import Array, Shape, View
from minikeras.quantizers import pack_int4, unpack_int4
from minikeras.quantizers.rounding import Grid, Rounded, nearest


@dataclass(frozen=True)
class Grouped:
    """A weight as uint8 `(outputs, inputs)`, with scales and zeros for groups of inputs.

    Attributes:
        name: The weight's.
        view: How it lies.
        grid: Which numbers there are.
        zero: The name that the variable of the zeros has in Keras's files.
        powers: Whether inputs have a scale of their own, by which weights were multiplied.
    """

    name: str
    view: View
    grid: Grid
    zero: str
    powers: bool = False

    @property
    def block(self) -> int:
        """How many inputs share a scale."""
        return self.grid.group(self.matrix[0])

    @property
    def bits(self) -> int:
        """How many bits a number has."""
        return self.grid.bits

    @property
    def names(self) -> dict[str, str]:
        """Names of variables that are not called as their part."""
        return {f"{self.name}_zero": self.zero}

    @property
    def matrix(self) -> Shape:
        """Inputs and outputs, as Keras cuts a weight's numbers, which lie as they lie.

        Of three axes, such as an attention's, the longest tells which two go together.
        """
        shape = self.view.shape
        first = 1 if len(shape) == 2 or shape[0] == max(shape) else 2
        return math.prod(shape[:first]), math.prod(shape[first:])

    @property
    def is_product(self) -> bool:
        """Whether the matrix's inputs are those of the product, so that data tells of them."""
        summed = self.view.summed
        inputs = math.prod(self.view.shape[a] for a in summed)
        return summed == tuple(range(len(summed))) and inputs == self.matrix[0]

    @property
    def parts(self) -> dict[str, tuple[Shape, str | None]]:
        """Shape and dtype of each variable; None is that of floats of the layer."""
        inputs, outputs = self.matrix
        groups = outputs, -(-inputs // self.block)
        lines = -(-outputs // 2) if self.bits == 4 else outputs
        made: dict[str, tuple[Shape, str | None]] = {
            self.name: ((lines, inputs), "uint8"),
            f"{self.name}_scale": (groups, None),
            f"{self.name}_zero": (groups, "uint8"),
        }
        if self.powers:
            made["awq_scales"] = ((inputs,), None)
        return {**made, "g_idx": ((inputs,), "float32")}

    def first(self, part: str) -> Array:
        """What a variable holds before a weight is there."""
        shape, _ = self.parts[part]
        if part == "g_idx":
            return (np.arange(shape[0]) // self.block).astype("float32")
        return np.full(shape, float(part.endswith(("_scale", "_scales"))), "float32")

    def encode(self, weight: Array, owner: str) -> dict[str, Array]:
        """The values of the variables for a weight of floats, each rounded by itself."""
        return self.kept(nearest(np.reshape(weight, self.matrix), self.grid))

    def kept(self, made: Rounded) -> dict[str, Array]:
        """The values of the variables for a rounded matrix."""
        numbers = made.numbers
        if self.bits == 4:
            numbers = pack_int4(numbers, 0, "uint8")[0].numpy()
        values = {
            self.name: numbers,
            f"{self.name}_scale": made.scale,
            f"{self.name}_zero": made.zero,
        }
        if self.powers:
            values["awq_scales"] = made.inputs_scale
        return {**values, "g_idx": made.groups.astype("float32")}

    def integers(self, get: Callable[[str], Any]) -> Tensor:
        """The numbers `(outputs, inputs)`; `get` gives a variable by its name."""
        kept: Any = get(self.name)
        if self.bits != 4:
            return kept
        return unpack_int4(kept, self.matrix[1], 0, "uint8")

    def floats(self, get: Callable[[str], Any], dtype: str) -> Tensor:
        """The weight as floats."""
        # Files hold the groups as floats, those of Keras's GPTQ with fractions.
        groups = ops.cast(get("g_idx"), "int32")
        scale, zero = (
            ops.take(ops.cast(get(f"{self.name}_{part}"), dtype), groups, axis=1)
            for part in ("scale", "zero")
        )
        found = (ops.cast(self.integers(get), dtype) - zero) * scale
        if self.powers:
            found = found / ops.cast(get("awq_scales"), dtype)
        return ops.reshape(ops.transpose(found), self.view.shape)
