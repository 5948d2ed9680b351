"""Functions on images: `keras.ops.image`.

Images are `(batch, height, width, channels)`, or with `data_format="channels_first"`
`(batch, channels, height, width)`; most functions take one image without the batch
axis too.
"""

from minikeras.ops.image.borders import crop_images, pad_images
from minikeras.ops.image.color import hsv_to_rgb, rgb_to_grayscale, rgb_to_hsv
from minikeras.ops.image.filters import gaussian_blur, sobel_edges, ssim
from minikeras.ops.image.patches import extract_patches, extract_patches_3d
from minikeras.ops.image.resize import resize, scale_and_translate
from minikeras.ops.image.sampling import map_coordinates
from minikeras.ops.image.transforms import (
    affine_transform,
    elastic_transform,
    perspective_transform,
)


def __dir__() -> list[str]:
    return __all__


__all__ = [
    "affine_transform",
    "crop_images",
    "elastic_transform",
    "extract_patches",
    "extract_patches_3d",
    "gaussian_blur",
    "hsv_to_rgb",
    "map_coordinates",
    "pad_images",
    "perspective_transform",
    "resize",
    "rgb_to_grayscale",
    "rgb_to_hsv",
    "scale_and_translate",
    "sobel_edges",
    "ssim",
]
