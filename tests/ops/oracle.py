"""What keras on JAX gives for a row: values, dtypes, gradients, symbolic shapes."""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "jax"
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import jax.numpy as jnp
import keras
import numpy as np
from table import Case, flat


def _leaves(value):
    return [v for v in jax.tree_util.tree_leaves(value) if hasattr(v, "dtype")]


def function_of(case: Case):
    return getattr(getattr(keras, case.namespace), case.name)


def values(case: Case) -> list[np.ndarray]:
    """The leaves of the result."""
    arrays = [jnp.asarray(a) for a in case.drawn()]
    return [np.asarray(v) for v in _leaves(case.call(function_of(case), arrays))]


def weights(shape, number: int) -> np.ndarray:
    """What the results are weighed with before they are summed."""
    return np.random.default_rng(99 + number).uniform(0.5, 1.5, shape).astype("float32")


def gradients(case: Case) -> list[np.ndarray]:
    """Gradients of the weighed sum of the float results by each float array."""
    arrays = [jnp.asarray(a) for a in case.drawn()]
    places = [i for i, a in enumerate(arrays) if jnp.issubdtype(a.dtype, jnp.floating)]
    if not places or not case.grad:
        return []

    def total(*chosen):
        filled = list(arrays)
        for i, v in zip(places, chosen, strict=True):
            filled[i] = v
        results = _leaves(case.call(function_of(case), filled))
        floats = [v for v in results if jnp.issubdtype(v.dtype, jnp.floating)]
        return sum(
            (jnp.sum(v.astype("float32") * weights(v.shape, n)) for n, v in enumerate(floats)),
            start=jnp.zeros(()),
        )

    grads = jax.grad(total, tuple(range(len(places))))(*(arrays[i] for i in places))
    return [np.asarray(g) for g in grads]


def symbolic(case: Case) -> list[tuple[tuple[int | None, ...], str]]:
    """Shapes and dtypes for KerasTensors whose first axis is not known."""
    if not case.symbolic or not flat(case.args):
        return []
    given = []
    for a in case.drawn():
        shape = (None, *a.shape[1:]) if a.ndim > 1 and a.ndim == case.drawn()[0].ndim else a.shape
        given.append(keras.KerasTensor(shape, a.dtype.name))
    result = case.call(function_of(case), given)
    return [
        (tuple(v.shape), keras.backend.standardize_dtype(v.dtype))
        for v in keras.tree.flatten(result)
        if isinstance(v, keras.KerasTensor)
    ]
