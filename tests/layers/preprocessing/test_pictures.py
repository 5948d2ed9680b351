"""Layers for pictures: inputs they take, when they act, seeds, models, pipelines."""

import re

import numpy as np
import pytest

import minikeras as keras
from minikeras import layers
from minikeras.engine.compile import jit
from tests.layers.preprocessing.picture_cases import pictures

SIZED = {"height": 4, "width": 5}
ALL = {
    name: {} for name in keras.layers.preprocessing.image.__all__
    if name != "MaxNumBoundingBoxes"
} | {
    "CenterCrop": SIZED, "Resizing": SIZED, "RandomCrop": SIZED,
    "RandomPosterization": {"factor": 4},
    "RandomTranslation": {"height_factor": 0.2, "width_factor": 0.3},
    "AugMix": {"num_chains": 1, "chain_depth": 2},
    "RandomZoom": {"height_factor": 0.2, "width_factor": 0.1},
    "RandomShear": {"x_factor": 0.3, "y_factor": 0.2},
    "RandomColorJitter": {"brightness_factor": 0.2, "hue_factor": 0.3},
    "Solarization": {"threshold_factor": 0.5},
    "ContrastLimitedAdaptiveHistogramEqualization": {"tile_grid_size": (2, 2)},
} | {
    f"Random{n}": {"factor": 0.3}
    for n in ("Brightness", "ColorDegeneration", "Contrast", "Hue", "Rotation", "Saturation",
              "Sharpness")
}  # fmt: skip
WHOLE = {
    "Resizing",
    "RandomBrightness",
    "RandomGrayscale",
    "ContrastLimitedAdaptiveHistogramEqualization",
}
STEADY = {
    "Resizing",
    "CenterCrop",
    "AutoContrast",
    "Equalization",
    "ContrastLimitedAdaptiveHistogramEqualization",
}
every_layer = pytest.mark.parametrize("name", sorted(ALL))


def made(name, **more):
    if name not in STEADY:
        more.setdefault("seed", 5)
    return getattr(layers, name)(**ALL[name], **more)


@every_layer
def test_batches_single_pictures_and_dtypes(name):
    layer = made(name)
    x = pictures(high=255)
    size = (4, 5) if name in ("Resizing", "CenterCrop", "RandomCrop") else x.shape[1:3]
    for training in (True, False):
        assert layer(x, training=training).shape == (3, *size, 3)
        assert layer(x[0], training=training).shape == (*size, 3)
        whole = layer(x.astype("uint8"), training=training)
        assert whole.dtype == ("uint8" if name in WHOLE else "float32")
        assert layer(x[:0], training=training).shape == (0, *size, 3)
    symbolic = layer(keras.Input((6, 8, 3), dtype="uint8"))
    assert (symbolic.shape, symbolic.dtype) == ((None, *size, 3), whole.dtype)
    assert layer.compute_output_shape((None, 6, 8, 3)) == (None, *size, 3)
    for dtype in ("float16", "bfloat16", "uint8"):
        y = made(name, dtype=dtype)(x, training=True)
        assert y.dtype == dtype
        assert np.isfinite(np.asarray(y.numpy(), "float64")).all()


@every_layer
def test_the_same_on_every_backend_and_when_compiled(name, backend):
    x = pictures()
    eager, compiled, other = (made(name) for _ in range(3))
    wanted = [eager(x, training=True).numpy() for _ in range(2)]
    step = jit(lambda v: compiled(v, training=True))
    for want in wanted:
        np.testing.assert_allclose(step(x).numpy(), want, atol=2e-2)
    keras.config.set_backend("numpy")
    np.testing.assert_allclose(other(x, training=True), wanted[0], atol=2e-2)


@every_layer
def test_configs_round_trip(name):
    layer = made(name, bounding_box_format="xyxy", data_format="channels_first")
    config = layers.serialize(layer)
    assert layers.serialize(layers.deserialize(config)) == config


