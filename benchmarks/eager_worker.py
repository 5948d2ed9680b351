"""One engine on eager calls, in a process of its own.

`python -m benchmarks.eager_worker MODULE`. Once its engine is imported it reads the name of a
call a line, and answers with microseconds, or with the error. At the end of its input it ends.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.worker import Line, imported

SECONDS = 0.05  # for a figure, about
ROWS, WIDTH, CLASSES = 32, 64, 10
NAMES = (
    *("add", "multiply", "matmul", "relu", "reshape", "sum", "softmax", "getitem"),
    *("add a number", "Dense", "Sequential of 3 Dense", "loss"),
    *("gradient", "step SGD", "step Adam"),
)
Call = Callable[[], Any]


def arrays() -> tuple[np.ndarray[Any, Any], ...]:
    """Two batches of features, a square matrix, and the labels of the first."""
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=(ROWS, WIDTH)).astype("float32") for _ in range(2))
    w = rng.normal(size=(WIDTH, WIDTH)).astype("float32")
    return a, b, w, rng.integers(0, CLASSES, ROWS).astype("int32")


def of_keras(keras: Any) -> dict[str, Call]:
    """The calls on a Keras: ours, or one on torch or JAX."""
    ops, layers = keras.ops, keras.layers
    a, b, w, labels = map(ops.convert_to_tensor, arrays())
    dense = layers.Dense(WIDTH, "relu")
    model = keras.Sequential(
        [
            layers.Dense(WIDTH, "relu"),
            layers.Dense(WIDTH, "relu"),
            layers.Dense(CLASSES),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    dense(a), model(a)
    logits = ops.convert_to_tensor(np.ones((ROWS, CLASSES), "float32"))
    return {
        "add": lambda: ops.add(a, b),
        "multiply": lambda: ops.multiply(a, b),
        "matmul": lambda: ops.matmul(a, w),
        "relu": lambda: ops.relu(a),
        "reshape": lambda: ops.reshape(a, (WIDTH, ROWS)),
        "sum": lambda: ops.sum(a, axis=-1),
        "softmax": lambda: ops.softmax(a),
        "getitem": lambda: a[3:9],
        "add a number": lambda: a + 1.5,
        "Dense": lambda: dense(a),
        "Sequential of 3 Dense": lambda: model(a),
        "loss": lambda: loss(labels, logits),
        **_training(keras, model, loss, a, labels),
    }


def _training(
    keras: Any, model: Any, loss: Any, a: Any, labels: Any
) -> dict[str, Call]:
    """The gradient of a model, and steps with it; Keras has a tape only where it is ours."""
    weights = model.trainable_variables

    def gradient() -> Any:
        with keras.GradientTape() as tape:
            value = loss(labels, model(a))
        return tape.gradient(value, weights)

    def torch_gradient() -> Any:
        model.zero_grad()
        loss(labels, model(a)).backward()
        return [v.value.grad for v in weights]

    own = hasattr(keras, "GradientTape")
    if not own and keras.config.backend() != "torch":
        return {}
    found = gradient if own else torch_gradient
    steps = {}
    for name in ("SGD", "Adam"):
        optimizer = getattr(keras.optimizers, name)(1e-3)
        optimizer.build(weights)
        steps[f"step {name}"] = _step(keras, optimizer, found, weights, own)
    return {"gradient": found, **steps}


def _step(keras: Any, optimizer: Any, found: Call, weights: Any, own: bool) -> Call:
    if own:
        return lambda: optimizer.apply(found(), weights)

    def step() -> None:
        import torch

        grads = found()
        with torch.no_grad():
            optimizer.apply(grads, weights)

    return step


def of_torch(torch: Any) -> dict[str, Call]:
    """The calls on PyTorch alone."""
    nn, functional = torch.nn, torch.nn.functional
    a, b, w, labels = map(torch.from_numpy, arrays())
    labels = labels.long()
    dense = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.ReLU())
    model = nn.Sequential(
        nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU(),
        nn.Linear(WIDTH, CLASSES),
    )  # fmt: skip
    logits = torch.ones((ROWS, CLASSES))

    def gradient() -> Any:
        model.zero_grad()
        functional.cross_entropy(model(a), labels).backward()

    def step(optimizer: Any) -> Call:
        def run() -> None:
            gradient()
            optimizer.step()

        return run

    return {
        "add": lambda: torch.add(a, b),
        "multiply": lambda: torch.multiply(a, b),
        "matmul": lambda: torch.matmul(a, w),
        "relu": lambda: torch.relu(a),
        "reshape": lambda: torch.reshape(a, (WIDTH, ROWS)),
        "sum": lambda: torch.sum(a, -1),
        "softmax": lambda: torch.softmax(a, -1),
        "getitem": lambda: a[3:9],
        "add a number": lambda: a + 1.5,
        "Dense": lambda: dense(a),
        "Sequential of 3 Dense": lambda: model(a),
        "loss": lambda: functional.cross_entropy(logits, labels),
        "gradient": gradient,
        "step SGD": step(torch.optim.SGD(model.parameters(), 1e-3)),
        "step Adam": step(torch.optim.Adam(model.parameters(), 1e-3)),
    }


def microseconds(call: Call, seconds: float = SECONDS) -> float:
    """The least mean of repeated calls."""
    for _ in range(5):  # what is called again and again is compiled after some calls
        call()
    start = time.perf_counter()
    call()
    once = time.perf_counter() - start
    inner = max(1, min(1000, int(0.004 / max(once, 1e-7))))
    best, spent = float("inf"), 0.0
    while spent < seconds:
        start = time.perf_counter()
        for _ in range(inner):
            call()
        took = time.perf_counter() - start
        best, spent = min(best, took / inner), spent + took
    return 1e6 * best


def main(module: str) -> None:
    """Says how long the import took, then answers call by call."""
    line = Line()
    if module == "torch":
        import torch

        calls = of_torch(torch)
        line.say(import_s=0.0)
    else:
        keras, seconds = imported(module)
        calls = of_keras(keras)
        line.say(import_s=seconds)
    while True:
        name = line.wait()
        line.say(us=microseconds(calls[name]) if name in calls else None)


if __name__ == "__main__":
    main(sys.argv[1])
