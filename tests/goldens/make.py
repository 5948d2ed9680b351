"""Make the goldens: what keras on JAX gives for the cases of the tests.

    PYTHONPATH=. python tests/goldens/make.py [losses metrics optimizers ...]

The tests compare with these files, and with keras itself where it is installed.
"""

import importlib
import sys
from pathlib import Path

import numpy as np

from tests.goldens.oracle import keras

HERE = Path(__file__).parent
PARTS = (
    "layers",
    "layers_attention",
    "layers_recurrent",
    "losses",
    "metrics",
    "optimizers",
    "oracle",
    "ops",
    "ops_dtypes",
    "ops_kinks",
    "ops_special",
    "training",
)


def main(parts):
    """Write `PART.npz` for each part: `A_B` from `tests/A/goldens_B.py`."""
    for part in parts:
        folder, *rest = part.split("_")
        module = "_".join(["goldens", *rest])
        values = importlib.import_module(f"tests.{folder}.{module}").make(keras())
        np.savez_compressed(HERE / f"{part}.npz", **values)
        size = (HERE / f"{part}.npz").stat().st_size
        print(f"{part}: {len(values)} arrays, {size / 1000:.0f} kB")


def load(part):
    """The arrays that `main` wrote."""
    with np.load(HERE / f"{part}.npz") as file:
        return dict(file)


if __name__ == "__main__":
    main(sys.argv[1:] or PARTS)
