"""`keras.preprocessing`: datasets from folders, and Keras 2's helpers for pictures and texts."""

from minikeras.preprocessing import image, sequence, text
from minikeras.utils import (
    image_dataset_from_directory,
    text_dataset_from_directory,
    timeseries_dataset_from_array,
)


def __dir__() -> list[str]:
    return __all__


__all__ = [
    "image",
    "image_dataset_from_directory",
    "sequence",
    "text",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
]