@every_layer
def test_channels_first_draws_the_same(name):
    x = pictures()
    last = made(name)(x, training=True)
    first = made(name, data_format="channels_first")(
        np.moveaxis(x, -1, 1), training=True
    )
    if name == "RandomErasing":  # noise of another order
        assert (np.moveaxis(first.numpy(), 1, -1) == x).mean() == (
            last.numpy() == x
        ).mean()
        return
    np.testing.assert_allclose(np.moveaxis(first.numpy(), 1, -1), last, atol=2e-2)


@every_layer
def test_nothing_random_happens_at_inference(name):
    if name in STEADY | {"RandomCrop"}:
        return
    x = pictures()
    np.testing.assert_allclose(made(name)(x, training=False), x, rtol=1e-6)


def test_a_dict_keeps_together_what_belongs_together():
    x = pictures()
    masks = (x[..., :1] > 100).astype("int32")
    data = {
        "images": np.repeat(masks.astype("float32"), 3, -1),
        "segmentation_masks": masks,
        "labels": np.array([3, 1, 2]),
        "other": "kept",
    }
    for layer in (
        layers.RandomFlip(seed=1),
        layers.RandomCrop(3, 4, seed=1),
        layers.RandomTranslation(0.5, 0.5, interpolation="nearest", seed=1),
        layers.RandomRotation(0.5, interpolation="nearest", seed=1),
    ):
        got = layer(data, training=True)
        assert got["segmentation_masks"].dtype == "int32"
        np.testing.assert_array_equal(
            got["images"].numpy()[..., :1], got["segmentation_masks"].numpy()
        )
        assert got["labels"].tolist() == [3, 1, 2]
        assert got["other"] == "kept"
    flat = layers.RandomFlip(seed=1)({**data, "segmentation_masks": masks[..., 0]})
    assert flat["segmentation_masks"].shape == (3, 6, 8)
    one = {"images": x[0], "segmentation_masks": masks[0], "labels": 4}
    assert layers.RandomRotation(0.1)(one, training=True)["labels"] == 4


BOX = np.array([[2.0, 1, 5, 4]])


@pytest.mark.parametrize(
    "layer",
    [
        layers.RandomCrop(4, 6, seed=3, bounding_box_format="xyxy"),
        layers.RandomFlip(seed=3, bounding_box_format="xyxy"),
        layers.Resizing(12, 12, "nearest", True, bounding_box_format="xyxy"),
        layers.Resizing(16, 16, "nearest", pad_to_aspect_ratio=True,
                        bounding_box_format="xyxy"),
        layers.RandomTranslation((1 / 6, 1 / 6), (0.125, 0.125), "constant", "nearest",
                                 bounding_box_format="xyxy"),
    ],
    ids=lambda layer: layer.name,
)  # fmt: skip
def test_boxes_lie_where_their_pixels_lie(layer):
    left, top, right, bottom = BOX[0].astype(int)
    image = np.zeros((6, 8, 1), "float32")
    image[top:bottom, left:right] = 1
    data = {
        "images": image,
        "bounding_boxes": {"boxes": BOX, "labels": np.array([7])},
    }
    got = layer(data, training=True)
    rows, columns = np.nonzero(got["images"].numpy()[..., 0])
    seen = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert got["bounding_boxes"]["boxes"].numpy()[0].round(3).tolist() == seen
    assert got["bounding_boxes"]["labels"].tolist() == [7]


def test_sheared_boxes_hold_their_corners():
    layer = layers.RandomShear(0.3, 0.1, bounding_box_format="xyxy")
    how = {"shear_factor": np.array([[0.3, 0.1]]), "input_shape": (1, 90, 90, 1)}
    boxes = {"boxes": np.array([[[40.0, 30, 60, 45]]]), "labels": np.array([[1]])}
    got = layer.transform_bounding_boxes(boxes, how)["boxes"].numpy()[0, 0]
    corners = np.array([[x, y] for x in (40, 60) for y in (30, 45)]).T
    moved = np.linalg.inv([[1, 0.3], [0.1, 1]]) @ corners
    np.testing.assert_allclose(got, [*moved.min(1), *moved.max(1)], rtol=1e-5)


