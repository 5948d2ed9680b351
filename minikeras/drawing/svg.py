"""Escaped markup, and values as colours.

A drawing is a string that can be written to a file or put into a page as it is.
"""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

# Dark to light in even steps of lightness, so that more always looks like more.
INK = ((0, 0, 0), (255, 255, 255))
GLOW = (
    *((9, 12, 28), (22, 48, 110), (37, 106, 191)),
    *((86, 166, 228), (178, 219, 245), (252, 252, 240)),
)
# Negative, nothing, positive.
DIVERGING = (
    *((158, 62, 8), (235, 131, 62), (250, 196, 152), (240, 240, 238)),
    *((160, 200, 240), (57, 135, 229), (16, 66, 129)),
)

Colours = tuple[tuple[int, int, int], ...]


class Svg(str):
    """Markup as text, which a notebook shows as the picture it is."""

    def _repr_html_(self) -> str:
        return str(self)


def tag(name: str, *children: str, **attributes: object) -> str:
    """One element. Children are markup; attribute values are escaped here.

    An attribute's trailing underscore is dropped (`class_`), inner ones are dashes;
    a value of None leaves the attribute out.

    >>> tag("text", text("a < b"), class_="label", x=1.5)
    '<text class="label" x="1.5">a &lt; b</text>'
    """
    parts = [name]
    for key, value in attributes.items():
        if value is None:
            continue
        key = key.rstrip("_").replace("_", "-")
        parts.append(f'{key}="{escape(number(value), quote=True)}"')
    head = " ".join(parts)
    return f"<{head}>{''.join(children)}</{name}>"


def text(value: object) -> str:
    """A value as text that markup cannot break."""
    return escape(str(value), quote=False)


def number(value: object) -> str:
    """Coordinates with at most two decimals; anything else as it prints."""
    if isinstance(value, float | np.floating):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return str(value)


def drawing(width: float, height: float, *children: str, label: str) -> Svg:
    """An SVG picture that scales with the page; `label` is read out in its place."""
    markup = tag(
        "svg",
        *children,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {number(float(width))} {number(float(height))}",
        width=width,
        height=height,
        role="img",
        aria_label=label,
    )
    return Svg(markup)


def colourise(
    values: Array, colours: Colours, low: float = 0.0, high: float = 1.0
) -> Array:
    """Values as RGB bytes, `low` the first of `colours` and `high` the last.

    Values outside are clipped, NaN takes the first colour. Gives `(..., 3)` uint8.
    """
    span = high - low if high > low else 1.0
    share = np.clip((np.asarray(values, np.float64) - low) / span, 0.0, 1.0)
    share = np.nan_to_num(share)
    stops = np.linspace(0.0, 1.0, len(colours))
    channels = [np.interp(share, stops, [c[i] for c in colours]) for i in range(3)]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)
