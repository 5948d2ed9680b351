"""Arrays from the host, beside what the device computes.

A plain copy waits behind all kernels that were launched before it. Here the array is first
copied into memory that the device can read by itself, then by a stream of its own to a place
of the device that waits for it, while the kernels of the step before still run; the stream
that computes takes it from there. So the array itself is memory of that stream alone, and
can be used again as soon as its kernels have run.
"""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np

Array = Any
Host = np.ndarray[Any, Any]

SMALLEST, LARGEST = 1 << 16, 64 << 20  # other sizes are copied plainly
PLACES = 3  # arrays under way


class _Place:
    """Where an array passes: memory here and there, and when it has."""

    def __init__(self, cp: Any, nbytes: int) -> None:
        self.nbytes = nbytes
        self.pinned = cp.cuda.alloc_pinned_memory(nbytes)
        self.device = cp.empty(nbytes, dtype="uint8")
        make = cp.cuda.Event
        self.arrived, self.taken = (make(disable_timing=True) for _ in range(2))


class Uploads:
    """Copies host arrays to the device.

    Args:
        cp: The module cupy.
    """

    def __init__(self, cp: Any) -> None:
        self.cp = cp
        self._stream: Any = None
        self._places: list[_Place | None] = [None] * PLACES
        self._next = 0
        self._lock = threading.Lock()

    def __call__(self, array: Host) -> Array:
        """The array on the device, in C order."""
        if not SMALLEST <= array.nbytes <= LARGEST:
            return self.cp.asarray(np.ascontiguousarray(array).reshape(array.shape))
        with self._lock:
            return self._by_the_side(array)

    def _by_the_side(self, array: Host) -> Array:
        cp = self.cp
        if self._stream is None:
            self._stream = cp.cuda.Stream(non_blocking=True)
        place, beside = self._place(array.nbytes), self._stream
        place.arrived.synchronize()  # the copy before last has left the host
        np.copyto(np.ndarray(array.shape, array.dtype, place.pinned), array)
        current, copy = cp.cuda.get_current_stream(), cp.cuda.runtime.memcpyAsync
        made = cp.empty(array.shape, dtype=array.dtype)
        there, nbytes = place.device.data.ptr, array.nbytes
        beside.wait_event(place.taken)
        copy(
            there,
            place.pinned.ptr,
            nbytes,
            cp.cuda.runtime.memcpyHostToDevice,
            beside.ptr,
        )
        place.arrived.record(beside)
        current.wait_event(place.arrived)
        across = cp.cuda.runtime.memcpyDeviceToDevice
        copy(made.data.ptr, there, nbytes, across, current.ptr)
        place.taken.record(current)
        return made

    def _place(self, nbytes: int) -> _Place:
        """The next place, large enough."""
        at = self._next = (self._next + 1) % PLACES
        place = self._places[at]
        if place is None or place.nbytes < nbytes:
            if place is not None:
                place.taken.synchronize()
            place = self._places[at] = _Place(
                self.cp, 1 << math.ceil(math.log2(nbytes))
            )
        return place

    def release(self) -> None:
        """Give the places back."""
        with self._lock:
            for place in self._places:
                if place is not None:
                    place.taken.synchronize()
            self._places = [None] * PLACES
