"""The same training under Ray: `python examples/distribution_on_ray.py [WORKERS]`.

Needs the extra `ray`. `train` is what a script under `minikeras launch` would do.
"""

import sys

from minikeras.distribution import on_ray


def train(epochs: int) -> tuple[list[float], float]:
    """Train on all workers; the losses, and a sum of all weights."""
    import numpy as np

    import minikeras as keras

    keras.distribution.set_distribution(keras.distribution.DataParallel())
    keras.utils.set_random_seed(1)
    x = np.random.default_rng(0).normal(size=(500, 8)).astype("float32")
    model = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(200, activation="relu"),
            keras.layers.Dense(100, activation="relu"),
            keras.layers.Dense(1),
        ]
    )
    model.compile("adam", "mse")
    history = model.fit(x, x.sum(axis=1), batch_size=60, epochs=epochs, verbose=0)
    weights = sum(float(np.abs(v.numpy()).sum()) for v in model.variables)
    return history.history["loss"], weights


if __name__ == "__main__":
    workers = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    results = on_ray.run(train, workers, 3)
    print("the loss of each epoch:", results[0][0])
    print("all workers have the same:", all(r == results[0] for r in results))
