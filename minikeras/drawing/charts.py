"""Charts as SVG: lines over epochs, a confusion matrix, grids of small pictures, bars.

Every function takes host arrays and gives a string. Colours are CSS variables with
fallbacks, so a chart follows the page it stands in and still reads well alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from minikeras.console import percentage, shown
from minikeras.drawing.png import data_uri
from minikeras.drawing.svg import (
    GLOW,
    Array,
    Colours,
    Svg,
    colourise,
    drawing,
    number,
    tag,
    text,
)

INK = "var(--ink, #1b1f24)"
MUTED = "var(--muted, #656d76)"
GRID = "var(--grid, #e3e5e8)"
SURFACE = "var(--surface, #ffffff)"
SERIES = (
    "var(--series-1, #2a78d6)",
    "var(--series-2, #d9661f)",
    "var(--series-3, #1a9c85)",
    "var(--series-4, #8a5cd1)",
)
RIGHT = "#256abf"
WRONG = "#d9661f"

# Beyond, dots would be a thick line.
MAX_DOTS = 40


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About `count` round numbers that cover `low` to `high`.

    >>> ticks(0.0, 0.93)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    if not high - low > 1e-9 * max(abs(low), abs(high)):
        # Flat, or too nearly so for doubles to tell the marks apart.
        high = low + (abs(low) or 1.0)
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = power * next(m for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    # Through text: 3 * 0.2 is 0.6000000000000001, of which nobody wants to read.
    return [float(f"{i * step:.12g}") for i in range(first, last + 1)]


def line_chart(
    series: Mapping[str, Sequence[float]],
    title: str,
    x_label: str = "epoch",
    width: int = 480,
    height: int = 290,
) -> Svg:
    """Lines over 1, 2, 3, ..., one for each entry of `series`, up to four.

    Args:
        series: Name -> values. Values that are not finite leave a gap.
        title: What the y axis counts.
        x_label: What the x axis counts.
        width: Width in pixels at scale 1.
        height: Height in pixels at scale 1.

    Returns:
        The SVG as a string; a notebook shows it as a picture.

    Example:
        >>> line_chart({"train": [0.9, 0.5]}, "loss").startswith("<svg")
        True
    """
    left, right, top, bottom = 44.0, width - 58.0, 44.0, height - 38.0
    finite = [v for values in series.values() for v in values if math.isfinite(v)]
    longest = max((len(values) for values in series.values()), default=0)
    marks = ticks(min(finite, default=0.0), max(finite, default=1.0))

    def x(i: int) -> float:
        return left + (right - left) * (i / (longest - 1) if longest > 1 else 0.5)

    def y(value: float) -> float:
        return bottom - (bottom - top) * (value - marks[0]) / (marks[-1] - marks[0])

    parts = [_label(title, left - 34, 16, weight=600, fill=INK, size=13)]
    for mark in marks:
        parts.append(_hairline(left, y(mark), right, y(mark)))
        parts.append(_label(f"{mark:g}", left - 8, y(mark) + 4, anchor="end"))
    every = max(1, math.ceil(longest / 12))
    for i in range(0, longest, every):
        parts.append(_label(str(i + 1), x(i), bottom + 17, anchor="middle"))
    parts.append(_label(x_label, (left + right) / 2, bottom + 33, anchor="middle"))
    names = list(series)
    endings = _spread([_ending(series[n], y, bottom) for n in names])
    for name, colour, end in zip(names, SERIES, endings):
        points = [(x(i), y(v), v) for i, v in enumerate(series[name])]
        parts.extend(_line(name, points, colour, end))
    parts.extend(_legend(names, right))
    return drawing(width, height, *parts, label=_line_summary(title, series))


def history_charts(
    history: Mapping[str, Sequence[Any]], metrics: Sequence[str] | None = None
) -> str:
    """A chart for each metric, training and validation together.

    Args:
        history: Metric -> value of each epoch; `m` is drawn together with `val_m`.
        metrics: Which to draw. Default: all.

    Returns:
        HTML with an SVG for each.

    Example:
        >>> history_charts({"loss": [2.0, 1.0], "val_loss": [2.5, 1.5]}).count("<svg")
        1
    """
    chosen = list(history) if metrics is None else list(metrics)
    names = list(dict.fromkeys(name.removeprefix("val_") for name in chosen))
    drawn = []
    for name in names:
        series = {}
        for which, key in (("training", name), ("validation", f"val_{name}")):
            numbers = [v for v in history.get(key, ()) if np.ndim(v) == 0]
            if numbers:
                series[which] = [float(v) for v in numbers]
        if series:
            style = "display:inline-block;margin:0 12px 8px 0"
            chart = line_chart(series, name.replace("_", " "))
            drawn.append(tag("div", chart, style=style))
    return tag("div", *drawn) if drawn else tag("div", "no epochs yet")


def _ending(
    values: Sequence[float], y: Callable[[float], float], bottom: float
) -> float:
    """Where the last value's label wants to stand."""
    if not len(values) or not math.isfinite(values[-1]):
        return bottom
    return y(values[-1])


