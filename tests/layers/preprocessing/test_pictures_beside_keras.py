"""Layers for pictures beside Keras: given transformations, configs, arguments."""

import inspect

import numpy as np
import pytest

import minikeras
from tests.goldens.oracle import keras as real_keras
from tests.layers.preprocessing.picture_cases import (
    CASES,
    SIZES,
    WHERE,
    H,
    W,
    label,
    pictures,
)

every_case = pytest.mark.parametrize("case", CASES, ids=label)
pytestmark = pytest.mark.filterwarnings("ignore")  # JAX's own


def both(case, **more):
    name, arguments, how = case
    keras = real_keras()
    return (
        getattr(minikeras.layers, name)(**arguments, **more),
        getattr(keras.layers, name)(**arguments, **more),
        how,
    )


def array(x):
    return np.asarray(x.numpy() if hasattr(x, "numpy") else x)


def close(ours, theirs, atol=2e-2):
    """To a fiftieth of a step of 8 bits: pixels are 0 to 255."""
    ours, theirs = array(ours), array(theirs)
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours.astype(float), theirs.astype(float), atol=atol)


@pytest.mark.oracle
@every_case
def test_the_same_transformation_gives_the_same_pictures(case):
    ours, theirs, how = both(case)
    x = pictures()
    if case[0] == "Equalization":  # Keras has one histogram for the batch
        x = x[:1]
    close(ours.transform_images(x, how), theirs.transform_images(x, how))


@pytest.mark.oracle
@pytest.mark.parametrize(
    "case", [c for c in CASES[1::4] if c[0] != "RandomSaturation"], ids=label
)
def test_whole_numbers_give_what_they_give_in_keras(case):
    ours, theirs, how = both(case)
    x = pictures(dtype="uint8")
    close(ours.transform_images(x, how), theirs.transform_images(x, how), atol=1.0)


@pytest.mark.oracle
@pytest.mark.parametrize(
    "case",
    [c for c in WHERE[::2] + SIZES[::3] if c[0] != "RandomCrop"],
    ids=label,
)
def test_masks_follow_by_the_nearest_pixel_and_keep_their_dtype(case):
    ours, theirs, how = both(case)
    masks = (pictures(channels=1) / 20).astype("int32")
    got = array(ours.transform_segmentation_masks(masks, how))
    wanted = array(theirs.transform_segmentation_masks(masks, how))
    assert got.dtype == masks.dtype
    assert set(np.unique(got)) <= {0, *np.unique(masks)}
    assert (got == wanted).mean() > 0.98  # places halfway between two pixels


BOXES = {
    "boxes": np.array(
        [
            [[1.0, 1, 4, 3], [2, 0, 7, 5], [3, 1, 3, 4]],
            [[0, 0, 8, 6], [1, 2, 3, 4], [5, 5, 7, 6]],
            [[2, 2, 4, 4], [6, 0, 8, 1], [0, 5, 1, 6]],
        ],
        "float32",
    ),
    "labels": np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]]),
}
# Where Keras's boxes do not follow their pictures: see docs/differences.md.
OTHER_BOXES = ("RandomShear", "RandomCrop")


FOLLOWED = [
    *((c, form) for c in WHERE[:3] for form in ("xyxy", "rel_yxyx", "rel_xywh")),
    (WHERE[3], "xyxy"),
    (WHERE[8], "center_xywh"),
    (WHERE[10], "yxyx"),
    (WHERE[12], "xyxy"),
    (SIZES[0], "rel_center_xywh"),
    (SIZES[1], "center_yxhw"),
    (SIZES[8], "xywh"),
    (SIZES[10], "xyxy"),
]


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("case", "form"), FOLLOWED, ids=lambda v: v if isinstance(v, str) else label(v)
)
def test_boxes_follow(case, form):
    ours, theirs, how = both(case, bounding_box_format=form)
    utils = minikeras.utils.bounding_boxes
    given = utils.convert_format(BOXES, "xyxy", form, H, W)
    given = {key: array(v) for key, v in given.items()}
    got = ours.transform_bounding_boxes(dict(given), how)
    wanted = theirs.transform_bounding_boxes(dict(given), how)
    there = array(wanted["labels"]) >= 0  # what left the picture may lie anywhere
    np.testing.assert_array_equal(array(got["labels"]), array(wanted["labels"]))
    np.testing.assert_allclose(
        array(got["boxes"])[there], array(wanted["boxes"])[there], atol=1e-3
    )


