"""Datasets that worker processes import too, so nothing heavy stands here."""

import os
import threading
import time

import numpy as np

import minikeras as keras


class Parts(keras.utils.PyDataset):
    """Arrays cut into batches; the hooks are counted, and can shift the targets."""

    def __init__(self, x, y, size=4, shift=0.0, **kwargs):
        super().__init__(**kwargs)
        self.x, self.y, self.size, self.shift = x, y, size, shift
        self.log = []

    def __len__(self):
        return -(-len(self.x) // self.size)

    def __getitem__(self, index):
        rows = slice(index * self.size, (index + 1) * self.size)
        return self.x[rows], self.y[rows]

    def on_epoch_begin(self):
        self.log.append("begin")

    def on_epoch_end(self):
        self.log.append("end")
        self.y = self.y + self.shift


class Raises(Parts):
    """Batch 2 fails."""

    def __getitem__(self, index):
        if index == 2:
            raise OSError("the disk is gone")
        return super().__getitem__(index)


class Dies(Parts):
    """The process that is asked for batch 2 ends."""

    def __getitem__(self, index):
        if index == 2:
            os._exit(7)
        return super().__getitem__(index)


NEVER = threading.Event()


class Sleeps(Parts):
    """Batch 2 does not come before `NEVER` is set."""

    def __getitem__(self, index):
        if index == 2:
            print("waiting", flush=True)
            NEVER.wait(3600)
        return super().__getitem__(index)


class Uneven(Parts):
    """Later batches are done first."""

    def __getitem__(self, index):
        time.sleep(0.002 * (len(self) - index))
        return super().__getitem__(index)


def stream(x, y, size=4):
    """A generator of the batches of arrays."""
    for start in range(0, len(x), size):
        yield np.array(x[start : start + size]), np.array(y[start : start + size])