def _spread(heights: list[float], gap: float = 14.0) -> list[float]:
    """The same heights, moved apart as little as it takes for labels not to overlap."""
    order = sorted(range(len(heights)), key=heights.__getitem__)
    # Labels that touch stand together, around the middle of where they want to be.
    groups: list[list[float]] = []
    for i in order:
        groups.append([heights[i]])
        while (
            len(groups) > 1 and _first(groups[-1], gap) < _last(groups[-2], gap) + gap
        ):
            last = groups.pop()
            groups[-1] += last
    placed = [_first(g, gap) + k * gap for g in groups for k in range(len(g))]
    return [place for _, place in sorted(zip(order, placed))]


def _first(wanted: list[float], gap: float) -> float:
    """The height of the first of labels that stand together."""
    return sum(wanted) / len(wanted) - gap * (len(wanted) - 1) / 2


def _last(wanted: list[float], gap: float) -> float:
    return _first(wanted, gap) + gap * (len(wanted) - 1)


def _line(
    name: str, points: list[tuple[float, float, float]], colour: str, end: float
) -> list[str]:
    """The line, a dot with a tooltip at each value, and the last value in words."""
    path, pen_down = [], False
    for px, py, value in points:
        if math.isfinite(value):
            path.append(f"{'L' if pen_down else 'M'}{number(px)} {number(py)}")
        pen_down = math.isfinite(value)
    style = f"stroke:{colour};fill:none;stroke-width:2"
    parts = [tag("path", d="".join(path), style=style, stroke_linejoin="round")]
    for i, (px, py, value) in enumerate(points, 1):
        if math.isfinite(value) and len(points) <= MAX_DOTS:
            hint = tag("title", text(f"{name}, {i}: {value:.4g}"))
            dot = f"fill:{colour};stroke:{SURFACE};stroke-width:1.5"
            parts.append(tag("circle", hint, cx=px, cy=py, r=3.5, style=dot))
    if points and math.isfinite(points[-1][2]):
        value = points[-1][2]
        parts.append(_label(shown(value), points[-1][0] + 8, end + 4, fill=INK))
    return parts


def _legend(names: Sequence[str], right: float) -> list[str]:
    parts, x = [], right + 50.0
    for name, colour in reversed(list(zip(names, SERIES))):
        x -= 7.4 * len(name)  # no usual face draws it wider
        parts.append(_label(name, x, 16, fill=colour))
        x -= 22.0
        style = f"stroke:{colour};stroke-width:3"
        parts.append(tag("line", x1=x, y1=12.0, x2=x + 16, y2=12.0, style=style))
        x -= 12.0
    return parts


def _line_summary(title: str, series: Mapping[str, Sequence[float]]) -> str:
    ends = [
        f"{name} from {values[0]:.4g} to {values[-1]:.4g}"
        for name, values in series.items()
        if len(values)
    ]
    return f"{title}: {', '.join(ends) or 'no values'}"


