"""Where a drawing goes: to a file, to the notebook, to a window, or back to the caller."""

from __future__ import annotations

import os

from minikeras import console
from minikeras.drawing.scene import Drawing, Scene


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
    display = console.notebook()
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
