"""The page: the built file with the payload in its slot."""

from __future__ import annotations

import html
import json
import os
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from minikeras.saving.atomic import replaced_file

_SLOT = "__PAYLOAD__"
_HEIGHT = 820  # pixels of the frame in a notebook


@cache
def _built() -> str:
    """The built file that comes with the package (sources: `explorer/`)."""
    file = resources.files("minikeras.visualization") / "explorer" / "page.html"
    built = file.read_text(encoding="utf-8")
    assert built.count(_SLOT) == 1
    return built


def in_script(payload: object) -> str:
    """JSON that can stand in a `<script>` of HTML: nothing in it ends the element.

    Example:
        >>> print(in_script({"name": "</script><b>"}))
        {"name":"\\u003c/script\\u003e\\u003cb\\u003e"}
    """
    line = json.dumps(
        payload, separators=(",", ":"), allow_nan=False, ensure_ascii=True
    )
    return line.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


class Explorer:
    """A model's page. A notebook shows it; `save(path)` writes it.

    Attributes:
        payload: What the page is about, as plain data.

    Example:

    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> page = keras.visualization.explore(model, np.ones((4, 3), "float32"))
    >>> page.payload["data"]["count"]
    4
    """

    def __init__(self, payload: dict[str, Any]) -> None:
        self.payload = payload

    @property
    def html(self) -> str:
        """The whole page: one file, which refers to no other."""
        before, after = _built().split(_SLOT)
        return before + in_script(self.payload) + after

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page; its folder is made where missing.

        Args:
            path: The file, `.html`. An older one is replaced when the new one is whole.

        Returns:
            The path.

        Raises:
            OSError: If it cannot be written.
        """
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with replaced_file(path) as beside:
            beside.write_text(self.html, encoding="utf-8", newline="\n")
        return path

    def _repr_html_(self) -> str:
        title = html.escape(f"Explorer of {self.payload['model']['name']}")
        return (
            f'<iframe title="{title}" srcdoc="{html.escape(self.html)}" '
            f'style="width:100%;height:{_HEIGHT}px;border:0" '
            'sandbox="allow-scripts allow-downloads"></iframe>'
        )

    def __repr__(self) -> str:
        return f"<Explorer of {self.payload['model']['name']!r}: save(path)>"
