"""Ctrl-C at any moment leaves a process that works: see also `interrupted.py`."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minikeras as keras
from minikeras import naming
from minikeras.engine import backend as registry
from minikeras.engine import interpret
from minikeras.engine.compile import jit
from minikeras.layers.base.call_context import call_context

BACKENDS = [n for n in ("numpy", "numba") if registry.installed(n)]
RUNS = [("numpy", "line", 12), ("numba", "opcode", 8), ("numba", "signal", 20),
        ("numpy", "signal", 20)]  # fmt: skip


@pytest.mark.parametrize(
    ("backend", "kind", "count"), [run for run in RUNS if run[0] in BACKENDS]
)
def test_at_many_moments_of_a_first_fit(backend, kind, count):
    if kind == "signal" and not hasattr(signal, "setitimer"):
        pytest.skip("no timers here")
    script = Path(__file__).with_name("interrupted.py")
    done = subprocess.run(
        [sys.executable, str(script), kind, str(count)],
        env={**os.environ, "MINIKERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    last = done.stdout.splitlines()[-1].split()
    assert last[-2:] == ["bad", "0"], done.stdout
    assert int(last[3]) >= count / 4, "hardly any came while it ran"


class Stop(KeyboardInterrupt):
    pass


def stopping(real, number):
    """`real`, which is interrupted when it returns from the call of that number."""
    calls = []

    def function(*args, **kwargs):
        result = real(*args, **kwargs)
        calls.append(1)
        if len(calls) == number:
            raise Stop
        return result

    return function


def data():
    return np.ones((32, 4), "float32"), np.ones((32, 2), "float32")


def network(optimizer="adam"):
    keras.utils.set_random_seed(1)
    made = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(8, "gelu"), keras.layers.Dense(2)]
    )
    made.compile(optimizer, "mse")
    return made


OPTIMIZERS = {
    name: getattr(keras.optimizers, name)
    for name in ("Adam", "SGD", "RMSprop", "Adagrad", "Adadelta", "Adamax", "Nadam", "Ftrl",
                 "Lion", "Lamb", "Adafactor", "Muon")
}  # fmt: skip


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_while_slots_are_made(name, monkeypatch):
    def make():
        extra = {"momentum": 0.9} if name in ("SGD", "RMSprop") else {}
        return OPTIMIZERS[name](0.01, use_ema=True, **extra)

    whole = network(make())
    whole.fit(*data(), verbose=0)
    variables = [v.shape for v in whole.optimizer.variables]
    for number in (1, 3, 6):
        made = network(make())
        before = len(made.optimizer.variables)
        kind = type(made.optimizer)
        real = kind.add_variable
        with monkeypatch.context() as patch:
            patch.setattr(kind, "add_variable", stopping(real, number))
            with pytest.raises(Stop):
                made.fit(*data(), verbose=0)
        assert not made.optimizer.built
        assert len(made.optimizer.variables) == before
        made.fit(*data(), verbose=0)
        assert [v.shape for v in made.optimizer.variables] == variables
        for a, b in zip(made.get_weights(), whole.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("wrap", ["LossScaleOptimizer", "MultiOptimizer"])
def test_while_slots_of_an_inner_optimizer_are_made(wrap, monkeypatch):
    if not hasattr(keras.optimizers, wrap):
        pytest.skip("not there")
    inner = keras.optimizers.Adam(0.01)
    if wrap == "LossScaleOptimizer":
        outer = keras.optimizers.LossScaleOptimizer(inner)
    else:
        outer = keras.optimizers.MultiOptimizer(lambda v: inner)
    made = network(outer)
    real = type(inner).add_variable
    with monkeypatch.context() as patch:
        patch.setattr(type(inner), "add_variable", stopping(real, 5))
        with pytest.raises(Stop):
            made.fit(*data(), verbose=0)
    made.fit(*data(), verbose=0)
    assert len(inner.variables) == 2 + 2 * 4
    assert np.isfinite(made.evaluate(*data(), verbose=0))


@pytest.mark.skipif("numba" not in BACKENDS, reason="needs llvmlite")
def test_while_a_kernel_is_linked(monkeypatch):
    llvm = pytest.importorskip("llvmlite.binding")
    with registry.using("numba"):
        from minikeras_numba.machine import jit as numba_jit

        numba_jit._linked.clear()
        network().fit(*data(), verbose=0)  # whatever is needed is there
        for number in (1, 2, 4):
            monkeypatch.setattr(numba_jit, "_linked", {})
            with monkeypatch.context() as patch:
                real = llvm.JITLibraryBuilder.link
                patch.setattr(llvm.JITLibraryBuilder, "link", stopping(real, number))
                made = network()
                with pytest.raises(Stop):
                    made.fit(*data(), verbose=0)
            made.fit(*data(), verbose=0)
            assert np.isfinite(made.evaluate(*data(), verbose=0))


def test_while_a_function_is_traced():
    def function(x):
        raise Stop

    with pytest.raises(Stop) as caught:
        jit(function)(np.ones(3, "float32"))
    assert interpret.current() is interpret.base()
    assert float(keras.ops.sum(np.ones(3, "float32"))) == 3
    assert caught.value.__traceback__ is not None


def test_a_layer_in_training_mode_does_not_stay_so():
    def call(x):
        raise Stop

    model = keras.Sequential([keras.layers.Dropout(0.5), keras.layers.Lambda(call)])
    with pytest.raises(Stop):
        model(np.ones((2, 3), "float32"), training=True)
    assert call_context.get() is None
    x = np.ones((2, 3), "float32")
    np.testing.assert_array_equal(np.asarray(keras.layers.Dropout(0.5)(x)), x)


def test_a_block_ends_though_nothing_of_its_own_runs():
    # Its end is to release a lock: that is all that may be counted on.
    tape = keras.GradientTape()
    tape.__enter__()
    assert interpret.current() is not interpret.base()
    tape._lock.release()
    assert interpret.current() is interpret.base()
    assert jit(lambda x: x * 2)(np.float32([1.0])).numpy().tolist() == [2.0]
    scope = naming.name_scope("outer")
    scope.__enter__()
    assert naming.scoped("x") == "outer/x"
    scope._lock.release()
    assert naming.scoped("x") == "x"


def test_blocks_that_end_in_another_order():
    first, second = keras.GradientTape(), keras.GradientTape()
    x = keras.Variable(2.0)
    with first:
        second.__enter__()
        y = x * x
    with pytest.raises(ValueError, match="already recording"):
        second.__enter__()
    second.__exit__(None, None, None)
    assert interpret.current() is interpret.base()
    assert float(first.gradient(y, x)) == 4.0
    assert float(second.gradient(y, x)) == 4.0


def test_nested_blocks_and_scopes():
    x = keras.Variable(3.0)
    with keras.GradientTape() as outer:
        with keras.GradientTape() as inner:
            y = x * x * x
        first = inner.gradient(y, x)
    assert float(outer.gradient(first, x)) == 18.0
    with keras.name_scope("a"), keras.name_scope("b"):
        assert naming.scoped("x") == "a/b/x"
    with keras.GradientTape(persistent=True) as tape:
        y = x * x
        with tape.stop_recording():
            z = y * y
    with tape:
        w = y * 2
    assert tape.gradient(z, x) is None
    assert float(tape.gradient(w, x)) == 12.0
