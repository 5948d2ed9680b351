"""Regularization layers."""

from minikeras.layers.regularization.noise import (
    AlphaDropout,
    Dropout,
    GaussianDropout,
    GaussianNoise,
)
from minikeras.layers.regularization.penalty import ActivityRegularization
from minikeras.layers.regularization.spatial import (
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
)

__all__ = [
    "ActivityRegularization",
    "AlphaDropout",
    "Dropout",
    "GaussianDropout",
    "GaussianNoise",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
]
