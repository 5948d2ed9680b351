"""Are layers that prepare data as fast as Keras's on TensorFlow?

    python -m benchmarks.preprocessing [--groups text,pictures,numbers] [--rounds N]
        [--python keras-tensorflow=PYTHON]

Text: `TextVectorization`, its `adapt` and calls on batches of 32 and 1,024 texts, of ASCII
and of other letters. Pictures: flip, rotation, zoom and contrast, alone and in a row, on
float32 pictures. Numbers: `Normalization`, beside a plain copy of as many bytes. Both sides
are compiled where they can be. Each round runs both in turns, so that a busy machine slows
both; the least time of each counts. PYTHON has keras and tensorflow.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks import options

PEER = "keras-tensorflow"
Run = Callable[[], Any]


@dataclass(frozen=True)
class Library:
    """A Keras, how it compiles a function of a tensor, and how it makes a tensor."""

    keras: Any
    compiled: Callable[[Callable[[Any], Any]], Callable[[Any], Any]]
    tensor: Callable[[np.ndarray[Any, Any]], Any]
    string_steps: bool  # whether compiled functions take strings

    def of_strings(self, layer: Any) -> Callable[[Any], Any]:
        if not self.string_steps:
            return layer  # type: ignore[no-any-return]
        return self.compiled(lambda batch: layer(batch))


def ours() -> Library:
    import minikeras
    from minikeras.engine.compile import jit

    def tensor(array: np.ndarray[Any, Any]) -> Any:
        text = array.dtype == object
        return array if text else minikeras.ops.convert_to_tensor(array)

    return Library(minikeras, jit, tensor, string_steps=False)


def peer() -> Library:
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras
    import tensorflow as tf

    def compiled(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        made: Callable[[Any], Any] = tf.function(function, reduce_retracing=True)
        return made

    return Library(keras, compiled, tf.constant, string_steps=True)


def texts(count: int, letters: str) -> list[str]:
    """Texts of 50 to 350 words, as often as Zipf's law says, of 20,000."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(2, 11, 20_000)
    words = ["".join(rng.choice(list(letters), n)) for n in lengths]
    chances = 1 / np.arange(1, len(words) + 1)
    chances /= chances.sum()
    made = []
    for _ in range(count):
        drawn = rng.choice(words, rng.integers(50, 351), p=chances)
        cased = [w.capitalize() if i % 9 == 0 else w for i, w in enumerate(drawn)]
        made.append(", ".join(" ".join(cased).split("  ")) + ".")
    return made


LETTERS = {"ascii": "abcdefghijklmnopqrstuvwxyz", "unicode": "aeiouéüßñçłøжшщлюя日本語"}


def text_runs(library: Library) -> dict[str, tuple[Run, float]]:
    """By name, what to time and its millions of tokens."""
    runs: dict[str, tuple[Run, float]] = {}
    for name, letters in LETTERS.items():
        lines = texts(1024, letters)
        tokens = sum(len(t.split()) for t in lines) / 1e6
        array = np.array(lines, object)

        def layer() -> Any:
            made = library.keras.layers.TextVectorization
            return made(10_000, output_sequence_length=200)

        runs[f"adapt {name}"] = (
            lambda array=array, layer=layer: layer().adapt(array),
            tokens,
        )
        adapted = layer()
        adapted.adapt(array)
        step = library.of_strings(adapted)
        for batch in (32, 1024):
            parts = [
                library.tensor(array[i : i + batch])
                for i in range(0, len(array), batch)
            ]
            runs[f"call {name} {batch}"] = (
                lambda parts=parts, step=step: [step(part) for part in parts],
                tokens,
            )
    return runs


def picture_runs(library: Library) -> dict[str, tuple[Run, float]]:
    """By name, what to time and its pictures."""
    layers = library.keras.layers
    made = {
        "flip": layers.RandomFlip("horizontal", seed=1),
        "rotation": layers.RandomRotation(0.1, seed=1),
        "zoom": layers.RandomZoom(0.2, seed=1),
        "contrast": layers.RandomContrast(0.2, seed=1),
    }
    made["all four"] = layers.Pipeline(list(made.values()))
    rng = np.random.default_rng(0)
    x = library.tensor(rng.uniform(0, 255, (32, 224, 224, 3)).astype("float32"))
    runs = {}
    for name, layer in made.items():
        step = library.compiled(lambda v, layer=layer: layer(v, training=True))
        runs[name] = (lambda step=step: step(x), 32.0)
    return runs


def number_runs(library: Library) -> dict[str, tuple[Run, float]]:
    """By name, what to time and its gigabytes, read and written."""
    array = np.random.default_rng(0).normal(size=(1 << 18, 64)).astype("float32")
    x, size = library.tensor(array), 2 * array.nbytes / 1e9
    layer = library.keras.layers.Normalization()
    layer.adapt(array[:1000])
    step = library.compiled(lambda v: layer(v))
    copy = np.empty_like(array)
    return {
        "normalize, compiled": (lambda: step(x), size),
        "normalize, eager": (lambda: layer(x), size),
        "adapt": (lambda: library.keras.layers.Normalization().adapt(array), size / 2),
        "(a plain copy)": (lambda: np.copyto(copy, array), size),
    }


GROUPS: dict[str, tuple[str, Callable[[Library], dict[str, tuple[Run, float]]]]] = {
    "text": ("million tokens/s", text_runs),
    "pictures": ("pictures/s", picture_runs),
    "numbers": ("GB/s", number_runs),
}


def timed(run: Run) -> float:
    """Seconds."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def serve(group: str) -> None:
    """The other side: a name comes in, seconds go out."""
    runs = GROUPS[group][1](peer())
    for line in sys.stdin:
        print(timed(runs[line.rstrip("\n")][0]), flush=True)


def compared(group: str, rounds: int, python: str) -> dict[str, tuple[float, float]]:
    """The best rates of ours and of Keras's, by name."""
    command = [python, "-m", "benchmarks.preprocessing", "--serve", group]
    env = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    found: dict[str, tuple[float, float]] = {}
    with subprocess.Popen(command, env=env, text=True, **pipes) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        for name, (run, amount) in GROUPS[group][1](ours()).items():
            least = [float("inf"), float("inf")]
            for number in range(rounds + 1):
                other.stdin.write(name + "\n")
                other.stdin.flush()
                theirs = float(other.stdout.readline())
                mine = timed(run)
                if number:  # the first compiles
                    least = [min(least[0], mine), min(least[1], theirs)]
            found[name] = (amount / least[0], amount / least[1])
        other.stdin.close()
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--groups", type=options.names(list(GROUPS)))
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument(
        "--python", type=options.interpreter, action="append", default=[]
    )
    parser.add_argument("--serve", choices=list(GROUPS), help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.serve:
        serve(given.serve)
        return
    python = options.interpreters(given.python).get(PEER, sys.executable)
    for group in given.groups or GROUPS:
        print(f"{GROUPS[group][0]:22} {'ours':>9} {PEER:>17} {'ratio':>6}")
        for name, (mine, theirs) in compared(group, given.rounds, python).items():
            print(f"{name:22} {mine:9.2f} {theirs:17.2f} {mine / theirs:6.2f}")


if __name__ == "__main__":
    main()
