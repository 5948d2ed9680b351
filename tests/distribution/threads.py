"""Ranks that are threads of the test: everything but what carries the messages."""

import threading

import numpy as np

from minikeras.engine import ranks
from minikeras.engine.ranks import Communicator, share


class Threads(Communicator):
    """Each thread is a rank."""

    name = "threads"

    def __init__(self, size):
        self.size = size
        self._here = threading.local()
        self._slots = [None] * size
        self._barrier = threading.Barrier(size, timeout=30)

    @property
    def rank(self):
        return getattr(self._here, "rank", 0)

    def gather(self, value):
        self._slots[self.rank] = value
        self._barrier.wait()
        found = list(self._slots)
        self._barrier.wait()
        return found

    def broadcast(self, value):
        return self.gather(value)[0]

    def reduce_into(self, arrays, results, means):
        everyone = self.gather([np.array(a) for a in arrays])
        for i, (result, mean) in enumerate(zip(results, means)):
            total = everyone[0][i].copy()
            for parts in everyone[1:]:
                total += parts[i]
            result[...] = total * total.dtype.type(1 / self.size) if mean else total


def on_threads(size, function):
    """`function(rank)` on so many ranks at once; their results."""
    comm = Threads(size)
    results, errors = [None] * size, []

    def run(rank):
        comm._here.rank = rank
        try:
            results[rank] = function(rank)
        except BaseException as error:
            errors.append(error)
            comm._barrier.abort()

    ranks.use(comm)
    try:
        threads = [threading.Thread(target=run, args=(r,)) for r in range(size)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        ranks.use(None)
    for error in errors:
        if not isinstance(error, threading.BrokenBarrierError):
            raise error
    if errors:
        raise errors[0]
    return results


def on_rows(size, function, *arrays):
    """`function(*rows)` on so many ranks, each with its rows of the arrays."""

    def run(rank):
        rows = share(len(arrays[0]), rank, size)
        cut = [a[rows.start : rows.start + rows.rows] for a in arrays]
        return ranks.on(rows, function, *cut)

    return on_threads(size, run)