def test_boxes_that_leave_the_picture_have_no_label():
    layer = layers.RandomTranslation((0, 0), (0.5, 0.5), bounding_box_format="xyxy")
    boxes = {
        "boxes": np.array([[[5.0, 1, 8, 3], [0, 0, 2, 2]]]),
        "labels": np.array([[1, 2]]),
    }
    data = {"images": np.zeros((1, 6, 8, 3)), "bounding_boxes": boxes}
    assert layer(data, training=True)["bounding_boxes"]["labels"].tolist() == [[-1, 2]]


def test_random_crop_is_the_resized_middle_at_inference():
    x = pictures()
    got = layers.RandomCrop(3, 3)(x, training=False)
    wanted = keras.ops.image.resize(x, (3, 3), crop_to_aspect_ratio=True)
    np.testing.assert_allclose(got, wanted, rtol=1e-6)
    small = layers.RandomCrop(12, 10)(x, training=True)
    assert small.shape == (3, 12, 10, 3)


def test_random_crop_reaches_every_place():
    layer = layers.RandomCrop(2, 2, seed=1)
    x = np.arange(9.0).reshape(1, 3, 3, 1)
    seen = {float(layer(x, training=True)[0, 0, 0, 0]) for _ in range(60)}
    assert seen == {0.0, 1.0, 3.0, 4.0}


def test_both_flips_are_drawn_apart():
    layer = layers.RandomFlip(seed=1)
    x = np.tile(np.arange(4.0).reshape(1, 2, 2, 1), (64, 1, 1, 1))
    seen = set(layer(x, training=True).numpy()[:, 0, 0, 0].tolist())
    assert seen == {0.0, 1.0, 2.0, 3.0}


def test_mixtures_of_labels_and_masks():
    x = pictures()
    how = {"mix_weight": np.array([0.25, 0.5, 1.0]), "permutation_order": [1, 2, 0]}
    layer = layers.MixUp(bounding_box_format="xyxy")
    assert layer.transform_labels(np.array([4.0, 0, 2]), how).tolist() == [
        1.0,
        1.0,
        2.0,
    ]
    mask = layer.transform_segmentation_masks((x[..., :1] > 99).astype("uint8"), how)
    assert mask.shape == (3, 6, 8, 1)
    boxes = {"boxes": np.ones((3, 2, 4)), "labels": np.arange(6).reshape(3, 2)}
    both = layer.transform_bounding_boxes(boxes, how)["labels"].tolist()
    assert both == [[0, 1, 2, 3], [2, 3, 4, 5], [4, 5, 0, 1]]
    data = {"images": x, "labels": np.eye(3, dtype="int32")}
    cut = layers.CutMix(seed=2)
    drawn = cut.get_random_transformation(data)
    area = drawn["batch_masks"].numpy().mean((1, 2, 3))
    mixed = cut.transform_labels(data["labels"], drawn).numpy()
    own = mixed[np.arange(3), np.arange(3)]
    moved = drawn["permutation_order"].numpy() != np.arange(3)
    np.testing.assert_allclose(own[moved], 1 - area[moved], atol=1e-6)
    masks = cut.transform_segmentation_masks((x[..., :1] > 99).astype("uint8"), drawn)
    assert masks.dtype == "uint8"


