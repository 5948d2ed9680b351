"""Make `text.json`: what Keras on TensorFlow gives for the layers of categories and text.

    KERAS_BACKEND=tensorflow PYTHONPATH=. python tests/goldens/make_text.py

It needs the packages keras 3.15 and tensorflow, and nothing of this project.
"""

import json
from pathlib import Path

from tests.layers.preprocessing.cases import CASES
from tests.layers.preprocessing.running import run

FILE = Path(__file__).parent / "text.json"


def main():
    import keras

    results = {name: run(keras, case) for name, case in CASES.items()}
    FILE.write_text(json.dumps(results, separators=(",", ":")) + "\n")
    print(f"{len(results)} results, {FILE.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
