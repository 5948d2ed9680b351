"""The networks have Keras's layers: names, order, configs, wiring, weights, to the letter."""

import inspect

import pytest

import minikeras as keras
from minikeras import applications
from tests.applications import outlines
from tests.applications.outlines import MADE
from tests.goldens import oracle

# Without the classifier sizes are unknown: one network of each family shows it.
FAMILIES = {
    "ConvNeXtTiny", "DenseNet121", "EfficientNetB0", "EfficientNetV2B0", "EfficientNetV2S",
    "InceptionResNetV2", "InceptionV3", "MobileNet", "MobileNetV2", "MobileNetV3Small",
    "NASNetLarge", "NASNetMobile", "ResNet50", "ResNet50V2", "VGG16", "Xception",
}  # fmt: skip
CASES = [(name, True) for name in MADE] + [(name, False) for name in sorted(FAMILIES)]


@pytest.mark.parametrize(("name", "top"), CASES)
def test_outline(name, top):
    with outlines.undrawn(keras):
        model = outlines.built(keras, name, top)
    found, expected = (
        outlines.outline(model),
        outlines.golden()[outlines.key(name, top)],
    )
    digests = found.pop("digest"), expected.pop("digest")
    expected.pop("file")
    assert found == expected
    # Where they differ: tests/goldens/make_applications.py --lines NAME
    assert digests[0] == digests[1]


def test_a_digest_sees_every_layer():
    keras.utils.clear_session()
    inputs = keras.Input((8, 8, 3))
    digests = set()
    for strides, momentum in ((1, 0.9), (2, 0.9), (1, 0.8)):
        x = keras.layers.Conv2D(4, 3, strides, name="a")(inputs)
        x = keras.layers.BatchNormalization(momentum=momentum, name="b")(x)
        digests.add(outlines.outline(keras.Model(inputs, x, name="m"))["digest"])
    assert len(digests) == 3


@oracle.oracle
@pytest.mark.parametrize("name", MADE)
def test_signature(name):
    theirs = getattr(oracle.keras().applications, name)
    ours = getattr(applications, name)
    expected = [
        (p.name, p.default) for p in inspect.signature(theirs).parameters.values()
    ]
    found = [(p.name, p.default) for p in inspect.signature(ours).parameters.values()]
    assert found == expected
    assert ours.__name__ == theirs.__name__


# Widths and inner sizes that no default shows.
VARIANTS = [
    ("MobileNet", {"alpha": 0.5, "depth_multiplier": 2, "dropout": 0.2, "classes": 5}),
    ("MobileNetV2", {"alpha": 0.35, "input_shape": (64, 96, 1), "include_top": False}),
    (
        "ResNet50V2",
        {"input_shape": (65, 33, 3), "include_top": False, "pooling": "max"},
    ),
    ("VGG16", {"include_top": False, "pooling": "avg"}),
    ("MobileNetV3Small", {"minimalistic": True, "alpha": 1.3, "classes": 7}),
]


@oracle.oracle
@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_variant(name, options):
    found = []
    for library in (oracle.keras(), keras):
        library.utils.clear_session()
        with outlines.undrawn(library):
            model = getattr(library.applications, name)(weights=None, **options)
        found.append((model.name, model.output_shape, outlines.lines(model)))
    assert found[1] == found[0]
