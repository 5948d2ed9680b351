"""Normalization layers."""

from minikeras.layers.normalization.batch import BatchNormalization
from minikeras.layers.normalization.features import (
    GroupNormalization,
    LayerNormalization,
    RMSNormalization,
    UnitNormalization,
)
from minikeras.layers.normalization.spectral import SpectralNormalization

__all__ = [
    "BatchNormalization",
    "GroupNormalization",
    "LayerNormalization",
    "RMSNormalization",
    "SpectralNormalization",
    "UnitNormalization",
]
