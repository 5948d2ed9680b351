"""Galleries: what is in the drawing, where it goes, and that texts stay texts."""

import base64
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import minikeras as keras
from minikeras.drawing.scene import Drawing, Scene
from minikeras.visualization import (
    plot_bounding_box_gallery,
    plot_image_gallery,
    plot_segmentation_mask_gallery,
)

IMAGES = np.arange(5 * 6 * 8 * 3, dtype="float32").reshape(5, 6, 8, 3) % 256
EVIL = '<script>alert("1")</script>&'
NAMES = {0: EVIL, 1: "dog"}


def elements(drawing, name):
    root = ET.fromstring(drawing.svg)  # well formed, or this fails
    return root.findall(f".//{{http://www.w3.org/2000/svg}}{name}")


def pixels(element):
    image = pytest.importorskip("PIL.Image")
    import io

    data = base64.b64decode(element.get("href").partition(",")[2])
    return np.asarray(image.open(io.BytesIO(data)))


def test_pictures_in_rows_with_their_values():
    drawing = plot_image_gallery(IMAGES, cols=2)
    drawn = elements(drawing, "image")
    assert (
        len({p.get("x") for p in drawn}) == 2 and len({p.get("y") for p in drawn}) == 3
    )
    np.testing.assert_array_equal(pixels(drawn[3]), IMAGES[3].astype("uint8"))
    assert len(elements(plot_image_gallery(IMAGES, rows=1, cols=2), "image")) == 2
    ones = plot_image_gallery(IMAGES[..., :1] / 255, value_range=(0, 1))
    np.testing.assert_array_equal(
        pixels(elements(ones, "image")[0]), IMAGES[0, ..., :1].repeat(3, -1)
    )
    first = plot_image_gallery(
        IMAGES.transpose(0, 3, 1, 2), data_format="channels_first"
    )
    assert first.svg == plot_image_gallery(IMAGES).svg


def test_labels_are_texts_and_mistakes_stand_out():
    tensor = keras.ops.convert_to_tensor([0, 0, 1, 1, 1])
    drawing = plot_image_gallery(IMAGES, [0, 1, 1, 1, 1], tensor, NAMES)
    lines = elements(drawing, "text")
    assert [line.text for line in lines[:2]] == [f"Label: {EVIL}", f"Pred: {EVIL}"]
    wrong = [line.text for line in lines if line.get("font-weight") == "bold"]
    assert wrong == [f"Pred: {EVIL}"]
    assert "<script>" not in drawing.svg and "<script>" not in drawing._repr_html_()


def test_boxes_with_texts_and_a_legend():
    true = {"boxes": [[[1, 1, 4, 5.0], [0, 0, 1, 1]]] * 5, "labels": [[0, -1]] * 5}
    sure = {
        "boxes": [[[2, 2, 6, 5.0]]] * 5,
        "labels": [[1]] * 5,
        "confidences": [[0.5]] * 5,
    }
    drawing = plot_bounding_box_gallery(
        IMAGES, "xyxy", true, sure, class_mapping=NAMES, legend=True, scale=1
    )
    texts = [t.text for t in elements(drawing, "text")]
    assert texts.count(EVIL) == 5 and texts.count("dog | 0.50") == 5
    assert texts[-2:] == ["Ground truth", "Prediction"]
    boxes = [b for b in elements(drawing, "rect") if b.get("stroke")]
    assert len(boxes) == 10 and boxes[0].get("stroke") == "#00bcd4"
    assert [float(boxes[0].get(k)) for k in ("x", "y", "width", "height")] == [
        12, 12, 36, 48,
    ]  # fmt: skip
    with pytest.raises(ValueError, match="not both"):
        plot_bounding_box_gallery(IMAGES, "xyxy", true, legend=True, legend_handles=[1])
    with pytest.raises(TypeError, match=r"unknown arguments \['colour'\]"):
        plot_bounding_box_gallery(IMAGES, "xyxy", true, colour=1)


def test_masks_stand_beside_their_pictures():
    masks = np.zeros((5, 6, 8, 1), "int32")
    masks[:, :3] = 1
    drawing = plot_segmentation_mask_gallery(
        IMAGES,
        1,
        y_true=masks,
        y_pred=masks[..., 0],
        color_mapping={1: (1, 2, 3)},
        blend=False,
    )
    drawn = elements(drawing, "image")
    assert len(drawn) == 15 and len({d.get("x") for d in drawn}) == 3
    np.testing.assert_array_equal(pixels(drawn[1])[:3], [[[1, 2, 3]] * 8] * 3)
    np.testing.assert_array_equal(pixels(drawn[1])[3:], IMAGES[0, 3:].astype("uint8"))
    np.testing.assert_array_equal(pixels(drawn[2]), pixels(drawn[1]))


def test_files(tmp_path):
    for name in ("a.svg", "a.html"):
        plot_image_gallery(IMAGES, path=tmp_path / name)
        assert "<svg" in (tmp_path / name).read_text()
    image = pytest.importorskip("PIL.Image")
    for name, mode in (("a.png", "RGBA"), ("a.jpg", "RGB")):
        plot_image_gallery(IMAGES, cols=1, scale=1, dpi=60, path=tmp_path / name)
        with image.open(tmp_path / name) as made:
            assert made.mode == mode and abs(made.width - 60) <= 1
    with image.open(tmp_path / "a.png") as made:
        corner = IMAGES[0, 0, 0].astype("uint8")
        np.testing.assert_array_equal(np.asarray(made)[2, 2], [*corner, 255])
    with pytest.raises(ValueError, match=r"ending '\.xyz' is unknown"):
        plot_image_gallery(IMAGES, path=tmp_path / "a.xyz")
    with pytest.raises(ValueError, match="can be saved as"):
        Drawing("<svg></svg>").save(tmp_path / "a.png")


def test_showing(monkeypatch):
    assert isinstance(plot_image_gallery(IMAGES), Scene)
    pytest.importorskip("PIL")
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    shown = []
    monkeypatch.setattr(pyplot, "show", lambda: shown.append(pyplot.gcf()))
    assert plot_image_gallery(IMAGES, show=True) is None and len(shown) == 1
    pyplot.close("all")
    patches = pytest.importorskip("matplotlib.patches")
    handles = [patches.Patch(color="red", label="mine")]
    drawing = plot_image_gallery(IMAGES, legend_handles=handles)
    assert "mine" in drawing.svg and re.search("#ff0000", drawing.svg)


def test_refusals():
    with pytest.raises(ValueError, match="no label_map"):
        plot_image_gallery(IMAGES, [0] * 5)
    with pytest.raises(ValueError, match="5 images, but 3 classes"):
        plot_image_gallery(IMAGES, [0] * 3, label_map=NAMES)
    with pytest.raises(ValueError, match="give one of them"):
        plot_image_gallery(IMAGES, path="x.svg", show=True)
    with pytest.raises(ValueError, match="four axes"):
        plot_image_gallery(IMAGES[0])
    with pytest.raises(ValueError, match="no pictures"):
        plot_image_gallery(IMAGES[:0])
    with pytest.raises(ValueError, match="value_range"):
        plot_image_gallery(IMAGES, value_range=(1, 1))
