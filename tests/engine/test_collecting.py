"""The garbage collector while a step is traced, and after, however that ends."""

import gc

import numpy as np
import pytest

from minikeras import ops
from minikeras.engine import heap
from minikeras.engine.collecting import Rest
from minikeras.engine.compile import jit


def test_it_rests_while_a_step_is_traced():
    seen = []

    def inner(x):
        seen.append(gc.isenabled())
        return x + 1

    def outer(x):
        y = jit(inner)(x)  # a trace inside of another
        seen.append(gc.isenabled())
        return y * 2

    jit(outer)(np.float32([1.0]))
    assert seen == [False, False]
    assert gc.isenabled()


def test_what_a_large_program_left_is_given_back_once(monkeypatch):
    seen = []
    monkeypatch.setattr(heap, "_trim", lambda: seen.append)

    def f(x):
        for _ in range(120):
            x = ops.matmul(x, x)
        return x

    large, small = jit(f), jit(lambda x: x + 1)
    x = np.eye(2, dtype="float32")
    for _ in range(2):
        large(x)
        small(x)
    assert seen == [0]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_it_goes_on_after_an_error(error):
    def fails(x):
        raise error("in the midst of it")

    with pytest.raises(error) as kept:  # with its frames
        jit(fails)(np.float32([1.0]))
    assert gc.isenabled()
    assert kept.traceback


def test_one_that_is_off_stays_off():
    gc.disable()
    try:
        jit(lambda x: x + 1)(np.float32([1.0]))
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_the_last_one_ends_it():
    first, second = Rest(), Rest()
    del first
    assert not gc.isenabled()
    del second
    assert gc.isenabled()


def test_no_code_runs_when_one_that_has_ended_goes():
    rest = Rest()
    rest.end()  # Python swallows a Ctrl-C that meets a `__del__`
    assert not hasattr(rest, "__del__")
    assert gc.isenabled()