def test_numbers_are_drawn_from_the_whole_range():
    x = np.zeros((500, 2, 2, 3))
    bits = layers.RandomPosterization((2, 4), seed=1).get_random_transformation(x)
    assert set((8 - bits["shift_factor"].numpy().astype(int)).tolist()) == {2, 3, 4}
    sun = layers.Solarization((0.5, 0.5), (0.25, 0.25)).get_random_transformation(x[:2])
    assert float(sun["additions"].numpy().max()) == pytest.approx(127.5)
    assert float(sun["thresholds"].numpy().min()) == pytest.approx(63.75)
    half = layers.RandomInvert((0.2, 0.4), seed=1).get_random_transformation(x)
    assert 0.2 < half["apply_inversion"].numpy().mean() < 0.4


def test_in_a_model_and_in_a_pipeline():
    steps = layers.Pipeline(
        [
            layers.RandomFlip("horizontal", seed=1),
            layers.RandomRotation(0.1, seed=1),
            layers.RandomContrast(0.2, seed=1),
        ]
    )
    again = layers.deserialize(layers.serialize(steps))
    x, y = pictures(high=1.0), np.array([0, 1, 0])
    np.testing.assert_array_equal(steps(x, training=True), again(x, training=True))
    model = keras.Sequential(
        [keras.Input((6, 8, 3)), steps, layers.RandAugment((0, 1), seed=1),
         layers.Flatten(), layers.Dense(2)]
    )  # fmt: skip
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x, y, epochs=2, batch_size=2, verbose=0)
    plain = keras.Sequential([keras.Input((6, 8, 3)), *model.layers[-2:]])
    np.testing.assert_allclose(model.predict(x, verbose=0), plain.predict(x, verbose=0))
    data = keras.utils.Dataset.from_tensor_slices((x, y)).batch(2)
    data = data.map(lambda a, b: (steps(a, training=True), b), num_parallel_calls=2)
    assert [tuple(a.shape) for a, _ in data] == [(2, 6, 8, 3), (1, 6, 8, 3)]


BAD = [
    (lambda: layers.RandomFlip(mode="up"), ValueError, "mode='up'"),
    (lambda: layers.RandomRotation(2), ValueError, "factor=2"),
    (lambda: layers.RandomRotation("a"), ValueError, "factor='a'"),
    (lambda: layers.RandomZoom((-1, 0.5)), ValueError, "without end"),
    (lambda: layers.RandomShear(-0.2), ValueError, "x_factor"),
    (lambda: layers.RandomRotation(0.1, "x"), NotImplementedError, "fill_mode"),
    (lambda: layers.RandomBrightness(0.1, (1, 0)), ValueError, "value_range"),
    (lambda: layers.Resizing(0, 3), ValueError, "height=0"),
    (lambda: layers.Resizing(3, 3, "x"), ValueError, "interpolation='x'"),
    (lambda: layers.Resizing(3, 3, "nearest", True, True), ValueError, "one of them"),
    (lambda: layers.CenterCrop(3, -1), ValueError, "width=-1"),
    (lambda: layers.RandomGaussianBlur(kernel_size=4), ValueError, "odd"),
    (lambda: layers.MixUp(alpha=-1), ValueError, "alpha"),
    (lambda: layers.MaxNumBoundingBoxes(0), ValueError, "max_number"),
    (lambda: layers.RandAugment(num_ops=-1), ValueError, "num_ops"),
    (lambda: layers.RandAugment(num_ops=1001), ValueError, "num_ops=1001"),
    (lambda: layers.RandomRotation((0.1,)), ValueError, "factor=(0.1,)"),
    (lambda: layers.RandomZoom(0.1, [0.1]), ValueError, "width_factor=[0.1]"),
    (lambda: layers.RandomErasing(scale=(0.1,)), ValueError, "scale=(0.1,)"),
    (lambda: layers.RandomFlip(bounding_box_format="x"), ValueError, "xyxy"),
    (lambda: layers.Pipeline([3]), ValueError, "list of layers"),
    (lambda: layers.RandomFlip()(np.ones((2, 3))), ValueError, "rank 3"),
    (lambda: layers.RandomFlip()({"labels": np.ones(3)}), ValueError, "'images'"),
    (lambda: layers.RandomHue(0.1)(np.ones((2, 3, 3, 1))), ValueError, "expected 3"),
    (
        lambda: layers.RandomFlip()(
            {"images": np.ones((1, 2, 2, 1)), "bounding_boxes": {}}
        ),
        ValueError,
        "bounding_box_format",
    ),
    (
        lambda: layers.MixUp()(
            {"images": np.ones((2, 2, 2, 1)), "labels": np.array([0, 1])}
        ),
        ValueError,
        "one-hot",
    ),
    (
        lambda: layers.CutMix(bounding_box_format="xyxy")(
            {
                "images": np.ones((1, 2, 2, 1)),
                "bounding_boxes": {
                    "boxes": np.ones((1, 1, 4)),
                    "labels": np.ones((1, 1)),
                },
            }
        ),
        NotImplementedError,
        "MixUp",
    ),
]


