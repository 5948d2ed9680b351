"""One engine on one large model, led line by line.

`python -m benchmarks.large_worker MODULE MODEL [FILE]`. Ours writes the model to FILE as
ONNX, which MODULE `onnxruntime` runs. It says what loading and the first step took; then,
at each line, the times of training steps, of predictions of a batch and of one sample.
"""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

from benchmarks.large_models import LARGE, Large
from benchmarks.worker import Line, imported, resident_mb

# Seconds of each kind of work in a turn, and calls at most.
SECONDS, CALLS = 0.4, 20


def least_ms(call: Callable[[], Any]) -> float:
    """The least milliseconds of some calls."""
    best, end, calls = float("inf"), time.perf_counter() + SECONDS, 0
    while calls == 0 or (calls < CALLS and time.perf_counter() < end):
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
        calls += 1
    return 1e3 * best


def keras_engine(
    module: str, large: Large, file: str, line: Line
) -> dict[str, Callable[[], Any]]:
    """What is timed of Keras, on whichever engine."""
    keras, seconds = imported(module)
    line.say(import_s=seconds)
    line.wait()
    x, y = large.data()
    start = time.perf_counter()
    keras.utils.set_random_seed(0)
    model = large.build(keras)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.train_on_batch(x, y)
    line.say(first_step_s=time.perf_counter() - start, weights=model.count_params())
    if file:
        export_apart(model, file)
    return {
        "step_ms": lambda: model.train_on_batch(x, y),
        "batch_ms": lambda: model.predict_on_batch(x),
        "one_ms": lambda: model.predict_on_batch(x[:1]),
    }


def export_apart(model: Any, file: str) -> None:
    """The model's ONNX file, by a child: what it takes is not memory of the training."""
    child = os.fork()
    if not child:
        try:
            model.export(file, format="onnx", verbose=False)
        except BaseException:  # whatever it is: the child must not go on as the worker
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        raise RuntimeError("the export failed; its traceback is above.")


def onnx_engine(large: Large, file: str, line: Line) -> dict[str, Callable[[], Any]]:
    """What is timed of ONNX Runtime."""
    import onnxruntime

    line.say(import_s=0.0)
    line.wait()
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    x, _ = large.data()
    line.say(first_step_s=float("nan"), weights=0)
    return {
        "batch_ms": lambda: session.run(None, {name: x}),
        "one_ms": lambda: session.run(None, {name: x[:1]}),
    }


def main(module: str, name: str, file: str = "") -> None:
    """Says what it measures, in the order told above."""
    line, large = Line(), LARGE[name]
    if module == "onnxruntime":
        calls = onnx_engine(large, file, line)
    else:
        calls = keras_engine(module, large, file, line)
    while True:
        line.wait()
        line.say(**{k: least_ms(f) for k, f in calls.items()}, memory_mb=resident_mb())


if __name__ == "__main__":
    main(*sys.argv[1:])
