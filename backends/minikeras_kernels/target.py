"""What a description asks of the machine that it is written for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """How wide vectors are, and how work is cut.

    Attributes:
        vector_bytes: Bytes of a vector; 0 where every kind has `warp` lanes.
        warp: Lanes of a vector of any kind: threads that go in step.
        scales: Whether a float32 vector can be multiplied by powers of two, rounded once.
        strip: Elements of a row that one unit takes.
        random_strip: The same where it draws random words, which lie in its own memory.
        narrow_bytes: Columns of so few bytes are folded in registers.
        most_blocks: Into how many parts the rows of a fold are cut at most.
        direct: Whether a table holds the addresses of arrays, not numbers of registers.
        halves: Whether float16 is converted by an instruction.
        library: Functions that the machine's library has beyond C's (see `elementwise`).
    """

    vector_bytes: int = 0
    warp: int = 0
    scales: bool = False
    strip: int = 4096
    random_strip: int = 1024
    narrow_bytes: int = 1024
    most_blocks: int = 32
    direct: bool = False
    halves: bool = True
    library: frozenset[str] = frozenset()

    def lanes(self, itemsize: int = 4) -> int:
        """Elements of `itemsize` bytes in one vector."""
        return self.warp or max(1, self.vector_bytes // itemsize)


def pieces(count: int) -> list[int]:
    """Powers of two that sum up to `count`, the largest first."""
    return [1 << i for i in range(count.bit_length() - 1, -1, -1) if count >> i & 1]
