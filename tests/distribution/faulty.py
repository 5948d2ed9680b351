"""Ranks that hang, raise, end early or differ: `python faulty.py WHAT`."""

import sys
import time

import numpy as np

import minikeras as keras

what = sys.argv[1]
if (
    what == "floatx"
    and __import__("os").environ.get("OMPI_COMM_WORLD_RANK", "0") == "1"
):
    keras.config.set_floatx("float64")
keras.distribution.set_distribution(keras.distribution.DataParallel())
rank = keras.distribution.distribution().data_shard_id
width = 3 if what != "shapes" or rank == 0 else 4
model = keras.Sequential([keras.Input((width,)), keras.layers.Dense(1)])
if what == "optimizer" and rank == 1:
    model.compile(keras.optimizers.Adam(), "mse")
else:
    model.compile("sgd", "mse")
count = 12 if what != "length" or rank == 0 else 10


class Faulty(keras.callbacks.Callback):
    """Does what was asked for, after an epoch."""

    def on_epoch_end(self, epoch, logs=None):
        if rank == 1 and what == "hang":
            time.sleep(60)
        if rank == 1 and what == "raise":
            raise RuntimeError("no more rows in the cupboard")
        if rank == 1 and what == "exit":
            sys.exit(3)


x = np.ones((count, width), "float32")
model.fit(x, x[:, 0], batch_size=4, epochs=3, verbose=0, callbacks=[Faulty()])
print("ended well")
