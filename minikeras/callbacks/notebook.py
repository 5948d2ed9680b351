"""Progress in a notebook: one output of the cell, drawn anew as the run goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minikeras.callbacks.progbar import Progbar, clock, duration
from minikeras.console import shown
from minikeras.drawing.cards import bar
from minikeras.drawing.svg import tag, text

_INTERVAL = 0.2  # seconds between two drawings: each is a message to the browser


class Board:
    """The output of a cell.

    Args:
        display: IPython's function.
    """

    def __init__(self, display: Callable[..., Any]) -> None:
        self._display = display
        self._handle: Any = None
        self._done: list[tuple[str, str]] = []

    def show(self, markup: str, plain: str, final: bool) -> None:
        """Draw the lines that are done, and this one below them."""
        lines = [*self._done, (markup, plain)]
        if final:
            self._done = lines
        box = "max-height:24em;overflow-y:auto;font:12px ui-monospace,Menlo,monospace"
        bundle = {
            "text/html": tag("div", *(tag("div", m) for m, _ in lines), style=box),
            "text/plain": "\n".join(p for _, p in lines),
        }
        if self._handle is None:
            self._handle = self._display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)


class NotebookBar(Progbar):
    """A progress bar on a board.

    Args:
        board: Where it is drawn.
        heading: What stands before it, e.g. the epoch.
        target: Number of steps, or None if unknown.
    """

    def __init__(self, board: Board, heading: str, target: int | None) -> None:
        super().__init__(target, interval=_INTERVAL)
        self._board, self._heading = board, heading
        self._live = True

    def _draw(self, current: int, now: float, finalize: bool) -> None:
        self._drawn = now
        known = self.target is not None
        count = f"{current}/{self.target if known else 'Unknown'}"
        per_step = self._per_step(current, now)
        left = finalize or self.target is None
        seconds = now - self._start if left else per_step * (self.target - current)  # type: ignore[operator]  # both are known there
        times = f"{clock(seconds)} {duration(per_step)}/{self.unit_name}"
        values = "".join(f" - {name}: {shown(v)}" for name, v in self._values.items())
        share = current / self.target if self.target else (1.0 if finalize else None)
        words = f"{self._heading} " if self._heading else ""
        markup = (
            tag("b", text(words + count))
            + " "
            + bar(share)
            + " "
            + text(times + values)
        )
        self._board.show(markup, f"{words}{count} {times}{values}", finalize)
