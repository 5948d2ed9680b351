"""Programs and their memory: shared, bounded, given back."""

from __future__ import annotations

import gc
import threading
import tracemalloc
import weakref

import numpy as np
import pytest

import minikeras as keras
from minikeras import ops
from minikeras.engine import arenas, forking, kept
from minikeras.engine.compile import jit
from minikeras.engine.living import Living
from minikeras.engine.tensor import from_numpy


def work(x):
    """Values that live in an arena: a product is no elementwise group."""
    y = ops.matmul(ops.transpose(x), x)
    return ops.sum(ops.matmul(y, y)) + ops.sum(ops.exp(y))


def draw(n, k=24):
    return from_numpy(
        np.random.default_rng(n).normal(size=(n, k)).astype("float32") / 9
    )


@pytest.mark.parametrize("nbytes", [0, 1, 65_536, 65_537, 10**7, (1 << 28) + 1, 10**10])
def test_sizes_of_arenas(nbytes):
    size = arenas.rounded(nbytes)
    assert size >= nbytes
    assert size <= max(1 << 16, 2 * nbytes)
    if nbytes > 1 << 28:
        assert size <= nbytes * 1.13
    assert arenas.rounded(size) == size


def test_programs_of_one_size_share_an_arena(backend):
    f = jit(work)
    want = {n: f(draw(n)).item() for n in range(3, 60)}
    used = {id(p._routine.arena) for p in f.programs}
    assert len(f.programs) == 57 and len(used) == 1
    again = {n: f(draw(n)).item() for n in range(3, 60)}
    assert again == want and f.traces == 57


def test_a_smaller_program_uses_an_arena_that_is_there(backend):
    large, small = jit(work), jit(lambda x: work(x) + 1)
    large(draw(3, 400))
    before = arenas.total_bytes()
    want = small(draw(3, 200)).item()
    assert arenas.total_bytes() == before
    del large
    gc.collect()
    assert small(draw(3, 200)).item() == want


