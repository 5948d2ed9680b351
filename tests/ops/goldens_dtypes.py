"""The dtypes that keras on JAX gives for the rows of the table of dtypes.

One name for each row and combination, in order: the dtypes of the result, separated by
commas, or `refused`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.ops.cases_dtypes import ROWS, SMALL, Row

REFUSED = "refused"


def named(keras: Any, row: Row) -> list[str]:
    """What keras gives for every combination of a row, without computing it."""
    function = getattr(keras.ops, row.case.name, None)
    function = function or getattr(keras.ops.image, row.case.name)
    return [_named(keras, row, function, c) for c in row.combinations(SMALL)]


def _named(keras: Any, row: Row, function: Any, combination: Any) -> str:
    import jax

    leaves, tree = jax.tree_util.tree_flatten(row.arguments(combination))
    places = [i for i, v in enumerate(leaves) if isinstance(v, np.ndarray)]

    def call(*arrays: Any) -> Any:
        filled = list(leaves)
        for i, v in zip(places, arrays, strict=True):
            filled[i] = v
        return function(*jax.tree_util.tree_unflatten(tree, filled), **row.case.kwargs)

    given = [jax.numpy.asarray(leaves[i]) for i in places]
    try:
        result = jax.eval_shape(call, *given)
    except Exception:  # some need values, and some refuse the dtypes
        try:
            result = call(*given)
        except Exception:
            return REFUSED
    leaves = jax.tree_util.tree_leaves(result)
    return ",".join(
        keras.backend.standardize_dtype(v.dtype) for v in leaves if hasattr(v, "dtype")
    )


def make(keras: Any) -> dict[str, np.ndarray]:
    """Codes of all rows one after the other, and the names that they stand for."""
    found = {row.label: named(keras, row) for row in ROWS}
    names = sorted({name for names in found.values() for name in names})
    codes = [names.index(name) for each in found.values() for name in each]
    return {
        "labels": np.array(list(found)),
        "counts": np.array([len(v) for v in found.values()]),
        "codes": np.array(codes, "uint8"),
        "names": np.array(names),
    }


def unpacked(golden: dict[str, np.ndarray]) -> dict[str, Sequence[str]]:
    """What `make` packed: the names of each row."""
    names = golden["names"][golden["codes"]]
    parts = np.split(names, np.cumsum(golden["counts"])[:-1])
    labels = golden["labels"].tolist()
    return {k: v.tolist() for k, v in zip(labels, parts, strict=True)}
