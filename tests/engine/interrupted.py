"""Interrupts a first fit at many moments, and says what was wrong afterwards.

    python interrupted.py line|opcode|signal COUNT

`line` and `opcode` raise KeyboardInterrupt before the Nth line or instruction of ours that
runs, for COUNT different N; `signal` has a timer send it, at COUNT moments.
"""

import os
import random
import signal
import sys
import time

import numpy as np

import minikeras as keras
from minikeras.engine import backend as registry
from minikeras.engine import interpret
from minikeras.engine.quiet import is_quiet
from minikeras.layers.base.call_context import call_context
from minikeras.naming import scoped
from minikeras.variable import autocast_dtype

X = np.linspace(-1, 1, 32, dtype="float32").reshape(8, 4)
Y = X[:, :2].copy()


def model():
    keras.utils.set_random_seed(3)
    layers = keras.layers
    made = keras.Sequential(
        [layers.Dense(3, "tanh"), layers.BatchNormalization(), layers.Dropout(0.5),
         layers.Dense(2)]
    )  # fmt: skip
    made.compile("adam", "mse", metrics=["mae"])
    return made


def fit(made):
    return made.fit(X, Y, batch_size=4, epochs=1, verbose=0).history["loss"][0]


def plain_loop():
    """A step that the user writes, so that blocks are open outside of fit."""
    v = keras.Variable(np.ones(3, "float32"))
    with keras.GradientTape() as tape:
        with keras.StatelessScope():
            v.assign(v * 2)
        loss = keras.ops.sum(v * v)
    keras.optimizers.SGD(0.5).apply(tape.gradient(loss, [v]), [v])
    return v.numpy().tolist()


def forget_kernels():
    """So that they are linked again, as in a new process."""
    if "minikeras_numba.machine.jit" in sys.modules:
        sys.modules["minikeras_numba.machine.jit"]._linked.clear()


class Injected(KeyboardInterrupt):
    """Where it was raised says its argument."""


def tracer(kind, when):
    """A trace function that raises at event number `when`, and counts."""
    left = [when]

    def local(frame, event, arg):
        if event == kind:
            left[0] -= 1
            if left[0] == 0:
                sys.settrace(None)
                code = frame.f_code
                raise Injected(f"{os.path.basename(code.co_filename)}:{frame.f_lineno}")
        return local

    def begin(frame, event, arg):
        if not frame.f_globals.get("__name__", "").startswith("minikeras"):
            return None
        frame.f_trace_opcodes = kind == "opcode"
        return local

    return begin, left


def wrong(made, right, right_loop):
    """What does not hold any more, as a list of words."""
    found = []
    if interpret.current() is not interpret.base():
        found.append(f"interpreter {type(interpret.current()).__name__}")
    if call_context.get() is not None or autocast_dtype() is not None:
        found.append("call context")
    if scoped("x") != "x":
        found.append("name scope " + scoped("x"))
    if is_quiet() or np.geterr()["over"] != "warn":
        found.append("quiet")
    if registry.active().name != BACKEND:
        found.append("backend")
    checks = {
        "the model": lambda: np.isfinite(fit(made)),
        "its weights": lambda: (
            len(made.weights) == 8
            and all(np.isfinite(w).all() for w in made.get_weights())
        ),
        "its optimizer": lambda: len(made.optimizer.variables) == 2 + 2 * 6,
        "predict": lambda: np.isfinite(made.predict(X, verbose=0)).all(),
        "a new model": lambda: fit(model()) == right,
        "a tape": lambda: plain_loop() == right_loop,
    }
    for name, check in checks.items():
        try:
            if not check():
                found.append(name + " is wrong")
        except Exception as error:
            found.append(f"{name}: {type(error).__name__}: {error}"[:200])
    return found


BACKEND = registry.active().name


def main(kind, count):
    draw = random.Random(5)
    fit(model())
    right, right_loop = fit(model()), plain_loop()

    def scenario(made):
        plain_loop()
        fit(made)

    total = 0
    if kind == "signal":
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        start = time.perf_counter()
        forget_kernels()
        scenario(model())
        whole = time.perf_counter() - start
    else:
        begin, left = tracer(kind, -1)
        forget_kernels()
        made = model()
        sys.settrace(begin)
        scenario(made)
        sys.settrace(None)
        total = -1 - left[0]
    bad = hit = 0
    for _ in range(count):
        made = model()
        forget_kernels()
        held = where = None
        try:
            if kind == "signal":
                where = f"after {(delay := 1e-4 + draw.random() * whole):.4f} s"
                signal.setitimer(signal.ITIMER_REAL, delay)
                scenario(made)
                signal.setitimer(signal.ITIMER_REAL, 0)
            else:
                sys.settrace(tracer(kind, draw.randint(1, total))[0])
                scenario(made)
        except KeyboardInterrupt as error:
            # Held, as notebooks hold the last error: what it leaves must not depend on it.
            held, hit = error, hit + 1
            where = where or str(error)
        finally:
            sys.settrace(None)
        found = wrong(made, right, right_loop)
        if found:
            bad += 1
            print("BAD", where, found, flush=True)
        del held
    print("events", total, "interrupted", hit, "bad", bad)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
