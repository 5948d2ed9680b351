"""Reshaping layers."""

from minikeras.layers.reshaping.border import (
    Cropping1D,
    Cropping2D,
    Cropping3D,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
)
from minikeras.layers.reshaping.shapes import (
    Flatten,
    Permute,
    RepeatVector,
    Reshape,
)
from minikeras.layers.reshaping.upsampling import (
    UpSampling1D,
    UpSampling2D,
    UpSampling3D,
)

__all__ = [
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "Flatten",
    "Permute",
    "RepeatVector",
    "Reshape",
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
]
