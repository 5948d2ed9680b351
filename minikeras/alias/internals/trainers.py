"""`keras.src.trainers`: what `compile` made of losses and metrics, and batches."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minikeras.training.compile_loss import CompileLoss
from minikeras.training.compile_metrics import CompileMetrics
from minikeras.training.data import (
    PyDataset,
    make_adapter,
    pack_x_y_sample_weight,
    unpack_x_y_sample_weight,
)
from minikeras.training.data.class_weight import sample_weight_of
from minikeras.training.data.leaves import host_structure
from minikeras.training.trainer import Trainer
from minikeras.types import ArrayLike

get_data_adapter = make_adapter


def class_weight_to_sample_weights(
    y: ArrayLike, class_weight: Mapping[int, float]
) -> np.ndarray[Any, Any]:
    """The weight of each sample: that of its class."""
    return sample_weight_of(host_structure(y, "y"), class_weight)


def list_to_tuple(maybe_list: object) -> Any:
    """A list as a tuple; anything else stays."""
    return tuple(maybe_list) if isinstance(maybe_list, list) else maybe_list


def train_validation_split(
    arrays: Sequence[np.ndarray[Any, Any] | None],
    validation_split: float,
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The first samples of several arrays to train with, the last to validate with.

    Args:
        arrays: Arrays of one length; None stays None.
        validation_split: The share of the last, above 0 and below 1.

    Raises:
        ValueError: If one of the two would be empty.
    """
    sizes = [len(array) for array in arrays if array is not None]
    at = math.floor(sizes[0] * (1.0 - validation_split)) if sizes else 0
    if not 0 < at < sizes[0]:
        raise ValueError(
            f"validation_split={validation_split} of {sizes[0]} samples leaves one side "
            "empty; expected a share that gives each at least one."
        )
    first = tuple(None if a is None else a[:at] for a in arrays)
    return first, tuple(None if a is None else a[at:] for a in arrays)


def is_tensorflow_tensor(value: object) -> bool:
    """False: there is no TensorFlow."""
    return False


is_jax_array = is_torch_tensor = is_tensorflow_tensor

__all__ = [
    "CompileLoss",
    "CompileMetrics",
    "PyDataset",
    "Trainer",
    "class_weight_to_sample_weights",
    "get_data_adapter",
    "is_jax_array",
    "is_tensorflow_tensor",
    "is_torch_tensor",
    "list_to_tuple",
    "pack_x_y_sample_weight",
    "train_validation_split",
    "unpack_x_y_sample_weight",
]
