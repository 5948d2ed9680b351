"""Plan: where every value lives, so that a step allocates nothing.

`plan(graph, updates)` gives each value a place: an input register, a constant, an
offset in one arena, a view of another value (reshape), or the buffer of the state
that it updates. Lifetimes run from the node that makes a value to its last reader;
values whose lifetimes do not meet may share bytes. An elementwise node may write
over an operand that dies with it. What a step needs beside its values, its scratch, lies in
the arena too, where nothing else is while that step runs.

Offsets are chosen as the nodes run, each at the lowest gap that is wide enough (first
fit). The best packing is NP-hard (Garey and Johnson 1979, "Computers and Intractability",
problem SR2, dynamic storage allocation), and first fit is close to it where values die
in the reverse order of their making, as a forward pass does under its backward pass.
"""

from __future__ import annotations

import sys
from bisect import bisect, insort
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from minikeras.engine.graph import Graph, GraphError, Node, Value
from minikeras.engine.prims.compiled import fused

# Bytes of a cache line, and of the widest vector that CPUs load (AVX-512).
ALIGNMENT = 64
# By the number of a node: the register and the bytes of each piece of its step's scratch.
Scratch = Mapping[int, Sequence[tuple[int, int]]]
# Bytes by which what is kept may be larger than a fourth more than what it is made of.
_SPARE = 1 << 14


class Numbers(dict[Value, int]):
    """The register of each value; a step may ask for more while it is prepared.

    Attributes:
        count: Registers so far.
        node: Number of the node whose step is being prepared.
        asked: What steps asked for.
        steady: Registers of arrays that stay as they are from run to run, unless their
            steps are told, and the bytes of each.
        unread: Values that nobody reads: their steps need not write them.
        kept: What steps keep from run to run: register -> the steady one that it is made
            of, and bytes.
    """

    def __init__(self, values: Iterable[Value]) -> None:
        super().__init__({v: i for i, v in enumerate(values)})
        self.count = len(self)
        self.node = 0
        self.asked: dict[int, list[tuple[int, int]]] = {}
        self.unread: set[Value] = set()
        self.steady: dict[int, int] = {}
        self.kept: dict[int, tuple[int, int]] = {}
        self.room = 0

    def scratch(self, nbytes: int) -> int:
        """A register with so many bytes for the step while it runs, on a cache line."""
        self.asked.setdefault(self.node, []).append((self.count, nbytes))
        self.count += 1
        return self.count - 1

    def keep(self, source: int, nbytes: int) -> int | None:
        """A register whose bytes last from run to run, for what is made of `source` alone.

        What fills it is the step's `preparation`, which runs where the source has changed.

        Returns:
            None where the source is not steady, what is made of it is a good deal larger,
            or no room is left: then it is made in each run, in scratch.
        """
        whole = self.steady.get(source)
        if whole is None or nbytes > whole * 5 // 4 + _SPARE or nbytes > self.room:
            return None
        self.room -= nbytes
        self.kept[self.count] = source, nbytes
        self.count += 1
        return self.count - 1


@dataclass
class Plan:
    """Places of all values that nodes make.

    Attributes:
        offsets: Value -> byte offset in the arena; only values that own their bytes.
        aliases: Value -> the value whose memory it is a view of.
        in_place: New value of a state -> the input value whose buffer it overwrites.
        scratch: Register -> byte offset in the arena and size, for the scratch of steps.
        arena_bytes: Size of the arena.
        total_bytes: What the arena would hold without sharing.
    """

    offsets: dict[Value, int] = field(default_factory=dict)
    aliases: dict[Value, Value] = field(default_factory=dict)
    in_place: dict[Value, Value] = field(default_factory=dict)
    scratch: dict[int, tuple[int, int]] = field(default_factory=dict)
    arena_bytes: int = 0
    total_bytes: int = 0

    def append(self, kept: Mapping[int, tuple[int, int]]) -> None:
        """Places behind all others, for what outlives a run: as in `Numbers.kept`."""
        for register, (_, nbytes) in kept.items():
            self.arena_bytes = _whole_lines(self.arena_bytes)
            self.scratch[register] = self.arena_bytes, nbytes
            self.arena_bytes += nbytes

    def root(self, value: Value) -> Value:
        """The value that owns the memory."""
        while value in self.aliases:
            value = self.aliases[value]
        return value


