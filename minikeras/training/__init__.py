"""Training: compile, fit, evaluate and predict, and the sources of batches."""

from minikeras.training.data import (
    PyDataset,
    pack_x_y_sample_weight,
    unpack_x_y_sample_weight,
)
from minikeras.training.trainer import Trainer

__all__ = ["PyDataset", "Trainer", "pack_x_y_sample_weight", "unpack_x_y_sample_weight"]
