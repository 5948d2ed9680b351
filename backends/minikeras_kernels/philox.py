"""Philox 4x32-10 as LLVM IR: random words written into a small buffer.

Block i of the stream has counter words (i low, i high, counter, 0) and key words
(seed, 0); element e of an array is word e % 4 of block e // 4. `lanes` blocks are
made at once, one in each lane.

Reference: Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (SC 2011).
"""

from __future__ import annotations

from minikeras_kernels.code import Op, Rel
from minikeras_kernels.values import Address, Kind, Val, const, counting
from minikeras_kernels.writer import Writer

_M0, _M1 = 0xD2511F53, 0xCD9E8D57
_W0, _W1 = 0x9E3779B9, 0xBB67AE85
ROUNDS = 10
_MASK = 0xFFFFFFFF


def _wide_product(f: Writer, x: Val, factor: int) -> tuple[Val, Val]:
    """High and low words of a 32 x 32 bit product."""
    wide = f.convert(Op.ZEXT, x, Kind.I64)
    product = f.mul(wide, f.like(wide, factor))
    high = f.convert(Op.TRUNC, f.bin(Op.LSHR, product, f.like(product, 32)), Kind.I32)
    return high, f.convert(Op.TRUNC, product, Kind.I32)


def rounds(f: Writer, counter: list[Val], key: list[Val]) -> list[Val]:
    """The ten rounds, on four counter words and two key words."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for step in range(ROUNDS):
        if step:
            k0 = f.add(k0, f.like(k0, _W0))
            k1 = f.add(k1, f.like(k1, _W1))
        high0, low0 = _wide_product(f, c0, _M0)
        high1, low1 = _wide_product(f, c2, _M1)
        c0 = f.bin(Op.XOR, f.bin(Op.XOR, high1, c1), k0)
        c2 = f.bin(Op.XOR, f.bin(Op.XOR, high0, c3), k1)
        c1, c3 = low1, low0
    return [c0, c1, c2, c3]


def buffer_size(count: int, lanes: int) -> int:
    """Elements that `fill` may write for `count` wanted ones."""
    return count + 4 + 4 * lanes


def _interleave(f: Writer, words: list[Val]) -> Val:
    """One vector with the four words of each block side by side."""
    lanes = words[0].lanes

    pair = list(range(2 * lanes))
    low, high = f.join(words[0], words[1], pair), f.join(words[2], words[3], pair)
    order = [k * lanes + lane for lane in range(lanes) for k in range(4)]
    return f.join(low, high, order)


def fill(
    f: Writer, key: Address, first: Val, count: Val, buffer: Address, lanes: int
) -> Address:
    """Write elements [first, first + count) of the stream of `key` to `buffer`.

    Args:
        f: The writer.
        key: Address of the uint32 pair (seed, counter).
        first: Flat index of the first element wanted.
        count: How many.
        buffer: Room for `buffer_size(count, lanes)` uint32.
        lanes: Blocks made at once; at least 2.

    Returns:
        The address of element `first` in the buffer.
    """
    seed = f.splat(f.load(key), lanes)
    counter_at = f.at(key, const(Kind.I64, 1))
    counter = f.splat(f.load(counter_at), lanes)
    block = f.bin(Op.LSHR, first, const(Kind.I64, 2))
    skip = f.bin(Op.AND, first, const(Kind.I64, 3))
    total = f.add(skip, count)
    lane = counting(Kind.I64, lanes)
    zero = f.like(seed, 0)
    with f.loop(const(Kind.I64, 0), total, const(Kind.I64, 4 * lanes)) as done:
        start = f.add(block, f.bin(Op.LSHR, done, const(Kind.I64, 2)))
        index = f.add(f.splat(start, lanes), lane)
        low = f.convert(Op.TRUNC, index, Kind.I32)
        high = f.convert(Op.TRUNC, f.bin(Op.LSHR, index, f.like(index, 32)), Kind.I32)
        words = rounds(f, [low, high, counter, zero], [seed, zero])
        f.store(_interleave(f, words), f.at(buffer, done))
    return f.at(buffer, skip)


def word_of(f: Writer, key: Address, index: Val) -> Val:
    """Elements of the stream of `key`, each lane's own by its index in i64.

    Four times the rounds of `fill`, for machines where lanes have no memory to share.
    """
    lanes = index.lanes
    seed = f.splat(f.load(key), lanes)
    counter = f.splat(f.load(f.at(key, const(Kind.I64, 1))), lanes)
    block, zero = f.bin(Op.LSHR, index, 2), f.like(seed, 0)
    low = f.convert(Op.TRUNC, block, Kind.I32)
    high = f.convert(Op.TRUNC, f.bin(Op.LSHR, block, 32), Kind.I32)
    words = rounds(f, [low, high, counter, zero], [seed, zero])
    turn = f.convert(Op.TRUNC, f.bin(Op.AND, index, 3), Kind.I32)
    chosen = words[3]
    for i in (2, 1, 0):
        chosen = f.select(f.icmp(Rel.EQ, turn, i), words[i], chosen)
    return chosen
