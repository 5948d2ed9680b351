"""`summary` on output that cannot show every character."""

import io
import sys

import pytest

import minikeras as keras


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_a_table_is_drawn_with_what_the_output_has(monkeypatch, encoding):
    inputs = keras.Input((2,))
    inner = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="größe")])
    model = keras.Model(inputs, inner(inputs), name="中")
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    model.summary(expand_nested=True, show_trainable=True)
    text = raw.getvalue().decode(encoding)
    monkeypatch.undo()
    whole = encoding == "utf-8"
    assert ("└ größe (Dense)" in text) == whole == ("中" in text) == ("━" in text)
    assert ("größe" in text) == (encoding != "ascii")
    assert "(Dense)" in text and "Total params: 9 (36.00 B)" in text
    assert max(map(len, text.splitlines())) <= 80
