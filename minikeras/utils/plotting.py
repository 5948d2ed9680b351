"""`plot_model` and `model_to_dot`: pictures of models, drawn here; no Graphviz is needed."""

from __future__ import annotations

import importlib.util
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from minikeras.drawing.diagram import Diagram, dot_text, draw_diagram
from minikeras.drawing.layout import DIRECTIONS
from minikeras.drawing.scene import Scene
from minikeras.engine.warn import warn_user
from minikeras.models.diagram import Wanted, model_diagram

if TYPE_CHECKING:
    from minikeras.models.model import Model


class Dot:
    """A model in Graphviz's language, with the methods of `pydot.Dot` that are common.

    Pictures (`create`, `write_svg`, `write_png`, ...) are drawn by minikeras itself.

    Args:
        diagram: What it says.
        rankdir: Where arrows lead.
        dpi: Dots for an inch.
        splines: How lines are drawn.
        subgraph: Whether it is a part of another graph.
    """

    def __init__(
        self, diagram: Diagram, rankdir: str, dpi: int, splines: str, subgraph: bool
    ) -> None:
        self._diagram, self._rankdir = diagram, rankdir
        self._dpi, self._splines, self._subgraph = dpi, splines, subgraph

    def to_string(self) -> str:
        """The text, for Graphviz or `pydot.graph_from_dot_data`."""
        return dot_text(
            self._diagram, self._rankdir, self._splines, self._dpi, self._subgraph
        )

    __str__ = to_string

    def scene(self) -> Scene:
        """The drawing."""
        return draw_diagram(self._diagram, self._rankdir, self._splines, self._dpi / 96)

    def create(self, prog: object = None, format: str = "svg") -> bytes:
        """A picture's bytes.

        Args:
            prog: Taken for Graphviz's sake; there is one way to draw.
            format: `"svg"`, `"dot"`, or with Pillow `"png"` and others.
        """
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, f"model.{format}")
            self.write(path)
            return Path(path).read_bytes()

    def write(
        self, path: str | os.PathLike[str], prog: object = None, format: str = "raw"
    ) -> bool:
        """Write a file of the kind that its ending says; `.dot` is the text."""
        target = Path(path)
        if target.suffix.lower() in (".dot", ".gv", ".raw", ""):
            target.write_text(self.to_string(), encoding="utf-8")
        else:
            self.scene().save(target)
        return True

    def create_svg(self) -> bytes:
        """The picture as SVG."""
        return self.create(format="svg")

    def create_png(self) -> bytes:
        """The picture as PNG, by Pillow."""
        return self.create(format="png")

    write_svg = write_png = write_dot = write_pdf = write

    def _repr_html_(self) -> str:
        return self.scene().svg


def model_to_dot(
    model: Model,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    subgraph: bool = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: object,
) -> Dot:
    """A model as a graph in Graphviz's language.

    Args:
        model: A built model.
        show_shapes: Whether to say the shapes that go in and come out.
        show_dtype: Whether to say the dtype that comes out.
        show_layer_names: Whether to say the layers' names beside their classes.
        rankdir: Where arrows lead: `"TB"`, `"BT"`, `"LR"` or `"RL"`.
        expand_nested: Whether to show what is inside of models inside.
        dpi: Dots for an inch.
        subgraph: Whether to give a part of another graph.
        show_layer_activations: Whether to say the layers' activations.
        show_trainable: Whether to say which layers are trained.
        splines: `"ortho"` for lines with right angles; else they are straight.
        **kwargs: None; named in the error.

    Returns:
        An object with `to_string()`, `write(path)` and `create(format="svg")`.

    Raises:
        ValueError: If the model is not built, or an argument is unknown.

    Example:
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="a")])
        >>> "<b>a</b> (Dense)" in keras.utils.model_to_dot(model).to_string()
        True
    """
    if "layer_range" in kwargs:
        raise ValueError("model_to_dot: layer_range is not supported any more.")
    if kwargs:
        raise ValueError(f"model_to_dot: unknown arguments {sorted(kwargs)}.")
    if rankdir not in DIRECTIONS:
        raise ValueError(
            f"model_to_dot: rankdir={rankdir!r}; expected one of {DIRECTIONS}."
        )
    if not model.built:
        raise ValueError(
            f"model_to_dot: model {model.name!r} is not built, so its layers are not known "
            "yet. Call it on a batch of data, or build() it."
        )
    wanted = Wanted(
        show_shapes, show_dtype, show_layer_names, show_layer_activations,
        show_trainable, expand_nested,
    )  # fmt: skip
    return Dot(model_diagram(model, wanted), rankdir, dpi, splines, subgraph)


def plot_model(
    model: Model,
    to_file: str | os.PathLike[str] | None = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: object,
) -> Scene:
    """A picture of a model, in a file and for the notebook.

    Graphviz is not needed. `.svg` and `.html` need nothing, `.png`, `.jpg`, `.pdf` need
    Pillow; where that is not installed, an `.svg` is written beside, with a warning.

    Args:
        model: A built model.
        to_file: The file; None for none.
        show_shapes: Whether to say the shapes that go in and come out.
        show_dtype: Whether to say the dtype that comes out.
        show_layer_names: Whether to say the layers' names beside their classes.
        rankdir: Where arrows lead: `"TB"`, `"BT"`, `"LR"` or `"RL"`.
        expand_nested: Whether to show what is inside of models inside.
        dpi: Pixels of the file for an inch.
        show_layer_activations: Whether to say the layers' activations.
        show_trainable: Whether to say which layers are trained.
        splines: `"ortho"` for lines with right angles; else they are straight.
        **kwargs: None; named in the error.

    Returns:
        The drawing, which a notebook shows.

    Raises:
        ValueError: If the model is not built, or an argument is unknown.

    Example:
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        >>> keras.utils.plot_model(model, None, show_shapes=True)
        <Scene: ... characters of SVG; save(path)>
    """
    dot = model_to_dot(
        model, show_shapes, show_dtype, show_layer_names, rankdir, expand_nested, dpi,
        False, show_layer_activations, show_trainable, splines, **kwargs,
    )  # fmt: skip
    scene = dot.scene()
    if to_file is None:
        return scene
    path = Path(to_file)
    plain = path.suffix.lower() in ("", ".svg", ".html", ".htm", ".dot", ".gv")
    if not plain and importlib.util.find_spec("PIL") is None:
        instead = path.with_suffix(".svg")
        warn_user(
            f"plot_model: {path} needs Pillow (`pip install 'minikeras[image]'`); wrote "
            f"{instead} instead."
        )
        path = instead
    dot.write(path)
    return scene
