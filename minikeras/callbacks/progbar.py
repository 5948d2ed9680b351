"""Progbar: a line of text that shows how far a run is.

On a terminal or in a notebook the line is drawn again in place, at most twenty times
a second. Elsewhere (a file, a pipe) only the finished line is written.

A line that is drawn over must fit the terminal: one that wraps cannot be taken back. So
the bar becomes shorter where numbers need its room, and what still does not fit waits for
the end, when it goes to further lines.
"""

from __future__ import annotations

import math
import re
import sys
import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from minikeras import console
from minikeras.console import shown

_GREEN, _GREY, _BOLD, _PLAIN = "\x1b[32m", "\x1b[37m", "\x1b[1m", "\x1b[0m"
_FULL, _PLAIN_FULL = "━", "="
_COLOUR = re.compile("\x1b\\[[0-9;]*m")
_LEAST_BAR = 6
_MORE, _INDENT = " ...", "   "


class Progbar:
    """A progress bar.

    Args:
        target: Number of steps, or None if unknown.
        width: Width of the bar in characters.
        verbose: 0 silent, 1 a bar, 2 one line at the end.
        interval: Least seconds between two drawings. With 0 each update is written, also
            where lines cannot be drawn over.
        stateful_metrics: Names of values to show as given; others are shown as the mean
            over the updates.
        stateless_metrics: Names of values to show as means; others are shown as given.
            Only one of the two may be given; without either all are means. The end shows
            what it is given.
        unit_name: What a step is called, e.g. `"step"`.

    Raises:
        ValueError: If both kinds of names are given.

    Example:
        >>> bar = Progbar(2, verbose=2)
        >>> bar.update(1, [("loss", 0.5)])
        >>> bar.update(2, [("loss", 0.25)])
        2/2 - 0s - ...s/step - loss: 0.2500
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ) -> None:
        self.target = target
        self.width = width
        self.verbose = verbose
        self.interval = interval
        self.unit_name = unit_name
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError(
                f"Progbar: stateful_metrics={stateful_metrics!r} and stateless_metrics="
                f"{stateless_metrics!r}; expected one of them at most."
            )
        self.stateful_metrics = set(stateful_metrics or ())
        self._means = None if stateless_metrics is None else set(stateless_metrics)
        self._totals: dict[str, tuple[float, int]] = {}
        self._values: dict[str, Any] = {}
        self._seen_so_far = 0
        self._start = time.perf_counter()
        self._first: float | None = None
        self._drawn = 0.0
        self._length = 0
        self._live = console.is_live(sys.stdout)

    def wants_values(self, current: int) -> bool:
        """Whether `update(current)` would draw now; if not, its values are not looked at."""
        if self.target is not None and current >= self.target:
            return True
        if self.verbose != 1 or not self._live:
            return False
        return time.perf_counter() - self._drawn >= self.interval

    def update(
        self,
        current: int,
        values: Iterable[tuple[str, Any]] | None = None,
        finalize: bool | None = None,
    ) -> None:
        """Show that `current` steps are done.

        Args:
            current: Steps done so far.
            values: Pairs of name and number to show.
            finalize: Whether this is the end. Default: when `current` reaches the target.
        """
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        for name, value in values or ():
            plain = type(value) is float  # most are, and NumPy takes its time
            if self._is_mean(name) and not finalize and (plain or np.size(value) == 1):
                total, count = self._totals.get(name, (0.0, 0))
                steps = max(current - self._seen_so_far, 1)
                number = value if plain else np.asarray(value).item()
                self._totals[name] = (total + number * steps, count + steps)
                value = self._totals[name][0] / self._totals[name][1]
            self._values[name] = value
        self._seen_so_far = current
        now = time.perf_counter()
        if self._first is None:
            self._first = now
        if self.verbose == 1:
            live = self._live or self.interval <= 0
            if finalize or (live and now - self._drawn >= self.interval):
                self._draw(current, now, finalize)
        elif self.verbose == 2 and finalize:
            console.say(self._summary(current, now))

    def _is_mean(self, name: str) -> bool:
        if self._means is None:
            return name not in self.stateful_metrics
        return name in self._means

    def add(self, n: int, values: Iterable[tuple[str, Any]] | None = None) -> None:
        """Show that `n` more steps are done."""
        self.update(self._seen_so_far + n, values)

    def _draw(self, current: int, now: float, finalize: bool) -> None:
        self._drawn = now
        digits = len(str(self.target))
        known = self.target is not None
        count = f"{current:>{digits}}/{self.target}" if known else f"{current}/Unknown"
        times = self._times(current, now, finalize)
        limit = console.columns(sys.stdout)
        pieces = self._pieces()  # fetched from the device once
        bar, lines = self.width, ["".join(pieces)]
        if limit is not None:
            limit -= 1  # a terminal may wrap as soon as its last column is taken
            if len(count + times) + 2 > limit:
                times = ""
            count = count[:limit]
            bar, lines = self._fit(
                pieces, limit, limit - len(count + times) - 1, finalize
            )
        head = self._head(count, bar if known else 0, current, times)
        length = console.width(_COLOUR.sub("", head) + lines[0])
        if self._live:
            lines[0] += " " * (min(self._length, limit or self._length) - length)
            head = "\r" + head
        self._length = length
        text = head + ("\n" + _INDENT).join(lines)
        if console.interactive():
            console.write(text + ("\n" if finalize or not self._live else ""))
        else:
            console.say(text)

    def _fit(
        self, pieces: list[str], limit: int, room: int, finalize: bool
    ) -> tuple[int, list[str]]:
        """The bar's width and the lines of values, where `room` is left on the first."""
        if finalize:
            return _wrapped(pieces, room, limit - len(_INDENT), self.width)
        bar, line = _shortened(pieces, room, self.width)
        return bar, [line]

    def _times(self, current: int, now: float, finalize: bool) -> str:
        per_step = self._per_step(current, now)
        if finalize or self.target is None:
            seconds = now - self._start
        else:
            seconds = per_step * (self.target - current)
        return f" {clock(seconds)} {duration(per_step)}/{self.unit_name}"

    def _head(self, count: str, bar: int, current: int, times: str) -> str:
        """Count, bar and times, coloured where lines are live."""
        drawn = " " + self._bar(current, bar) if bar > 0 else ""
        if not self._live:
            return count + drawn + times
        first, space, rest = times.lstrip().partition(" ")
        bold = f" {_BOLD}{first}{_PLAIN}{space}{rest}" if times else ""
        return f"{_BOLD}{count}{_PLAIN}{drawn}{bold}"

    def _bar(self, current: int, width: int) -> str:
        share = current / self.target if self.target else 1.0
        done = min(int(width * share), width)
        full = _FULL if console.encodable(_FULL, sys.stdout) else _PLAIN_FULL
        if not self._live:
            return full * done + "." * (width - done)
        rest = full if full == _FULL else "."
        return f"{_GREEN}{full * done}{_PLAIN}{_GREY}{rest * (width - done)}{_PLAIN}"

    def _summary(self, current: int, now: float) -> str:
        count = f"{current}/{self.target if self.target is not None else current}"
        step = duration(self._per_step(current, now))
        seconds = round(now - self._start)
        return (
            f"{count} - {seconds}s - {step}/{self.unit_name}{''.join(self._pieces())}"
        )

    def _per_step(self, current: int, now: float) -> float:
        """Seconds a step; the first one, which compiles, counts only if it is alone."""
        if current > 1 and self._first is not None:
            return (now - self._first) / (current - 1)
        return (now - self._start) / max(current, 1)

    def _pieces(self) -> list[str]:
        return [f" - {name}: {shown(v)}" for name, v in self._values.items()]


