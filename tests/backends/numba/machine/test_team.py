"""The thread pool: all chunks run, once each, whoever calls, also after a fork."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from minikeras_numba.machine import team
from minikeras_numba.machine.jit import compile_ir

ROOT = Path(__file__).parents[4]
# adds one to each element of register 0, and its chunk's number to that of register 1
COUNT = """
define void @count(ptr %regs, ptr %meta, i64 %start, i64 %stop, i64 %thread, i64 %threads) {
  %x = load i64, ptr %regs
  %data = inttoptr i64 %x to ptr
  %r = getelementptr i64, ptr %regs, i64 1
  %y = load i64, ptr %r
  %seen = inttoptr i64 %y to ptr
  %mine = getelementptr i64, ptr %seen, i64 %thread
  %old = load i64, ptr %mine
  %new = add i64 %old, 1
  store i64 %new, ptr %mine
  br label %head
head:
  %i = phi i64 [ %start, %0 ], [ %i1, %body ]
  %more = icmp slt i64 %i, %stop
  br i1 %more, label %body, label %done
body:
  %p = getelementptr i64, ptr %data, i64 %i
  %v = load i64, ptr %p
  %w = add i64 %v, 1
  store i64 %w, ptr %p
  %i1 = add i64 %i, 1
  br label %head
done:
  ret void
}
"""


def counter(n, threads=64):
    """The kernel, and registers to count in."""
    registers = team.Registers(2)
    registers[0] = np.zeros(n, np.int64)
    registers[1] = np.zeros(threads, np.int64)
    return compile_ir("count", COUNT, COUNT), registers


@pytest.fixture
def threads():
    before = team.get_threads()
    yield team.set_threads
    team.set_threads(before)


@pytest.mark.parametrize("count", [1, 2, 3, 7])
@pytest.mark.parametrize("n", [0, 1, 5, 1000, 1003])
def test_every_index_once(threads, count, n):
    threads(count)
    fn, registers = counter(n)
    for _ in range(50):
        team.run(fn, registers.address, 0, n, 1)
    assert (registers[0] == 50).all()
    chunks = team.parts(n, 1)
    assert chunks == (1 if count == 1 else max(1, min(team.CHUNKS * count, n)))
    assert (registers[1][:chunks] == 50).all()
    assert (registers[1][chunks:] == 0).all()


def test_grain_limits_the_chunks(threads):
    threads(4)
    assert [team.parts(n, 10) for n in (5, 19, 20, 35, 1000)] == [1, 1, 2, 3, 16]


def test_a_worker_that_is_held_up_holds_up_nobody(threads):
    """With more threads than processors some are always late; others take their chunks."""
    threads(16)
    fn, registers = counter(4096, 128)
    for _ in range(200):
        team.run(fn, registers.address, 0, 4096, 1)
    assert (registers[0] == 200).all()
    assert registers[1].tolist() == [200] * 64 + [0] * 64


def test_the_number_of_threads_may_change_between_runs(threads):
    fn, registers = counter(999)
    for i in range(300):
        threads(1 + i % 6)
        team.run(fn, registers.address, 0, 999, 1)
    assert (registers[0] == 300).all()


def test_after_a_pause_workers_wake(threads):
    threads(3)
    fn, registers = counter(300)
    for _ in range(5):
        threading.Event().wait(0.02)
        team.run(fn, registers.address, 0, 300, 1)
    assert (registers[0] == 5).all()


def test_concurrent_callers(threads):
    threads(2)
    failures = []

    def call():
        fn, registers = counter(2000)
        for _ in range(300):
            team.run(fn, registers.address, 0, 2000, 1)
        chunks = registers[1].tolist()[:9]
        if not (registers[0] == 300).all() or chunks != [300] * 8 + [0]:
            failures.append(registers)

    callers = [threading.Thread(target=call) for _ in range(6)]
    for c in callers:
        c.start()
    for c in callers:
        c.join()
    assert not failures


def in_a_process(script, **environment):
    """Run a script with `counter` at hand; its output."""
    paths = os.pathsep.join(
        [str(ROOT), str(ROOT / "backends"), str(Path(__file__).parent)]
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", "from test_team import *\n" + script],
        env={**os.environ, "PYTHONPATH": paths, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_forked_child_has_its_own_workers():
    script = """
team.set_threads(2)
fn, registers = counter(1000)
sequence = team.Sequence([(fn, 0, 1000, 1)], None)
sequence(registers)
child = os.fork()
sequence(registers)
team.run(fn, registers.address, 0, 1000, 1)
good = (registers[0] == 3).all() and (registers[1][:2] == 3).all()
if child == 0:
    os._exit(0 if good and team.team().workers == 1 else 1)
print(good, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert in_a_process(script) == "True 0"


def test_exit_with_sleeping_and_running_workers():
    script = """
team.set_threads(3)
fn, registers = counter(1000)
team.run(fn, registers.address, 0, 1000, 1)
print("done")
"""
    for _ in range(3):
        assert in_a_process(script) == "done"


def test_number_of_threads_from_the_environment():
    assert in_a_process("print(team.get_threads())", MINIKERAS_NUM_THREADS="5") == "5"
    script = """
try:
    team.get_threads()
except ValueError as error:
    print(error)
"""
    assert "expected a whole number" in in_a_process(script, MINIKERAS_NUM_THREADS="no")
    assert "expected a whole number" in in_a_process(script, MINIKERAS_NUM_THREADS="²")


def test_set_threads_rejects_nonsense():
    with pytest.raises(ValueError, match="expected 1 to"):
        team.set_threads(0)


def test_registers_hold_addresses():
    registers = team.Registers(3)
    array = np.arange(4.0)
    registers[1] = array
    assert registers.table[1] == array.ctypes.data
    registers[1] = array
    registers[2] = array
    registers[1] = None
    assert registers.table.tolist() == [0, 0, array.ctypes.data]
    assert registers[2] is array


def test_a_sequence_is_one_call(threads):
    fn, registers = counter(100)
    calls = [(fn, 0, 100, 1), (fn, 0, 50, 1), (fn, 0, 100, 1000)]
    sequence = team.Sequence(calls, None)
    for count in (1, 2, 4):
        threads(count)
        sequence(registers)
    assert (registers[0][:50] == 9).all()
    assert (registers[0][50:] == 6).all()
    assert registers[1].tolist()[:17] == [9, *[4] * 7, *[2] * 8, 0]


def test_without_new_threads_the_caller_does_it_all():
    """Limits on processes: every chunk is run, in the first call as in the next."""
    script = """
def refuse(self):
    raise RuntimeError("can't start new thread")
threading.Thread.start = refuse
team.set_threads(3)
fn, registers = counter(1000)
for _ in range(3):
    team.run(fn, registers.address, 0, 1000, 1)
sequence = team.Sequence([(fn, 0, 1000, 1)] * 2, None)
sequence(registers)
print((registers[0] == 5).all(), registers[1][:12].tolist() == [5] * 12, team.team().workers)
"""
    assert in_a_process(script) == "True True 0"


def test_some_threads_are_better_than_none():
    script = """
start = threading.Thread.start
def refuse(self):
    if self.name == "minikeras-2":
        raise RuntimeError("can't start new thread")
    start(self)
threading.Thread.start = refuse
team.set_threads(4)
fn, registers = counter(1000)
for _ in range(100):
    team.run(fn, registers.address, 0, 1000, 1)
print((registers[0] == 100).all(), team.team().workers)
"""
    assert in_a_process(script) == "True 1"
