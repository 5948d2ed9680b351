"""Scenes as pictures of pixels, drawn by Pillow."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minikeras.drawing.scene import Box, Label, Line, Pixels, Scene

if TYPE_CHECKING:
    from PIL import ImageDraw

# Drawn larger and made smaller, so that slanted lines and letters have soft edges.
_FINER = 2


def save(scene: Scene, path: Path) -> None:
    """Write a scene in the format that the path's ending says.

    Raises:
        ImportError: If Pillow is not installed.
        ValueError: If Pillow does not know the ending.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            f"{path}: pictures of this kind need Pillow; `pip install 'minikeras[image]'`, "
            "or save as .svg, which needs nothing."
        ) from error
    ending = path.suffix.lower()
    if ending not in Image.registered_extensions():
        raise ValueError(
            f"{path}: the ending {ending!r} is unknown; expected .svg, .html, .png, .jpg, "
            ".pdf, .webp or another format of Pillow's."
        )
    picture = draw(scene)
    if Image.registered_extensions()[ending] not in ("PNG", "WEBP", "TIFF"):
        ground = Image.new("RGB", picture.size, scene.background or "#ffffff")
        ground.paste(picture, mask=picture.getchannel("A"))
        picture = ground
    picture.save(path)


def draw(scene: Scene) -> Any:
    """The scene as a `PIL.Image` with transparency."""
    from PIL import Image, ImageDraw

    scale = scene.scale * _FINER
    size = math.ceil(scene.width * scale), math.ceil(scene.height * scale)
    picture = Image.new("RGBA", size, scene.background or (0, 0, 0, 0))
    pen = ImageDraw.Draw(picture)
    for shape in scene.shapes:
        match shape:
            case Box():
                _box(pen, shape, scale)
            case Line():
                _line(pen, shape, scale)
            case Label():
                _label(pen, shape, scale)
            case Pixels():
                _pixels(picture, shape, scale)
    final = size[0] // _FINER, size[1] // _FINER
    return picture.resize(final, Image.Resampling.BOX)


def _box(pen: ImageDraw.ImageDraw, box: Box, scale: float) -> None:
    corners = [
        box.x * scale,
        box.y * scale,
        (box.x + box.width) * scale - 1,
        (box.y + box.height) * scale - 1,
    ]
    line = max(1, round(box.line * scale)) if box.stroke else 0
    if box.dashed and box.stroke:
        _dashes(pen, corners, box.stroke, line, 6 * scale)
    elif box.fill or box.stroke:
        outer = line / 2
        where = [
            corners[0] - outer, corners[1] - outer, corners[2] + outer, corners[3] + outer,
        ]  # fmt: skip
        pen.rounded_rectangle(
            where, box.radius * scale, box.fill, box.stroke, line or 1
        )


def _dashes(
    pen: ImageDraw.ImageDraw, corners: list[float], stroke: str, line: int, step: float
) -> None:
    left, top, right, bottom = corners
    sides = (
        (left, top, right, top), (left, bottom, right, bottom),
        (left, top, left, bottom), (right, top, right, bottom),
    )  # fmt: skip
    for x0, y0, x1, y1 in sides:
        length = abs(x1 - x0) + abs(y1 - y0)
        for i in range(0, max(int(length / step), 1), 2):
            a, b = i * step / length, min((i + 1) * step / length, 1.0)
            ends = [x0 + (x1 - x0) * a, y0 + (y1 - y0) * a]
            ends += [x0 + (x1 - x0) * b, y0 + (y1 - y0) * b]
            pen.line(ends, stroke, line)


def _line(pen: ImageDraw.ImageDraw, line: Line, scale: float) -> None:
    points = [(x * scale, y * scale) for x, y in line.points]
    pen.line(points, line.stroke, max(1, round(line.line * scale)), joint="curve")
    if line.arrow:
        pen.polygon([(x * scale, y * scale) for x, y in line.head()], line.stroke)


def _label(pen: ImageDraw.ImageDraw, label: Label, scale: float) -> None:
    from PIL import ImageFont

    font = ImageFont.load_default(label.size * scale)
    anchor = {"start": "ls", "middle": "ms", "end": "rs"}[label.anchor]
    pen.text(
        (label.x * scale, label.y * scale),
        label.content,
        label.fill,
        font,
        anchor,
        stroke_width=round(label.size * scale / 30) if label.bold else 0,
    )


def _pixels(picture: Any, pixels: Pixels, scale: float) -> None:
    from PIL import Image

    size = max(1, round(pixels.width * scale)), max(1, round(pixels.height * scale))
    image = Image.fromarray(pixels.values).convert("RGBA")
    image = image.resize(size, Image.Resampling.NEAREST)
    picture.alpha_composite(image, (round(pixels.x * scale), round(pixels.y * scale)))
