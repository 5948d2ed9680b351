"""Boxes and masks drawn into pictures, beside Keras where it works."""

import numpy as np
import pytest

import minikeras as keras
from minikeras.visualization import draw_bounding_boxes, draw_segmentation_masks
from minikeras.visualization.drawn import palette

GREY = np.full((1, 24, 24, 3), 100, "uint8")
BOX = {"boxes": np.array([[[4, 5, 15, 18.0]]]), "labels": np.array([[1]])}
MASK = np.zeros((1, 6, 6, 1), "int32")
MASK[0, :2], MASK[0, 2:4] = 1, 2
COLOURS = {0: (0, 0, 9), 1: (255, 0, 0), 2: (0, 255, 0)}


@pytest.mark.parametrize(
    "options",
    [
        {"num_classes": 3},
        {"num_classes": 3, "alpha": 0.5},
        {"num_classes": 3, "blend": False},
        {"num_classes": 3, "ignore_index": 0},
        {"num_classes": 3, "ignore_index": 1},
    ],
)
def test_masks(lib, options):
    images = np.full((1, 6, 6, 3), 100, "uint8")
    draw = lib.visualization.draw_segmentation_masks
    drawn = np.asarray(draw(images, MASK, color_mapping=COLOURS, **options))
    share = options.get("alpha", 0.8) if options.get("blend", True) else 1.0
    expected = np.empty((1, 6, 6, 3))
    for number, colour in COLOURS.items():
        mixed = 100 * (1 - share) + np.array(colour) * share
        ignored = number == options.get("ignore_index", -1)
        expected[MASK[..., 0] == number] = 100 if ignored else mixed
    np.testing.assert_allclose(drawn, expected, atol=1)  # keras cuts off


def test_classes_of_masks():
    images, flat = np.full((1, 6, 6, 3), 100, "uint8"), MASK[..., 0]
    drawn = draw_segmentation_masks(images, flat, blend=False)
    colours = palette(2)
    assert tuple(drawn[0, 0, 0]) == colours[1] and tuple(drawn[0, 2, 0]) == colours[2]
    np.testing.assert_array_equal(drawn[0, 4:], 100)  # the background
    assert len(set(palette(30).values())) == 30
    first = images.transpose(0, 3, 1, 2), flat[:, None]
    again = draw_segmentation_masks(*first, blend=False, data_format="channels_first")
    np.testing.assert_array_equal(again.transpose(0, 2, 3, 1), drawn)
    assert draw_segmentation_masks(images[..., :1], flat).shape == images.shape
    with pytest.raises(TypeError, match="expected integers"):
        draw_segmentation_masks(images, flat.astype("float32"))
    with pytest.raises(ValueError, match="one class for each pixel"):
        draw_segmentation_masks(images, flat[:, :3])
    with pytest.raises(ValueError, match="alpha=2"):
        draw_segmentation_masks(images, flat, alpha=2)


def test_a_thin_box_as_keras_draws_it():
    """As Keras draws it by OpenCV, which few have installed."""
    drawn = draw_bounding_boxes(GREY, BOX, "xyxy", line_thickness=1)
    expected = np.zeros((24, 24), bool)
    expected[[5, 18], 4:16] = expected[5:19, [4, 15]] = True
    np.testing.assert_array_equal(drawn[0, ..., 1] != 100, expected)
    assert (drawn[0][expected] == 128).all() and drawn.dtype == np.uint8
    wide = draw_bounding_boxes(GREY, BOX, "xyxy", color=(9, 8, 7), line_thickness=3)
    np.testing.assert_array_equal(wide[0, 4:7, 9], [[9, 8, 7]] * 3)
    assert (wide[0, 7, 9] == 100).all() and (wide[0, 3, 9] == 100).all()


def test_boxes_partly_outside_none_and_formats():
    boxes = {"boxes": [[[-5, -5, 40, 3.0], [0, 0, 9, 9]]], "labels": [[0, -1]]}
    drawn = draw_bounding_boxes(GREY, boxes, "xyxy", line_thickness=1)
    assert set(np.argwhere(drawn[0, ..., 0] != 100)[:, 0]) == {3}
    for name, numbers in {
        "yxyx": [5, 4, 18, 15],
        "center_yxhw": [11.5, 9.5, 13, 11],
        "rel_xywh": [4 / 24, 5 / 24, 11 / 24, 13 / 24],
    }.items():
        given = {"boxes": [[numbers]], "labels": [[1]]}
        np.testing.assert_array_equal(
            draw_bounding_boxes(GREY, given, name),
            draw_bounding_boxes(GREY, BOX, "xyxy"),
        )
    none = {"boxes": np.zeros((1, 0, 4)), "labels": np.zeros((1, 0))}
    np.testing.assert_array_equal(draw_bounding_boxes(GREY, none, "xyxy"), GREY)
    first = draw_bounding_boxes(
        GREY.transpose(0, 3, 1, 2), BOX, "xyxy", data_format="channels_first"
    )
    np.testing.assert_array_equal(
        first.transpose(0, 2, 3, 1), draw_bounding_boxes(GREY, BOX, "xyxy")
    )


def test_names_are_written_beside_boxes():
    pytest.importorskip("PIL")
    sure = {**BOX, "confidences": np.array([[0.5]])}
    plain = draw_bounding_boxes(GREY, BOX, "xyxy")
    named = draw_bounding_boxes(GREY, BOX, "xyxy", class_mapping={1: "a"})
    told = draw_bounding_boxes(GREY, sure, "xyxy", class_mapping={1: "a"})
    counts = [int((drawn != 100).sum()) for drawn in (plain, named, told)]
    assert counts[0] < counts[1] < counts[2]


@pytest.mark.parametrize(
    ("given", "kind", "error", "message"),
    [
        ([], "xyxy", TypeError, "expected a dict"),
        ({"boxes": 1}, "xyxy", ValueError, "expected 'boxes' and 'labels'"),
        (BOX, "abc", ValueError, "bounding_box_format='abc'"),
        ({**BOX, "labels": np.zeros((1, 2))}, "xyxy", ValueError, "labels"),
        ({**BOX, "boxes": np.zeros((1, 1, 3))}, "xyxy", ValueError, "expected .batch"),
    ],
)
def test_refusals(given, kind, error, message):
    with pytest.raises(error, match=message):
        draw_bounding_boxes(GREY, given, kind)


def test_pictures_that_are_none():
    for shape in ((24, 24, 3), (1, 24, 24, 5)):
        with pytest.raises(ValueError, match="draw_bounding_boxes: images has"):
            draw_bounding_boxes(np.zeros(shape), BOX, "xyxy")
    tensor = keras.ops.ones((1, 24, 24, 1), "bfloat16") * 100
    assert draw_bounding_boxes(tensor, BOX, "xyxy").shape == (1, 24, 24, 3)
