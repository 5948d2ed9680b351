"""What ranks have to agree on, compared before anything depends on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from minikeras.engine import ranks

_SHOWN = 4  # differences that a message tells


class RanksDifferError(ValueError):
    """Ranks of one job are not alike in what they have to be; raised on all of them."""


def agree(owner: str, facts: Mapping[str, Any]) -> None:
    """Compare facts with those of the other ranks.

    Args:
        owner: What asks, for the message.
        facts: Values by what they are, for the message. They are compared by their text.

    Raises:
        RanksDifferError: If some rank has another value, on every rank.
    """
    everyone = ranks.communicator().gather({k: repr(v) for k, v in facts.items()})
    names = dict.fromkeys(name for found in everyone for name in found)
    lines = []
    for name in names:
        values = [found.get(name, "nothing") for found in everyone]
        if len(set(values)) > 1:
            lines.append(f"{name}: {_told(values)}")
    if lines:
        more = f"; and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else ""
        raise RanksDifferError(
            f"{owner}: the ranks differ. {'; '.join(lines[:_SHOWN])}{more}. Every rank must "
            "run the same script on the same data with the same packages."
        )


def _told(values: list[str]) -> str:
    """Who has which value, the few first.

    >>> _told(["100", "100", "96", "100"])
    '96 on rank 2, 100 on the others'
    """
    usual, _ = Counter(values).most_common(1)[0]
    parts = [f"{_cut(v)} on rank {i}" for i, v in enumerate(values) if v != usual]
    more = [f"{len(parts) - 4} more"] if len(parts) > 4 else []
    rest = values.count(usual)
    where = f"rank {values.index(usual)}" if rest == 1 else "the others"
    return ", ".join([*parts[:4], *more, f"{_cut(usual)} on {where}"])


def _cut(text: str) -> str:
    return text if len(text) <= 200 else text[:197] + "..."