def confusion_matrix(
    counts: Array, labels: Sequence[str] | None = None, cell: int = 44
) -> Svg:
    """What was predicted for what was true: right answers blue, mistakes orange.

    Blue deepens with the share of the row that is right, orange with the number of
    mistakes, so that few mistakes among many right answers stay visible.

    Args:
        counts: `(true, predicted)` counts, square.
        labels: Names of the classes; 0, 1, 2, ... when None.
        cell: Size of one cell in pixels at scale 1.

    Returns:
        The SVG as a string; a notebook shows it as a picture.

    Raises:
        ValueError: If `counts` is not square or `labels` do not fit it.

    Example:

    >>> drawing = keras.visualization.confusion_matrix(np.array([[9, 1], [2, 8]]))
    >>> drawing[:4]
    '<svg'
    """
    counts = np.asarray(counts)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise ValueError(
            f"confusion_matrix: counts has shape {counts.shape}; expected a square "
            "matrix, one row for each true class, one column for each prediction."
        )
    n = len(counts)
    names = [str(i) for i in range(n)] if labels is None else list(labels)
    if len(names) != n:
        raise ValueError(
            f"confusion_matrix: got {len(names)} labels for {n} classes; give one each."
        )
    totals = counts.sum(axis=1)
    mistakes = counts * (1 - np.eye(n, dtype=counts.dtype))
    left, top = 60.0, 52.0
    centre = left + n * cell / 2
    parts = [_label("predicted", centre, 14, anchor="middle")]
    parts.append(
        tag("g", _label("true", 0, 0, anchor="middle"),
            transform=f"translate(14 {number(top + n * cell / 2)}) rotate(-90)")
    )  # fmt: skip
    parts.append(_label("found", left + n * cell + 28, top - 12, anchor="middle"))
    for i, name in enumerate(names):
        middle = top + i * cell + cell / 2 + 4
        column = left + i * cell + cell / 2
        parts.append(_label(name, left - 12, middle, anchor="end", fill=INK))
        parts.append(_label(name, column, top - 12, anchor="middle", fill=INK))
        found = percentage(counts[i, i] / totals[i]) if totals[i] else "–"
        parts.append(_label(found, left + n * cell + 28, middle, anchor="middle"))
    for i in range(n):
        for j in range(n):
            whole = totals[i] if i == j else mistakes.max()
            share = float(counts[i, j]) / max(float(whole), 1.0)
            hint = f"{counts[i, j]} of class {names[i]} taken for {names[j]}"
            at = (left + j * cell, top + i * cell)
            parts.append(_cell(at, cell, int(counts[i, j]), share, i == j, hint))
    right = int(np.trace(counts))
    label = f"Confusion matrix: {right} of {int(counts.sum())} right"
    return drawing(left + n * cell + 58, top + n * cell + 6, *parts, label=label)


def _cell(
    at: tuple[float, float], size: int, count: int, share: float, right: bool, hint: str
) -> str:
    if not count:
        style, ink = f"fill:{GRID};fill-opacity:.35", None
    else:
        opacity = share**2 if right else 0.18 + 0.72 * share
        style = f"fill:{RIGHT if right else WRONG};fill-opacity:{number(opacity)}"
        ink = "#ffffff" if opacity > 0.6 else INK
    parts = [
        tag("title", text(hint)),
        tag("rect", x=at[0] + 1, y=at[1] + 1, width=size - 2, height=size - 2, rx=4,
            style=style),
    ]  # fmt: skip
    if ink is not None:
        middle = (at[0] + size / 2, at[1] + size / 2 + 5)
        weight = 600 if right else 400
        parts.append(_label(str(count), *middle, "middle", ink, weight, size=14))
    return tag("g", *parts)


