"""Pictures of training and of what a model has learned."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import minikeras as keras
from minikeras.visualization import (
    plot_confusion,
    plot_feature_maps,
    plot_filters,
    plot_history,
)

RNG = np.random.default_rng(0)


def texts(drawing):
    root = ET.fromstring(drawing.svg)
    return [t.text for t in root.iter("{http://www.w3.org/2000/svg}text")]


def test_history(tmp_path):
    values = {"loss": [2.0, 1.0], "val_loss": [2.5, 1.5], "mae": [0.5, 0.25]}
    drawing = plot_history(values)
    assert drawing.svg.count("<svg") == 2 and "1.5000" in texts(drawing)
    assert plot_history(values, ["mae"]).svg.count("<svg") == 1
    given = keras.callbacks.History()
    given.history = values
    assert plot_history(given).svg == drawing.svg
    drawing.save(tmp_path / "h.html")
    assert drawing.svg in (tmp_path / "h.html").read_text()
    with pytest.raises(ValueError, match=r"no \['auc'\]"):
        plot_history(values, ["auc"])


def test_confusion():
    drawing = plot_confusion([0, 1, 1, 2], [0, 1, 0, 2], ["<a>", "b", "c"])
    assert "<a>" in texts(drawing) and "<a>" not in drawing.svg
    hints = re.findall("<title>(.*?)</title>", drawing.svg)
    assert "1 of class b taken for &lt;a&gt;" in hints
    scores = np.eye(3)[[0, 1, 0, 2]] * 0.7
    assert (
        plot_confusion(np.eye(3)[[0, 1, 1, 2]], scores, ["<a>", "b", "c"]).svg
        == drawing.svg
    )
    counts = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 1]])
    assert plot_confusion(counts, labels=["<a>", "b", "c"]).svg == drawing.svg
    with pytest.raises(ValueError, match="one each"):
        plot_confusion([0, 1], [0])
    with pytest.raises(ValueError, match="negative"):
        plot_confusion([0, -1], [0, 0])


def test_filters():
    layer = keras.layers.Conv2D(5, 3)
    with pytest.raises(ValueError, match="it is not built"):
        plot_filters(keras.layers.Dense(2))
    layer.build((None, 8, 8, 2))
    assert plot_filters(layer).svg.count("<image") == 10
    assert plot_filters(np.ones((3, 1, 4))).svg.count("<image") == 4
    dense = keras.layers.Dense(2)
    dense.build((None, 3))
    with pytest.raises(ValueError, match=r"kernel of shape \(3, 2\)"):
        plot_filters(dense)


def test_feature_maps():
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3, name="look")]
    )
    model.add(keras.layers.MaxPooling2D(name="pool"))
    model.add(keras.layers.Flatten(name="flat"))
    x = RNG.random((3, 8, 8, 1))
    drawing = plot_feature_maps(model, x)
    assert drawing.svg.count("<image") >= 4
    assert "look (Conv2D) 6 × 6 × 2" in drawing.svg
    one = plot_feature_maps(model, x[:1], ["pool"])
    assert one.svg.count("<image") == 2
    with pytest.raises(ValueError, match=r"no layers \['none'\]"):
        plot_feature_maps(model, x, ["none"])
    with pytest.raises(ValueError, match=r"expected \(batch, height"):
        plot_feature_maps(model, x, ["flat"])

    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.look = keras.layers.Conv2D(2, 3)

        def call(self, x):
            return self.look(x)

    own = Own()
    own(x.astype("float32"))
    with pytest.raises(ValueError, match="has no graph"):
        plot_feature_maps(own, x)
