"""Training a student model on what a teacher model says: `keras.distillation`."""

from minikeras.distillation.distiller import Distiller
from minikeras.distillation.losses import (
    DistillationLoss,
    FeatureDistillation,
    LogitsDistillation,
)

__all__ = [
    "DistillationLoss",
    "Distiller",
    "FeatureDistillation",
    "LogitsDistillation",
]


def __dir__() -> list[str]:
    return __all__