NAMES = sorted(minikeras.layers.preprocessing.image.__all__)
NEED_FACTOR = [
    "Brightness", "ColorDegeneration", "Contrast", "Hue", "Rotation", "Saturation",
    "Sharpness",
]  # fmt: skip
NEEDED = {
    "CenterCrop": {"height": 3, "width": 4},
    "Resizing": {"height": 3, "width": 4},
    "RandomCrop": {"height": 3, "width": 4, "seed": 3},
    "MaxNumBoundingBoxes": {"max_number": 4},
    "RandomPosterization": {"factor": 4},
    "RandomTranslation": {"height_factor": 0.2, "width_factor": (0.1, 0.3)},
    "RandomZoom": {"height_factor": 0.2},
    **{
        f"Random{name}": {"factor": 0.3}
        for name in [
            "Brightness",
            "ColorDegeneration",
            "Contrast",
            "Hue",
            "Rotation",
            "Saturation",
            "Sharpness",
        ]
    },
}


@pytest.mark.oracle
@pytest.mark.parametrize("name", NAMES)
def test_arguments_and_configs(name):
    keras = real_keras()
    ours, theirs = (getattr(k.layers, name) for k in (minikeras, keras))
    assert str(inspect.signature(ours)).split(" ->")[0] is not None
    parameters = [inspect.signature(c).parameters for c in (ours, theirs)]
    assert [(p.name, p.default) for p in parameters[0].values()] == [
        (p.name, p.default) for p in parameters[1].values()
    ]
    arguments = NEEDED.get(name, {})
    configs = [c(**arguments, name="a").get_config() for c in (ours, theirs)]
    for forgotten, owner in (
        ("fill_value", "MaxNumBoundingBoxes"),
        ("seed", "RandomGrayscale"),
    ):
        if name == owner:  # which Keras's configs lack
            configs[0].pop(forgotten)
    policies = [c.pop("dtype") for c in configs]
    assert all("float32" in str(p) for p in policies)
    assert configs[0] == configs[1]
    again = ours.from_config(ours(**arguments, name="a").get_config())
    assert again.get_config() == ours(**arguments, name="a").get_config()


@pytest.mark.oracle
def test_policies_with_given_transformations():
    keras = real_keras()
    x = pictures()  # of the size for which JAX has compiled most of it already
    for name in ("RandAugment", "AugMix"):
        theirs = getattr(keras.layers, name)(seed=3)
        ours = getattr(minikeras.layers, name)(seed=3)
        how = keras.tree.map_structure(
            lambda v: array(v) if hasattr(v, "shape") else v,
            theirs.get_random_transformation(x),
        )
        close(ours.transform_images(x, how), theirs.transform_images(x, how), 0.1)


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("grid", "limit"), [((1, 1), 4.0), ((2, 2), 1.0), ((3, 4), 1e6)]
)
def test_adaptive_equalization(grid, limit):
    name = "ContrastLimitedAdaptiveHistogramEqualization"
    case = (name, {"clip_limit": limit, "tile_grid_size": grid}, None)
    ours, theirs, _ = both(case)
    x = pictures(size=(16, 24))
    close(ours(x), theirs(x), 0.05)


@pytest.mark.oracle
@pytest.mark.parametrize("bins", [256, 16, 7])
def test_equalization_with_few_bins(bins):
    ours, theirs, _ = both(("Equalization", {"bins": bins}, None))
    x = pictures(size=(16, 24))[:1]
    close(ours(x), theirs(x))
