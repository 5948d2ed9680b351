"""Movement rows as copies into the place of their result: nothing is made in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minikeras_numpy.movement import slices

from minikeras.extend import Node

Array = Any
Run = Callable[..., None]


def moving(cp: Any, node: Node) -> Run | None:
    """The run of a movement row, or None where it is none of these."""
    make = _RUNS.get(node.prim.name)
    return None if make is None else make(cp, node)


def _place(node: Node) -> tuple[Any, ...]:
    """The index that the static starts, stops and steps are."""
    static = node.static
    return (*slices(static["starts"], static["stops"], static["steps"]), ...)


def _copy(view: Callable[[Array, tuple[int, ...]], Array], node: Node) -> Run:
    """One copy of a view."""
    shape = tuple(node.outputs[0].aval.shape)

    def run(x: Array, out: Array) -> None:
        out[...] = view(x, shape)

    return run


def _transpose(cp: Any, node: Node) -> Run:
    perm = node.static["perm"]
    return _copy(lambda x, shape: x.transpose(perm), node)


def _broadcast(cp: Any, node: Node) -> Run:
    return _copy(lambda x, shape: x, node)


def _reshape(cp: Any, node: Node) -> Run:
    return _copy(lambda x, shape: x.reshape(shape), node)


def _flip(cp: Any, node: Node) -> Run:
    axes = node.static["axes"]
    turned = slice(None, None, -1)
    rank = len(node.inputs[0].aval.shape)
    index: Any = (*(turned if d in axes else slice(None) for d in range(rank)), ...)
    return _copy(lambda x, shape: x[index], node)


def _slice(cp: Any, node: Node) -> Run:
    index = _place(node)
    return _copy(lambda x, shape: x[index], node)


def _pad_strided(cp: Any, node: Node) -> Run:
    index = _place(node)

    def run(x: Array, out: Array) -> None:
        out.fill(0)
        out[index] = x

    return run


def _pad(cp: Any, node: Node) -> Run:
    sizes = zip(node.inputs[0].aval.shape, node.static["widths"], strict=True)
    inner: Any = (*(slice(low, low + d) for d, (low, _) in sizes), ...)

    def run(x: Array, value: Array, out: Array) -> None:
        out[...] = value
        out[inner] = x

    return run


def _concat(cp: Any, node: Node) -> Run:
    axis, at, places = node.static["axis"], 0, []
    for v in node.inputs:
        size = v.aval.shape[axis]
        places.append(((slice(None),) * axis + (slice(at, at + size),), size))
        at += size

    def run(*arrays: Array) -> None:
        *given, out = arrays
        for x, (place, size) in zip(given, places, strict=True):
            if size:
                out[place] = x

    return run


_RUNS: dict[str, Callable[[Any, Node], Run]] = {
    "transpose": _transpose,
    "broadcast_to": _broadcast,
    "reshape": _reshape,
    "flip": _flip,
    "slice": _slice,
    "pad": _pad,
    "pad_strided": _pad_strided,
    "concat": _concat,
}
