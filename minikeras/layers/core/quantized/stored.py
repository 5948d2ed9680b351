"""A weight in integers: made of floats, kept in a layer's variables, read again.

In 8 bits a weight `w` is kept as `round(w * scale)` with one scale for each output. In 4
bits two neighbours share a byte, and a weight is a matrix `(inputs, outputs)` or its
transpose. There may be a scale for each output as well, or a scale and an integer zero for
each block of inputs: then `w` is `(q - zero) * scale`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.quantizers import (
    AbsMaxQuantizer,
    abs_max_quantize_grouped_with_zero_point,
    pack_int4,
    unpack_int4,
)

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


def _same(scale: Any) -> Any:
    return scale  # by its name, so that layers can be pickled


@dataclass(frozen=True)
class View:
    """How a weight lies.

    Attributes:
        shape: Of the weight as floats.
        summed: The axes that a product sums over.
        packed: The axis of the matrix, two of which share a byte.
        rows: Sizes of the matrix, where the weight is none; its numbers are cut into rows
            as they lie, whichever axes are summed, as Keras does.
        scale: A scale of the weight's rank as int8 weights keep it.
        scaled: The reverse.
    """

    shape: Shape
    summed: tuple[int, ...]
    packed: int = 1
    rows: Shape = ()
    scale: Callable[[Any], Any] = field(default=_same, compare=False)
    scaled: Callable[[Any], Any] = field(default=_same, compare=False)

    @property
    def along(self) -> int:
        """The axis of the matrix that blocks lie along."""
        return 0 if self.rows else self.summed[0]

    @property
    def ones(self) -> Shape:
        """The shape with size 1 along what is summed."""
        return tuple(1 if a in self.summed else n for a, n in enumerate(self.shape))

    @property
    def matrix(self) -> Shape:
        """The shape of the matrix."""
        return self.rows or self.shape

    @property
    def in_columns(self) -> bool:
        """Whether a column of the matrix is an output."""
        return not self.rows or self.summed == tuple(range(len(self.summed)))

    def flat(self, weight: Tensor | Array) -> Tensor:
        """The weight as a matrix."""
        return ops.reshape(weight, self.matrix)

    def whole(self, matrix: Tensor) -> Tensor:
        """The matrix as a weight."""
        return ops.reshape(matrix, self.shape)


@dataclass(frozen=True)
class Stored:
    """How a layer keeps a weight in integers.

    Attributes:
        name: The weight's.
        view: How it lies.
        bits: 8 or 4.
        block: How many inputs share a scale and a zero, or None.
        quantizer: Instead of the usual one, where there are no blocks.
        zero: Dtype of the zeros; a second weight of a layer has floats there, and shares
            the numbers of the blocks with the first.
    """

    name: str
    view: View
    bits: int
    block: int | None = None
    quantizer: Any = None
    zero: str = "int8"

    @property
    def names(self) -> dict[str, str]:
        """Names of variables that are not called as their part."""
        return {}

    @property
    def parts(self) -> dict[str, tuple[Shape, str | None]]:
        """Shape and dtype of each variable; None is that of floats of the layer."""
        name, view = self.name, self.view
        if self.bits == 8:
            scale = view.scale(np.ones(view.ones, "float32")).shape
            return {name: (view.shape, "int8"), f"{name}_scale": (scale, None)}
        sizes = list(view.matrix)
        inputs = sizes[view.along]
        outputs = sizes[1 - view.along]
        sizes[view.packed] = -(-sizes[view.packed] // 2)
        made: dict[str, tuple[Shape, str | None]] = {name: (tuple(sizes), "int8")}
        if self.block is None:
            return {**made, f"{name}_scale": ((outputs,), None)}
        blocks = -(-inputs // self.block)
        each = (blocks, outputs) if view.along == 0 else (outputs, blocks)
        made |= {f"{name}_scale": (each, None), f"{name}_zero": (each, self.zero)}
        return (
            made if self.zero != "int8" else {**made, "g_idx": ((inputs,), "float32")}
        )

    def groups(self) -> Array:
        """The number of each input's block."""
        inputs = self.view.matrix[self.view.along]
        return np.arange(inputs) // (self.block or inputs)

    def first(self, part: str) -> Array:
        """What a variable holds before a weight is there."""
        shape, _ = self.parts[part]
        if part == "g_idx":
            return self.groups().astype("float32")
        return np.full(shape, float(part.endswith("_scale")), "float32")

    def encode(self, weight: Array, owner: str) -> dict[str, Array]:
        """The values of the variables for a weight of floats.

        Raises:
            ValueError: If the quantizer gives scales of another shape.
        """
        view, name = self.view, self.name
        if self.block is not None:
            return self._in_blocks(weight)
        if self.bits == 8:
            quantizer = self.quantizer or AbsMaxQuantizer(axis=view.summed)
            numbers, scale = quantizer(weight, to_numpy=True)
            kept, scales = numbers, view.scale
        else:
            quantizer = self.quantizer or AbsMaxQuantizer(view.along, (-8, 7))
            numbers, scale = quantizer(view.flat(weight), to_numpy=True)
            kept = pack_int4(numbers, view.packed)[0]
            scales = _raveled
        wanted = self.parts[f"{name}_scale"][0]
        if math.prod(scale.shape) != math.prod(wanted):
            raise ValueError(
                f"{owner}: the weight quantizer gives scales of shape {tuple(scale.shape)} "
                f"for `{name}` of shape {view.shape}; expected size 1 along the axes "
                f"{view.summed} alone. Give it axis={view.summed}."
            )
        return {name: kept.numpy(), f"{name}_scale": scales(scale.numpy())}

    def _in_blocks(self, weight: Array) -> dict[str, Array]:
        view, name = self.view, self.name
        matrix = ops.convert_to_tensor(view.flat(weight))
        turned = view.along == 1
        found = abs_max_quantize_grouped_with_zero_point(
            ops.transpose(matrix) if turned else matrix, self.block or 1, to_numpy=True
        )
        numbers, scale, zero = (ops.transpose(v) if turned else v for v in found)
        made = {
            name: pack_int4(numbers, view.packed)[0].numpy(),
            f"{name}_scale": scale.numpy(),
            f"{name}_zero": zero.numpy().astype(self.zero),
        }
        return made if self.zero != "int8" else {**made, "g_idx": self.first("g_idx")}

    def integers(self, get: Callable[[str], Any]) -> Tensor:
        """The weight's integers in its shape; `get` gives a variable by its name."""
        kept = get(self.name)
        if self.bits == 8:
            return kept
        view = self.view
        return view.whole(unpack_int4(kept, view.matrix[view.packed], view.packed))

    def outputs_scale(self, get: Callable[[str], Any], dtype: str) -> Tensor:
        """The scales as 8 bits keep them; there are no blocks."""
        scale = ops.cast(get(f"{self.name}_scale"), dtype)
        if self.bits == 8:
            return scale
        return self.view.scale(ops.reshape(scale, self.view.ones))

    def floats(self, get: Callable[[str], Any], dtype: str) -> Tensor:
        """The weight as floats."""
        view = self.view
        scale = ops.cast(get(f"{self.name}_scale"), dtype)
        if self.bits == 8:
            return ops.cast(get(self.name), dtype) / view.scaled(scale)
        matrix = unpack_int4(get(self.name), view.matrix[view.packed], view.packed)
        numbers = ops.cast(matrix, dtype)
        if self.block is None:
            return view.whole(numbers / ops.expand_dims(scale, view.along))
        zero = ops.cast(get(f"{self.name}_zero"), dtype)
        inputs, block = view.matrix[view.along], self.block
        if inputs % block:
            return view.whole((numbers - self.spread(zero)) * self.spread(scale))
        # Broadcast, where blocks are an axis: nothing is gathered.
        apart = [*view.matrix]
        apart[view.along : view.along + 1] = [inputs // block, block]
        zero, scale = (ops.expand_dims(v, view.along + 1) for v in (zero, scale))
        found = (ops.reshape(numbers, apart) - zero) * scale
        return view.whole(ops.reshape(found, view.matrix))

    def spread(self, each: Tensor, axis: int | None = None) -> Tensor:
        """What each block has, given to each input of it."""
        place = self.view.along if axis is None else axis
        return ops.take(each, self.groups().astype("int32"), axis=place)


def _raveled(scale: Array) -> Array:
    return scale.reshape(-1)
