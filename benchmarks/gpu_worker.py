"""One engine on one workload on a GPU, in a process of its own, led line by line.

`python -m benchmarks.gpu_worker MODULE WORKLOAD ROUNDS [FOLDER]`. It imports, makes the
model and takes three steps, and says so; then, one turn each, epochs of one long `fit`
(of a loop, under plain PyTorch), by the device's clock where that can be seen.
"""

from __future__ import annotations

import collections
import os
import sys
import time
from typing import Any

from benchmarks.clocks import clock_of
from benchmarks.worker import Line, gate, imported
from benchmarks.workloads import ALL_WORKLOADS, Workload, train_macs


class Tally(collections.Counter[str]):
    """What our backend does: launches, products, and bytes that lowered nodes move."""


def watched(backend: Any) -> Tally:
    """Count from now on; to be called before anything is compiled."""
    tally = Tally()
    maker = backend._maker
    start, lower = maker.launch.driver.start, backend.lower

    def counted(call: Any) -> None:
        tally["kernels"] += 1
        start(call)

    def noted(node: Any, regs: Any) -> Any:
        values = {*node.inputs, *node.outputs}
        tally["bytes"] += sum(v.aval.nbytes for v in values)
        return lower(node, regs)

    maker.launch.driver.start = counted
    backend.lower = noted
    if maker.products is not None:
        maker.products.cublas = _Counted(maker.products.cublas, tally)
    return tally


class _Counted:
    """cuBLAS with its products counted."""

    def __init__(self, cublas: Any, tally: Tally) -> None:
        self._cublas, self._tally = cublas, tally

    def __getattr__(self, name: str) -> Any:
        function = getattr(self._cublas, name)
        if not name.startswith("cublasGemm"):
            return function

        def product(*args: Any) -> Any:
            self._tally["kernels"] += 1
            return function(*args)

        return product


def in_keras(module: str, workload: Workload, rounds: int, folder: Any) -> None:
    """An engine with Keras's face."""
    line = Line()
    keras, seconds = imported(module)
    keras.config.set_dtype_policy(os.environ.get("BENCHMARK_POLICY", "float32"))
    name = keras.config.backend()
    tally = Tally()
    if module == "minikeras" and name == "cupy":
        from minikeras.engine import backend as registry

        tally = watched(registry.active())
    line.say(import_s=seconds)
    line.wait()
    x, y = workload.load(workload.batch * workload.steps, folder)
    start = time.perf_counter()
    keras.utils.set_random_seed(0)
    model = workload.build(keras)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    size = workload.batch
    counts = []
    for _ in range(3):  # the first compiles, the second may be captured
        model.train_on_batch(x[:size], y[:size])
        counts.append(dict(tally))
    facts: dict[str, Any] = {"first_step_s": time.perf_counter() - start}
    if tally:
        made = counts[1]["kernels"] - counts[0]["kernels"]
        facts.update(kernels=made, mb=counts[0]["bytes"] / 1e6)
    elif name == "torch":
        from benchmarks import torch_models

        facts["kernels"] = torch_models.kernels(
            lambda: model.train_on_batch(x[:size], y[:size])
        )
    line.say(**facts, train_macs=train_macs(model) * size)
    clock = clock_of(module, name)
    hold = [gate(keras, line, workload.steps, clock)]
    model.fit(x, y, batch_size=size, epochs=rounds, verbose=0, callbacks=hold)


def in_torch(workload: Workload, rounds: int, folder: Any) -> None:
    """PyTorch without Keras."""
    line = Line()
    start = time.perf_counter()
    from benchmarks import torch_models

    line.say(import_s=time.perf_counter() - start)
    line.wait()
    size = workload.batch
    x, y = workload.load(size * workload.steps, folder)
    start = time.perf_counter()
    precision = os.environ.get("BENCHMARK_PRECISION", "float32")
    compiled = os.environ.get("BENCHMARK_COMPILE") == "1"
    trainer = torch_models.Trainer(workload.name, precision, compiled)
    for _ in range(3):
        loss = float(trainer.step(x[:size], y[:size]))
    made = torch_models.kernels(lambda: trainer.step(x[:size], y[:size]))
    seconds = time.perf_counter() - start
    line.say(
        first_step_s=seconds, kernels=made, weights=trainer.parameters(), loss=loss
    )
    clock = clock_of("torch", "torch")
    for _ in range(rounds):
        line.wait()
        clock.start()
        losses = [trainer.step(*batch) for batch in torch_models.batches(x, y, size)]
        mean = sum(map(float, losses)) / len(losses)
        line.say(step_ms=clock.stop() / workload.steps, loss=mean)


def main(module: str, name: str, rounds: int, folder: str | None = None) -> None:
    workload = ALL_WORKLOADS[name]
    if module == "torch":
        in_torch(workload, rounds, folder)
    else:
        in_keras(module, workload, rounds, folder)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), *sys.argv[4:5])
