"""`keras.preprocessing.image`: pictures, and Keras 2's `ImageDataGenerator`."""

from minikeras.preprocessing.image.affine import (
    apply_affine_transform,
    apply_brightness_shift,
    apply_channel_shift,
    random_brightness,
    random_channel_shift,
    random_rotation,
    random_shear,
    random_shift,
    random_zoom,
)
from minikeras.preprocessing.image.files import DirectoryIterator
from minikeras.preprocessing.image.frames import DataFrameIterator
from minikeras.preprocessing.image.generator import ImageDataGenerator
from minikeras.preprocessing.image.iterators import Iterator, NumpyArrayIterator
from minikeras.utils.images import (
    array_to_img,
    img_to_array,
    load_img,
    save_img,
    smart_resize,
)

__all__ = [
    "DataFrameIterator",
    "DirectoryIterator",
    "ImageDataGenerator",
    "Iterator",
    "NumpyArrayIterator",
    "apply_affine_transform",
    "apply_brightness_shift",
    "apply_channel_shift",
    "array_to_img",
    "img_to_array",
    "load_img",
    "random_brightness",
    "random_channel_shift",
    "random_rotation",
    "random_shear",
    "random_shift",
    "random_zoom",
    "save_img",
    "smart_resize",
]
