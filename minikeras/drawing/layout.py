"""Where the boxes of a diagram go: in layers along the arrows, few crossings, no overlaps.

The way of Sugiyama, Tagawa and Toda, *Methods for Visual Understanding of Hierarchical
System Structures* (IEEE Trans. SMC, 1981): a layer for each box, points in the layers that
long arrows pass, an order in each layer by the mean of the neighbours, then places as near
to the neighbours as the order allows.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

DIRECTIONS = ("TB", "BT", "LR", "RL")
LEFT_TO_RIGHT = ("LR", "RL")

Key = int | tuple[int, int, int]  # a box, or a point of an arrow in a layer
Point = tuple[float, float]

_BESIDE, _BETWEEN, _SWEEPS = 26.0, 38.0, 12


@dataclass
class Placed:
    """Places of boxes and arrows.

    Attributes:
        corners: Upper left corner of each box.
        arrows: For each arrow, points from border to border.
        width: Of the whole.
        height: Of the whole.
    """

    corners: dict[int, Point]
    arrows: list[list[Point]]
    width: float
    height: float

    def ways(self, sideways: bool, right_angles: bool) -> list[list[Point]]:
        """The arrows' lines; with `right_angles` they turn in the middle of gaps."""
        if not right_angles:
            return self.arrows
        return [_stepped(points, sideways) for points in self.arrows]


def _stepped(points: Sequence[Point], sideways: bool) -> list[Point]:
    way = [points[0]]
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        if sideways and abs(y0 - y1) > 0.5:
            way += [((x0 + x1) / 2, y0), ((x0 + x1) / 2, y1)]
        elif not sideways and abs(x0 - x1) > 0.5:
            way += [(x0, (y0 + y1) / 2), (x1, (y0 + y1) / 2)]
        way.append((x1, y1))
    return way


def place(
    sizes: Mapping[int, Point], arrows: Sequence[tuple[int, int]], direction: str
) -> Placed:
    """Places for boxes of these sizes, in the order in which they come.

    Args:
        sizes: Box -> width and height.
        arrows: Pairs of boxes, without circles.
        direction: Where arrows lead, one of `DIRECTIONS`.
    """
    turned = direction in LEFT_TO_RIGHT
    across: dict[Key, float] = {k: (s[1] if turned else s[0]) for k, s in sizes.items()}
    along: dict[Key, float] = {k: (s[0] if turned else s[1]) for k, s in sizes.items()}
    layer = _layers(list(sizes), arrows)
    chains = [_chain(a, b, i, layer) for i, (a, b) in enumerate(arrows)]
    order = _orders(layer, chains)
    width: dict[Key, float] = {k: across.get(k, 8.0) for row in order for k in row}
    centre = _centres(order, chains, width)
    least = min((centre[k] - width[k] / 2 for k in centre), default=0.0)
    total = max((centre[k] + width[k] / 2 for k in centre), default=0.0) - least
    starts, depth = [], 0.0
    thick = [max((along.get(k, 0.0) for k in row), default=0.0) for row in order]
    for size in thick:
        starts.append(depth)
        depth += size + _BETWEEN
    depth = max(depth - _BETWEEN, 0.0)

    def turn(x: float, y: float) -> Point:
        if direction in ("BT", "RL"):
            y = depth - y
        return (y, x) if turned else (x, y)

    corners: dict[int, Point] = {}
    edges: dict[Key, tuple[float, float]] = {}  # where arrows come in and go out
    for row, start, size in zip(order, starts, thick):
        for key in row:
            free = (size - along.get(key, size)) / 2
            edges[key] = start + free, start + size - free
            if isinstance(key, int):
                a = turn(centre[key] - least - across[key] / 2, edges[key][0])
                b = turn(centre[key] - least + across[key] / 2, edges[key][1])
                corners[key] = min(a[0], b[0]), min(a[1], b[1])
    lines = []
    for chain in chains:
        points = [turn(centre[chain[0]] - least, edges[chain[0]][1])]
        for key in chain[1:]:
            points.append(turn(centre[key] - least, edges[key][0]))
            if key != chain[-1]:
                points.append(turn(centre[key] - least, edges[key][1]))
        lines.append(points)
    wide, high = (depth, total) if turned else (total, depth)
    return Placed(corners, lines, wide, high)


