"""Layers that change pictures, while a model is trained or its data are read."""

from minikeras.layers.preprocessing.image.axis_warps import (
    RandomShear,
    RandomTranslation,
    RandomZoom,
)
from minikeras.layers.preprocessing.image.colours import (
    RandomColorDegeneration,
    RandomColorJitter,
    RandomGrayscale,
    RandomHue,
    RandomSaturation,
)
from minikeras.layers.preprocessing.image.distortions import (
    RandomElasticTransform,
    RandomPerspective,
)
from minikeras.layers.preprocessing.image.filters import (
    RandomGaussianBlur,
    RandomSharpness,
)
from minikeras.layers.preprocessing.image.flips import RandomFlip
from minikeras.layers.preprocessing.image.histograms import (
    ContrastLimitedAdaptiveHistogramEqualization,
    Equalization,
)
from minikeras.layers.preprocessing.image.mixing import (
    CutMix,
    MaxNumBoundingBoxes,
    MixUp,
    RandomErasing,
)
from minikeras.layers.preprocessing.image.policies import AugMix, RandAugment
from minikeras.layers.preprocessing.image.sizing import (
    CenterCrop,
    RandomCrop,
    Resizing,
)
from minikeras.layers.preprocessing.image.tones import (
    AutoContrast,
    RandomBrightness,
    RandomContrast,
    RandomInvert,
    RandomPosterization,
    Solarization,
)
from minikeras.layers.preprocessing.image.warps import RandomRotation

__all__ = [
    "AugMix",
    "AutoContrast",
    "CenterCrop",
    "ContrastLimitedAdaptiveHistogramEqualization",
    "CutMix",
    "Equalization",
    "MaxNumBoundingBoxes",
    "MixUp",
    "RandAugment",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomCrop",
    "RandomElasticTransform",
    "RandomErasing",
    "RandomFlip",
    "RandomGaussianBlur",
    "RandomGrayscale",
    "RandomHue",
    "RandomInvert",
    "RandomPerspective",
    "RandomPosterization",
    "RandomRotation",
    "RandomSaturation",
    "RandomSharpness",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "Resizing",
    "Solarization",
]