def plan(
    graph: Graph, updates: Mapping[Value, Value], scratch: Scratch | None = None
) -> Plan:
    """Give every value a place.

    Args:
        graph: The final graph.
        updates: New value -> the input whose state it replaces.
        scratch: What the steps need beside their values. Views and what is overwritten
            do not depend on it.
    """
    result = Plan()
    inputs = set(graph.inputs)
    fixed = inputs | set(graph.constants)
    for node in graph.nodes:
        if node.prim.facets.alias:
            result.aliases[node.outputs[0]] = node.inputs[0]
    last_use = _last_uses(graph, result)
    _updates_in_place(graph, updates, result, last_use, inputs)
    overwrite = _overwrites(graph, result, last_use, fixed)
    _place(graph, result, last_use, fixed, overwrite, scratch or {})
    return result


def _last_uses(graph: Graph, result: Plan) -> dict[Value, int]:
    """For each owner of memory, the index of its last reader; outputs live to the end."""
    end = len(graph.nodes)
    last: dict[Value, int] = {}
    # By root: a view keeps the memory of what it is a view of.
    for index, node in enumerate(graph.nodes):
        for v in node.outputs:
            last.setdefault(result.root(v), index)
        for v in node.inputs:
            last[result.root(v)] = index
    for v in graph.outputs:
        last[result.root(v)] = end
    return last


def _same_index(node: Node, out: Value) -> bool:
    """Whether `node` reads element i of its operands before it writes element i of `out`."""
    if node.prim is fused:
        return bool(out.aval.shape == node.static["space"])
    return node.prim.kind == "elementwise"


def _updates_in_place(
    graph: Graph,
    updates: Mapping[Value, Value],
    result: Plan,
    last_use: dict[Value, int],
    inputs: set[Value],
) -> None:
    made_at = {v: i for i, node in enumerate(graph.nodes) for v in node.outputs}
    # A result is copied out after all steps: were its buffer overwritten meanwhile, the
    # caller would get the new value of a state where the old one was asked for.
    returned = {result.root(v) for v in graph.outputs if v not in updates}
    times = Counter(graph.outputs)
    for new, old in updates.items():
        index = made_at.get(new)
        # `old in updates`: two states swap values. Overwritten in place, one of them
        # would be lost before the other has it.
        if index is None or new in result.aliases or old in returned or old in updates:
            continue
        if times[new] > 1 or new.aval != old.aval:
            continue  # one value for two states has to lie in two places
        if last_use.get(old, -1) > index or not _same_index(graph.nodes[index], new):
            continue
        result.in_place[new] = old
        result.aliases[new] = old
        last_use[old] = len(graph.nodes)


def _overwrites(
    graph: Graph, result: Plan, last_use: dict[Value, int], fixed: set[Value]
) -> dict[Value, Value]:
    """Output -> dying operand of the same shape and dtype whose bytes it takes over."""
    chosen: dict[Value, Value] = {}
    for index, node in enumerate(graph.nodes):
        taken: set[Value] = set()
        for out in node.outputs:
            if out in result.aliases or not _same_index(node, out):
                continue
            for v in node.inputs:
                root = result.root(v)
                if root in fixed or root in taken or last_use[root] != index:
                    continue
                # `root` may be larger than its view `v`; then its bytes are not all used.
                if v.aval == out.aval and root.aval.nbytes == out.aval.nbytes:
                    chosen[out] = root
                    taken.add(root)
                    break
    return chosen


def _place(
    graph: Graph,
    result: Plan,
    last_use: dict[Value, int],
    fixed: set[Value],
    overwrite: dict[Value, Value],
    scratch: Scratch,
) -> None:
    room = _Gaps()
    owned: dict[Value, int] = {}  # owner -> its bytes, while it lives
    dying: dict[int, list[Value]] = {}  # by the node after which they are not read
    for index, node in enumerate(graph.nodes):
        for out in node.outputs:
            if out in result.aliases or out in fixed:
                continue
            size = _whole_lines(out.aval.nbytes)
            result.total_bytes += size
            source = overwrite.get(out)
            if source is not None:
                del owned[source]
                offset = result.offsets[source]
            else:
                offset = room.take(size)
            result.offsets[out] = offset
            result.arena_bytes = max(result.arena_bytes, offset + size)
            owned[out] = size
            dying.setdefault(max(last_use[out], index), []).append(out)
        asked = scratch.get(index, ())
        for register, nbytes in asked:
            size = _whole_lines(nbytes)
            offset = room.take(size)
            result.scratch[register] = offset, nbytes
            result.arena_bytes = max(result.arena_bytes, offset + size)
        for register, nbytes in asked:
            room.give(result.scratch[register][0], _whole_lines(nbytes))
        for value in dying.pop(index, ()):
            if value in owned:  # otherwise its bytes were taken over
                room.give(result.offsets[value], owned.pop(value))


