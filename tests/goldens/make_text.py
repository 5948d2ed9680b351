"""Make `text.json`: what Keras on TensorFlow gives for the layers of categories and text.

And `text_files.zip`: model files with such layers, and what the models give.

    KERAS_BACKEND=tensorflow PYTHONPATH=. python tests/goldens/make_text.py

It needs the packages keras 3.15 and tensorflow, and nothing of this project.
"""

import json
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.layers.preprocessing.cases import CASES
from tests.layers.preprocessing.models import INPUTS, TABLE, feature_space, text_model
from tests.layers.preprocessing.running import run

# Files under tests/ are collected; this one needs what the suite does without.
tf = pytest.importorskip("tensorflow")
keras = pytest.importorskip("keras")

FILE = Path(__file__).parent / "text.json"


def tensors(data):
    return {key: tf.constant(value) for key, value in data.items()}


def write_files(folder):
    keras.utils.set_random_seed(1)
    model = text_model(keras)
    model.save(folder / "text.keras")
    model.save_weights(folder / "text.weights.h5")
    space = feature_space(keras)
    space.adapt(tf.data.Dataset.from_tensor_slices(tensors(TABLE)).batch(4))
    space.save(folder / "features.keras")
    head = keras.layers.Dense(2)(space.get_encoded_features())
    table = keras.Model(space.get_inputs(), head)
    table.save(folder / "table.keras")
    results = {f"text{i}": np.asarray(v) for i, v in enumerate(model(tensors(INPUTS)))}
    results["features"] = np.asarray(space(TABLE))
    columns = {key: value[:, None] for key, value in TABLE.items()}
    results["table"] = np.asarray(table(tensors(columns)))
    np.savez_compressed(folder / "results.npz", **results)


def main():

    results = {name: run(keras, case) for name, case in CASES.items()}
    FILE.write_text(json.dumps(results, separators=(",", ":")) + "\n")
    with tempfile.TemporaryDirectory() as name:
        write_files(Path(name))
        with zipfile.ZipFile(
            FILE.with_name("text_files.zip"), "w", zipfile.ZIP_LZMA
        ) as out:
            for path in sorted(Path(name).iterdir()):
                out.write(path, path.name)
    print(f"{len(results)} results, {FILE.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
