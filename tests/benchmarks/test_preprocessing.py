"""The texts that are measured, and what the table says of them."""

import importlib

import pytest

pytest.importorskip("benchmarks", reason="the benchmarks are not in the wheel")
preprocessing = importlib.import_module("benchmarks.preprocessing")


def test_texts_are_as_the_benchmark_says():
    lines = preprocessing.texts(30, preprocessing.LETTERS["unicode"])
    assert all(50 <= len(line.split()) <= 350 for line in lines)
    assert not all(map(str.isascii, lines))
    assert lines == preprocessing.texts(30, preprocessing.LETTERS["unicode"])


def test_rates_are_printed_beside_the_peer(monkeypatch, capsys):
    monkeypatch.setattr(
        preprocessing, "compared", lambda group, rounds, python: {python: (3.0, 2.0)}
    )
    words = ["--groups", "text", "--python", "keras-tensorflow=a-python"]
    preprocessing.main(words)
    assert capsys.readouterr().out.splitlines()[1].split() == [
        "a-python", "3.00", "2.00", "1.50",
    ]  # fmt: skip
