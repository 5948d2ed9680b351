"""Are the layers that change pictures as fast as Keras's on TensorFlow?

    python -m benchmarks.augmentation [--rounds N] [--batch N] [--size N] [--python PYTHON]

Flip, rotation, zoom and contrast, alone and in a row, on float32 pictures, compiled on both
sides. Each round runs both libraries in turns, so that a busy machine slows both; the least
time of each counts. PYTHON has keras and tensorflow.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

NAMES = ("flip", "rotation", "zoom", "contrast", "all")


def steps(layers: Any) -> dict[str, Any]:
    """The layers by name, of either library."""
    made = {
        "flip": layers.RandomFlip("horizontal", seed=1),
        "rotation": layers.RandomRotation(0.1, seed=1),
        "zoom": layers.RandomZoom(0.2, seed=1),
        "contrast": layers.RandomContrast(0.2, seed=1),
    }
    return {**made, "all": layers.Pipeline(list(made.values()))}


def pictures(batch: int, size: int) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(0)
    return rng.uniform(0, 255, (batch, size, size, 3)).astype("float32")


def timed(run: Callable[[], Any]) -> float:
    """Milliseconds."""
    start = time.perf_counter()
    run()
    return (time.perf_counter() - start) * 1e3


def ours(batch: int, size: int) -> dict[str, Callable[[], Any]]:
    import minikeras
    from minikeras.engine.compile import jit

    x = minikeras.ops.convert_to_tensor(pictures(batch, size))
    runs = {}
    for name, layer in steps(minikeras.layers).items():
        step = jit(lambda v, layer=layer: layer(v, training=True))
        runs[name] = lambda step=step: step(x)
    return runs


def serve(batch: int, size: int) -> None:
    """The other side: a name comes in, milliseconds go out."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras
    import tensorflow as tf

    x = tf.constant(pictures(batch, size))
    runs = {}
    for name, layer in steps(keras.layers).items():
        step = tf.function(lambda v, layer=layer: layer(v, training=True))
        runs[name] = lambda step=step: step(x)
    for line in sys.stdin:
        print(timed(runs[line.strip()]), flush=True)


def compared(
    batch: int, size: int, rounds: int, python: str
) -> dict[str, tuple[float, float]]:
    """The least milliseconds of ours and of Keras's, by name."""
    command = [python, "-m", "benchmarks.augmentation", "--serve"]
    command += ["--batch", str(batch), "--size", str(size)]
    env = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    found: dict[str, tuple[float, float]] = {}
    runs = ours(batch, size)
    with subprocess.Popen(command, env=env, text=True, **pipes) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        for name in NAMES:
            least = [float("inf"), float("inf")]
            for number in range(rounds + 1):
                other.stdin.write(name + "\n")
                other.stdin.flush()
                theirs = float(other.stdout.readline())
                mine = timed(runs[name])
                if number:  # the first compiles
                    least = [min(least[0], mine), min(least[1], theirs)]
            found[name] = (least[0], least[1])
        other.stdin.close()
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.serve:
        serve(options.batch, options.size)
        return
    found = compared(options.batch, options.size, options.rounds, options.python)
    print(f"{'':10} {'ours ms':>9} {'keras ms':>9} {'ratio':>6}")
    for name, (mine, theirs) in found.items():
        print(f"{name:10} {mine:9.1f} {theirs:9.1f} {theirs / mine:6.2f}")


if __name__ == "__main__":
    main()
