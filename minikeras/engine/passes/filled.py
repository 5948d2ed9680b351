"""Filled: what only moves one number about, or computes with it, is a `full`.

A gradient begins as ones. Moved, cut, joined and scaled they are still one number in
all places, and nothing has to be moved, cut, joined or scaled for that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from minikeras.engine.dtypes import is_rare, numpy_dtype
from minikeras.engine.exact import exact
from minikeras.engine.graph import Node, Value
from minikeras.engine.prims import full, pad_strided

Number = bool | int | float


def filled(
    node: Node, number_of: Callable[[Value], Any], kernels: Mapping[str, Any]
) -> Node | None:
    """The `full` that a node amounts to, or None.

    Args:
        node: Any.
        number_of: The number that fills a value, or None.
        kernels: What elementwise nodes are worked out with.
    """
    aval = node.outputs[0].aval
    # A single number is folded to a constant by `simplify`.
    if aval.size < 2 or len(node.outputs) > 1 or is_rare(aval.dtype):
        return None
    if node.prim.kind not in ("movement", "elementwise") or not node.inputs:
        return None
    numbers = []
    for v in node.inputs:
        number = number_of(v)
        if number is None or is_rare(v.aval.dtype):
            return None
        numbers.append(number)
    found = _moved if node.prim.kind == "movement" else _computed
    number = found(node, numbers, kernels)
    if number is None:
        return None
    static = {"shape": aval.shape, "dtype": aval.dtype, "value": number}
    return Node(full, (), node.outputs, static, node.source)


def _moved(
    node: Node, numbers: list[Number], kernels: Mapping[str, Any]
) -> Number | None:
    """The number, where all that is moved is the same; zeros with their sign."""
    if node.prim is pad_strided:  # between zeros
        numbers = [*numbers, type(numbers[0])(0)]
    first = exact(numbers[0])
    return numbers[0] if all(exact(n) == first for n in numbers) else None


def _computed(
    node: Node, numbers: list[Number], kernels: Mapping[str, Any]
) -> Number | None:
    """What the kernel makes of the numbers, which is what it makes of each element."""
    kernel = kernels.get(node.prim.name)
    if kernel is None:
        return None
    arrays = [
        np.asarray(n).astype(numpy_dtype(v.aval.dtype))
        for n, v in zip(numbers, node.inputs, strict=True)
    ]
    made: Number = np.asarray(kernel(*arrays, **node.static)).item()
    return made
