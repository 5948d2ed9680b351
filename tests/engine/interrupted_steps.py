"""Interrupts training steps at random moments: each is done as a whole or not at all.

    python interrupted_steps.py SECONDS LEAST

Prints how many interrupts came and after how many of them a state was not where the
optimizer's counter says that all are. Ends when SECONDS are over and LEAST have come.
"""

import hashlib
import random
import signal
import sys
import time

import numpy as np

import minikeras as keras

STEPS = 40
X = np.linspace(-1, 1, 32, dtype="float32").reshape(8, 4)
Y = np.cos(X[:, :2])


def model():
    keras.utils.set_random_seed(3)
    layers = keras.layers
    made = keras.Sequential(
        [layers.Dense(6, "tanh"), layers.BatchNormalization(), layers.Dropout(0.5),
         layers.Dense(2)]
    )  # fmt: skip
    made.compile("adam", "mse", metrics=["mae"])
    made.train_on_batch(X, Y)
    return made


def states(made):
    seeds = [g.state for layer in made.layers for g in layer.__dict__.get("_seeds", ())]
    seeds += [
        layer.seed_generator.state
        for layer in made.layers
        if hasattr(layer, "seed_generator")
    ]
    return [*made.variables, *made.optimizer.variables, *seeds]


def digest(made):
    found = hashlib.blake2b(digest_size=8)
    for variable in states(made):
        found.update(np.ascontiguousarray(variable.numpy()).tobytes())
    return found.hexdigest()


def main(seconds, least):
    draw = random.Random(7)
    made = model()
    start = [v.numpy() for v in states(made)]
    first = int(made.optimizer.iterations.numpy())
    right = [digest(made)]
    for _ in range(STEPS):
        made.train_on_batch(X, Y)
        right.append(digest(made))
    assert len(set(right)) == STEPS + 1
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    began = time.perf_counter()
    for _ in range(50):
        made.train_on_batch(X, Y)
    one = (time.perf_counter() - began) / 50
    came = bad = 0
    until = time.monotonic() + seconds
    while time.monotonic() < until or came < least:
        if made.optimizer.iterations.numpy() - first > STEPS - 3:
            for variable, value in zip(states(made), start, strict=True):
                variable.assign(value)
        try:
            signal.setitimer(signal.ITIMER_REAL, 1e-6 + draw.random() * 2 * one)
            made.train_on_batch(X, Y)
            made.train_on_batch(X, Y)
            signal.setitimer(signal.ITIMER_REAL, 0)
        except KeyboardInterrupt:
            came += 1
        signal.setitimer(signal.ITIMER_REAL, 0)
        if digest(made) != right[int(made.optimizer.iterations.numpy()) - first]:
            bad += 1
            for variable, value in zip(states(made), start, strict=True):
                variable.assign(value)
    assert signal.getsignal(signal.SIGALRM) is signal.default_int_handler
    print("interrupts", came, "bad", bad)


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