@pytest.mark.parametrize(("make", "kind", "words"), BAD, ids=[b[2] for b in BAD])
def test_refusals(make, kind, words):
    with pytest.raises(kind, match=re.escape(words)):
        make()


def test_nan_stays_where_it_is():
    x = pictures(size=(8, 8))
    x[0, 2, 3] = np.nan
    for name in ("RandomBrightness", "RandomFlip", "RandomTranslation"):
        y = made(name)(x, training=True).numpy()
        assert np.isfinite(y[1:]).all()
        assert np.isnan(y[0]).any()


def test_a_vector_is_along_the_channels_wherever_they_are(lib):
    x = np.ones((2, 3, 4, 5), "float32")
    scale, offset = [1.0, 2.0, 3.0], [0.0, 0.5, 1.0]
    if lib is not keras:  # reshapes the scale of batches only
        x, offset = np.stack([x[0]] * 2), 0.0
    lib.config.set_image_data_format("channels_first")
    try:
        for pictures in (x, x[0])[: 2 if lib is keras else 1]:
            found = np.asarray(lib.layers.Rescaling(scale, offset)(pictures))
            assert found.shape == pictures.shape
            expected = scale + np.asarray(offset)
            np.testing.assert_allclose(found[..., 0, 0].reshape(-1, 3)[0], expected)
    finally:
        lib.config.set_image_data_format("channels_last")
    found = np.asarray(lib.layers.Rescaling(scale)(np.moveaxis(x, 1, -1)))
    assert found[0, 0, 0].tolist() == scale


def test_rand_augment_may_do_nothing():
    x = np.random.default_rng(0).uniform(0, 255, (2, 4, 4, 3)).astype("float32")
    layer = keras.layers.RandAugment(num_ops=0)
    np.testing.assert_array_equal(layer(x, training=True), x)


def test_a_pipeline_hands_its_mask_on(lib):
    seen = []

    class Looks(lib.layers.Layer):
        supports_masking = True

        def call(self, x, training=False, mask=None):
            seen.append((training, mask is not None))
            return x

    steps = lib.layers.Pipeline([Looks(), Looks()])
    x = lib.ops.ones((1, 2))
    steps(x, training=True, mask=lib.ops.ones((1,)))
    assert seen[-2:] == [(True, True)] * 2
    for config in ({}, {"layers": 3}):
        with pytest.raises(ValueError, match="layers"):
            lib.layers.Pipeline.from_config(config)


@pytest.mark.parametrize("name", sorted(STEADY))
def test_channels_first_are_the_same_pictures(name):
    x = pictures(high=255)
    x[0] *= 0.25  # pictures of unlike ranges
    x[1, ..., 1] *= 0.5
    last = made(name)(x).numpy()
    first = made(name, data_format="channels_first")(np.moveaxis(x, -1, 1)).numpy()
    np.testing.assert_allclose(np.moveaxis(first, 1, -1), last, rtol=1e-5, atol=1e-3)
