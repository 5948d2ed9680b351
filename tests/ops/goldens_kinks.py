"""What keras on JAX gives at ties and kinks: values and gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.ops.cases_kinks import KINKS
from tests.ops.goldens import Oracle
from tests.ops.table import Case


def of_case(oracle: Oracle, case: Case) -> dict[str, np.ndarray]:
    """The arrays of one row."""
    found = {f"{case.label}/v{i}": v for i, v in enumerate(oracle.values(case))}
    return found | {
        f"{case.label}/g{i}": g for i, g in enumerate(oracle.gradients(case))
    }


def make(keras: Any) -> dict[str, np.ndarray]:
    """The arrays of all rows, one after the other, and where each begins."""
    oracle = Oracle(keras)
    found: dict[str, np.ndarray] = {}
    for case in KINKS:
        found |= of_case(oracle, case)
    return {
        "keys": np.array(list(found)),
        "sizes": np.array([v.size for v in found.values()]),
        "values": np.concatenate([v.ravel() for v in found.values()]).astype("float32"),
    }


def unpacked(golden: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What `make` packed, flat."""
    parts = np.split(golden["values"], np.cumsum(golden["sizes"])[:-1])
    return dict(zip(golden["keys"].tolist(), parts, strict=True))
