"""Names of files in tables may be broken behind `/` and `_`, and nowhere else."""

from __future__ import annotations

import re

_CELL = re.compile(r"<td[^>]*>.*?</td>", re.DOTALL)
_PATH = re.compile(r"(<code>)([\w.]+/[\w./]+)(</code>)")


def on_page_content(html: str, **_: object) -> str:
    """Puts the places where a line may end into the cells of a page's tables."""
    return _CELL.sub(lambda cell: _PATH.sub(_broken, cell[0]), html)


def _broken(found: re.Match[str]) -> str:
    return found[1] + re.sub(r"([/_])", r"\1<wbr>", found[2]) + found[3]
