"""Sets of living objects that threads add to, and properties without a lock."""

import gc
import os
import sys
import threading

import pytest

from minikeras.engine.living import Living, once


class Member:
    pass


def test_members_live_as_long_as_others_hold_them():
    known = Living()
    kept = [Member() for _ in range(5)]
    for i in range(1000):
        known.add(kept[i] if i < 5 else Member())
    gc.collect()
    assert list(known) == kept
    assert len(known._refs) < 300


def test_threads_may_add_while_others_look_through_it():
    known, kept, errors = Living(), [], []
    stop = threading.Event()

    def adding():
        while not stop.is_set():
            member = Member()
            known.add(member)
            if len(kept) < 500:
                kept.append(member)

    def looking():
        while not stop.is_set():
            try:
                list(known)
            except RuntimeError as error:
                errors.append(error)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=f) for f in (adding, adding, looking)]
        for t in threads:
            t.start()
        while len(kept) < 500 or len(known._refs) < 2:
            pass
        stop.set()
        for t in threads:
            t.join()
    finally:
        sys.setswitchinterval(before)
    assert not errors
    assert set(kept) <= set(known)


class Costly:
    def __init__(self):
        self.calls = 0

    @once
    def value(self):
        """What it says."""
        self.calls += 1
        return self.calls * 10


def test_once():
    first, second = Costly(), Costly()
    assert [first.value, first.value, second.value] == [10, 10, 10]
    assert first.calls == 1
    assert Costly.value.__doc__ == "What it says."


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*")  # JAX's, where the oracle is loaded
def test_once_in_the_child_of_a_fork_in_the_middle_of_it():
    go, forked = threading.Event(), threading.Event()

    class Slow:
        @once
        def value(self):
            go.set()
            forked.wait(10)
            return 1

    class Same(Slow):
        pass

    worker = threading.Thread(target=lambda: Slow().value)
    worker.start()
    go.wait()
    forked_child = os.fork()
    if not forked_child:
        forked.set()
        os._exit(Same().value - 1)
    forked.set()
    worker.join()
    assert os.waitpid(forked_child, 0)[1] == 0
