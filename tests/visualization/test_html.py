"""What notebooks show of models, layers, histories and progress; texts stay texts."""

import html
import re
from html.parser import HTMLParser

import numpy as np
import pytest

import minikeras as keras
from minikeras import console

EVIL = '<script>alert("x")&amp;'
X, Y = np.ones((8, 4), "float32"), np.ones((8, 1), "float32")


class Reader(HTMLParser):
    """Texts and tags of a page; tags must close in order."""

    def __init__(self, markup):
        super().__init__()
        self.texts, self.tags, self.open = [], [], []
        self.feed(markup)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def model(name=None):
    inputs = keras.Input((4,), name="a" if name is None else name + "a")
    hidden = keras.layers.Dense(3, "relu", name=name)(inputs)
    inner = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)], name="inner")
    made = keras.Model(inputs, inner(hidden), name=name)
    made.compile("sgd", "mse")
    return made


def test_a_model_is_its_summary_and_its_diagram():
    page = Reader(model("net")._repr_html_())
    assert {"table", "details", "svg"} <= set(page.tags)
    for words in (
        "net",
        "Functional",
        "net (Dense)",
        "(None, 3)",
        "15",
        "Total params",
    ):
        assert words in page.texts
    late = keras.Sequential([keras.layers.Dense(1)])
    assert "svg" not in Reader(late._repr_html_()).tags


def test_a_layer_is_a_card():
    layer = keras.layers.Conv2D(4, 3, activation="relu", name="look")
    assert "not yet" in Reader(layer._repr_html_()).texts
    layer.build((None, 8, 8, 1))
    texts = Reader(layer._repr_html_()).texts
    for words in ("look", "Conv2D", "40", "kernel_size", "(3, 3)", "relu"):
        assert words in texts

    class Own(keras.layers.Layer):
        def __init__(self, thing):
            super().__init__()
            self.thing = thing

    assert "Own" in Reader(Own(object())._repr_html_()).texts  # has no config


def test_a_history_is_its_curves():
    history = model().fit(X, Y, epochs=2, validation_split=0.5, verbose=0)
    page = Reader(history._repr_html_())
    assert page.tags.count("svg") == 1 and "validation" in page.texts
    assert "no epochs yet" in keras.callbacks.History()._repr_html_()
    strange = keras.callbacks.History()
    strange.history = {EVIL: [1.0, float("nan")], "arrays": [np.ones(2)]}
    assert "<script" not in strange._repr_html_()


def test_names_that_hold_markup():
    shown = model(EVIL)
    for thing in (shown, shown.layers[1], shown.layers[0]):
        markup = thing._repr_html_()
        assert "<script" not in markup and html.escape(EVIL, quote=False) in markup
        assert "script" not in Reader(markup).tags


class Display:
    """As IPython's `display`: what was shown, and how often each was drawn anew."""

    def __init__(self):
        self.outputs, self.updates = [], []

    def __call__(self, bundle, raw=False, display_id=False):
        assert raw
        self.outputs.append(bundle)
        return self if display_id else None

    def update(self, bundle, raw=False):
        self.updates.append(len(self.outputs))
        self.outputs[-1] = bundle


@pytest.fixture
def display(monkeypatch):
    found = Display()
    monkeypatch.setattr(console, "notebook", lambda: found)
    return found


def test_progress_is_one_output_of_a_cell(display, capsys):
    net = model()
    net.fit(X, Y, batch_size=2, epochs=3, validation_split=0.5)
    net.evaluate(X, Y, batch_size=2)
    assert capsys.readouterr().out == "" and len(display.outputs) == 2
    first = display.outputs[0]["text/plain"].splitlines()
    assert [line.split(" ")[1] for line in first] == ["1/3", "2/3", "3/3"]
    assert all(" 2/2 " in line and "val_loss: " in line for line in first)
    page = Reader(display.outputs[0]["text/html"])
    assert sum(t.startswith("Epoch") for t in page.texts) == 3
    assert display.outputs[1]["text/plain"].startswith("4/4 ")
    net.fit(X, Y, verbose=2)
    assert len(display.outputs) == 2 and "loss" in capsys.readouterr().out


def test_progress_of_unknown_length(display):
    def batches():
        for _ in range(3):
            yield X, Y

    model().fit(batches())
    assert display.outputs[-1]["text/plain"].startswith("3/3 ")


def test_metrics_with_markup_in_their_names(display):
    net = model()
    net.compile("sgd", "mse", metrics=[keras.metrics.MeanAbsoluteError(name=EVIL)])
    net.fit(X, Y)
    assert "<script" not in display.outputs[0]["text/html"]


def test_a_summary_is_a_table(display, capsys):
    model().summary()
    (bundle,) = display.outputs
    assert (
        "Dense" in bundle["text/plain"] and "table" in Reader(bundle["text/html"]).tags
    )
    lines = []
    model().summary(print_fn=lines.append)
    assert len(display.outputs) == 1 and lines and capsys.readouterr().out == ""


@pytest.mark.slow
def test_in_a_real_notebook():
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    cell = """
import numpy as np
import minikeras as keras
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
history = model.fit(np.ones((64, 4)), np.ones((64, 1)), batch_size=2, epochs=2)
history
"""
    import warnings

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the packages that start kernels
        nbclient.NotebookClient(notebook, timeout=120).execute()
    shown = notebook.cells[0].outputs
    assert [o.output_type for o in shown] == ["display_data", "execute_result"]
    assert len(re.findall("Epoch", shown[0].data["text/html"])) == 2
    assert "<svg" in shown[1].data["text/html"]
