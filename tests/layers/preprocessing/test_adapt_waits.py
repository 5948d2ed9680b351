"""`adapt` over sources that hang, fail, never end, or give single rows."""

import threading

import numpy as np
import pytest

from minikeras import layers
from minikeras.engine.background import Workers
from minikeras.utils import FeatureSpace

LAYERS = {
    "Normalization": lambda: layers.Normalization(axis=None),
    "Discretization": lambda: layers.Discretization(num_bins=3),
    "IntegerLookup": layers.IntegerLookup,
    "StringLookup": layers.StringLookup,
    "TextVectorization": layers.TextVectorization,
}


def batch(name, number):
    if name in ("StringLookup", "TextVectorization"):
        return np.array([f"word{number}", "common"])
    return np.arange(4) + number


@pytest.mark.parametrize("name", LAYERS)
def test_a_batch_that_does_not_come_is_named(name, monkeypatch):
    monkeypatch.setenv("MINIKERAS_DATA_TIMEOUT", "0.3")
    never = threading.Event()

    def source():
        yield batch(name, 0)
        never.wait(20)

    with pytest.raises(TimeoutError, match=r"batch [01] for adapt.*DATA_TIMEOUT"):
        LAYERS[name]().adapt(source())
    never.set()


def test_a_table_that_does_not_come_is_named(monkeypatch):
    monkeypatch.setenv("MINIKERAS_DATA_TIMEOUT", "0.3")
    never = threading.Event()

    def source():
        never.wait(20)
        yield {"a": np.arange(3.0)}

    space = FeatureSpace({"a": FeatureSpace.float_normalized()})
    with pytest.raises(TimeoutError, match=r"batch 0 for adapt"):
        space.adapt(source())
    never.set()


@pytest.mark.parametrize("name", LAYERS)
def test_what_a_source_raises_has_its_own_line(name):
    def source():
        yield batch(name, 0)
        raise KeyError("of the source")

    with pytest.raises(KeyError, match="of the source") as raised:
        LAYERS[name]().adapt(source())
    assert any(entry.name == "source" for entry in raised.traceback)


def test_no_more_is_taken_than_steps():
    taken = []

    def source():
        for number in range(10**9):
            taken.append(number)
            yield np.array([float(number)])

    layer = layers.Discretization(num_bins=2)
    layer.adapt(source(), steps=5)
    assert taken == [0, 1, 2, 3, 4]


def test_single_rows_are_handed_over_together(monkeypatch):
    """A thread's answer for each row would cost more than the row."""
    asked = []
    submit = Workers.submit

    def counted(self, *args):
        asked.append(1)
        return submit(self, *args)

    monkeypatch.setattr(Workers, "submit", counted)
    rows = np.random.default_rng(0).normal(size=(20_000, 3))
    layer = layers.Normalization()
    layer.adapt(iter(rows))
    np.testing.assert_allclose(np.ravel(layer.mean), rows.mean(0), atol=1e-5)
    assert len(asked) < len(rows) / 10
