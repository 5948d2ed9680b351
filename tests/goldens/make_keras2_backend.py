"""Results of Keras 2's backend functions, from `tf.keras.backend`.

Run it where TensorFlow and keras are installed, from the top folder:

    KERAS_BACKEND=tensorflow python -m tests.goldens.make_keras2_backend
"""

import inspect
import json
from pathlib import Path

import numpy as np

from tests.alias.keras2_backend_cases import CALLS, INPUTS, value

FILE = Path(__file__).parent / "keras2_backend.json"


def rounded(data):
    """Six digits are what float32 holds."""
    if isinstance(data, list):
        return [rounded(item) for item in data]
    return float(f"{data:.6g}") if isinstance(data, float) else data


def main():
    import tensorflow as tf

    K = tf.keras.backend
    names = [n for n in dir(K) if not n.startswith("_") and callable(getattr(K, n))]
    results = {}
    inputs = {name: tf.constant(array) for name, array in INPUTS.items()}
    for call in CALLS:
        results[call] = rounded(value(eval(call, {"K": K, "np": np, **inputs})))
    made = {
        "signatures": {n: str(inspect.signature(getattr(K, n))) for n in names},
        "results": results,
    }
    FILE.write_text(json.dumps(made, separators=(",", ":")) + "\n", "utf-8")


if __name__ == "__main__":
    main()
