"""Sums in rank order, however they are exchanged: over bytes, and on GPUs by NCCL."""

import ctypes
import threading
import types

import numpy as np
import pytest
from minikeras_cupy.nccl import NcclCommunicator, nccl_over

from minikeras.distribution import exchange
from minikeras.distribution.exchange import ExchangingCommunicator
from minikeras.engine.agreement import RanksDifferError, agree
from minikeras.engine.ranks import ALONE
from minikeras.extend import BackendError, numpy_dtype
from tests.distribution.threads import Threads, on_threads

RNG = np.random.default_rng(7)


class Exchanging(ExchangingCommunicator):
    """Exchanges bytes between threads."""

    def __init__(self, threads):
        super().__init__(threads.rank, threads.size)
        self.threads, self.count = threads, 0

    def to_all(self, mine, all_of_them):
        self.count += 1
        rows = all_of_them.reshape(self.size, -1)
        for row, part in zip(rows, self.threads.gather(mine.reshape(-1).copy())):
            row[...] = part

    def transposed(self, pieces, received):
        self.count += 1
        everyone = self.threads.gather(pieces.copy())
        received[...] = [theirs[self.rank] for theirs in everyone]


def _arrays(rank):
    """Several sizes and dtypes, some of them nothing."""
    rng = np.random.default_rng(rank)
    kinds = ("float32", "float64", "float16", "bfloat16", "int32", "uint8")
    arrays = [rng.random((3, 5)).astype(numpy_dtype(k)) * 9 for k in kinds]
    arrays += [rng.random(s).astype("float32") for s in ((), (0, 4), (7,), (40, 41))]
    return [np.ascontiguousarray(a.astype(a.dtype)) for a in arrays]


def _expected(size, means):
    everyone = [_arrays(rank) for rank in range(size)]
    found = []
    for i, mean in enumerate(means):
        kind = everyone[0][i].dtype
        narrow = kind.itemsize == 2 and kind.kind not in "iu"
        total = everyone[0][i].astype("float32" if narrow else kind)
        for other in everyone[1:]:
            total = total + other[i].astype(total.dtype)
        if mean:
            total = total * total.dtype.type(1 / size)
        found.append(total.astype(kind))
    return found


MEANS = [k in (0, 2, 6) for k in range(10)]


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("small", [0, 1 << 15])
def test_sums_are_in_rank_order_whatever_the_way(size, small, monkeypatch):
    monkeypatch.setattr(exchange, "SMALL", small)

    def run(rank):
        from minikeras.engine import ranks

        comm = Exchanging(ranks.communicator())
        comm.rank = rank
        arrays = _arrays(rank)
        for _ in range(2):  # buffers are used again
            results = [np.empty_like(a) for a in arrays]
            comm.reduce_into(arrays, results, MEANS)
        return results, comm.count

    for results, count in on_threads(size, run):
        for found, wanted in zip(results, _expected(size, MEANS), strict=True):
            np.testing.assert_array_equal(found, wanted)
        assert count == 2 * (1 if small else 12)  # small arrays go in one message


def test_means_of_halves_do_not_overflow_on_the_way():
    def run(rank):
        from minikeras.engine import ranks

        comm = Exchanging(ranks.communicator())
        comm.rank = rank
        array = np.full(4, 60000, "float16")
        comm.reduce_into([array], [array], [True])
        return array

    assert all(a.tolist() == [60000] * 4 for a in on_threads(3, run))


def test_alone_it_copies():
    a, b = np.arange(3.0), np.empty(3)
    ALONE.reduce_into([a], [b], [False])
    assert b.tolist() == [0, 1, 2]
    assert ALONE.gather(5) == [5] and ALONE.broadcast(5) == 5


# --- NCCL


class Gpu(np.ndarray):
    """An array with CuPy's way to its address."""

    @property
    def data(self):
        return types.SimpleNamespace(ptr=self.ctypes.data)


