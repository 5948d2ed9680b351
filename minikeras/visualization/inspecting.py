"""Pictures of training and of what a model has learned."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minikeras.drawing.charts import confusion_matrix, history_charts, image_grid
from minikeras.drawing.scene import Drawing
from minikeras.drawing.svg import DIVERGING, Array, tag, text
from minikeras.layers import Layer
from minikeras.models import Model
from minikeras.types import ArrayLike

_MOST = 64  # pictures in a grid; more get no clearer


def plot_history(
    history: Mapping[str, Any], metrics: Sequence[str] | None = None
) -> Drawing:
    """Curves of training and validation, one chart for each metric.

    Args:
        history: What `fit` gave, or its `history`: a dict of lists.
        metrics: Which to draw. Default: all.

    Returns:
        A drawing, with `svg` and `save(path)` (`.html`).

    Raises:
        ValueError: If there is no such metric.

    Example:
        >>> keras.visualization.plot_history({"loss": [2.0, 1.0], "val_loss": [2.5, 1.5]})
        <Drawing: ... characters of SVG; save(path)>
    """
    values: Mapping[str, Any] = getattr(history, "history", history)
    unknown = sorted(set(metrics or ()) - set(values))
    if unknown:
        raise ValueError(
            f"plot_history: no {unknown}; expected some of {sorted(values)}."
        )
    return Drawing(history_charts(values, metrics))


def plot_confusion(
    y_true: ArrayLike,
    y_pred: ArrayLike | None = None,
    labels: Sequence[str] | None = None,
) -> Drawing:
    """What was predicted for what was true.

    Args:
        y_true: Classes `(samples,)`, or one-hot `(samples, classes)`; or, without
            `y_pred`, counts `(true, predicted)`.
        y_pred: Predicted classes `(samples,)`, or scores `(samples, classes)`.
        labels: The classes' names.

    Returns:
        A drawing, with `svg` and `save(path)`.

    Raises:
        ValueError: If shapes do not fit, or classes are negative.

    Example:
        >>> keras.visualization.plot_confusion([0, 1, 1], [0, 1, 0], ["cat", "dog"])
        <Drawing: ... characters of SVG; save(path)>
    """
    if y_pred is None:
        return Drawing(confusion_matrix(np.asarray(y_true), labels))
    true, predicted = _classes(y_true), _classes(y_pred)
    if true.shape != predicted.shape or not true.size:
        raise ValueError(
            f"plot_confusion: y_true has {true.size} classes, y_pred {predicted.size}; "
            "expected one each for every sample."
        )
    if min(true.min(), predicted.min()) < 0:
        raise ValueError("plot_confusion: classes are negative; expected 0, 1, 2, ...")
    count = max(int(true.max()), int(predicted.max()), len(labels or ()) - 1) + 1
    counts = np.zeros((count, count), np.int64)
    np.add.at(counts, (true, predicted), 1)
    return Drawing(confusion_matrix(counts, labels))


def plot_filters(layer: Layer, scale: int | None = None) -> Drawing:
    """The filters of a convolution: blue weights, and orange ones below 0.

    Args:
        layer: A built layer with a `kernel`, or a kernel `(height, width, in, out)`;
            one of one axis is drawn as one row.
        scale: Pixels of the page for a weight.

    Returns:
        A drawing, with `svg` and `save(path)`.

    Raises:
        ValueError: If it has no kernel of three or four axes.

    Example:
        >>> layer = keras.layers.Conv2D(4, 3)
        >>> layer.build((None, 8, 8, 1))
        >>> keras.visualization.plot_filters(layer)
        <Drawing: ... characters of SVG; save(path)>
    """
    kernel = getattr(layer, "kernel", None if isinstance(layer, Layer) else layer)
    if kernel is None:
        raise ValueError(
            f"plot_filters: layer {layer.name!r} has no kernel"
            f"{'' if layer.built else '; it is not built'}; expected a built convolution."
        )
    values = np.asarray(kernel, np.float64)
    if values.ndim == 3:
        values = values[None]
    if values.ndim != 4:
        name = getattr(layer, "name", type(layer).__name__)
        raise ValueError(
            f"plot_filters: {name!r} has a kernel of shape {values.shape}; expected "
            "(height, width, in, out), as convolutions have it."
        )
    tiles = values.reshape(*values.shape[:2], -1).transpose(2, 0, 1)[:_MOST]
    reach = float(np.abs(tiles).max()) or 1.0
    size = scale or max(2, 48 // max(values.shape[:2]))
    label = f"{len(tiles)} filters"
    grid = image_grid(tiles, label, 16, size, DIVERGING, -reach, reach, 8)
    return Drawing(grid)


def plot_feature_maps(
    model: Any, x: ArrayLike, layers: Sequence[str] | None = None
) -> Drawing:
    """What the layers make of one sample, a picture for each channel.

    Args:
        model: A `Sequential` or functional model, built.
        x: One sample, as a batch: `(1, ...)` (of more, the first is taken).
        layers: Names of layers. Default: all whose outputs are pictures.

    Returns:
        A drawing, with `svg` and `save(path)` (`.html`).

    Raises:
        ValueError: If the model has no graph, a layer is not in it, or gives no picture.

    Example:
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3)])
        >>> keras.visualization.plot_feature_maps(model, np.random.rand(1, 8, 8, 1))
        <Drawing: ... characters of SVG; save(path)>
    """
    known = {layer.name: layer for layer in model.layers}
    unknown = sorted(set(layers or ()) - set(known))
    if unknown:
        raise ValueError(
            f"plot_feature_maps: no layers {unknown}; expected some of {list(known)}."
        )
    try:
        chosen = [known[name] for name in layers or known]
        outputs = {layer.name: layer.output for layer in chosen}
    except (AttributeError, ValueError) as error:
        raise ValueError(
            f"plot_feature_maps: model {model.name!r} has no graph from its inputs to its "
            "layers; expected a Sequential with an Input, or a functional model."
        ) from error
    found = {n: t for n, t in outputs.items() if len(t.shape) == 4}
    if not found or (layers and len(found) < len(outputs)):
        wrong = {n: tuple(t.shape) for n, t in outputs.items() if n not in found}
        raise ValueError(
            f"plot_feature_maps: outputs have shapes {wrong}; expected "
            "(batch, height, width, channels)."
        )
    first = [np.asarray(a)[:1] for a in (x if isinstance(x, (list, tuple)) else [x])]
    part = Model(model.inputs, list(found.values()))
    made = part.predict(first if len(first) > 1 else first[0], verbose=0)
    rows = [
        _maps(layer, array[0])
        for layer, array in zip(
            [known[n] for n in found], made if len(found) > 1 else [made]
        )
    ]
    return Drawing(tag("div", *rows))


def _maps(layer: Layer, values: Array) -> str:
    """The heading of a layer and its channels."""
    if getattr(layer, "data_format", None) == "channels_first":
        values = values.transpose(1, 2, 0)
    height, width, channels = values.shape
    tiles = values.transpose(2, 0, 1)[:_MOST]
    # One glaring pixel would darken all the rest.
    high = float(np.nanquantile(values, 0.998))
    size = max(1, math.ceil(52 / max(height, width)))
    heading = f"{layer.name} ({type(layer).__name__}) {height} × {width} × {channels}"
    grid = image_grid(tiles, f"Output of {layer.name}", 16, size, high=high)
    style = "font:13px system-ui,sans-serif;margin:8px 0 4px"
    return tag("div", text(heading), style=style) + grid


def _classes(values: ArrayLike) -> Array:
    array = np.asarray(values)
    if array.ndim == 2 and array.shape[1] > 1:
        return array.argmax(axis=1)
    return array.reshape(-1).astype(np.int64)
