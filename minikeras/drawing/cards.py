"""Cards and tables as HTML: how objects show themselves in a notebook.

Styles stand in the elements and follow the page's own text colour, so that a card reads
well on light and on dark pages. All texts are escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from minikeras.drawing.svg import tag, text

_FRAME = (
    "display:inline-block;border:1px solid #8884;border-radius:6px;padding:8px 12px;"
    "font:13px system-ui,sans-serif;line-height:1.5"
)
_LEFT = "padding:2px 12px 2px 0;text-align:left;border:0;background:none"
_RIGHT = "padding:2px 12px 2px 0;text-align:right;border:0;background:none"
_QUIET = "opacity:.65"


def card(title: str, kind: str, facts: Iterable[tuple[str, Any]], *below: str) -> str:
    """A box with a title and facts.

    Args:
        title: The thing's name.
        kind: What it is.
        facts: Pairs of what and how.
        *below: Markup that follows.

    >>> card("a<b", "Dense", [("units", 3)])
    '<div style="..."><b>a&lt;b</b> <span style="opacity:.65">Dense</span><table ...'
    """
    head = tag("b", text(title)) + " " + tag("span", text(kind), style=_QUIET)
    rows = [
        tag("tr", tag("td", text(name), style=f"{_LEFT};{_QUIET}"),
            tag("td", text(value), style=_LEFT))
        for name, value in facts
    ]  # fmt: skip
    body = tag(
        "table", *rows, style="border-collapse:collapse;margin:4px 0 0;font:inherit"
    ) * bool(rows)
    return tag("div", head, body, *below, style=_FRAME)


def table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[str] = ()
) -> str:
    """Rows under headings.

    Args:
        columns: The headings.
        rows: Texts, one for each column.
        numbers: Headings of the columns that stand at the right.
    """
    styles = [_RIGHT if name in numbers else _LEFT for name in columns]
    head = [
        tag("th", text(name), style=f"{style};border-bottom:1px solid #8886")
        for name, style in zip(columns, styles)
    ]
    body = [
        tag("tr", *(tag("td", text(c), style=s) for c, s in zip(row, styles)))
        for row in rows
    ]
    style = "border-collapse:collapse;margin:4px 0;font:inherit;font-variant-numeric:tabular-nums"
    return tag("table", tag("tr", *head), *body, style=style)


def folded(heading: str, content: str) -> str:
    """Markup behind a line that opens it."""
    line = tag("summary", text(heading), style="cursor:pointer")
    return tag("details", line, tag("div", content, style="overflow-x:auto"))


def bar(share: float | None, width: int = 160) -> str:
    """A progress bar; None for how far one cannot know."""
    full = width if share is None else round(width * min(max(share, 0.0), 1.0))
    colour = "#8a94a3" if share is None else "#2e9e5b"
    inner = tag(
        "span", style=f"display:block;height:100%;width:{full}px;background:{colour}"
    )
    frame = f"display:inline-block;vertical-align:middle;width:{width}px;height:8px;"
    return tag(
        "span",
        inner,
        style=frame + "background:#8883;border-radius:4px;overflow:hidden",
    )
