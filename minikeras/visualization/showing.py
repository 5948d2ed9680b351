"""Where a drawing goes: to a file, to the notebook, to a window, or back to the caller."""

from __future__ import annotations

import io
import os
import sys
from typing import Any

from minikeras.drawing.scene import Drawing, Scene


def notebook_display() -> Any:
    """IPython's `display`, if this runs in a notebook; else None."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    if shell is None or not hasattr(shell, "kernel"):
        return None
    from IPython.display import display

    return display


def shown_or_given(
    drawing: Drawing, path: str | os.PathLike[str] | None, show: bool | None
) -> Drawing | None:
    """Save or show a drawing; None if it was shown.

    Raises:
        ImportError: If it is to be shown, there is no notebook, and no matplotlib.
    """
    if path is not None:
        drawing.save(path)
        return drawing
    if not show:
        return drawing
    display = notebook_display()
    if display is not None:
        display(drawing)
    else:
        _window(drawing)
    return None


def _window(drawing: Drawing) -> None:
    try:
        from matplotlib import pyplot
        from PIL import Image  # noqa: F401 - what draws the pixels
    except ImportError as error:
        raise ImportError(
            "show=True outside of a notebook needs matplotlib and Pillow; give path='x.svg', "
            "or save what the function returns."
        ) from error
    from minikeras.drawing import raster

    if not isinstance(drawing, Scene):
        raise ValueError("show=True: this drawing can be saved as .svg or .html.")
    picture = raster.draw(drawing)
    figure = pyplot.figure(figsize=(drawing.width / 96, drawing.height / 96))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    axes.imshow(picture)
    pyplot.show()


def png_bytes(scene: Scene) -> bytes:
    """A scene as the bytes of a PNG file, by Pillow."""
    from minikeras.drawing import raster

    buffer = io.BytesIO()
    raster.draw(scene).save(buffer, "PNG")
    return buffer.getvalue()
