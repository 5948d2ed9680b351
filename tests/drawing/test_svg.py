import itertools
import struct
import xml.etree.ElementTree as ET
import zlib

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from minikeras.drawing import charts, png, svg


def decode(data):
    """The pixels of a PNG whose rows use filter 0, by an independent reading."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, body, header = 8, b"", None
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, content = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        (check,) = struct.unpack(">I", data[at + 8 + length : at + 12 + length])
        assert check == zlib.crc32(kind + content)
        header = content if kind == b"IHDR" else header
        body += content if kind == b"IDAT" else b""
        at += 12 + length
    width, height, depth, colour = struct.unpack(">IIBB", header[:10])
    assert depth == 8
    rows = np.frombuffer(zlib.decompress(body), np.uint8).reshape(height, -1)
    assert (rows[:, 0] == 0).all()
    return rows[:, 1:].reshape(height, width, {2: 3, 6: 4}[colour])


@given(
    st.integers(1, 9), st.integers(1, 9), st.sampled_from([3, 4]), st.integers(0, 99)
)
def test_png_round_trip(height, width, channels, seed):
    size = (height, width, channels)
    pixels = np.random.default_rng(seed).integers(0, 256, size, np.uint8)
    np.testing.assert_array_equal(decode(png.png(pixels)), pixels)


@given(st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs"])))
def test_any_text_survives_markup(words):
    element = ET.fromstring(svg.tag("text", svg.text(words), label=words))
    assert (element.text or "") == words
    assert element.get("label") == words


def test_colours_run_from_low_to_high_and_clip():
    got = svg.colourise(np.array([-5.0, 0.0, 1.0, 2.0, 9.0, np.nan]), svg.INK, 0, 2)
    assert got[:, 0].tolist() == [0, 0, 128, 255, 255, 0]


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(2, 9))
@example(low=879609.9999999999, span=1e-6, count=5)
def test_ticks_cover_the_range_with_few_marks(low, span, count):
    marks = charts.ticks(low, low + span, count)
    assert marks[0] <= low + span * 1e-3
    assert marks[-1] >= low + span * (1 - 1e-3)
    assert 2 <= len(marks) <= count + 3
    assert marks == sorted(set(marks))


@pytest.mark.parametrize(
    "values",
    [[], [0.5], [1.0, 1.0, 1.0], [np.nan, 2.0], [1.0, np.nan], [np.nan], [np.inf, 1.0]],
)
def test_line_chart_is_xml_and_never_draws_nan(values):
    drawn = charts.line_chart({"train": values, "validation": values}, "loss & co")
    root = ET.fromstring(drawn)
    coordinates = [
        v
        for e in root.iter()
        for k, v in e.attrib.items()
        if k in {"x", "y", "x1", "y1", "cx", "cy", "d"}
    ]
    assert not any("nan" in v or "inf" in v for v in coordinates)
    finite = sum(np.isfinite(values))
    dots = [e for e in root.iter() if e.tag.endswith("circle")]
    assert len(dots) == 2 * finite


def test_line_chart_gap_lifts_the_pen():
    root = ET.fromstring(charts.line_chart({"a": [1, 2, np.nan, 3, 4]}, "loss"))
    (path,) = (e for e in root.iter() if e.tag.endswith("path"))
    assert path.get("d").count("M") == 2
    assert path.get("d").count("L") == 2


def test_last_labels_do_not_overlap():
    apart = charts._spread([100.0, 101.0])
    assert abs(apart[0] - apart[1]) >= 14
    assert charts._spread([10.0, 90.0]) == [10.0, 90.0]
    close = charts._spread([50.0, 50.0, 51.0, 49.0, 80.0, 62.0])
    places = sorted(close)
    assert all(b - a >= 14 for a, b in itertools.pairwise(places))
    assert close[4] == places[-1] and close[3] == places[0]


def test_confusion_matrix_shows_every_count_and_recall():
    counts = np.array([[7, 1], [0, 0]])
    words = [e.text for e in ET.fromstring(charts.confusion_matrix(counts)).iter()]
    assert "7" in words
    assert "1" in words
    assert "88%" in words
    assert "–" in words  # no picture of class 1: no recall to speak of


def test_confusion_matrix_errors_name_the_argument():
    with pytest.raises(ValueError, match=r"counts has shape \(2, 3\); expected"):
        charts.confusion_matrix(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="1 labels for 2 classes"):
        charts.confusion_matrix(np.zeros((2, 2)), ["a"])


def test_image_grid_places_every_picture():
    root = ET.fromstring(charts.image_grid(np.zeros((5, 2, 3)), "tiles", columns=2))
    tiles = [e for e in root.iter() if e.tag.endswith("image")]
    places = [(t.get("x"), t.get("y")) for t in tiles]
    assert len(set(places)) == 5
    assert root.get("aria-label") == "tiles"
    with pytest.raises(ValueError, match=r"shape \(2, 2\); expected"):
        charts.image_grid(np.zeros((2, 2)), "tiles")


def test_bars_mark_the_greatest():
    root = ET.fromstring(charts.bar_chart(np.array([0.1, 0.9]), "probabilities"))
    words = [e.text for e in root.iter() if e.tag.endswith("text")]
    assert words == ["0", "1", "90.0%"]
    root = ET.fromstring(charts.bar_chart(np.array([2e-6, 0.999998]), "almost"))
    words = [e.text for e in root.iter() if e.tag.endswith("text")]
    assert words == ["0", "1", ">99.99%"]
