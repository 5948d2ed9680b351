"""A terminal of some columns, as far as a progress line needs one."""

import re

_STEPS = re.compile(r"\x1b\[[0-9;]*m|.", re.S)


class Screen:
    """Keeps the lines that a person would see; counts those that wrapped."""

    encoding = "utf-8"

    def __init__(self, columns):
        self.columns = columns
        self.rows = [[]]
        self.at = 0
        self.wraps = 0

    def isatty(self):
        return True

    def flush(self):
        """Nothing is held back."""

    def write(self, text):
        for step in _STEPS.findall(text):
            if step == "\n":
                self._next()
            elif step == "\r":
                self.at = 0
            elif len(step) == 1:
                if self.at == self.columns:
                    self.wraps += 1
                    self._next()
                row = self.rows[-1]
                row[self.at : self.at + 1] = [step]
                self.at += 1

    def _next(self):
        self.rows.append([])
        self.at = 0

    @property
    def lines(self):
        """The rows as text, without the empty one at the end."""
        found = ["".join(row).rstrip() for row in self.rows]
        return found[:-1] if not found[-1] else found
