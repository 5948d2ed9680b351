"""Makes the examples in docstrings code blocks, for Griffe as mkdocstrings runs it.

Markdown takes a line that begins with `>>>` for a quotation.
"""

from __future__ import annotations

from typing import Any

import griffe


class Examples(griffe.Extension):
    """Fences each run of lines from a `>>>` to the next empty line."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        if obj.docstring and ">>>" in obj.docstring.value:
            obj.docstring.value = fenced(obj.docstring.value)


def fenced(docstring: str) -> str:
    """The docstring with its examples in fences.

    >>> print(fenced("Example:\\n\\n>>> 1 + 1\\n2\\n\\nMore."))
    Example:
    <BLANKLINE>
    ```pycon
    >>> 1 + 1
    2
    ```
    <BLANKLINE>
    More.
    """
    lines: list[str] = []
    indent = None
    for line in [*docstring.split("\n"), ""]:
        text = line.lstrip()
        if indent is None and text.startswith(">>>"):
            indent = line[: len(line) - len(text)]
            lines.append(f"{indent}```pycon")
        elif indent is not None and not text:
            lines.append(f"{indent}```")
            indent = None
        lines.append(line)
    return "\n".join(lines[:-1])
