"""Arrays of layers as Keras 1 and 2 stored them, in the arrangement of today.

Pure functions from a list of arrays to another; `layer` is asked for its class's name, its
data format and its parts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minikeras.saving.dialects.version import Version

Array = np.ndarray[Any, Any]
Arrays = list[Array]

# Their kernels are turned by Theano, which convolves where the others correlate.
_TURNED = {"Conv1D": 1, "Conv2D": 1, "Conv3D": 1, "Conv2DTranspose": 1, "ConvLSTM2D": 2}


def modern_arrays(
    layer: Any, arrays: Arrays, version: Version, backend: str | None
) -> Arrays:
    """A layer's arrays as its variables hold them.

    Args:
        layer: The layer that they are for.
        arrays: As stored by Keras of this version.
        version: `(major, minor)`.
        backend: The library that Keras ran on, where the file says it.
    """
    if version >= (3, 0):
        return arrays
    parts = _parts(layer, arrays)
    if parts is not None:
        return [
            array
            for part, own in parts
            for array in modern_arrays(part, own, version, backend)
        ]
    kind = type(layer).__name__
    if version < (2, 0) and kind in _OF_KERAS_1:
        arrays = _OF_KERAS_1[kind](layer, arrays)
    if kind in ("LSTM", "GRU") and len(arrays) == 3:
        arrays = _without_cudnn(kind, arrays, layer.units)
    if backend == "theano" and kind in _TURNED:
        turned = _TURNED[kind]
        arrays = [_turn(a) if i < turned else a for i, a in enumerate(arrays)]
    return arrays


def _parts(layer: Any, arrays: Arrays) -> list[tuple[Any, Arrays]] | None:
    """The arrays of each layer inside a wrapper; None for other layers."""
    kind = type(layer).__name__
    if kind == "Bidirectional":
        half = len(arrays) // 2
        return [
            (layer.forward_layer, arrays[:half]),
            (layer.backward_layer, arrays[half:]),
        ]
    if kind == "TimeDistributed":
        return [(layer.layer, arrays)]
    return None


# --- Keras 1


def _conv1d(layer: Any, arrays: Arrays) -> Arrays:
    """`(steps, 1, in, filters)`; until 1.1 `(filters, in, steps, 1)`."""
    kernel, *rest = arrays
    if kernel.ndim == 4:
        if kernel.shape[0] != layer.kernel_size[0] or kernel.shape[1] != 1:
            kernel = kernel.transpose(2, 3, 1, 0)
        kernel = kernel[:, 0]
    return [kernel, *rest]


def _channels_first(order: tuple[int, ...]) -> Callable[[Any, Arrays], Arrays]:
    """`(filters, in, ...)` where the data had channels first."""

    def change(layer: Any, arrays: Arrays) -> Arrays:
        kernel, *rest = arrays
        if layer.data_format == "channels_first":
            kernel = kernel.transpose(order)
        return [kernel, *rest]

    return change


def _transposed(layer: Any, arrays: Arrays) -> Arrays:
    kernel, *rest = arrays
    first = layer.data_format == "channels_first"
    return [kernel.transpose((2, 3, 0, 1) if first else (0, 1, 3, 2)), *rest]


def _gates(order: tuple[int, ...]) -> Callable[[Any, Arrays], Arrays]:
    """Each gate's kernel, recurrent kernel and bias stood apart; `order` is today's."""

    def change(layer: object, arrays: Arrays) -> Arrays:
        if len(arrays) != 3 * len(order):
            return arrays  # consume_less="gpu" had them joined
        return [
            np.concatenate([arrays[3 * gate + i] for gate in order], axis=-1)
            for i in range(3)
        ]

    return change


def _conv_lstm(layer: Any, arrays: Arrays) -> Arrays:
    if layer.data_format == "channels_first":
        arrays = [a.transpose(2, 3, 1, 0) if a.ndim == 4 else a for a in arrays]
    return _gates((0, 2, 1, 3))(layer, arrays)


_OF_KERAS_1: dict[str, Callable[[Any, Arrays], Arrays]] = {
    "Conv1D": _conv1d,
    "Conv2D": _channels_first((2, 3, 1, 0)),
    "Conv3D": _channels_first((2, 3, 4, 1, 0)),
    "Conv2DTranspose": _transposed,
    "LSTM": _gates((0, 2, 1, 3)),  # input, cell, forget, output then
    "GRU": _gates((0, 1, 2)),
    "ConvLSTM2D": _conv_lstm,
}


# --- Keras 2


def _turn(kernel: Array) -> Array:
    """A kernel turned by half a circle in each of its spatial axes."""
    spatial = tuple(range(kernel.ndim - 2))
    return np.flip(kernel, spatial).copy()


def _without_cudnn(kind: str, arrays: Arrays, units: int) -> Arrays:
    """CuDNNLSTM and CuDNNGRU: two biases, and kernels of gates laid out by columns."""
    kernel, recurrent, bias = arrays
    gates = 4 if kind == "LSTM" else 3
    if bias.shape != (2 * gates * units,):
        return arrays

    def by_rows(gate: Array) -> Array:
        return gate.T.reshape(gate.shape, order="F")

    kernel = np.hstack([by_rows(g) for g in np.hsplit(kernel, gates)])
    recurrent = np.hstack([g.T for g in np.hsplit(recurrent, gates)])
    halves = bias.reshape(2, -1)
    return [kernel, recurrent, halves.sum(0) if kind == "LSTM" else halves]
