"""Arrays as PNG pictures, by the standard library alone: the base install stays light."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np

from minikeras.drawing.svg import Array


def png(pixels: Array) -> bytes:
    """A PNG file of `(height, width, 3 or 4)` uint8 pixels.

    Reference:
        W3C, *Portable Network Graphics (PNG) Specification*, sections 5 and 9.
    """
    height, width, channels = pixels.shape
    # Each row is led by its filter type; 0 keeps the bytes as they are.
    rows = np.zeros((height, 1 + width * channels), np.uint8)
    rows[:, 1:] = pixels.reshape(height, -1)
    colour_type = {3: 2, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", header),
            _chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    check = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)


def data_uri(pixels: Array) -> str:
    """The PNG of `pixels` as a link that carries its own content."""
    return "data:image/png;base64," + base64.b64encode(png(pixels)).decode("ascii")