def image_grid(
    images: Array,
    label: str,
    columns: int = 16,
    scale: int = 2,
    colours: Colours = GLOW,
    low: float | None = None,
    high: float | None = None,
    gap: int = 4,
) -> Svg:
    """Small pictures side by side, in crisp pixels, on one scale of colours.

    Args:
        images: `(count, height, width)` values.
        label: What is shown, for readers who cannot see it.
        columns: Pictures in a row.
        scale: Pixels of the page for one of the picture.
        colours: The colours from `low` to `high`.
        low: The value of the first colour; the least value when None.
        high: The value of the last colour; the greatest value when None.
        gap: Pixels between two pictures.

    Returns:
        The SVG as a string; a notebook shows it as a picture.

    Raises:
        ValueError: If `images` does not have three axes or is empty.

    Example:

    >>> drawing = keras.visualization.image_grid(np.random.rand(6, 8, 8), "Filters")
    >>> drawing[:4]
    '<svg'
    """
    images = np.asarray(images, np.float64)
    if images.ndim != 3 or not images.size:
        raise ValueError(
            f"image_grid: images has shape {images.shape}; expected "
            "(count, height, width), none of them 0."
        )
    count, height, width = images.shape
    columns = min(columns, count)
    rows = -(-count // columns)
    low = float(np.nanmin(images)) if low is None else low
    high = float(np.nanmax(images)) if high is None else high
    pitch_x, pitch_y = width * scale + gap, height * scale + gap
    parts = []
    for i, picture in enumerate(colourise(images, colours, low, high)):
        row, column = divmod(i, columns)
        parts.append(
            tag("image", href=data_uri(picture), x=column * pitch_x, y=row * pitch_y,
                width=width * scale, height=height * scale,
                preserveAspectRatio="none", style="image-rendering:pixelated")
        )  # fmt: skip
    return drawing(columns * pitch_x - gap, rows * pitch_y - gap, *parts, label=label)


def bar_chart(
    values: Array,
    label: str,
    labels: Sequence[str] | None = None,
    width: int = 420,
    height: int = 120,
) -> Svg:
    """Upright bars from 0, the greatest one marked and named.

    Args:
        values: `(bars,)` values, none negative.
        label: What is shown, for readers who cannot see it.
        labels: Names under the bars; 0, 1, 2, ... when None.
        width: Width in pixels at scale 1.
        height: Height in pixels at scale 1.

    Returns:
        The SVG as a string; a notebook shows it as a picture.

    Example:

    >>> drawing = keras.visualization.bar_chart([0.1, 0.7, 0.2], "Answer")
    >>> drawing[:4]
    '<svg'
    """
    values = np.nan_to_num(np.asarray(values, np.float64).ravel())
    names = [str(i) for i in range(len(values))] if labels is None else list(labels)
    pitch = width / max(len(values), 1)
    bottom, top = height - 20.0, 20.0
    best = int(values.argmax()) if len(values) else 0
    parts = [_hairline(0.0, bottom, float(width), bottom)]
    for i, value in enumerate(values):
        size = (bottom - top) * max(value, 0.0) / (max(values.max(), 0.0) or 1.0)
        colour = SERIES[0] if i == best else MUTED
        x, middle = i * pitch + pitch * 0.15, (i + 0.5) * pitch
        hint = tag("title", text(f"{names[i]}: {shown(value)}"))
        parts.append(
            tag("rect", hint, x=x, y=bottom - max(size, 1.0), width=pitch * 0.7,
                height=max(size, 1.0), rx=2, style=f"fill:{colour}")
        )  # fmt: skip
        parts.append(_label(names[i], middle, height - 5, anchor="middle"))
        if i == best:
            above = bottom - size - 5
            parts.append(
                _label(percentage(value, 1), middle, above, "middle", INK, 600)
            )
    return drawing(width, height, *parts, label=label)


def _label(
    content: str,
    x: float,
    y: float,
    anchor: str = "start",
    fill: str = MUTED,
    weight: int = 400,
    size: int = 12,
) -> str:
    font = "system-ui,-apple-system,'Segoe UI',Roboto,sans-serif"
    style = (
        f"fill:{fill};font:{weight} {size}px {font};font-variant-numeric:tabular-nums"
    )
    return tag("text", text(content), x=x, y=y, text_anchor=anchor, style=style)


def _hairline(x1: float, y1: float, x2: float, y2: float) -> str:
    style = f"stroke:{GRID};stroke-width:1"
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, style=style)
