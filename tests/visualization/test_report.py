import os
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from minikeras.drawing import charts
from minikeras.visualization import report, write_report

VOID = {"meta"}


class Balanced(HTMLParser):
    """Checks that every element is closed in order."""

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, name, attributes):
        if name not in VOID | {"br"}:
            self.open.append(name)

    def handle_endtag(self, name):
        assert self.open.pop() == name


def arguments(**changes):
    result = {
        "history": {"loss": [1.0, 0.5], "val_loss": [0.9, 0.6], "accuracy": [0.5, 1]},
        "confusion": np.array([[9, 1], [0, 10]]),
        "filters": np.linspace(-1, 1, 3 * 3 * 4).reshape(3, 3, 1, 4),
        "feature_maps": [
            ("input", np.eye(8)[..., None]),
            ("conv2d", np.ones((6, 6, 4))),
            ("flatten", np.ones(144)),
            ("dense", np.array([0.25, 0.75])),
        ],
        "mistakes": [(np.eye(8), 0, 1, 0.87)],
        "title": "Digits <& friends>",
        "facts": {"Accuracy": "95 %"},
    }
    return result | changes


def test_report_is_one_wellformed_self_contained_file(tmp_path):
    path = write_report(tmp_path / "new" / "report.html", **arguments())
    content = path.read_text(encoding="utf-8")
    checker = Balanced()
    checker.feed(content.removeprefix("<!doctype html>"))
    assert checker.open == []
    assert "<script" not in content
    links = re.findall(r'(?:href|src)="([^"]{0,30})', content)
    assert links
    assert all(link.startswith("data:image/png;base64,") for link in links)
    assert "Digits &lt;&amp; friends&gt;" in content
    for words in ("conv2d", "87% sure", "95 %", "prefers-color-scheme", "0.9000"):
        assert words in content
    assert os.listdir(path.parent) == ["report.html"]


def test_no_mistakes_is_said(tmp_path):
    perfect = arguments(mistakes=[], confusion=np.eye(2, dtype=int))
    content = write_report(tmp_path / "r.html", **perfect).read_text(encoding="utf-8")
    assert "every test picture was recognised" in content
    assert "2 of 2 right." in content


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"confusion": np.zeros((2, 3))}, "counts has shape"),
        ({"filters": np.zeros((3, 3))}, "filters has shape"),
        ({"feature_maps": [("odd", np.zeros((2, 2)))]}, "feature map of 'odd'"),
        ({"mistakes": [(np.zeros((2, 2, 3)), 0, 1, 0.5)]}, "images has shape"),
    ],
)
def test_bad_arrays_leave_the_old_report(tmp_path, change, message):
    path = tmp_path / "report.html"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        write_report(path, **arguments(**change))
    assert path.read_text(encoding="utf-8") == "old"


def test_a_failing_write_leaves_the_old_report_and_no_litter(tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("old", encoding="utf-8")

    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr(report.os, "replace", full)
    with pytest.raises(OSError, match="no space left"):
        write_report(path, **arguments())
    assert os.listdir(tmp_path) == ["report.html"]
    assert path.read_text(encoding="utf-8") == "old"


def test_what_is_cut_of_the_mistakes_is_said(tmp_path):
    counts = np.eye(5, dtype=int) * 10
    counts[np.triu_indices(5, 1)] = np.arange(
        1, 11
    )  # ten pairs, of which eight are named
    content = write_report(
        tmp_path / "r.html", **arguments(confusion=counts)
    ).read_text("utf-8")
    assert "And 3 more mistakes in 2 other pairs." in content
    hardest = "Hardest to find: <b>1</b> (36%), <b>2</b> (37%), <b>0</b> (50%)."
    assert hardest in content
    few = write_report(tmp_path / "few.html", **arguments()).read_text("utf-8")
    assert "other pair" not in few


def test_no_mistake_is_a_hundred_per_cent_sure_by_rounding(tmp_path):
    mistakes = [(np.eye(8), 0, 1, 0.9999), (np.eye(8), 0, 1, 1 - 1e-7)]
    content = write_report(
        tmp_path / "r.html", **arguments(mistakes=mistakes)
    ).read_text("utf-8")
    assert "99.99% sure" in content and "&gt;99.99% sure" in content
    assert "100% sure" not in content


def test_names_of_series_have_their_colours():
    chart = charts.line_chart({"one": [1, 2], "two": [2, 1]}, "t")
    for name, colour in zip(("one", "two"), charts.SERIES):
        label = next(part for part in chart.split("<text") if f">{name}</text>" in part)
        assert f"fill:{colour}" in label
    assert chart._repr_html_() == chart
