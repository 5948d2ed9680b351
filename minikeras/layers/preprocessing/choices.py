"""Checks of the arguments that layers of categories share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minikeras import naming
from minikeras.budget import check_constant
from minikeras.types import ArrayLike

LOOKUP_MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")
_OLD_MODES = {"binary": "multi_hot", "tf-idf": "tf_idf"}


def one_of(value: ArrayLike, allowed: Sequence[Any], name: str, owner: str) -> Any:
    """`value`, if it is allowed.

    Raises:
        ValueError: If it is not.
    """
    if value not in allowed:
        listed = ", ".join(map(repr, allowed))
        raise ValueError(
            f"{owner}: {name}={naming.shown(value)}; expected one of {listed}."
        )
    return value


def output_mode_of(mode: str, owner: str) -> str:
    """An output mode of lookup layers, by its name of today."""
    mode = _OLD_MODES.get(mode, mode) if isinstance(mode, str) else mode
    found: str = one_of(mode, LOOKUP_MODES, "output_mode", owner)
    return found


def refuse_sparse(sparse: object, owner: str) -> bool:
    """False, if that is what was asked for."""
    if sparse:
        raise ValueError(
            f"{owner}: sparse=True: there are no sparse tensors here; the result would be a "
            "dense array."
        )
    return False


def check_salt(salt: int | Sequence[int], owner: str) -> list[int] | None:
    """The two integers that salt a hash; one integer counts twice.

    Raises:
        ValueError: If it is something else.
    """
    if salt is None:
        return None
    if isinstance(salt, (int, np.integer)):
        return [int(salt), int(salt)]
    numbers = isinstance(salt, (list, tuple, np.ndarray)) and all(
        isinstance(s, (int, np.integer)) for s in salt
    )
    if not numbers or len(salt) != 2:
        raise ValueError(
            f"{owner}: salt={salt!r}; expected an integer, or two of them, or None."
        )
    return [int(s) for s in salt]


def check_limits(layer: Any) -> None:
    """The sizes of a lookup layer, and what goes with what.

    Raises:
        ValueError: If something does not.
    """
    label = layer._label()
    count, most = layer.num_oov_indices, layer.max_tokens
    if not isinstance(count, (int, np.integer)) or count < 0:
        raise ValueError(
            f"{label}: num_oov_indices={naming.shown(count)}; expected an integer of at least 0."
        )
    check_constant((int(count), 1), "float64", label)  # a list has an entry for each
    if most is not None and (not isinstance(most, (int, np.integer)) or most <= 1):
        raise ValueError(
            f"{label}: max_tokens={naming.shown(most)}; expected at least 2, or None."
        )
    if layer.pad_to_max_tokens and most is None:
        raise ValueError(f"{label}: pad_to_max_tokens=True needs max_tokens.")
    if layer.invert and layer.output_mode != "int":
        raise ValueError(
            f"{label}: invert=True goes with output_mode='int'; got {layer.output_mode!r}."
        )
    one_of(layer.oov_method, ("floormod", "farmhash"), "oov_method", label)
