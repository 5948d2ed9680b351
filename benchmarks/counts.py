"""What a training step asks of a GPU, counted without one: launches, copies, bytes, FLOPs.

`python -m benchmarks.counts [WORKLOAD ...]` lowers each workload on the cupy backend over
a stand-in that counts and computes nothing. Beside the counts stand the floor of the
model, what any implementation must move and multiply, and a time estimated from them. An
estimate is no measurement: it takes the figures of a data sheet, and a guess of what a
launch costs.
"""

from __future__ import annotations

import collections
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.report import table
from benchmarks.workloads import ALL_WORKLOADS, Workload, train_macs

# NVIDIA's data sheet of the H200: float32 outside of tensor cores, and memory.
FLOPS, BYTES = 67e12, 4.8e12
LAUNCH = 3e-6  # from one launch to the next, where Python prepares them
HEAD = (
    "workload",
    "own kernels",
    "products",
    "other calls of CuPy",
    "copies",
    "as graphs",
    "MB moved",
    "MB at least",
    "GFLOP",
    "ms, by launches",
    "ms, by bytes",
    "ms, by FLOPs",
)
NAMES = ("mlp", "cnn", "resnet20", "lstm", "transformer", "resnet50", "encoder")
_LAUNCHED = ("kernels", "products", "calls", "copies")
_COPIES = ("concatenate", "broadcast_to", "asarray", "array", "ascontiguousarray")
_VIEWS = ("empty", "ndarray", "broadcast_to", "asarray")


class Counts(collections.Counter[str]):
    """How often what was called; `moved` are bytes that lowered steps read and write."""

    def __init__(self) -> None:
        super().__init__()
        self.moved = 0


def _counted(counts: Counts, name: str, function: Callable[..., Any]) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        counts["copies" if name in _COPIES else "calls"] += name not in _VIEWS
        return function(*args, **kwargs)

    return call


def stand_in(counts: Counts) -> Any:
    """A module cupy over NumPy whose products and kernels compute nothing."""
    from tests.backends.cupy import fake_cupy

    module = fake_cupy.make()
    for name in fake_cupy.NAMES:
        setattr(module, name, _counted(counts, name, getattr(module, name)))

    def matmul(a: Any, b: Any, out: Any = None) -> Any:
        counts["products"] += 1
        if out is not None:
            return out
        stack = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        return fake_cupy.ndarray((*stack, a.shape[-2], b.shape[-1]), a.dtype)

    module.matmul = matmul
    return module


class Cublas:
    """cuBLAS that counts products and computes none."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts

    def __getattr__(self, name: str) -> Callable[..., int]:
        def call(*args: Any) -> int:
            self._counts["products"] += name.startswith("cublasGemm")
            return 0

        return call


def install(counts: Counts) -> None:
    """Make the stand-in the backend in use."""
    import minikeras_cupy
    import minikeras_cupy.kernels

    from minikeras import config
    from tests.backends.cupy import fake_cupy

    class Driver:
        """Counts launches."""

        def __init__(self, cp: Any) -> None:
            self.names: dict[str, int] = {}

        def function(self, name: str, text: str) -> int:
            return self.names.setdefault(name, len(self.names))

        def start(self, call: Any) -> None:
            counts["kernels"] += 1

    sys.modules["cupy"] = stand_in(counts)
    maker = sys.modules[minikeras_cupy.kernels.Maker.__module__]
    maker.library = lambda: Cublas(counts)  # type: ignore[attr-defined]
    backend = sys.modules[minikeras_cupy.CupyBackend.__module__]
    backend.Driver = Driver  # type: ignore[attr-defined]
    lower = minikeras_cupy.CupyBackend.lower

    def noted(self: Any, node: Any, regs: Any) -> Any:
        values = {*node.inputs, *node.outputs}
        counts.moved += sum(v.aval.nbytes for v in values)
        return lower(self, node, regs)

    minikeras_cupy.CupyBackend.lower = noted  # type: ignore[method-assign]
    put = fake_cupy.ndarray.__setitem__

    def put_counted(self: Any, key: Any, value: Any) -> None:
        counts["copies"] += 1
        put(self, key, value)

    fake_cupy.ndarray.__setitem__ = put_counted  # type: ignore[method-assign]
    config.set_backend("cupy")


def floor_bytes(model: Any, batch: int) -> int:
    """What must move: weights and Adam's slots, and outputs of layers that multiply.

    A weight is read forward and backward, its gradient written and read, the weight and
    two slots read and written: ten times. An output is written, read, and its gradient
    written and read.
    """
    outputs = 0
    for layer in model.layers:
        if type(layer).__name__ in ("Dense", "Conv2D", "LSTM", "MultiHeadAttention"):
            outputs += int(np.prod(layer.output.shape[1:])) * batch
    return 4 * (10 * int(model.count_params()) + 4 * outputs)


def trained(keras: Any, workload: Workload, counts: Counts) -> tuple[Any, Counts]:
    """A model, and the counts of a warm training step."""
    from tests.backends.cupy import fake_device

    model = workload.build(keras)
    model.compile("adam", "sparse_categorical_crossentropy")
    x, y = workload.load(workload.batch, None)
    counts.moved = 0
    model.train_on_batch(x, y)  # traces and lowers
    found = Counts()
    found.moved = counts.moved
    for _ in range(4):  # with graphs, those of all addresses are there then
        model.train_on_batch(x, y)
    device = fake_device.active[0]
    graphs, copied = device.graphs, len(device.copies)
    counts.clear()
    model.train_on_batch(x, y)
    found.update(counts)
    found["graphs"] = device.graphs - graphs
    found["copies"] += len(device.copies) - copied
    return model, found


def launches(counts: Counts) -> int:
    """All that is launched."""
    return sum(counts[k] for k in (*_LAUNCHED, "graphs"))


def row(keras: Any, workload: Workload, counts: Counts) -> list[str]:
    """Counts of a warm training step, and what they would take."""
    from minikeras.engine import backend as registry

    graphs = registry.load("cupy")._graphs  # type: ignore[attr-defined]
    graphs.on = False
    model, found = trained(keras, workload, counts)
    graphs.on = True
    _, captured = trained(keras, workload, counts)
    flops = 2 * train_macs(model) * workload.batch
    least = floor_bytes(model, workload.batch)
    times = launches(found) * LAUNCH, found.moved / BYTES, flops / FLOPS
    return [
        workload.name,
        *(str(found[k]) for k in _LAUNCHED),
        str(launches(captured)),
        f"{found.moved / 1e6:.0f}",
        f"{least / 1e6:.0f}",
        f"{flops / 1e9:.1f}",
        *(f"{1e3 * t:.2f}" for t in times),
    ]


def main(names: Sequence[str]) -> None:
    """Print the table of these workloads."""
    import minikeras as keras

    counts = Counts()
    install(counts)
    rows = [row(keras, ALL_WORKLOADS[name], counts) for name in names]
    print(table(HEAD, rows))


if __name__ == "__main__":
    main(sys.argv[1:] or NAMES)
