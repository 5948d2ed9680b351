"""plot_model and model_to_dot: what is drawn, beside Keras; files; names that hold markup."""

import html
import re
import sys
import warnings
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import minikeras as keras
from minikeras.drawing.layout import place
from minikeras.utils import model_to_dot, plot_model

ALL = {
    "show_shapes": True, "show_dtype": True, "show_layer_activations": True,
    "show_trainable": True, "show_layer_names": True,
}  # fmt: skip


def branched(lib):
    """An input, a frozen convolution, a model inside, an op, two outputs."""
    inputs = lib.Input((8, 8, 3), name="start")
    frozen = lib.layers.Conv2D(4, 3, activation="relu", name="look", trainable=False)
    flat = lib.layers.Flatten(name="flat")(frozen(inputs))
    inner = lib.Sequential([lib.Input((144,)), lib.layers.Dense(5, name="one"),
                            lib.layers.Dense(2, name="two")], name="inner")  # fmt: skip
    side = lib.layers.Dense(2, name="side")(flat)
    total = lib.layers.Add(name="sum")([inner(flat), side])
    return lib.Model(inputs, [total, side], name="whole")


def read(dot):
    """Titles, arrows between them, and the texts of the rows by title."""
    text = dot.to_string()
    nodes = dict(re.findall(r"^(\d+) \[label=<(.*)>, fontname", text, re.M))
    cells = {k: re.findall(r"<td[^>]*>(.*?)</td>", v) for k, v in nodes.items()}
    plain = {k: [re.sub("<[^>]+>", "", c) for c in v] for k, v in cells.items()}
    titles = {k: v[0] for k, v in plain.items()}
    arrows = {(titles[a], titles[b]) for a, b in re.findall(r"(\d+) -> (\d+)", text)}
    return titles.values(), arrows, {v[0]: v[1:] for v in plain.values()}


def test_the_graph(lib):
    if lib is not keras:
        pytest.importorskip("pydot")
    titles, arrows, _ = read(lib.utils.model_to_dot(branched(lib)))
    assert sorted(titles) == [
        "flat (Flatten)", "inner (Sequential)", "look (Conv2D)", "side (Dense)",
        "start (InputLayer)", "sum (Add)",
    ]  # fmt: skip
    assert arrows == {
        ("start (InputLayer)", "look (Conv2D)"),
        ("look (Conv2D)", "flat (Flatten)"),
        ("flat (Flatten)", "inner (Sequential)"),
        ("flat (Flatten)", "side (Dense)"),
        ("inner (Sequential)", "sum (Add)"),
        ("side (Dense)", "sum (Add)"),
    }
    titles, arrows, rows = read(
        lib.utils.model_to_dot(branched(lib), expand_nested=True, **ALL)
    )
    assert ("one (Dense)", "two (Dense)") in arrows
    assert ("flat (Flatten)", "one (Dense)") in arrows
    assert ("two (Dense)", "sum (Add)") in arrows
    assert rows["look (Conv2D)"] == [
        "Activation: relu",
        "Input shape: (None, 8, 8, 3)",
        "Output shape: (None, 6, 6, 4)",
        "Output dtype: float32",
        "Non-trainable",
    ]
    assert rows["sum (Add)"][0] == "Input shape: [(None, 2), (None, 2)]"
    assert rows["side (Dense)"][-1] == "Trainable"
    bare, _, _ = read(lib.utils.model_to_dot(branched(lib), show_layer_names=False))
    assert "Conv2D" in bare


def test_graphviz_can_read_it():
    pydot = pytest.importorskip("pydot")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pydot's own parser
        pytest.importorskip("pydot.dot_parser")
    text = model_to_dot(
        branched(keras), expand_nested=True, rankdir="LR", **ALL
    ).to_string()
    (graph,) = pydot.graph_from_dot_data(text)
    assert graph.get("rankdir") == "LR"
    assert [s.get_name() for s in graph.get_subgraphs()] == ["cluster_inner"]
    part = model_to_dot(branched(keras), subgraph=True).to_string()
    assert part.startswith("subgraph cluster_whole {")


def test_the_drawing_is_svg_with_every_text():
    scene = plot_model(branched(keras), None, expand_nested=True, **ALL)
    root = ET.fromstring(scene.svg)
    texts = [t.text for t in root.iter("{http://www.w3.org/2000/svg}text")]
    for words in ("look (Conv2D)", "inner (Sequential)", "one (Dense)", "Non-trainable",
                  "(None, 6, 6, 4)", "[(None, 2), (None, 2)]"):  # fmt: skip
        assert words in texts
    heads = list(root.iter("{http://www.w3.org/2000/svg}polygon"))
    assert len(heads) == 7  # arrows
    assert scene._repr_html_() == scene.svg


