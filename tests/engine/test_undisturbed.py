"""Signals wait for what is to be done as a whole."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import minikeras as keras
from minikeras.engine import backend as registry
from minikeras.engine.undisturbed import attended, undisturbed

BACKENDS = [n for n in ("numpy", "numba") if registry.installed(n)]


@pytest.fixture(autouse=True)
def handler():
    """Ctrl-C as in a script of its own, whatever pytest has set."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


def interrupt():
    signal.raise_signal(signal.SIGINT)


def test_what_comes_meanwhile_comes_afterwards():
    done = []

    def work(first, *, second):
        interrupt()
        done.extend((first, second))
        return "result"

    with pytest.raises(KeyboardInterrupt):
        undisturbed(work, 1, second=2)
    assert done == [1, 2]
    assert undisturbed(lambda: "result") == "result"


def test_a_second_one_does_not_wait():
    done = []

    def work():
        interrupt()
        done.append("first")
        interrupt()
        done.append("second")

    with pytest.raises(KeyboardInterrupt):
        undisturbed(work)
    assert done == ["first"]


def test_a_handler_that_raises_nothing_is_called_once():
    calls = []
    signal.signal(signal.SIGINT, lambda number, frame: calls.append(number))

    def work():
        interrupt()
        assert not calls
        return 3

    assert undisturbed(work) == 3
    assert calls == [signal.SIGINT]
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_errors_of_the_work_itself_come_out():
    def work():
        raise ValueError("its own")

    with pytest.raises(ValueError, match="its own"):
        undisturbed(work)


def test_inside_another_and_in_other_threads():
    def outer():
        undisturbed(interrupt)

    with pytest.raises(KeyboardInterrupt):
        undisturbed(outer)
    results = []
    thread = threading.Thread(target=lambda: results.append(undisturbed(lambda: 7)))
    thread.start()
    thread.join()
    assert results == [7]


def test_an_attended_run_hands_on_between_steps_and_waits_in_them():
    done = []

    def step(number):
        if number == 2:
            interrupt()
        done.append(number)

    def run():
        for number in range(5):
            undisturbed(step, number)

    for _ in range(2):  # the stand-in is used again
        with pytest.raises(KeyboardInterrupt):
            attended(run)
        assert done == [0, 1, 2]
        done.clear()
    with pytest.raises(KeyboardInterrupt):
        attended(interrupt)
    assert attended(lambda: attended(lambda: undisturbed(lambda: 5))) == 5
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_that_is_set_in_an_attended_run_stays():
    calls = []

    def mine(number, frame):
        calls.append(number)

    def run():
        signal.signal(signal.SIGINT, mine)
        undisturbed(lambda: (interrupt(), calls.append("done")))
        assert signal.getsignal(signal.SIGINT) is mine

    attended(run)
    assert calls == ["done", signal.SIGINT]
    assert signal.getsignal(signal.SIGINT) is mine
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_a_run_sets_handlers_once_and_not_for_each_step(monkeypatch):
    puts = []
    real = signal.signal

    def put(number, handler):
        puts.append(number)
        return real(number, handler)

    monkeypatch.setattr("minikeras.engine.undisturbed._put", put)
    attended(lambda: [undisturbed(lambda: 3) for _ in range(50)])
    assert 0 < len(puts) <= 2 * len(set(puts))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*")  # JAX's, where the oracle is loaded
def test_the_thread_that_forks_is_the_main_one_of_the_child():
    codes = []

    def fork():
        pid = os.fork()
        if not pid:
            try:
                undisturbed(interrupt)
            except KeyboardInterrupt:
                os._exit(7)
            finally:
                os._exit(1)
        codes.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

    thread = threading.Thread(target=fork)
    thread.start()
    thread.join()
    assert codes == [7]


def test_signals_without_a_handler_stay_without():
    if not hasattr(signal, "SIGALRM"):
        pytest.skip("no alarm here")
    seen = undisturbed(lambda: signal.getsignal(signal.SIGALRM))
    assert seen == signal.getsignal(signal.SIGALRM)


def test_an_eager_step_of_an_optimizer_is_whole(backend, monkeypatch):
    weights = [keras.Variable(np.ones(3, "float32")) for _ in range(3)]
    optimizer = keras.optimizers.SGD(0.5)
    optimizer.build(weights)
    real = type(optimizer).update_step

    def update_step(self, gradient, variable, rate):
        real(self, gradient, variable, rate)
        if variable is weights[0]:
            interrupt()

    monkeypatch.setattr(keras.optimizers.SGD, "update_step", update_step)
    with pytest.raises(KeyboardInterrupt):
        optimizer.apply([np.ones(3, "float32")] * 3)
    assert [float(w[0]) for w in weights] == [0.5] * 3
    assert int(optimizer.iterations) == 1


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers here")
@pytest.mark.parametrize("name", BACKENDS)
def test_compiled_steps_are_whole_at_random_moments(name):
    script = Path(__file__).with_name("interrupted_steps.py")
    done = subprocess.run(
        [sys.executable, str(script), "3", "300"],
        env={**os.environ, "MINIKERAS_BACKEND": name},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert done.stdout.split()[-2:] == ["bad", "0"], done.stdout