def test_a_run_beside_another_takes_another_arena(backend):
    """Programs that share an arena run at the same time in several threads."""
    f = jit(work)
    sizes = range(3, 11)
    want = {n: f(draw(n)).item() for n in sizes}
    wrong = []
    start = threading.Barrier(4)

    def many(part):
        start.wait()
        for _ in range(40):
            for n in sizes[part::4]:
                if f(draw(n)).item() != want[n]:
                    wrong.append(n)

    threads = [threading.Thread(target=many, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong
    taken = f.programs[0]._routine.arena
    with taken.lock:  # as a run that lasts
        assert f(draw(3)).item() == want[3]
    assert f.programs[0]._routine.arena is not taken


def test_arenas_go_with_their_programs(backend):
    f = jit(work)
    f(draw(3))
    program = weakref.ref(f.programs[0])
    arena = weakref.ref(f.programs[0]._routine.arena)
    others = [p for o in list(kept.owners) if o is not f for p in o.programs]
    shared = any(p._routine.arena is arena() for p in others)
    del f, others
    gc.collect()
    assert program() is None
    assert shared or arena() is None


def test_a_run_holds_no_argument(backend):
    def f(x):
        return ops.reshape(x, (-1,)) * 2.0, ops.matmul(x, x)

    g = jit(f)
    x = np.ones((5, 5), "float32")
    g(x)
    gone = weakref.ref(x)
    del x
    gc.collect()
    assert gone() is None
    for k in (1.0, 2.0):
        np.testing.assert_array_equal(g(np.full((5, 5), k, "float32"))[0], 2 * k)


def test_programs_used_longest_ago_are_dropped(backend, monkeypatch):
    monkeypatch.setattr(kept, "limit", lambda: 0)
    monkeypatch.setattr(kept, "owners", Living())
    f, g = jit(work), jit(lambda x: x + 1.0)
    for owner in (f, g):
        kept.owners.add(owner)
    for n in range(3, 30):
        g(draw(2))  # always among the last
        f(draw(n))
        assert len(f.entries) + len(g.entries) <= kept.LEAST
    assert g.traces == 1
    assert f.traces == 27
    f(draw(29))
    assert f.traces == 27
    f(draw(3))
    assert f.traces == 28


def test_arenas_count_like_what_programs_hold(backend, monkeypatch):
    monkeypatch.setattr(kept, "limit", lambda: 1 << 30)
    monkeypatch.setattr(kept, "owners", Living())
    f = jit(work)
    for n in range(3, 20):
        f(draw(n))
    assert len(f.entries) == 17
    monkeypatch.setattr(arenas, "total_bytes", lambda: 1 << 30)
    f(draw(20))
    assert len(f.entries) == kept.LEAST


def test_everything_stays_below_the_limit(backend):
    f = jit(work)
    for n in range(3, 30):
        f(draw(n))
    assert len(f.entries) == 27
    for program in f.programs:
        assert 1000 < program.nbytes < 4_000_000


def test_what_steps_hold_is_counted():
    own, shared, skipped = np.ones(1000), np.ones(500), np.ones(10_000)

    class Step:
        __slots__ = ("array",)
        __module__ = "minikeras.tests"

    step = Step()
    step.array = shared[10:20]  # the whole of it is kept

    def closure():
        return own, {"a": [shared], "b": skipped}

    def another(default=(step,)):
        return default, closure, skipped

    found = kept.held_bytes([another, closure], [skipped], 0)
    assert found == own.nbytes + shared.nbytes


@pytest.mark.parametrize("text", ["-1", "many", "1.5", "²"])
def test_a_limit_that_is_no_number(monkeypatch, text):
    kept.limit.cache_clear()
    monkeypatch.setenv("MINIKERAS_PROGRAM_MEMORY", text)
    with pytest.raises(ValueError, match="expected a whole number of MiB"):
        kept.limit()
    monkeypatch.setenv("MINIKERAS_PROGRAM_MEMORY", "3")
    assert kept.limit() == 3 << 20
    kept.limit.cache_clear()


def test_first_calls_at_the_same_time_trace_once(backend):
    f = jit(work)
    start, results = threading.Barrier(16), []

    def call():
        start.wait()
        results.append(f(draw(7)).item())

    threads = [threading.Thread(target=call) for _ in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert f.traces == 1 and len(set(results)) == 1 and len(results) == 16


def test_floatx_is_part_of_a_signature(backend):
    f = jit(lambda n: ops.ones((n,)) / 3.0)
    assert f(2).dtype == "float32"
    before = keras.config.floatx()
    keras.config.set_floatx("float64")
    try:
        assert f(2).dtype == "float64"
    finally:
        keras.config.set_floatx(before)
    assert f(2).dtype == "float32" and f.traces == 2


def test_models_leave_nothing_behind(backend, monkeypatch):
    """Models of ever new widths, made, trained and deleted: under 1 KB each stays."""
    # Lists of what lives, which are swept now and then, begin empty.
    monkeypatch.setattr(forking, "_owners", Living())
    monkeypatch.setattr(kept, "owners", Living())

    def some(widths):
        for width in widths:
            layers = [
                keras.Input((4,)),
                keras.layers.Dense(width),
                keras.layers.Dense(1),
            ]
            model = keras.Sequential(layers)
            model.compile("adam", "mse")
            model.train_on_batch(np.ones((2, 4), "float32"), np.ones((2, 1), "float32"))
        del model
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    some(range(5, 15))
    tracemalloc.start()
    try:
        some(range(15, 17))
        sizes = [some(range(first, first + 12)) for first in range(17, 77, 12)]
    finally:
        tracemalloc.stop()
    # What grows now and then, such as a dict that doubles, is not in all rounds.
    assert min(np.diff(sizes)) < 12 * 1024, sizes
