"""Diagrams of steps: boxes with titles and rows, arrows between them, boxes inside boxes.

A `Diagram` is names and numbers only. `dot_text` writes it in Graphviz's language,
`draw_diagram` draws it as a scene.
"""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass, field

from minikeras.drawing.layout import LEFT_TO_RIGHT, place
from minikeras.drawing.scene import Box, Label, Line, Scene, Shape, text_width

HEAD, INK, QUIET, EDGE, GROUND = "#2f3b4a", "#1b1f24", "#6e7681", "#6e7f96", "#ffffff"
YES, NO = "#2e7d4f", "#b3402f"
_SIZE, _ROW, _PAD, _GROUP = 12.0, 18.0, 10.0, 14.0


@dataclass
class Part:
    """One box: a layer, or what else a model is made of.

    Attributes:
        key: Told apart by it.
        name: Of the step, or None to show its kind alone.
        kind: E.g. the class of a layer.
        rows: Pairs of what and how, under the title.
        mark: A word in white on a colour at the end, with the colour, or None.
        inner: What is inside, if that is shown.
    """

    key: int
    name: str | None
    kind: str
    rows: list[tuple[str, str]] = field(default_factory=list)
    mark: tuple[str, str] | None = None
    inner: Diagram | None = None

    @property
    def title(self) -> str:
        """What the box is headed with."""
        return self.kind if self.name is None else f"{self.name} ({self.kind})"

    def size(self) -> tuple[float, float]:
        """Width and height of the box."""
        name = max((text_width(n, 11) for n, _ in self.rows), default=0)
        value = max((text_width(v, 11.5) for _, v in self.rows), default=0)
        rows = len(self.rows) + (self.mark is not None)
        wide = max(text_width(self.title, _SIZE) * 1.06, name + value + 8, 60)
        return wide + 2 * _PAD, 26 + rows * _ROW + (6 if rows else 0)


@dataclass
class Diagram:
    """Steps, and which of them feed which.

    Attributes:
        name: Of the whole.
        steps: In order.
        arrows: Pairs of keys, of steps here or further inside.
    """

    name: str
    steps: list[Part] = field(default_factory=list)
    arrows: list[tuple[int, int]] = field(default_factory=list)

    def keys(self) -> Iterator[int]:
        """The keys of all steps, those inside too."""
        for step in self.steps:
            yield step.key
            if step.inner is not None:
                yield from step.inner.keys()


def draw_diagram(
    diagram: Diagram, direction: str = "TB", splines: str = "ortho", scale: float = 2.0
) -> Scene:
    """The diagram as a scene.

    Args:
        diagram: What to draw.
        direction: `"TB"`, `"BT"`, `"LR"` or `"RL"`: where arrows lead.
        splines: `"ortho"` for lines with right angles; else they are straight.
        scale: Pixels of a picture for one of ours.
    """
    shapes, width, height = _drawn(diagram, direction, splines)
    margin = 12.0
    moved = [shape.moved(margin, margin) for shape in shapes]
    return Scene(
        width + 2 * margin,
        height + 2 * margin,
        f"{diagram.name}: {len(diagram.steps)} steps",
        moved,
        GROUND,
        scale,
    )


def _drawn(
    diagram: Diagram, direction: str, splines: str
) -> tuple[list[Shape], float, float]:
    """Shapes from (0, 0), and their width and height."""
    parts: dict[int, list[Shape]] = {}
    sizes: dict[int, tuple[float, float]] = {}
    home: dict[int, int] = {}  # where the steps inside are, seen from here
    for step in diagram.steps:
        home[step.key] = step.key
        if step.inner is None:
            parts[step.key], sizes[step.key] = _box(step), step.size()
        else:
            home.update(dict.fromkeys(step.inner.keys(), step.key))
            shapes, width, height = _drawn(step.inner, direction, splines)
            parts[step.key], sizes[step.key] = _group(step, shapes, width, height)
    arrows = {(home[a], home[b]): None for a, b in diagram.arrows}
    placed = place(sizes, [a for a in arrows if a[0] != a[1]], direction)
    drawn: list[Shape] = [
        Line(tuple(way), EDGE, 1.6, arrow=True)
        for way in placed.ways(direction in LEFT_TO_RIGHT, splines == "ortho")
    ]
    for key, (x, y) in placed.corners.items():
        drawn += [shape.moved(x, y) for shape in parts[key]]
    return drawn, placed.width, placed.height


