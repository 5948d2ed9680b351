"""Models trained by optimizers of Keras 2 whose state looks otherwise today.

Run by hand, with an interpreter that has tf_keras, or tensorflow until 2.15:

    python tests/goldens/make_old_optimizers.py

It writes `old_optimizers.zip` beside itself: for each optimizer a model after two steps as
`.keras` and `.h5`, and in `expected.npz` the batch and the losses of the three next steps.
"""

import io
import os
import pathlib
import tempfile
import zipfile

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

# Files under tests/ are collected; this one needs what the suite does without.
tf = pytest.importorskip("tensorflow")
try:
    import tf_keras as keras
except ImportError:
    keras = tf.keras

HERE = pathlib.Path(__file__).parent
OPTIMIZERS = {
    "nadam": lambda: keras.optimizers.Nadam(0.02),
    "nadam_schedule": lambda: keras.optimizers.Nadam(
        keras.optimizers.schedules.ExponentialDecay(0.05, 2, 0.7)
    ),
    "adafactor": lambda: keras.optimizers.Adafactor(0.05),
    "adafactor_average": lambda: keras.optimizers.Adafactor(
        0.05, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=3
    ),
}


def main():
    rng = np.random.default_rng(17)
    x = rng.normal(size=(6, 4)).astype("float32")
    y = rng.normal(size=(6, 2)).astype("float32")
    expected, files = {"x": x, "y": y}, {}
    for name, optimizer in OPTIMIZERS.items():
        model = keras.Sequential(
            [keras.Input((4,)), keras.layers.Dense(3, "tanh"), keras.layers.Dense(2)]
        )
        # Compiled to a graph, Nadam of then counts a step once for each variable.
        model.compile(optimizer(), "mse", run_eagerly=True)
        for _ in range(2):
            model.train_on_batch(x, y)
        with tempfile.TemporaryDirectory() as folder:
            for ending in ("keras", "h5"):
                path = pathlib.Path(folder) / f"{name}.{ending}"
                model.save(path)
                files[path.name] = path.read_bytes()
        expected[name] = [model.train_on_batch(x, y) for _ in range(3)]
    values = io.BytesIO()
    np.savez_compressed(values, **expected)
    with zipfile.ZipFile(
        HERE / "old_optimizers.zip", "w", zipfile.ZIP_DEFLATED
    ) as archive:
        for name, data in {**files, "expected.npz": values.getvalue()}.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    main()
