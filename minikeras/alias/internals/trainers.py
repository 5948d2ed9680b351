"""`keras.src.trainers`: what `compile` made of losses and metrics, and batches."""

from minikeras.training.compile_loss import CompileLoss
from minikeras.training.compile_metrics import CompileMetrics
from minikeras.training.data import (
    PyDataset,
    make_adapter,
    pack_x_y_sample_weight,
    unpack_x_y_sample_weight,
)
from minikeras.training.trainer import Trainer

get_data_adapter = make_adapter

__all__ = [
    "CompileLoss",
    "CompileMetrics",
    "PyDataset",
    "Trainer",
    "get_data_adapter",
    "pack_x_y_sample_weight",
    "unpack_x_y_sample_weight",
]
