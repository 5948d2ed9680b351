"""Normalization layers."""

from minikeras.layers.normalization.batch import BatchNormalization
from minikeras.layers.normalization.features import (
    GroupNormalization,
    LayerNormalization,
    RMSNormalization,
    UnitNormalization,
)

__all__ = [
    "BatchNormalization",
    "GroupNormalization",
    "LayerNormalization",
    "RMSNormalization",
    "UnitNormalization",
]
