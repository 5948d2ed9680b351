"""Make the goldens of the data utilities: what keras on TensorFlow, and tf_keras, give.

    KERAS_BACKEND=tensorflow PYTHONPATH=. python tests/goldens/make_data.py

In an environment with tensorflow, keras, tf_keras, pillow, scipy and pandas.
"""

import os
import sys
from pathlib import Path

import numpy as np

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
HERE = Path(__file__).parent
PARTS = {
    "data": ("keras", "tests.utils.data_cases"),
    "preprocessing": ("tf_keras", "tests.preprocessing.cases"),
}


def main(parts):
    """Write `PART.npz` for each part."""
    import importlib

    for part in parts:
        package, module = PARTS[part]
        values = importlib.import_module(module).values(
            importlib.import_module(package)
        )
        np.savez_compressed(HERE / f"{part}.npz", **values)
        size = (HERE / f"{part}.npz").stat().st_size
        print(f"{part}: {len(values)} arrays, {size / 1000:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:] or PARTS)
