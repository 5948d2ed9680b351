"""class_weight: one weight a class, made one weight a sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minikeras.engine import dtypes, tree
from minikeras.training.data.rows import Array

# By class number; for several outputs a dict by output name, or a list in their order.
ClassWeight = Mapping[Any, Any] | Sequence[Any] | None


def in_order(class_weight: ClassWeight, names: Sequence[str] | None) -> ClassWeight:
    """Weights by output name as a list in the order of the outputs `names`.

    Raises:
        ValueError: If a name is no output.
    """
    if not _by_name(class_weight) or not names or not isinstance(class_weight, Mapping):
        return class_weight
    unknown = sorted(set(class_weight) - set(names))
    if unknown:
        raise ValueError(
            f"class_weight has keys {unknown}; expected class numbers, or some of the outputs' "
            f"names {list(names)}."
        )
    return [class_weight.get(name) for name in names]


def _by_name(class_weight: ClassWeight) -> bool:
    return (
        isinstance(class_weight, Mapping)
        and bool(class_weight)
        and all(isinstance(k, str) for k in class_weight)
    )


def sample_weight_of(y: object, class_weight: ClassWeight) -> Any:
    """The weight of each sample's class; 1 for a class that is not named.

    Args:
        y: Labels `(samples,)`, `(samples, 1)` or one-hot `(samples, classes)`; several
            targets in a list or dict.
        class_weight: Weights by class number; for several targets a list (or dict, for
            a dict of targets) of such weights or None.

    Returns:
        `(samples,)` of `floatx()`, for several targets in their structure.

    Raises:
        ValueError: If the two do not fit, or the keys are no class numbers.

    Example:
        >>> sample_weight_of(np.array([0, 1, 1]), {0: 2.0}).tolist()
        [2.0, 1.0, 1.0]
    """
    leaves = tree.flatten(y)
    if isinstance(class_weight, Mapping) and not _by_name(class_weight):
        if len(leaves) != 1 or leaves[0] is None:
            raise ValueError(
                f"class_weight is one dict of class numbers, and y has {len(leaves)} targets; "
                "expected one such dict for each output, in a list or in a dict by output "
                "name (None leaves an output out). Or pass sample_weight."
            )
        return _weights(leaves[0], class_weight)
    if isinstance(class_weight, str) or not isinstance(
        class_weight, (Mapping, list, tuple)
    ):
        raise _wrong(class_weight)
    if isinstance(y, dict):
        if not isinstance(class_weight, Mapping):
            # A list of weights is in the order in which `tree` flattens a dict.
            class_weight = dict(zip(sorted(y), class_weight))
        return {k: _optional(v, class_weight.get(k)) for k, v in y.items()}
    parts = list(y) if isinstance(y, (list, tuple)) else [y]
    if isinstance(class_weight, Mapping):
        class_weight = list(class_weight.values())
    given = list(class_weight)
    if len(given) != len(parts):
        raise ValueError(
            f"class_weight has {len(given)} entries, and y has {len(parts)} targets; expected "
            "one entry for each, where None leaves an output out."
        )
    weights = [_optional(v, w) for v, w in zip(parts, given)]
    return weights if isinstance(y, (list, tuple)) else weights[0]


def _optional(labels: Any, class_weight: object) -> Array | None:
    return None if class_weight is None else _weights(labels, class_weight)


def _weights(labels: Array, class_weight: object) -> Array:
    if not isinstance(class_weight, Mapping) or not all(
        isinstance(k, (int, np.integer)) and k >= 0 for k in class_weight
    ):
        raise _wrong(class_weight)
    if labels.ndim > 1 and labels.shape[-1] > 1:
        if labels.dtype.kind in "iu" and labels.max(initial=0) > 1:
            raise ValueError(
                f"class_weight: y has shape {labels.shape} and holds numbers above 1, so it is "
                "no one-hot rows; expected one class for each sample. For a class at each step "
                "pass sample_weight of the shape of y."
            )
        labels = labels.argmax(axis=-1)
    elif labels.ndim > 1:
        labels = labels[..., 0]
    labels = np.round(labels).astype(np.int64)
    # One lookup by number for all labels; classes without a weight count 1.
    table = np.ones(max([*class_weight, int(labels.max(initial=0))]) + 1)
    for number, weight in class_weight.items():
        table[number] = weight
    floatx = dtypes.numpy_dtype(dtypes.floatx())
    # A label below 0 is none of the classes (losses may be told to ignore it).
    return np.where(labels >= 0, table[np.maximum(labels, 0)], 1.0).astype(floatx)


def _wrong(class_weight: object) -> ValueError:
    return ValueError(
        f"class_weight={class_weight!r}; expected a dict from class number to weight, "
        "such as {0: 1.0, 1: 3.0}."
    )
