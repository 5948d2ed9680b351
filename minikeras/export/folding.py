"""Numbers for each channel that follow a convolution go into its kernel and bias."""

from __future__ import annotations

from typing import Any

import numpy as np

from minikeras.engine.graph import Node, Value
from minikeras.export.writer import Contraction, Lying, Writer

Array = np.ndarray[Any, Any]


def folded(w: Writer, node: Node, kind: str) -> Lying | None:
    """The convolution that gives the node's result, if the node can go into one.

    Args:
        w: The writer.
        node: `x op number` or `number op x`, where x is a convolution's result that
            nothing else uses.
        kind: Add, Sub, Mul or Div.
    """
    for place, value in enumerate(node.inputs):
        other = node.inputs[1 - place]
        named = None if value in w.arrays else w.names.get(value)
        if not isinstance(named, Lying) or w.counts[value] != 1:
            continue
        made = w.contractions.get(named.name)
        if made is None or (kind == "Div" and place == 1):
            continue
        numbers = _per_channel(w, other, value, node)
        if numbers is None:
            continue
        scale, shift = _affine(kind, place, numbers)
        return emit(w, _scaled(made, scale, shift), named.perm)
    return None


def emit(w: Writer, made: Contraction, perm: tuple[int, ...]) -> Lying:
    """Write a convolution and remember it."""
    inputs = [made.x, w.constant(made.w, made.label)]
    if made.bias is not None:
        inputs.append(w.constant(made.bias))
    name = w.op(made.kind, *inputs, **made.attributes)
    w.contractions[name] = made
    return Lying(name, perm)


def _per_channel(w: Writer, other: Value, value: Value, node: Node) -> Array | None:
    array = w.arrays.get(other)
    shape = value.aval.shape
    if array is None or node.outputs[0].aval.shape != shape:
        return None
    if array.size == 1:
        return np.broadcast_to(array.reshape(()), (shape[-1],))
    fits = array.shape[-1:] == shape[-1:] and array.size == shape[-1]
    return array.reshape(-1) if fits else None


def _affine(
    kind: str, place: int, numbers: Array
) -> tuple[Array | float, Array | float]:
    """Scale and shift of `x op numbers` (x at place 0) or `numbers op x`."""
    if kind == "Mul":
        return numbers, 0.0
    if kind == "Div":
        return 1 / numbers, 0.0
    if kind == "Add":
        return 1.0, numbers
    return (1.0, -numbers) if place == 0 else (-1.0, numbers)


def _scaled(
    made: Contraction, scale: Array | float, shift: Array | float
) -> Contraction:
    shape = [1] * made.w.ndim
    channels = -1
    groups = made.attributes.get("group", 1)
    weights = made.w
    if isinstance(scale, float):
        weights = (
            weights if scale == 1.0 else weights * np.asarray(scale, weights.dtype)
        )
    elif made.out_axis == 0:
        shape[0] = channels
        weights = weights * scale.reshape(shape)
    else:  # ConvTranspose: (inputs, outputs // groups, *kernel), inputs by group
        per_group = scale.reshape(groups, -1)
        rows = np.repeat(per_group, weights.shape[0] // groups, axis=0)
        weights = weights * rows.reshape(*rows.shape, *[1] * (weights.ndim - 2))
    bias = made.bias
    if bias is None:
        count = weights.shape[0] if made.out_axis == 0 else weights.shape[1] * groups
        bias = np.zeros(count, weights.dtype)
    bias = (bias * scale + shift).astype(weights.dtype)
    label = made.label if weights is made.w else ""
    return made._replace(w=weights.astype(made.w.dtype), bias=bias, label=label)
