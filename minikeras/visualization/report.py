"""One self-contained page about a trained classifier of pictures."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minikeras.console import percentage
from minikeras.drawing import charts
from minikeras.drawing.page import page, section, table
from minikeras.drawing.svg import DIVERGING, INK, Array, tag, text

# Beyond these a page gets heavy and no clearer.
MAX_FILTERS = 64
MAX_CHANNELS = 64
MAX_BARS = 20
MAX_PAIRS = 8

Mistake = tuple[Array, Any, Any, float]


def write_report(
    path: str | os.PathLike[str],
    history: Mapping[str, Sequence[float]],
    confusion: Array,
    filters: Array,
    feature_maps: Sequence[tuple[str, Array]],
    mistakes: Sequence[Mistake],
    title: str = "Training report",
    facts: Mapping[str, Any] | None = None,
    lead: str = "",
    links: Mapping[str, str] | None = None,
) -> Path:
    """Writes a report of one training run as a single HTML file.

    The page holds its pictures itself, needs no script and no network, and follows
    the reader's light or dark setting. The file appears whole or not at all: an
    older report is replaced only when the new one is complete.

    Args:
        path: The file to write; its folder is made where missing.
        history: Metric -> value of each epoch, as in `History.history`. A metric `m`
            is drawn together with `val_m`.
        confusion: `(true, predicted)` counts.
        filters: Kernel of the first convolution, `(height, width, in, out)`.
        feature_maps: Layer name and output for one picture, in order: either
            `(height, width, channels)` or `(features,)`.
        mistakes: Picture `(height, width)` or `(height, width, 1)`, true class,
            predicted class, and the probability given to the prediction, worst first.
        title: The heading.
        facts: Name -> value, the key figures under the heading, most important first.
        lead: One sentence under the heading.
        links: Text -> address of a page that belongs to this one.

    Returns:
        The path of the written file.

    Raises:
        ValueError: If an array does not have the shape said above. Nothing is written.
        OSError: If the file cannot be written. An older file stays as it was.

    Example:

    >>> keras.visualization.write_report(  # doctest: +SKIP
    ...     "report.html", history.history, table, filters, feature_maps, mistakes
    ... )
    """
    sections = [
        _training(history),
        _confusion(confusion),
        _filters(filters),
        _layers(feature_maps),
        _mistakes(mistakes),
    ]
    return _replace(Path(path), page(title, lead, facts or {}, sections, links))


def _training(history: Mapping[str, Sequence[float]]) -> str:
    drawn = []
    for name in (n for n in history if not n.startswith("val_")):
        series = {"training": [float(v) for v in history[name]]}
        if f"val_{name}" in history:
            series["validation"] = [float(v) for v in history[f"val_{name}"]]
        drawn.append(tag("div", charts.line_chart(series, name.replace("_", " "))))
    return section(
        "Training",
        "Each epoch is one pass over the training pictures; validation pictures are "
        "only looked at. Training figures are averages over the epoch, taken with "
        "dropout on, so validation may well be ahead.",
        tag("div", *drawn, class_="row"),
        table(history, "epoch"),
    )


def _confusion(counts: Array) -> str:
    counts = np.asarray(counts)
    return section(
        "Right and wrong",
        "One row for each true class, one column for each answer. Right answers lie on "
        "the diagonal; orange cells are mistakes.",
        tag("div", charts.confusion_matrix(counts), _pairs(counts), class_="row"),
    )


def _pairs(counts: Array) -> str:
    """The most frequent mistakes in words, for those whom colours do not help."""
    wrong = counts * (1 - np.eye(len(counts), dtype=counts.dtype))
    order = np.argsort(-wrong, axis=None, kind="stable")[:MAX_PAIRS]
    rows = []
    for true, predicted in zip(*np.unravel_index(order, wrong.shape)):
        count = int(wrong[true, predicted])
        if count:
            times = "once" if count == 1 else f"{count} times"
            pair = f"<b>{true}</b> taken for <b>{predicted}</b>, {times}"
            rows.append(tag("li", pair))
    right = f"{int(np.trace(counts))} of {int(counts.sum())} right."
    heading = tag("h3", text(right + (" Most often wrong:" if rows else "")))
    kinds = int(np.count_nonzero(wrong))
    cut = ""
    if kinds > len(rows):
        left = int(np.sort(wrong, axis=None)[: -len(rows)].sum())
        times = "mistake" if left == 1 else "mistakes"
        kind = "pair" if kinds == len(rows) + 1 else "pairs"
        cut = tag("p", f"And {left} more {times} in {kinds - len(rows)} other {kind}.")
    return tag("div", heading, tag("ul", *rows), cut, _recall(counts))


def _recall(counts: Array) -> str:
    """The share of each class that was found, least first in words."""
    totals = counts.sum(axis=1)
    if not totals.any():
        return ""
    shares = np.divide(
        np.diag(counts), totals, where=totals > 0, out=np.ones(len(counts))
    )
    hardest = np.argsort(shares, kind="stable")[:3]
    words = ", ".join(f"<b>{i}</b> ({percentage(shares[i])})" for i in hardest)
    return tag("p", f"Hardest to find: {words}.")


def _filters(kernel: Array) -> str:
    kernel = np.asarray(kernel)
    if kernel.ndim != 4:
        raise ValueError(
            f"write_report: filters has shape {kernel.shape}; expected a kernel of "
            "shape (height, width, in, out)."
        )
    tiles = kernel.reshape(*kernel.shape[:2], -1).transpose(2, 0, 1)[:MAX_FILTERS]
    reach = float(np.abs(tiles).max()) or 1.0
    grid = charts.image_grid(
        tiles,
        f"The {len(tiles)} filters of the first convolution",
        scale=max(2, 48 // max(kernel.shape[:2])),
        colours=DIVERGING,
        low=-reach,
        high=reach,
        gap=8,
    )
    return section(
        "What the first layer looks for",
        "The learned filters. Blue weights want ink, orange weights want paper, grey "
        f"ones do not care. Deepest colour: ±{reach:.2f}.",
        tag("div", grid, class_="tiles"),
    )


def _layers(feature_maps: Sequence[tuple[str, Array]]) -> str:
    rows = []
    for name, values in feature_maps:
        values = np.asarray(values)
        shape = " × ".join(map(str, values.shape))
        heading = tag("h3", text(name), tag("span", text(shape), class_="shape"))
        kind = "layer bars" if _few(values) else "layer"
        rows.append(tag("div", heading, _layer(name, values), class_=kind))
    return section(
        "One digit on its way through the network",
        "The output of each layer for the same picture, one tile for each channel; the "
        "brighter, the stronger. Each layer has a scale of its own.",
        *rows,
    )


def _few(values: Array) -> bool:
    """Whether bars show them better than cells."""
    return values.ndim == 1 and len(values) <= MAX_BARS


def _layer(name: str, values: Array) -> str:
    label = f"Output of {name}"
    if _few(values):
        return charts.bar_chart(values, label)
    if values.ndim == 1:
        strip = np.full(-(-len(values) // 100) * 100, np.nan)
        strip[: len(values)] = values
        return charts.image_grid(strip.reshape(1, -1, 100), label, scale=8)
    if values.ndim != 3:
        raise ValueError(
            f"write_report: the feature map of {name!r} has shape {values.shape}; "
            "expected (height, width, channels) or (features,)."
        )
    height, width, channels = values.shape
    tiles = values.transpose(2, 0, 1)[:MAX_CHANNELS]
    if channels == 1:
        return charts.image_grid(tiles, label, scale=4, colours=INK)
    # One glaring pixel would darken all the rest.
    high = float(np.nanquantile(values, 0.998))
    scale = max(2, 52 // max(height, width))
    return charts.image_grid(tiles, label, scale=scale, high=high)


def _mistakes(mistakes: Sequence[Mistake]) -> str:
    figures = []
    for picture, true, predicted, probability in mistakes:
        tile = np.squeeze(np.asarray(picture, np.float64))
        alt = f"A {true} taken for a {predicted}"
        drawn = charts.image_grid(tile[None], alt, scale=5, colours=INK)
        caption = f"<b>{text(true)}</b>, taken for <b>{text(predicted)}</b><br>"
        caption += f"{text(percentage(probability))} sure"
        figures.append(tag("figure", drawn, tag("figcaption", caption)))
    explanation = (
        "The wrong answers the network was surest of."
        if figures
        else "There are none: every test picture was recognised."
    )
    grid = tag("div", *figures, class_="mistakes")
    return section("The worst mistakes", explanation, grid)


def _replace(path: Path, content: str) -> Path:
    """Writes beside `path`, then renames: readers never see half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(".tmp", f".{path.name}.", path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(content)
        # mkstemp makes files only their owner can read; a report is for sharing.
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    return path
