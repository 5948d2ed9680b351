"""The frame of a report: style sheet, header, sections. No script, nothing fetched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from minikeras.console import shown
from minikeras.drawing.svg import tag, text

STYLE = """
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --surface: #ffffff; --edge: #e3e5e8; --grid: #e9ebee;
  --ink: #1b1f24; --muted: #5f6771; --accent: #256abf;
  --series-1: #2a78d6; --series-2: #d9661f; --series-3: #1a9c85; --series-4: #8a5cd1;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #111316; --surface: #1a1d21; --edge: #2c3036; --grid: #2c3036;
    --ink: #eceef1; --muted: #a0a7b0; --accent: #6aaaf0;
    --series-1: #5a9ff0; --series-2: #f0894a; --series-3: #37c2a6; --series-4: #ab86ea;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
}
main, header, footer { max-width: 1080px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 48px; }
h1 { font-size: 32px; line-height: 1.2; letter-spacing: -0.02em; margin: 0; }
h2 { font-size: 20px; margin: 0 0 4px; letter-spacing: -0.01em; }
h3 { font-size: 14px; margin: 0 0 8px; }
p { margin: 0 0 16px; max-width: 108ch; color: var(--muted); }
p b { color: var(--ink); }
header p { font-size: 17px; margin-top: 8px; }
header dl + p { margin: 20px 0; }
a { color: var(--accent); }
dl.facts {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px;
  margin: 24px 0 0;
}
dl.facts div, section {
  background: var(--surface); border: 1px solid var(--edge); border-radius: 12px;
}
dl.facts div { padding: 14px 18px; display: flex; flex-direction: column-reverse; }
dl.facts dt { color: var(--muted); font-size: 13px; }
dl.facts dd { margin: 0; font-size: 22px; font-weight: 600; overflow-wrap: anywhere; }
dl.facts div:first-child dd { color: var(--accent); }
section { padding: 24px; margin: 16px 0; }
svg { display: block; max-width: 100%; height: auto; overflow: visible; }
.row { display: flex; flex-wrap: wrap; gap: 24px 32px; }
.row > * { flex: 1 1 400px; min-width: 0; }
.row > svg, .row > div > svg { width: 100%; }
.row > div > p { margin-top: 16px; }
.tiles { overflow-x: auto; }
.tiles svg, .layer svg { max-width: none; }
.layer.bars svg { max-width: 100%; }
.layer { padding: 14px 0; border-top: 1px solid var(--edge); overflow-x: auto; }
.layer:first-of-type { border-top: 0; }
.shape { color: var(--muted); font-weight: 400; margin-left: 6px; }
.mistakes {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(128px, 1fr)); gap: 16px;
}
.mistakes svg { width: 100%; max-width: 160px; }
figure { margin: 0; }
.mistakes svg { border-radius: 8px; }
figcaption { font-size: 13px; color: var(--muted); margin-top: 6px; line-height: 1.4; }
figcaption b { color: var(--ink); }
ul {
  margin: 0; padding-left: 20px; color: var(--muted); line-height: 1.9;
  columns: 2 180px;
}
li b { color: var(--ink); }
details { margin-top: 16px; font-size: 14px; }
summary { cursor: pointer; color: var(--accent); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin-top: 8px; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 14px 4px 0; text-align: right; }
th { color: var(--muted); font-weight: 500; border-bottom: 1px solid var(--edge); }
footer { padding: 8px 24px 48px; font-size: 13px; color: var(--muted); }
@media print { section { break-inside: avoid; } }
"""


def page(
    title: str,
    lead: str,
    facts: Mapping[str, Any],
    sections: Sequence[str],
    links: Mapping[str, str] | None = None,
) -> str:
    """A whole HTML document. `sections` are markup, everything else is plain text.

    `links` are texts and the addresses they lead to.
    """
    header = tag(
        "header",
        tag("h1", text(title)),
        tag("p", text(lead)) if lead else "",
        _facts(facts),
        *(
            tag("p", tag("a", text(name), href=to))
            for name, to in (links or {}).items()
        ),
    )
    head = (
        '<meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{text(title)}</title><style>{STYLE}</style>"
    )
    footer = tag(
        "footer", "Made by minikeras. This page is one file and loads nothing."
    )
    body = header + tag("main", "\n".join(sections)) + footer
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>{body}</body></html>\n'


def _facts(facts: Mapping[str, Any]) -> str:
    rows = [
        tag("div", tag("dt", text(name)), tag("dd", text(value)))
        for name, value in facts.items()
    ]
    return tag("dl", *rows, class_="facts") if rows else ""


def section(heading: str, explanation: str, *content: str) -> str:
    """A part of the page; `content` is markup."""
    return tag(
        "section", tag("h2", text(heading)), tag("p", text(explanation)), *content
    )


def table(columns: Mapping[str, Sequence[Any]], first: str) -> str:
    """Columns of numbers, folded away behind a line that opens them."""
    longest = max((len(c) for c in columns.values()), default=0)
    head = "".join(tag("th", text(name), scope="col") for name in (first, *columns))
    rows = [tag("tr", head)]
    for i in range(longest):
        cells = [shown(c[i]) if i < len(c) else "" for c in columns.values()]
        rows.append(tag("tr", *(tag("td", text(v)) for v in (str(i + 1), *cells))))
    body = tag("div", tag("table", *rows), class_="scroll")
    return tag("details", tag("summary", "The numbers"), body)
