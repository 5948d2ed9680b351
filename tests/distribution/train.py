"""What each rank of the tests runs: four models for 20 steps, and what came of them.

`python train.py FOLDER [one]` writes FOLDER/RANK.pkl; with `one` nothing is distributed.
"""

import contextlib
import os
import pickle
import sys

import numpy as np

import minikeras as keras

L = keras.layers


def mlp(rng):
    """Regularizers, dropout, class weights, accumulation, averages; uneven batches."""
    x = rng.random((330, 12)).astype("float32")
    y = (x.sum(1) > 6).astype("int32")
    penalty = keras.regularizers.L2(1e-3)
    model = keras.Sequential([
        keras.Input((12,)),
        L.Dense(16, "relu", kernel_regularizer="l2", activity_regularizer=penalty),
        L.Dropout(0.3),
        L.Dense(2, "softmax"),
    ])  # fmt: skip
    optimizer = keras.optimizers.Adam(
        1e-2, use_ema=True, ema_momentum=0.9, gradient_accumulation_steps=2
    )
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, x, y, {"class_weight": {0: 1.0, 1: 2.5}, "batch_size": 33}


def cnn(rng):
    """Batch normalization, noise, sample weights, several metrics, rows for one rank."""
    x = rng.random((161, 8, 8, 3)).astype("float32")
    y = rng.integers(0, 4, 161).astype("int32")
    inputs = keras.Input((8, 8, 3))
    h = L.Conv2D(8, 3)(inputs)
    h = L.MaxPooling2D()(L.ReLU()(L.BatchNormalization(synchronized=True)(h)))
    h = L.Conv2D(8, 3, padding="same")(L.SpatialDropout2D(0.2)(h))
    h = L.GaussianNoise(0.1)(L.BatchNormalization(synchronized=True)(h))
    model = keras.Model(inputs, L.Dense(4)(L.Flatten()(h)))
    model.compile(
        keras.optimizers.SGD(0.05, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        weighted_metrics=[keras.metrics.SparseTopKCategoricalAccuracy(2)],
    )
    weights = rng.random(161).astype("float32")
    return model, x, y, {"batch_size": 16, "sample_weight": weights}


def lstm(rng):
    """Masks of an embedding, recurrent dropout, clipped gradients, a lazy metric."""
    x = rng.integers(0, 20, (161, 7)).astype("int32")
    y = rng.random((161, 1)).astype("float32")
    model = keras.Sequential([
        keras.Input((7,), dtype="int32"),
        L.Embedding(20, 6, mask_zero=True),
        L.LSTM(5, return_sequences=True, recurrent_dropout=0.2),
        L.LSTM(4, dropout=0.2),
        L.Dense(1),
    ])  # fmt: skip
    metrics = ["mae", keras.metrics.R2Score()]
    rate = keras.optimizers.RMSprop(1e-2, clipnorm=1.0)
    model.compile(rate, "mse", metrics=metrics)
    return model, x, y, {"batch_size": 16}


def kept(rng):
    """States that go on from batch to batch, and from one call to the next."""
    x = rng.random((42, 5, 3)).astype("float32")
    y = rng.integers(0, 2, 42).astype("int32")
    model = keras.Sequential([
        keras.Input(batch_shape=(7, 5, 3)),
        L.GRU(4, stateful=True, return_sequences=True, dropout=0.2),
        L.Bidirectional(L.LSTM(3, stateful=True)),
        L.Dense(2),
    ])  # fmt: skip
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
    return model, x, y, {"batch_size": 7, "shuffle": False, "epochs": 3}


class Squares(keras.utils.PyDataset):
    """Batches by number, the last one short; says which were made here."""

    def __init__(self, x, y, made):
        super().__init__()
        self.x, self.y, self.made = x, y, made

    def __len__(self):
        return -(-len(self.x) // 16)

    def __getitem__(self, number):
        self.made.append(number)
        rows = slice(16 * number, 16 * number + 16)
        return self.x[rows], self.y[rows]


class Own(keras.utils.PyDataset):
    """What a rank has for itself: its rows of batches of 16."""

    def __init__(self, x, y):
        super().__init__()
        here = keras.distribution.distribution()
        self.rank = here.data_shard_id if here else 0
        self.size = here.num_processes if here else 1
        self.x, self.y = x, y

    def __len__(self):
        return 3

    def __getitem__(self, number):
        rows = np.array_split(np.arange(16 * number, 16 * number + 16), self.size)
        return self.x[rows[self.rank]], self.y[rows[self.rank]]


def own(model, x, y):
    """Train and evaluate on what each rank has for itself."""
    set_distribution, before = keras.distribution.set_distribution, None
    if keras.distribution.distribution() is not None:
        before = keras.distribution.distribution()
        mine = keras.distribution.DataParallel(auto_shard_dataset=False)
        set_distribution(mine)
    found = model.fit(Own(x, y), verbose=0, validation_data=Own(x, y)).history
    if before is not None:
        rank = before.data_shard_id
        uneven = iter([(x[:4], y[:4])] * (2 + (rank == 1)))
        with contextlib.suppress(ValueError):
            model.evaluate(uneven, verbose=0)
            raise AssertionError("unequal numbers of batches were not seen")
        set_distribution(before)
    return found


def stopped(model, x, y):
    """Losses of runs that the last rank alone stops: after a batch, and after an epoch."""
    here = keras.distribution.distribution()
    last = here is None or here.data_shard_id == here.num_processes - 1
    found = []
    for hook, when in (("on_train_batch_end", 2), ("on_epoch_end", 1)):

        def end(number, logs, when=when):
            found.append(logs["loss"])
            model.stop_training = last and number == when

        callback = keras.callbacks.LambdaCallback(**{hook: end})
        model.fit(x, y, batch_size=40, epochs=4, verbose=0, callbacks=[callback])
    return found


def run(make, backend):
    """Train one model on a backend."""
    keras.config.set_backend(backend)
    keras.utils.set_random_seed(1)
    model, x, y, options = make(np.random.default_rng(5))
    steps = []
    note = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda _, logs: steps.append(logs["loss"])
    )
    whole = make is kept  # no batch may be short
    more = {} if whole else {"epochs": 2, "validation_split": 0.1}
    history = model.fit(
        x, y, verbose=0, callbacks=[note], **{**more, **options}
    ).history
    size = 7 if whole else 20
    found = {
        "steps": steps,
        "history": history,
        "evaluate": model.evaluate(x, y, verbose=0, batch_size=size),
        "predict": model.predict(x, verbose=0, batch_size=size),
    }
    made = None
    if make is mlp:
        found["own"] = own(model, x, y)
        found["on_batch"] = model.train_on_batch(x[:21], y[:21])
        found["stopped"] = stopped(model, x, y)
        numbered = Squares(x, y, [])
        found["by number"] = model.fit(numbered, epochs=1, verbose=0).history
        found["of numbers"] = model.predict(numbered, verbose=0)
        made = sorted(numbered.made)
        found["iterated"] = model.evaluate(iter(list(Squares(x, y, []))), verbose=0)
        model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
        found["eagerly"] = model.fit(x[:70], y[:70], verbose=0).history
    found["weights"] = [v.numpy() for v in model.variables]
    return found, made


def main(folder, backend):
    """All of it."""
    rank = 0
    if sys.argv[3:] != ["one"]:
        keras.distribution.set_distribution(keras.distribution.DataParallel())
        rank = keras.distribution.distribution().data_shard_id
    other = "numba" if backend == "numba" else "numpy"
    trained, made = run(mlp, backend)
    found = {
        "mlp": trained, "cnn": run(cnn, other)[0], "lstm": run(lstm, "numpy")[0],
        "kept": run(kept, "numpy")[0], "made": made,
    }  # fmt: skip
    found["devices"] = keras.distribution.list_devices()
    with open(os.path.join(folder, f"{rank}.pkl"), "wb") as file:
        pickle.dump(found, file)
    keras.Sequential([keras.Input((2,)), L.Dense(1)]).summary()


if __name__ == "__main__":
    main(*sys.argv[1:3])