def _layers(boxes: list[int], arrows: Sequence[tuple[int, int]]) -> dict[int, int]:
    """Each box below all that lead to it; what nothing leads to is just above its first."""
    after: dict[int, list[int]] = {k: [] for k in boxes}
    waiting = dict.fromkeys(boxes, 0)
    for a, b in arrows:
        after[a].append(b)
        waiting[b] += 1
    layer = dict.fromkeys(boxes, 0)
    ready = [k for k in boxes if not waiting[k]]
    for key in ready:
        for other in after[key]:
            layer[other] = max(layer[other], layer[key] + 1)
            waiting[other] -= 1
            if not waiting[other]:
                ready.append(other)
    led = {b for _, b in arrows}
    for key in boxes:
        if key not in led and after[key]:
            layer[key] = min(layer[b] for b in after[key]) - 1
    return layer


def _chain(a: int, b: int, number: int, layer: Mapping[int, int]) -> list[Key]:
    """The boxes at the ends of an arrow, and a point for each layer between."""
    between = range(layer[a] + 1, layer[b])
    return [a, *((number, 0, level) for level in between), b]


def _orders(layer: Mapping[int, int], chains: list[list[Key]]) -> list[list[Key]]:
    """The rows, each in an order with few crossings."""
    rows: list[list[Key]] = [[] for _ in range(max(layer.values(), default=-1) + 1)]
    for key, level in layer.items():
        rows[level].append(key)
    for chain in chains:
        for point in chain[1:-1]:
            assert isinstance(point, tuple)
            rows[point[2]].append(point)
    above, below = _neighbours(chains)
    best, fewest = [list(row) for row in rows], _crossings(rows, below)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        sides = above if down else below
        for row in rows if down else rows[::-1]:
            at = {k: i for other in rows for i, k in enumerate(other)}
            row.sort(key=lambda k: _mean([at[n] for n in sides.get(k, ())], at[k]))
        crossings = _crossings(rows, below)
        if crossings < fewest:
            best, fewest = [list(row) for row in rows], crossings
    return best


def _neighbours(
    chains: list[list[Key]],
) -> tuple[dict[Key, list[Key]], dict[Key, list[Key]]]:
    above: dict[Key, list[Key]] = {}
    below: dict[Key, list[Key]] = {}
    for chain in chains:
        for a, b in itertools.pairwise(chain):
            below.setdefault(a, []).append(b)
            above.setdefault(b, []).append(a)
    return above, below


def _mean(values: list[float] | list[int], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _crossings(rows: list[list[Key]], below: Mapping[Key, list[Key]]) -> int:
    count = 0
    for row, under in itertools.pairwise(rows):
        at = {k: i for i, k in enumerate(under)}
        ends = [(i, at[b]) for i, k in enumerate(row) for b in below.get(k, ())]
        for i, (a, b) in enumerate(ends):
            count += sum((a - c) * (b - d) < 0 for c, d in ends[:i])
    return count


def _centres(
    rows: list[list[Key]], chains: list[list[Key]], width: Mapping[Key, float]
) -> dict[Key, float]:
    """Places in the rows, near to the neighbours'."""
    above, below = _neighbours(chains)
    centre: dict[Key, float] = {}
    for row in rows:
        x = -sum(width[k] + _BESIDE for k in row) / 2
        for key in row:
            centre[key] = x + width[key] / 2
            x += width[key] + _BESIDE
    for sweep in range(_SWEEPS):
        sides = above if sweep % 2 == 0 else below
        for row in rows if sweep % 2 == 0 else rows[::-1]:
            wanted = [
                _mean([centre[n] for n in sides.get(k, ())], centre[k]) for k in row
            ]
            gaps = [
                (width[a] + width[b]) / 2 + _BESIDE for a, b in itertools.pairwise(row)
            ]
            centre.update(zip(row, _apart(wanted, gaps)))
    return centre


def _apart(wanted: list[float], gaps: list[float]) -> list[float]:
    """The places nearest to those wanted (in squares) that keep these gaps, in order.

    Less the gaps before them, places may only grow: the mean of neighbours that want to
    pass one another is taken for them all, until none do.
    """
    shift = [0.0]
    for gap in gaps:
        shift.append(shift[-1] + gap)
    groups: list[tuple[float, int]] = []  # sum and number
    for place_, before in zip(wanted, shift):
        groups.append((place_ - before, 1))
        while len(groups) > 1 and (
            groups[-2][0] / groups[-2][1] > groups[-1][0] / groups[-1][1]
        ):
            total, count = groups.pop()
            groups[-1] = groups[-1][0] + total, groups[-1][1] + count
    flat = [total / count for total, count in groups for _ in range(count)]
    return [place_ + before for place_, before in zip(flat, shift)]
