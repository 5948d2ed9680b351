"""One engine on the models of the variety, in a process of its own.

`python -m benchmarks.variety_worker MODULE`. Once its engine is imported it reads
the name of a model a line, and answers with one JSON object a line: the figures of
that model, or its error. At the end of its input it ends.
"""

from __future__ import annotations

import gc
import sys
import time
from typing import Any

import numpy as np

from benchmarks.variety_models import VARIETIES
from benchmarks.variety_registry import Variety
from benchmarks.worker import Line, imported

EPOCHS = 8
PREDICTIONS = 4


def stopwatch(keras: Any, times: list[float]) -> Any:
    """A callback that notes how long each epoch took, in seconds."""

    class Stopwatch(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.start = time.perf_counter()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            float(logs["loss"])  # an engine that runs ahead has to be done by then
            times.append(time.perf_counter() - self.start)

    return Stopwatch()


def figures(keras: Any, variety: Variety) -> dict[str, float]:
    """The first step in seconds; then the best epoch and the best prediction a batch."""
    batch, steps = variety.batch, variety.steps
    x, y = variety.data(batch * steps, np.random.default_rng(0))
    keras.utils.set_random_seed(0)
    start = time.perf_counter()
    model = variety.compiled(keras)
    model.fit(x[:batch], y[:batch], batch_size=batch, verbose=0)
    first = time.perf_counter() - start
    epochs: list[float] = []
    watch = stopwatch(keras, epochs)
    model.fit(x, y, batch_size=batch, epochs=EPOCHS, verbose=0, callbacks=[watch])
    predictions = []
    for _ in range(PREDICTIONS):
        start = time.perf_counter()
        model.predict(x, batch_size=batch, verbose=0)
        predictions.append(time.perf_counter() - start)
    return {
        "train_ms": 1e3 * min(epochs) / steps,
        "predict_ms": 1e3 * min(predictions) / steps,
        "first_step_s": first,
    }


def main(module: str) -> None:
    """Says how long the import took, then answers name by name."""
    line = Line()
    keras, seconds = imported(module)
    line.say(import_s=seconds)
    while True:
        variety = VARIETIES[line.wait()]
        try:
            said: dict[str, Any] = dict(figures(keras, variety))
        except Exception as error:  # whatever a peer may raise is its answer
            text = " ".join(str(error).split())
            said = {"error": f"{type(error).__name__}: {text[:200]}"}
        # Models are cycles: they go before the answer, not in the next engine's turn.
        keras.utils.clear_session()
        gc.collect()
        line.say(**said)


if __name__ == "__main__":
    main(sys.argv[1])
