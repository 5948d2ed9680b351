"""Functions on bounding boxes beside Keras."""

import numpy as np
import pytest

from minikeras.utils import bounding_boxes
from tests.goldens.oracle import keras as real_keras

pytestmark = pytest.mark.filterwarnings("ignore")  # JAX's own
A = np.array([[0, 0, 2, 2], [1, 1, 3, 4], [-1, -1, -1, -1], [2, 2, 5, 3.0]], "float32")
B = np.array([[0, 1, 2, 5], [2, 0, 6, 6], [-1, -1, -1, -1.0]], "float32")
FORMATS = (
    "xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw", "rel_xyxy", "rel_yxyx",
    "rel_xywh", "rel_center_xywh",
)  # fmt: skip
BATCH = np.stack([A, A + 1])
ANCHORS = np.array(
    [[0, 0, 4, 4], [1, 1, 3, 6.0], [2, 2, 5, 9], [0, 3, 2, 8]], "float32"
)
TURN = {
    "angle": np.array([30.0, -10], "float32"),
    "translate_x": np.array([0.1, 0], "float32"),
    "translate_y": np.array([0.2, -0.1], "float32"),
    "scale": np.array([1.5, 0.5], "float32"),
    "shear_x": np.array([10.0, 0], "float32"),
    "shear_y": np.array([20.0, 5], "float32"),
}
CALLS = [
    *(("convert_format", (BATCH, "xyxy", f, 8, 10), {}) for f in FORMATS),
    *(("convert_format", (BATCH, f, "center_yxhw", 8, 10), {}) for f in FORMATS),
    ("convert_format", (A, "XYXY", "xywh"), {"dtype": "float16"}),
    ("compute_iou", (A, B, "xyxy"), {}),
    ("compute_iou", (A, B, "xywh"), {"use_masking": True, "mask_val": -5}),
    ("compute_iou", (BATCH, B, "xyxy"), {}),
    ("compute_iou", (B, BATCH, "xyxy"), {}),
    ("compute_iou", (A / 9, B / 9, "rel_xyxy"), {"image_shape": (8, 10, 3)}),
    ("compute_ciou", (A, A[::-1], "xyxy"), {}),
    ("compute_ciou", (A[:2], B[:2], "center_xywh"), {}),
    ("encode_box_to_deltas", (ANCHORS, ANCHORS[::-1] + 1, "xyxy", "xyxy"), {}),
    (
        "encode_box_to_deltas",
        (ANCHORS, BATCH + 3, "xyxy", "xywh"),
        {"encoding_format": "center_xywh", "variance": [0.1, 0.1, 0.2, 0.2]},
    ),
    ("decode_deltas_to_boxes", (ANCHORS, A / 4, "xyxy", "xyxy"), {}),
    (
        "decode_deltas_to_boxes",
        (ANCHORS, BATCH / 4, "xywh", "rel_xyxy"),
        {"variance": [0.1, 0.1, 0.2, 0.2], "image_shape": (8, 10, 3)},
    ),
    ("affine_transform", (BATCH,), {**TURN, "height": 8, "width": 10}),
    (
        "affine_transform",
        (BATCH,),
        {**TURN, "height": 8, "width": 10, "center_x": np.array([0.3, 0.5], "float32"),
         "center_y": np.array([0.4, 0.5], "float32")},
    ),
    ("pad", (BATCH, 1, 2), {}),
]  # fmt: skip


@pytest.mark.oracle
@pytest.mark.parametrize("call", CALLS, ids=lambda c: c[0])
def test_as_keras(call):
    name, args, kwargs = call
    theirs = getattr(real_keras().utils.bounding_boxes, name)(*args, **kwargs)
    ours = getattr(bounding_boxes, name)(*args, **kwargs)
    assert ours.dtype == str(theirs.dtype)
    np.testing.assert_allclose(ours, np.asarray(theirs), rtol=2e-4, atol=1e-4)


@pytest.mark.oracle
@pytest.mark.parametrize("form", ["xyxy", "rel_xyxy"])
def test_clipped_as_keras(form):
    boxes = {"boxes": BATCH * 3 - 2, "labels": np.arange(8).reshape(2, 4)}
    if form == "rel_xyxy":
        boxes["boxes"] = boxes["boxes"] / 5
    sides = {} if form == "rel_xyxy" else {"height": 5, "width": 6}
    theirs, ours = (
        module.clip_to_image_size(dict(boxes), **sides, bounding_box_format=form)
        for module in (real_keras().utils.bounding_boxes, bounding_boxes)
    )
    for key in boxes:
        np.testing.assert_allclose(ours[key], np.asarray(theirs[key]), atol=1e-6)


def test_ends_and_refusals():
    cut = bounding_boxes.crop(A, 1, 1, 2, 2, "xywh").numpy()
    assert cut[0].tolist() == [0, 0, 1, 1]
    empty = bounding_boxes.convert_format(np.zeros((0, 4)), "xyxy", "xywh")
    assert empty.shape == (0, 4)
    levels = {0: ANCHORS, 1: ANCHORS[:2]}
    found = bounding_boxes.decode_deltas_to_boxes(
        levels, {0: A / 4, 1: A[:2] / 4}, "xyxy", "xyxy"
    )
    assert found[1].shape == (2, 4)
    for call, words in (
        (lambda: bounding_boxes.convert_format(A, "x", "xyxy"), "source='x'"),
        (lambda: bounding_boxes.convert_format(A[:, :3], "xyxy", "xywh"), "shape"),
        (lambda: bounding_boxes.convert_format(A, "xyxy", "rel_xyxy", 3), "width=None"),
        (lambda: bounding_boxes.clip_to_image_size({"boxes": A}), "height=None"),
        (lambda: bounding_boxes.clip_to_image_size(A, 1, 1), "dict"),
        (lambda: bounding_boxes.compute_iou(A[0], B, "xyxy"), "boxes1"),
        (lambda: bounding_boxes.compute_iou(A, B, "rel_xyxy"), "image_shape"),
        (
            lambda: bounding_boxes.encode_box_to_deltas(A, A, "xyxy", "xyxy", "xyxy"),
            "encoding_format",
        ),
        (
            lambda: bounding_boxes.decode_deltas_to_boxes({0: A}, A, "xyxy", "xyxy"),
            "same keys",
        ),
    ):
        with pytest.raises(ValueError, match=words):
            call()
    with pytest.raises(NotImplementedError, match="rel_xyxy"):
        bounding_boxes.pad(A, 1, 1, bounding_box_format="rel_xyxy")
