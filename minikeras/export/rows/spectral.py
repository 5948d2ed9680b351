"""The discrete Fourier transform."""

from __future__ import annotations

from minikeras.engine.graph import Node
from minikeras.export.writer import Row, Writer


def _fft(w: Writer, node: Node) -> list[str]:
    """Over the last axis; ONNX keeps real and imaginary parts on an axis behind it.

    With three axes, the one of the signal is where each version of DFT looks for it.
    """
    real, imag = node.inputs
    shape = w.op("Shape", w.name(real))
    length = w.op("Slice", shape, w.ints([-1]), w.ints([2**31]), w.ints([0]))
    rows = w.op("Concat", w.ints([-1]), length, w.ints([1]), axis=0)
    parts = [w.op("Reshape", w.name(v), rows) for v in (real, imag)]
    inverse = bool(node.static["inverse"])
    made = w.op("DFT", w.op("Concat", *parts, axis=2), inverse=int(inverse))
    if inverse:  # ONNX divides by the length, we don't
        made = w.op("Mul", made, w.cast(length, real.aval.dtype))
    split = w.ops("Split", made, outputs=2, axis=2, num_outputs=2)
    return [w.op("Reshape", part, shape) for part in split]


ROWS: dict[str, Row] = {"fft": _fft}
