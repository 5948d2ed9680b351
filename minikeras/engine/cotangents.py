"""Cotangents of a backward pass: sums that grow, and parts that are joined.

The cotangent of a slice is a part of its operand's. Where a tensor was cut in pieces, such
as the gates of a cell or the heads of attention, the parts come one after the other and
make the whole: they are joined, instead of each being laid between zeros and added up.
"""

from __future__ import annotations

from typing import NamedTuple

from minikeras.engine.prims import add, concat, pad_strided
from minikeras.engine.tensor import Tensor

Ints = tuple[int, ...]


class Part(NamedTuple):
    """The cotangent of `operand[starts:stops]`."""

    g: Tensor
    starts: Ints
    stops: Ints

    def alone(self, shape: Ints) -> Tensor:
        """It between zeros."""
        return pad_strided(
            self.g,
            shape=shape,
            starts=self.starts,
            stops=self.stops,
            steps=(1,) * len(shape),
        )


class Cotangents:
    """By the identity of tensors, which the caller keeps alive."""

    def __init__(self) -> None:
        self._sums: dict[int, Tensor] = {}
        self._parts: dict[int, tuple[Ints, list[Part]]] = {}
        self._waiting: dict[int, int] = {}  # elements of the parts

    def __contains__(self, key: int) -> bool:
        return key in self._sums or key in self._parts

    def add(self, key: int, g: Tensor) -> None:
        have = self.get(key)
        self._sums[key] = g if have is None else add(have, g)

    def add_part(self, tensor: Tensor, part: Part) -> None:
        """A part of the cotangent of `tensor`.

        Parts that hold more than the tensor overlap, and are not kept waiting.
        """
        key = id(tensor)
        self._parts.setdefault(key, (tensor.shape, []))[1].append(part)
        self._waiting[key] = self._waiting.get(key, 0) + part.g.size
        if self._waiting[key] > tensor.size:
            self._gather(key)

    def get(self, key: int) -> Tensor | None:
        """The sum of what was added so far."""
        if key in self._parts:
            self._gather(key)
        return self._sums.get(key)

    def pop(self, key: int) -> None:
        """Forget it."""
        self._sums.pop(key, None)
        self._parts.pop(key, None)
        self._waiting.pop(key, None)

    def _gather(self, key: int) -> None:
        shape, parts = self._parts.pop(key)
        del self._waiting[key]
        whole = _joined(shape, parts)
        found = [p.alone(shape) for p in parts] if whole is None else [whole]
        for g in found:
            have = self._sums.get(key)
            self._sums[key] = g if have is None else add(have, g)


def _joined(shape: Ints, parts: list[Part]) -> Tensor | None:
    """The parts as one array, where they lie side by side along one axis and fill it."""
    if len(parts) < 2:
        return None
    cut = [
        axis
        for axis, size in enumerate(shape)
        if any((p.starts[axis], p.stops[axis]) != (0, size) for p in parts)
    ]
    if len(cut) != 1:
        return None
    (axis,) = cut
    ordered = sorted(parts, key=lambda p: (p.starts[axis], p.stops[axis]))
    at = 0
    for part in ordered:
        if part.starts[axis] != at:
            return None
        at = part.stops[axis]
    if at != shape[axis]:
        return None
    return concat(*(p.g for p in ordered), axis=axis)