def _box(step: Part) -> list[Shape]:
    width, height = step.size()
    shapes: list[Shape] = [
        Box(0, 0, width, height, GROUND, HEAD, 1.2, 4),
        Box(0, 0, width, 26, HEAD, None, 1, 4),
    ]
    if height > 26:
        shapes.append(Box(0, 20, width, 6, HEAD))
    middle = width / 2
    shapes.append(Label(middle, 17.5, step.title, _SIZE, "#ffffff", True, "middle"))
    y = 26 + 15.0
    for name, value in step.rows:
        shapes.append(Label(_PAD, y, name, 11, QUIET))
        shapes.append(Label(width - _PAD, y, value, 11.5, INK, False, "end"))
        y += _ROW
    if step.mark is not None:
        words, colour = step.mark
        shapes.append(Box(_PAD, y - 12, width - 2 * _PAD, 16, colour, None, 1, 3))
        shapes.append(Label(middle, y, words, 11, "#ffffff", True, "middle"))
    return shapes


def _group(
    step: Part, shapes: list[Shape], width: float, height: float
) -> tuple[list[Shape], tuple[float, float]]:
    """A frame around what is inside, with the title above it."""
    wide = max(width, text_width(step.title, 11) * 1.06) + 2 * _GROUP
    high = height + 2 * _GROUP + 14
    frame: list[Shape] = [
        Box(0, 0, wide, high, "#f4f6f9", EDGE, 1.2, 6, dashed=True),
        Label(_GROUP, 17, step.title, 11, INK, True),
    ]
    x = (wide - width) / 2
    return frame + [shape.moved(x, _GROUP + 14) for shape in shapes], (wide, high)


# --- Graphviz


def dot_text(
    diagram: Diagram,
    direction: str = "TB",
    splines: str = "ortho",
    dpi: int = 200,
    subgraph: bool = False,
) -> str:
    """The diagram in Graphviz's language; with `subgraph`, as a part of another."""
    lines = [
        f"subgraph {_id(f'cluster_{diagram.name}')} {{" if subgraph else "digraph G {"
    ]
    if subgraph:
        lines += ["style=dashed;", f"label={_id(diagram.name)};", "labeljust=l;"]
    else:
        lines += [f"rankdir={_id(direction)};", "concentrate=true;", f"dpi={int(dpi)};",
                  f"splines={_id(splines)};", "node [shape=record];"]  # fmt: skip
    lines += _dot_steps(diagram)
    lines += ["}", ""]
    return "\n".join(lines)


def _dot_steps(diagram: Diagram) -> list[str]:
    lines = []
    for step in diagram.steps:
        if step.inner is None:
            lines.append(f"{step.key} [label=<{_dot_label(step)}>, fontname=Helvetica, "
                         "border=0, margin=0];")  # fmt: skip
        else:
            text = dot_text(step.inner, subgraph=True)
            lines += text.rstrip("\n").split("\n")
    lines += [f"{a} -> {b} [penwidth=2];" for a, b in diagram.arrows]
    return lines


def _dot_label(step: Part) -> str:
    """A table of HTML; every text is escaped."""
    span = max(len(step.rows) + (step.mark is not None), 1)
    kind = html.escape(step.kind)
    title = f"<b>{kind}</b>"
    if step.name is not None:
        title = f"<b>{html.escape(step.name)}</b> ({kind})"
    head = (
        f'<tr><td colspan="{span}" bgcolor="black"><font point-size="16" color="white">'
    )
    cells = [
        f'<td bgcolor="white"><font point-size="14">{html.escape(name)}: '
        f"<b>{html.escape(value)}</b></font></td>"
        for name, value in step.rows
    ]
    if step.mark is not None:
        words, colour = step.mark
        cells.append(
            f'<td bgcolor="{colour}"><font point-size="14" color="white">'
            f"<b>{html.escape(words)}</b></font></td>"
        )
    rows = f"<tr>{''.join(cells)}</tr>" if cells else ""
    table = '<table border="0" cellborder="1" bgcolor="black" cellpadding="10">'
    return f"{table}{head}{title}</font></td></tr>{rows}</table>"


def _id(name: str) -> str:
    """A name as Graphviz takes it."""
    plain = name.replace("_", "").isalnum() and name.isascii() and not name[0].isdigit()
    if plain:
        return name
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
