"""Pieces of work shared out to threads, and the memory that they borrow."""

import os
import threading

import numpy as np
import pytest
from minikeras_numpy import sharing, workspace


@pytest.fixture
def team(monkeypatch):
    """Two helpers, whatever this machine has."""
    monkeypatch.setattr(sharing, "_limit", lambda: 3)
    monkeypatch.setattr(sharing, "_team", sharing._Team())
    return sharing._team


@pytest.mark.parametrize("count", [0, 1, 2, 3, 50])
def test_each_piece_is_done_once(team, count):
    done, threads = [], {}

    def work(lane, number):
        done.append(number)
        threads.setdefault(lane, set()).add(threading.get_ident())

    for _ in range(20):
        sharing.share(count, work)
    assert sorted(done) == sorted(20 * list(range(count)))
    assert all(len(idents) == 1 for idents in threads.values())
    assert threads.get(0, {threading.get_ident()}) == {threading.get_ident()}


def test_pieces_run_at_once(team):
    """Three threads meet in the middle of a piece each."""
    barrier = threading.Barrier(3, timeout=60)
    lanes = []

    def work(lane, number):
        barrier.wait()
        lanes.append(lane)

    sharing.share(3, work)
    assert sorted(lanes) == [0, 1, 2]


def test_warnings_are_off_in_helpers(team):
    barrier = threading.Barrier(3, timeout=60)

    def work(lane, number):
        barrier.wait()
        with np.errstate() if lane else np.errstate(all="ignore"):
            np.divide(np.ones(3), np.zeros(3))

    sharing.share(3, work)


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_errors_are_told_when_all_have_ended(team, failing):
    barrier = threading.Barrier(3, timeout=60)
    running = []

    def work(lane, number):
        running.append(lane)
        barrier.wait()
        if lane == failing:
            running.remove(lane)
            raise ZeroDivisionError(str(lane))
        for _ in range(1000):
            pass
        running.remove(lane)

    with pytest.raises(ZeroDivisionError, match=str(failing)):
        sharing.share(3, work)
    assert running == []
    assert not team.free.locked()
    test_each_piece_is_done_once(team, 5)


def test_inside_a_piece_and_beside_another_call_one_thread_does_all(team):
    seen = []

    def inner(lane, number):
        seen.append((lane, number, threading.get_ident()))

    def work(lane, number):
        if number == 0:
            sharing.share(4, inner)

    sharing.share(2, work)
    assert [(lane, number) for lane, number, _ in seen] == [(0, n) for n in range(4)]
    assert len({ident for *_, ident in seen}) == 1


def test_where_no_thread_can_be_started_the_caller_does_all(team, monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    lanes = []
    sharing.share(4, lambda lane, number: lanes.append(lane))
    assert lanes == [0] * 4


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_has_helpers_of_its_own(team):
    sharing.share(8, lambda lane, number: None)
    pid = os.fork()
    if pid == 0:
        done = []
        sharing.share(8, lambda lane, number: done.append(number))
        os._exit(0 if sorted(done) == list(range(8)) else 1)
    assert os.waitpid(pid, 0)[1] == 0


def test_threads_of_blas_are_the_limit(monkeypatch):
    monkeypatch.setattr(sharing, "default_threads", lambda: 64)
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert sharing._limit() == 4
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert sharing._limit() == 2
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    assert sharing._limit() == 1
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "many")
    assert sharing._limit() == 2


def test_borrowed_memory_is_nobody_elses(monkeypatch):
    monkeypatch.setattr(workspace, "_free", type(workspace._free)(maxlen=8))
    with workspace.borrowed(100) as a, workspace.borrowed(100) as b:
        assert a.nbytes == b.nbytes == 100
        assert not np.may_share_memory(a, b)
        first = a.ctypes.data, b.ctypes.data
    with workspace.borrowed(1 << 20) as again:
        assert again.ctypes.data in first
    with workspace.borrowed(workspace.LARGEST + 1) as huge:
        assert huge.nbytes == workspace.LARGEST + 1
    assert all(piece.nbytes <= workspace.LARGEST for piece in workspace._free)