@pytest.mark.parametrize("direction", ["TB", "BT", "LR", "RL"])
def test_boxes_do_not_overlap_and_arrows_lead_on(direction):
    rng = np.random.default_rng(0)
    arrows = [(a, b) for a in range(14) for b in range(a + 1, 14) if rng.random() < 0.2]
    sizes = {
        k: (float(rng.integers(40, 160)), float(rng.integers(20, 90)))
        for k in range(14)
    }
    placed = place(sizes, arrows, direction)
    boxes = [(*placed.corners[k], *sizes[k]) for k in sizes]
    for i, (x, y, w, h) in enumerate(boxes):
        assert 0 <= x <= placed.width - w + 1e-6 and 0 <= y <= placed.height - h + 1e-6
        for x2, y2, w2, h2 in boxes[:i]:
            assert (
                x + w <= x2 + 1e-6
                or x2 + w2 <= x + 1e-6
                or (y + h <= y2 + 1e-6 or y2 + h2 <= y + 1e-6)
            )
    axis = 0 if direction in ("LR", "RL") else 1
    sign = 1 if direction in ("TB", "LR") else -1
    for way in placed.arrows:
        steps = np.diff([point[axis] for point in way]) * sign
        assert (steps >= -1e-6).all() and steps.sum() > 0


EVIL = 'a<b>&"c"<script>x'


def test_names_stay_names(tmp_path):
    model = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(1, name=EVIL)], name=EVIL
    )
    nested = keras.Sequential([keras.Input((2,)), model], name="outer")
    for shown in (model, nested):
        scene = plot_model(shown, None, show_layer_names=True, expand_nested=True)
        texts = [t.text for t in ET.fromstring(scene.svg).iter() if t.text]
        assert f"{EVIL} (Dense)" in texts and "<script" not in scene.svg
        text = model_to_dot(shown, expand_nested=True).to_string()
        labels = "".join(re.findall(r"label=<(.*)>, fontname", text))
        assert html.escape(EVIL) in labels and EVIL not in labels
    path = tmp_path / "m.html"
    plot_model(model, path, show_layer_names=True)
    assert "<script" not in path.read_text()


def test_files(tmp_path, monkeypatch):
    model = branched(keras)
    for name, start in {
        "m.svg": b"<svg",
        "m.html": b"<!doctype",
        "m.dot": b"digraph",
    }.items():
        plot_model(model, tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(start)
    assert model_to_dot(model).create(prog="dot", format="svg").startswith(b"<svg")
    pytest.importorskip("PIL")
    plot_model(model, tmp_path / "m.png", dpi=48)
    plot_model(model, tmp_path / "m.pdf")
    assert (tmp_path / "m.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "m.pdf").read_bytes().startswith(b"%PDF")
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.warns(UserWarning, match=r"wrote .*n\.svg instead"):
        plot_model(model, tmp_path / "n.png")
    assert (tmp_path / "n.svg").exists() and not (tmp_path / "n.png").exists()


def test_models_of_every_kind():
    late = keras.Sequential([keras.layers.Dense(3, name="only"), keras.layers.ReLU()])
    with pytest.raises(ValueError, match="is not built"):
        model_to_dot(late)
    late(np.ones((2, 4), "float32"))
    titles, arrows, rows = read(model_to_dot(late, show_shapes=True))
    assert sorted(titles) == ["only (Dense)", f"{late.layers[1].name} (ReLU)"]
    assert len(arrows) == 1
    assert any("3)" in cell for cell in rows["only (Dense)"])

    class Own(keras.Model):
        def __init__(self):
            super().__init__(name="own")
            self.inside = keras.layers.Dense(1)

        def call(self, x):
            return self.inside(x)

    own = Own()
    own(np.ones((2, 4), "float32"))
    assert list(read(model_to_dot(own))[0]) == ["own (Own)"]
    a, b = keras.Input((3,)), keras.Input((3,))
    shared = keras.layers.Dense(2, name="shared")
    both = keras.Model([a, b], shared(a) + shared(b), name="both")
    assert len(read(model_to_dot(both))[1]) == 3  # two inputs, and to the sum
    c, d = keras.Input((3,), name="c"), keras.Input((3,), name="d")
    outer = keras.Model([c, d], both([c, d]))
    _, arrows, _ = read(model_to_dot(outer, expand_nested=True))
    inner = [f"{t._keras_history[0].name} (InputLayer)" for t in both.inputs]
    assert ("c (InputLayer)", inner[0]) in arrows and (
        "d (InputLayer)",
        inner[1],
    ) in arrows


def test_arguments():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    with pytest.raises(ValueError, match=r"unknown arguments \['colour'\]"):
        plot_model(model, None, colour=1)
    with pytest.raises(ValueError, match="rankdir='UP'"):
        model_to_dot(model, rankdir="UP")
