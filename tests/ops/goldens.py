"""What keras on JAX gives for the rows of the table: values, dtypes, gradients, shapes."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from tests.ops import (  # noqa: F401 - they fill the table
    cases_arrays,
    cases_elementwise,
    cases_more,
    cases_nn,
)
from tests.ops.table import CASES, Case, symbolic_shapes, weights

DTYPES = [
    "bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32",
    "int64", "bfloat16", "float16", "float32", "float64",
]  # fmt: skip


class Oracle:
    """The rows, run on keras."""

    def __init__(self, keras: Any) -> None:
        import jax

        self.jax = jax
        self.keras = keras

    def _function(self, case: Case) -> Any:
        return getattr(getattr(self.keras, case.namespace), case.name)

    def _leaves(self, result: Any) -> list[Any]:
        return [
            v for v in self.jax.tree_util.tree_leaves(result) if hasattr(v, "dtype")
        ]

    def values(self, case: Case) -> list[np.ndarray]:
        """The leaves of the result."""
        arrays = [self.jax.numpy.asarray(a) for a in case.drawn()]
        return [
            np.asarray(v) for v in self._leaves(case.call(self._function(case), arrays))
        ]

    def gradients(self, case: Case) -> list[np.ndarray]:
        """Gradients of the weighed sum of the float results by each float array."""
        jnp = self.jax.numpy
        arrays = [jnp.asarray(a) for a in case.drawn()]
        places = [i for i, a in enumerate(arrays) if a.dtype.kind == "f"]
        if not places or not case.grad:
            return []

        def total(*chosen: Any) -> Any:
            filled = list(arrays)
            for i, v in zip(places, chosen, strict=True):
                filled[i] = v
            results = self._leaves(case.call(self._function(case), filled))
            floats = [v for v in results if v.dtype.kind == "f"]
            parts = [
                jnp.sum(v.astype("float32") * weights(v.shape, n))
                for n, v in enumerate(floats)
            ]
            return sum(parts, start=jnp.zeros(()))

        grads = self.jax.grad(total, tuple(range(len(places))))(
            *(arrays[i] for i in places)
        )
        return [np.asarray(g) for g in grads]

    def symbolic(self, case: Case) -> list[str]:
        """Shapes and dtypes for symbolic inputs whose first axis is not known."""
        keras = self.keras
        if not case.symbolic or not case.drawn():
            return []
        given = [keras.KerasTensor(s, d) for s, d in symbolic_shapes(case)]
        found = keras.tree.flatten(case.call(self._function(case), given))
        return [
            f"{keras.backend.standardize_dtype(v.dtype)}{tuple(v.shape)}"
            for v in found
            if isinstance(v, keras.KerasTensor)
        ]


def of_case(oracle: Oracle, case: Case) -> dict[str, np.ndarray]:
    """The arrays of one row."""
    found = {f"{case.label}/v{i}": v for i, v in enumerate(oracle.values(case))}
    found |= {f"{case.label}/g{i}": g for i, g in enumerate(oracle.gradients(case))}
    shapes = oracle.symbolic(case)
    return found | ({f"{case.label}/s": np.array(shapes)} if shapes else {})


def make(keras: Any) -> dict[str, np.ndarray]:
    """The arrays of all rows, and the table of promotion."""
    oracle = Oracle(keras)
    found: dict[str, np.ndarray] = {}
    for case in CASES:
        found |= of_case(oracle, case)
    names = [*DTYPES, "int", "float"]
    table = [
        [a, b, keras.backend.result_type(_weak(a), _weak(b))]
        for a, b in itertools.product(names, names)
        if {a, b} - {"int", "float"}
    ]
    found["promotion"] = np.array(table)
    return found


def _weak(name: str) -> Any:
    return {"int": int, "float": float}.get(name, name)