class Nccl:
    """NCCL's functions between threads, on addresses."""

    NCCL_UINT8 = 1

    def __init__(self, size):
        self.barrier = threading.Barrier(size, timeout=30)
        self.posted, self.slots = {}, {}
        self.here = threading.local()

    def get_unique_id(self):
        return (1, 2, 3)

    def NcclCommunicator(self, size, identity, rank):
        assert identity == (1, 2, 3)
        return _NcclRank(self, size, rank)

    def groupStart(self):
        self.here.waiting = []

    def groupEnd(self):
        self.barrier.wait()
        for key, pointer, count in self.here.waiting:
            sent = self.posted[key]
            assert len(sent) == count
            ctypes.memmove(pointer, sent, count)
        self.barrier.wait()


class _NcclRank:
    def __init__(self, nccl, size, rank):
        self.nccl, self.size, self.rank = nccl, size, rank

    def send(self, pointer, count, kind, peer, stream):
        self.nccl.posted[self.rank, peer] = ctypes.string_at(pointer, count)

    def recv(self, pointer, count, kind, peer, stream):
        self.nccl.here.waiting.append(((peer, self.rank), pointer, count))

    def allGather(self, pointer, target, count, kind, stream):
        self.nccl.slots[self.rank] = ctypes.string_at(pointer, count)
        self.nccl.barrier.wait()
        whole = b"".join(self.nccl.slots[r] for r in range(self.size))
        ctypes.memmove(target, whole, len(whole))
        self.nccl.barrier.wait()


def _cupy():
    stream = types.SimpleNamespace(ptr=0)
    cuda = types.SimpleNamespace(get_current_stream=lambda: stream)
    return types.SimpleNamespace(
        empty=lambda n, dtype: np.empty(n, dtype).view(Gpu),
        concatenate=np.concatenate, float32=np.dtype("float32"), cuda=cuda,
    )  # fmt: skip


@pytest.mark.parametrize("size", [1, 2, 3])
def test_gpus_give_the_same_bits(size):
    nccl = Nccl(size)

    def run(rank):
        from minikeras.engine import ranks

        host = ranks.communicator()
        comm = NcclCommunicator(_Host(host, rank), _cupy(), nccl)
        arrays = [a.view(Gpu) for a in _arrays(rank)]
        for _ in range(2):
            results = [np.empty_like(a) for a in arrays]
            comm.reduce_into(arrays, results, MEANS)
        assert comm.gather(rank) == list(range(size)) and comm.broadcast(rank) == 0
        return results

    for results in on_threads(size, run):
        for found, wanted in zip(results, _expected(size, MEANS), strict=True):
            np.testing.assert_array_equal(np.asarray(found), wanted)


class _Host:
    def __init__(self, threads, rank):
        self.gather, self.broadcast = threads.gather, threads.broadcast
        self.rank, self.size = rank, threads.size


def test_without_nccl_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "cupy.cuda", None)
    with pytest.raises(BackendError, match=r"minikeras\[nccl\]"):
        nccl_over(ALONE, None, 0)


# --- what ranks agree on


def test_differences_are_told_with_who_has_them():
    def run(rank):
        facts = {"rows": 96 if rank == 2 else 100, "batch": 32}
        facts |= {f"fact {i}": rank for i in range(5)}
        try:
            agree("fit", facts)
        except RanksDifferError as error:
            return str(error)

    found = on_threads(4, run)
    assert len(set(found)) == 1
    assert found[0].startswith(
        "fit: the ranks differ. rows: 96 on rank 2, 100 on the others;"
    )
    assert "and 2 more. Every rank must run the same script" in found[0]
    assert on_threads(2, lambda rank: agree("fit", {"rows": 3})) == [None, None]


def test_threads_are_ranks():
    comm = Threads(1)
    assert (comm.rank, comm.size, comm.gather("x")) == (0, 1, ["x"])