def _shortened(pieces: list[str], room: int, widest: int) -> tuple[int, str]:
    """The bar's width and the values in `room` columns; those that do not fit wait."""
    whole = sum(map(console.width, pieces))
    bar = max(min(widest, max(room - whole, _LEAST_BAR), room), 0)
    if bar + whole <= room:
        return bar, "".join(pieces)
    line, free = "", room - bar - len(_MORE)
    for piece in pieces:
        free -= console.width(piece)
        if free < 0:
            break
        line += piece
    return bar, line + _MORE if bar + len(_MORE) <= room else ""


def _wrapped(
    pieces: list[str], room: int, below: int, widest: int
) -> tuple[int, list[str]]:
    """The bar's width and all values: in `room` columns, then in lines of `below`."""
    bar = max(min(widest, room), 0)
    lines, free = [""], room - bar
    for piece in pieces:
        size = console.width(piece)
        if size > free and (lines[-1] or len(lines) == 1):
            lines.append("")
            free = below
        lines[-1] += piece
        free -= size
    return bar, lines


def clock(seconds: float) -> str:
    """Whole seconds as `42s`, `1:05` or `2:00:30`."""
    whole = int(seconds) if math.isfinite(seconds) else 0
    if whole >= 3600:
        return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"
    return f"{whole // 60}:{whole % 60:02d}" if whole >= 60 else f"{whole}s"


def duration(seconds: float) -> str:
    """A short time in the unit that suits it: `3s`, `12ms` or `450us`."""
    if seconds >= 1 or seconds == 0:
        return f"{seconds:.0f}s"
    return f"{seconds * 1e3:.0f}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us"
