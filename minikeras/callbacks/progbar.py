"""Progbar: a line of text that shows how far a run is.

On a terminal or in a notebook the line is drawn again in place, at most twenty times
a second. Elsewhere (a file, a pipe) only the finished line is written.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterable
from typing import Any

_GREEN, _GREY, _BOLD, _PLAIN = "\x1b[32m", "\x1b[37m", "\x1b[1m", "\x1b[0m"
_FULL = "━"


class Progbar:
    """A progress bar.

    Args:
        target: Number of steps, or None if unknown.
        width: Width of the bar in characters.
        verbose: 0 silent, 1 a bar, 2 one line at the end.
        interval: Least seconds between two drawings.
        stateful_metrics: Kept for Keras's signature: values are shown as given.
        stateless_metrics: Names of values to show as the mean over all updates.
        unit_name: What a step is called, e.g. `"step"`.

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
        self.stateful_metrics = set(stateful_metrics or ())
        self._means = set(stateless_metrics or ())
        self._totals: dict[str, tuple[float, int]] = {}
        self._values: dict[str, Any] = {}
        self._seen_so_far = 0
        self._start = time.perf_counter()
        self._first: float | None = None
        self._drawn = 0.0
        self._length = 0
        self._live = is_live(sys.stdout)

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
            if name in self._means:
                total, count = self._totals.get(name, (0.0, 0))
                steps = max(current - self._seen_so_far, 1)
                self._totals[name] = (total + float(value) * steps, count + steps)
                value = self._totals[name][0] / self._totals[name][1]
            self._values[name] = value
        self._seen_so_far = current
        now = time.perf_counter()
        if self._first is None:
            self._first = now
        if self.verbose == 1:
            if finalize or (self._live and now - self._drawn >= self.interval):
                self._draw(current, now, finalize)
        elif self.verbose == 2 and finalize:
            print(self._summary(current, now), flush=True)

    def add(self, n: int, values: Iterable[tuple[str, Any]] | None = None) -> None:
        """Show that `n` more steps are done."""
        self.update(self._seen_so_far + n, values)

    def _draw(self, current: int, now: float, finalize: bool) -> None:
        self._drawn = now
        colour = self._live
        bold, plain = (_BOLD, _PLAIN) if colour else ("", "")
        if self.target is None:
            parts = [f"{bold}{current}/Unknown{plain}"]
        else:
            digits = len(str(self.target))
            count = f"{bold}{current:>{digits}}/{self.target}{plain}"
            parts = [f"{count} {self._bar(current, colour)}"]
        per_step = self._per_step(current, now)
        if finalize or self.target is None:
            seconds = now - self._start
        else:
            seconds = per_step * (self.target - current)
        parts.append(
            f" {bold}{clock(seconds)}{plain} {duration(per_step)}/{self.unit_name}"
        )
        text = "".join(parts) + self._shown_values()
        length = len(text)
        if self._live:
            text = "\r" + text + " " * max(self._length - length, 0)
        self._length = length
        sys.stdout.write(text + ("\n" if finalize else ""))
        sys.stdout.flush()

    def _bar(self, current: int, colour: bool) -> str:
        share = current / self.target if self.target else 1.0
        done = min(int(self.width * share), self.width)
        if colour:
            return f"{_GREEN}{_FULL * done}{_PLAIN}{_GREY}{_FULL * (self.width - done)}{_PLAIN}"
        return _FULL * done + "." * (self.width - done)

    def _summary(self, current: int, now: float) -> str:
        count = f"{current}/{self.target if self.target is not None else current}"
        step = duration(self._per_step(current, now))
        seconds = round(now - self._start)
        return f"{count} - {seconds}s - {step}/{self.unit_name}{self._shown_values()}"

    def _per_step(self, current: int, now: float) -> float:
        """Seconds a step; the first one, which compiles, counts only if it is alone."""
        if current > 1 and self._first is not None:
            return (now - self._first) / (current - 1)
        return (now - self._start) / max(current, 1)

    def _shown_values(self) -> str:
        return "".join(f" - {name}: {shown(v)}" for name, v in self._values.items())


def shown(value: Any) -> str:
    """A number with four decimals, or in scientific form if it is very small."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value)
    return f"{number:.4f}" if abs(number) > 1e-3 or number == 0 else f"{number:.4e}"


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


def is_live(stream: Any) -> bool:
    """Whether a line written there can be drawn over."""
    if type(stream).__module__.startswith("ipykernel"):
        return True
    isatty = getattr(stream, "isatty", None)
    return bool(isatty is not None and isatty())