def _whole_lines(nbytes: int) -> int:
    """In cache lines, and one for an empty value too: places stay distinct."""
    return max(-(-nbytes // ALIGNMENT) * ALIGNMENT, ALIGNMENT)


class _Gaps:
    """The arena's free bytes: gaps, of which no two touch; the last has no end.

    Gaps are also listed by the bits of their size, so that a look for one that is wide
    enough passes by the many that are not.
    """

    def __init__(self) -> None:
        self.starts: list[int] = []  # in order
        self.sizes: dict[int, int] = {}  # by start
        self.by_bits: dict[int, list[int]] = {}  # starts, in order
        self.visits = 0  # gaps looked at
        self._add(0, sys.maxsize)

    def take(self, size: int) -> int:
        """The lowest offset where `size` bytes are free."""
        bits, found = size.bit_length(), sys.maxsize
        for offset in self.by_bits.get(bits, ()):
            self.visits += 1
            if self.sizes[offset] >= size:
                found = offset
                break
        # Gaps whose size has more bits are all wide enough: the lowest of each list
        # will do.
        for wider, offsets in self.by_bits.items():
            if wider > bits and offsets:
                self.visits += 1
                found = min(found, offsets[0])
        rest = self._remove(found) - size
        if rest:
            self._add(found + size, rest)
        return found

    def give(self, offset: int, size: int) -> None:
        """These bytes are free again; gaps that touch become one."""
        if offset + size in self.sizes:
            size += self._remove(offset + size)
        at = bisect(self.starts, offset)
        if at and (before := self.starts[at - 1]) + self.sizes[before] == offset:
            size += self._remove(before)
            offset = before
        self._add(offset, size)

    def _add(self, offset: int, size: int) -> None:
        insort(self.starts, offset)
        self.sizes[offset] = size
        insort(self.by_bits.setdefault(size.bit_length(), []), offset)

    def _remove(self, offset: int) -> int:
        """The gap's size."""
        size = self.sizes.pop(offset)
        for known in (self.starts, self.by_bits[size.bit_length()]):
            del known[bisect(known, offset) - 1]
        return size


def check_plan(graph: Graph, result: Plan, scratch: Scratch | None = None) -> None:
    """No two values that are alive together share bytes, nor do steps' scratch and they.

    Raises:
        GraphError: Naming the two values, or a value and a node.
    """
    last_use = _last_uses(graph, result)
    made_at = {v: i for i, node in enumerate(graph.nodes) for v in node.outputs}
    spans = [
        (made_at[v], last_use[v], offset, offset + v.aval.nbytes, v)
        for v, offset in result.offsets.items()
    ]
    for i, (made_a, last_a, start_a, end_a, a) in enumerate(spans):
        for made_b, last_b, start_b, end_b, b in spans[i + 1 :]:
            # A value may take over an operand's bytes in the node where that one dies.
            if (made_a >= last_b and made_a > made_b) or (
                made_b >= last_a and made_b > made_a
            ):
                continue
            if start_a < end_b and start_b < end_a:
                raise GraphError(f"{a!r} and {b!r} are alive together and share bytes.")
    # Scratch lives in its own node only, beside all that is alive there.
    for index, pieces in (scratch or {}).items():
        taken = [
            (offset, offset + size)
            for offset, size in (result.scratch[register] for register, _ in pieces)
        ]
        taken += [(s, e) for made, last, s, e, _ in spans if made <= index <= last]
        for i, (start_a, end_a) in enumerate(taken[: len(pieces)]):
            for start_b, end_b in taken[i + 1 :]:
                if start_a < end_b and start_b < end_a:
                    node = graph.nodes[index]
                    raise GraphError(
                        f"The scratch of {node!r} is shared while it runs."
                    )
