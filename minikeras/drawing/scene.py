"""Scenes: boxes, lines, texts and pictures at places, drawn as SVG, or by Pillow.

What is drawn is said once; `Scene.svg` is markup and needs nothing, `Scene.save` also
writes what Pillow can (PNG, JPEG, PDF, ...), where it is installed.
"""

from __future__ import annotations

import html
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from minikeras import console
from minikeras.drawing.png import data_uri
from minikeras.drawing.svg import Array, drawing, tag, text

FONT = "Helvetica,Arial,'DejaVu Sans',sans-serif"


class _Placed:
    """A shape at `(x, y)`."""

    x: float
    y: float

    def moved(self, x: float, y: float) -> Any:
        """The same further right and down."""
        return replace(self, x=self.x + x, y=self.y + y)  # type: ignore[type-var]  # shapes are dataclasses


@dataclass(frozen=True)
class Box(_Placed):
    """A rectangle; `fill` and `stroke` are `#rrggbb`, or None for none."""

    x: float
    y: float
    width: float
    height: float
    fill: str | None = None
    stroke: str | None = None
    line: float = 1.0
    radius: float = 0.0
    dashed: bool = False

    def svg(self) -> str:
        """As an element."""
        return tag(
            "rect", x=self.x, y=self.y, width=self.width, height=self.height,
            rx=self.radius or None, fill=self.fill or "none", stroke=self.stroke,
            stroke_width=self.line if self.stroke else None,
            stroke_dasharray="5 4" if self.dashed else None,
        )  # fmt: skip


@dataclass(frozen=True)
class Line:
    """A line through points, with an arrow's head at its end if `arrow`."""

    points: tuple[tuple[float, float], ...]
    stroke: str
    line: float = 1.5
    arrow: bool = False

    def svg(self) -> str:
        """As an element, or two."""
        way = " ".join(f"{x:g},{y:g}" for x, y in self.points)
        parts = tag(
            "polyline", points=way, fill="none", stroke=self.stroke,
            stroke_width=self.line, stroke_linejoin="round",
        )  # fmt: skip
        if self.arrow:
            head = " ".join(f"{x:.1f},{y:.1f}" for x, y in self.head())
            parts += tag("polygon", points=head, fill=self.stroke)
        return parts

    def moved(self, x: float, y: float) -> Line:
        """The same further right and down."""
        return replace(self, points=tuple((a + x, b + y) for a, b in self.points))

    def head(self) -> list[tuple[float, float]]:
        """The corners of the arrow's head."""
        (x0, y0), (x, y) = self.points[-2:]
        length = max(((x - x0) ** 2 + (y - y0) ** 2) ** 0.5, 1e-9)
        dx, dy = (x - x0) / length * 8, (y - y0) / length * 8
        return [
            (x, y),
            (x - dx - dy / 2, y - dy + dx / 2),
            (x - dx + dy / 2, y - dy - dx / 2),
        ]


@dataclass(frozen=True)
class Label(_Placed):
    """A line of text; `(x, y)` is where its baseline starts, has its middle, or ends."""

    x: float
    y: float
    content: str
    size: float = 12.0
    fill: str = "#1b1f24"
    bold: bool = False
    anchor: str = "start"

    def svg(self) -> str:
        """As an element."""
        return tag(
            "text", text(self.content), x=self.x, y=self.y, fill=self.fill,
            text_anchor=self.anchor, font_family=FONT, font_size=self.size,
            font_weight="bold" if self.bold else None,
        )  # fmt: skip


@dataclass(frozen=True)
class Pixels(_Placed):
    """A picture, `(height, width, 3 or 4)` uint8, in crisp pixels."""

    x: float
    y: float
    width: float
    height: float
    values: Array

    def svg(self) -> str:
        """As an element that holds the picture itself."""
        return tag(
            "image", href=data_uri(self.values), x=self.x, y=self.y, width=self.width,
            height=self.height, preserveAspectRatio="none",
            style="image-rendering:pixelated",
        )  # fmt: skip


Shape = Box | Line | Label | Pixels


class Drawing:
    """Markup that notebooks show.

    Args:
        markup: SVG, or HTML around some.

    Attributes:
        svg: The markup.

    Example:
        >>> Drawing("<svg></svg>").save("nothing.png")
        Traceback (most recent call last):
            ...
        ValueError: nothing.png: this drawing can be saved as .svg or .html.
    """

    def __init__(self, markup: str) -> None:
        self.svg = markup

    def _repr_html_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__}: {len(self.svg):,} characters of SVG; save(path)>"
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it to a file, of the kind that the path's ending says.

        Raises:
            ValueError: If it cannot be of that kind.
        """
        target = Path(path)
        ending = target.suffix.lower()
        if ending == ".svg" and self.svg.startswith("<svg"):
            target.write_text(self.svg, encoding="utf-8")
        elif ending in (".html", ".htm"):
            head = f'<meta charset="utf-8"><title>{html.escape(target.stem)}</title>'
            target.write_text(f"<!doctype html>{head}{self.svg}\n", encoding="utf-8")
        else:
            self._save_pixels(target)

    def _save_pixels(self, path: Path) -> None:
        raise ValueError(f"{path}: this drawing can be saved as .svg or .html.")


@dataclass(repr=False)
class Scene(Drawing):
    """Shapes, the first ones below.

    Args:
        width: In pixels at scale 1.
        height: In pixels at scale 1.
        label: What is shown, for readers who cannot see it.
        shapes: The shapes.
        background: `#rrggbb` or None; pictures without transparency are white there.
    """

    width: float
    height: float
    label: str
    shapes: list[Shape] = field(default_factory=list)
    background: str | None = None
    scale: float = 2.0  # pixels of a PNG for one of ours

    @property
    def svg(self) -> str:  # type: ignore[override]  # of other shapes it is a part
        """The scene as SVG."""
        ground = [Box(0, 0, self.width, self.height, self.background)]
        shapes = (ground if self.background else []) + self.shapes
        return drawing(
            round(self.width, 1),
            round(self.height, 1),
            *[shape.svg() for shape in shapes],
            label=self.label,
        )

    def _save_pixels(self, path: Path) -> None:
        from minikeras.drawing import raster

        raster.save(self, path)


def text_width(words: str, size: float) -> float:
    """About how wide a text is drawn: fonts differ."""
    narrow = sum(c in " .,:;|!il'()[]" for c in words)
    return size * (0.6 * (console.width(words) - narrow) + 0.32 * narrow)


def hexed(colour: Sequence[float]) -> str:
    """`(red, green, blue)` of 0 to 255 as `#rrggbb`; a string stays."""
    if isinstance(colour, str):
        return colour
    red, green, blue = (int(c) for c in tuple(colour)[:3])
    return f"#{red:02x}{green:02x}{blue:02x}"
