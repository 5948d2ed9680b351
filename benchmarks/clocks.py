"""Clocks: of the host, and of a GPU's stream, by CUDA's events."""

from __future__ import annotations

import time
from typing import Any, Protocol


class Clock(Protocol):
    """Measures from `start` to `stop`."""

    def start(self) -> None: ...

    def stop(self) -> float:
        """Milliseconds since `start`."""


class HostClock:
    """The host's time, between calls."""

    def start(self) -> None:
        self._began = time.perf_counter()

    def stop(self) -> float:
        return 1e3 * (time.perf_counter() - self._began)


class CupyClock:
    """Events on CuPy's current stream: when the device has come to them."""

    def __init__(self, cupy: Any) -> None:
        self._cupy = cupy
        self._ends = cupy.cuda.Event(), cupy.cuda.Event()

    def start(self) -> None:
        self._ends[0].record()

    def stop(self) -> float:
        first, last = self._ends
        last.record()
        last.synchronize()
        return float(self._cupy.cuda.get_elapsed_time(first, last))


class TorchClock:
    """Events on PyTorch's current stream."""

    def __init__(self, torch: Any) -> None:
        make = torch.cuda.Event
        self._ends = make(enable_timing=True), make(enable_timing=True)

    def start(self) -> None:
        self._ends[0].record()

    def stop(self) -> float:
        first, last = self._ends
        last.record()
        last.synchronize()
        return float(first.elapsed_time(last))


def clock_of(module: str, backend: str) -> Clock:
    """The device's clock where the engine lets one see its stream; JAX does not.

    Args:
        module: What stands in for `keras`, or "torch".
        backend: On which it computes.
    """
    if module == "minikeras" and backend == "cupy":
        import cupy

        return CupyClock(cupy)
    if backend == "torch":
        import torch

        if torch.cuda.is_available():
            return TorchClock(torch)
    return HostClock()
