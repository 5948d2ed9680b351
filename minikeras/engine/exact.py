"""Keys that tell apart what `==` does not."""

from __future__ import annotations

from typing import Any


def exact(value: object) -> Any:
    """A key for a Python value: 0.0 is not -0.0, 1 is not True, NaN is itself.

    >>> exact(0.0) == exact(-0.0), exact(1) == exact(1.0)
    (False, False)
    >>> exact(("axis", float("nan"))) == exact(("axis", float("nan")))
    True
    """
    kind = type(value)
    if isinstance(value, float):
        return kind, float.hex(value)
    if isinstance(value, complex):
        return kind, value.real.hex(), value.imag.hex()
    if isinstance(value, tuple):
        return (kind, *map(exact, value))
    return kind, value
