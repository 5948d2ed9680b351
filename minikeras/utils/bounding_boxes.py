"""Bounding boxes: `keras.utils.bounding_boxes`.

The functions are those of the layers for pictures, which move boxes with their pictures.
"""

from minikeras.layers.preprocessing.image.anchors import (
    compute_ciou,
    compute_iou,
    decode_deltas_to_boxes,
    encode_box_to_deltas,
)
from minikeras.layers.preprocessing.image.boxes import (
    affine_transform,
    clip_to_image_size,
    convert_format,
    crop,
    pad,
)

__all__ = [
    "affine_transform",
    "clip_to_image_size",
    "compute_ciou",
    "compute_iou",
    "convert_format",
    "crop",
    "decode_deltas_to_boxes",
    "encode_box_to_deltas",
    "pad",
]
