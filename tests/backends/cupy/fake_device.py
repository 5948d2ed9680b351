"""What a device does in order, in the stand-in for cupy: streams, events, graphs, cuBLAS.

The stream that computes (the null stream) does everything at once. Another one does nothing
until somebody waits for an event on it, so that a wait that is missing shows; while it is
captured, it notes what to do, and a graph does that, with the addresses of that time.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import itertools
import subprocess
from pathlib import Path

from tests.backends.kernels import lockstep


class Stream:
    """CuPy's: `pending` is what it has to do."""

    _numbers = itertools.count(1)

    def __init__(self, device, non_blocking=False):
        self.device, self.ptr = device, next(Stream._numbers) if non_blocking else 0
        self.pending, self.recorded = [], None
        self.waited = []
        device.streams[self.ptr] = self

    def __enter__(self):
        self.device.current.append(self)
        return self

    def __exit__(self, *_):
        self.device.current.pop()

    def do(self, work):
        if self.recorded is not None:
            self.recorded.append(work)
        elif self.ptr:
            self.pending.append(work)
        else:
            work()

    def synchronize(self):
        self.device.synchronisations += 1
        self.reach(len(self.pending))

    def reach(self, count):
        assert self.recorded is None, "a stream that is captured cannot be waited for"
        ready, self.pending = self.pending[:count], self.pending[count:]
        for work in ready:
            work()

    def wait_event(self, event):
        self.waited.append(event)
        if not self.ptr:
            event.reach()

    def begin_capture(self, mode=None):
        assert self.ptr, "the null stream cannot be captured"
        self.recorded = []

    def end_capture(self):
        recorded, self.recorded = self.recorded, None
        if self.device.broken:
            self.device.broken = False
            raise RuntimeError("cudaErrorStreamCaptureInvalidated")
        return Graph(self.device, recorded)


class Event:
    """CuPy's."""

    def __init__(self, block=False, disable_timing=False):
        self.stream = self.device = None

    def record(self, stream=None):
        stream = active[0].current[-1] if stream is None else stream
        self.stream, self.at = stream, len(stream.pending)
        self.device = stream.device

    def synchronize(self):
        if self.device is not None:
            self.device.synchronisations += 1
        self.reach()

    def reach(self):
        if self.stream is not None and self.stream.ptr:
            stream, self.stream = self.stream, None
            stream.reach(self.at)


class Graph:
    """CuPy's."""

    def __init__(self, device, work):
        self.device, self.work = device, work

    def launch(self, stream=None):
        self.device.graphs += 1
        for work in self.work:
            work()


class Pinned(bytearray):
    """Memory of the host that the device can read."""

    @property
    def ptr(self):
        return ctypes.addressof(ctypes.c_char.from_buffer(self))


class Device:
    """The device of one stand-in.

    `graphs` counts launches of graphs, `products` of products, `synchronisations` how often
    the host waited: for an event, for a stream, for values.
    """

    def __init__(self):
        self.synchronisations = 0
        self.streams, self.graphs, self.products, self.broken = {}, 0, 0, False
        self.current = [Stream(self)]
        self.allocator = None
        self.copies = []
        self.number = 0  # of the GPU in use

    def do(self, work):
        self.current[-1].do(work)

    def allocate(self, nbytes):
        if self.allocator is not None:
            self.allocator(nbytes)

    @contextlib.contextmanager
    def using_allocator(self, allocator):
        before, self.allocator = self.allocator, allocator
        try:
            yield
        finally:
            self.allocator = before

    def memcpy_async(self, target, source, nbytes, kind, stream):
        self.copies.append((kind, stream))
        self.streams[stream].do(lambda: ctypes.memmove(target, source, nbytes))


def device_class(device):
    """`cupy.cuda.Device` of a stand-in: which of its GPUs is in use."""

    class Number:
        compute_capability = "90"

        def __init__(self, number=None):
            self.id = device.number if number is None else number

        def use(self):
            device.number = self.id

    return Number


active = [Device()]  # that of the stand-in made last


@functools.cache
def _cublas():
    folder = Path(lockstep.folder())
    target = folder / "cublas.so"
    source = Path(__file__).with_name("fake_cublas.cpp")
    command = [
        lockstep.compiler(),
        "-O1",
        "-w",
        "-fPIC",
        "-shared",
        source,
        "-o",
        target,
    ]
    subprocess.run(list(map(str, command)), check=True)
    return ctypes.CDLL(str(target))


class Cublas:
    """The library, or what there is of it on a machine with a compiler."""

    def __init__(self, device):
        self.device, self.seen = device, []

    def __getattr__(self, name):
        function = getattr(_cublas(), name)
        if not name.startswith("cublasGemm"):
            return function

        def product(*args):
            self.device.products += 1
            self.seen.append((name, *[getattr(a, "value", a) for a in args]))
            if self.device.current[-1].recorded is None:
                return function(*args)
            self.device.do(lambda: _checked(function(*args)))
            return 0

        return product


def _checked(status):
    assert not status, status


def cublas():
    """In place of `minikeras_cupy.cublas.library`."""
    return Cublas(active[0]) if lockstep.compiler() else None
