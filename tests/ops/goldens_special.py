"""What keras on JAX gives at special points: the values of all rows, one after another."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.ops.cases_special import ROWS, Row


def of_row(keras: Any, row: Row) -> np.ndarray:
    """The values of one row, exactly, as float64."""
    import jax

    given = [jax.numpy.asarray(a) for a in row.arrays()]
    return np.asarray(getattr(keras.ops, row.name)(*given)).astype("float64")


def make(keras: Any) -> dict[str, np.ndarray]:
    """The values, and how many belong to each row."""
    found = {row.label: of_row(keras, row) for row in ROWS}
    return {
        "labels": np.array(list(found)),
        "sizes": np.array([v.size for v in found.values()]),
        "values": np.concatenate(list(found.values())),
    }


def unpacked(golden: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What `make` packed."""
    parts = np.split(golden["values"], np.cumsum(golden["sizes"])[:-1])
    return dict(zip(golden["labels"].tolist(), parts, strict=True))
