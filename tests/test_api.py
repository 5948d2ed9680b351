"""No public name and no signature gets lost; no difference from keras comes up anew."""

import json

import pytest

import minikeras
from minikeras.testing import api_parity, api_table
from tests.goldens.oracle import keras

# Complete: nothing of these is missing, and nothing may be.
WHOLE = ("activations", "backend", "config", "constraints", "initializers", "losses",
         "metrics", "ops", "ops.image", "optimizers.schedules", "random", "regularizers",
         "tree")  # fmt: skip
REFRESH = "\nIf that is meant: python -m minikeras.testing.api_parity --write"


@pytest.mark.skipif(not api_parity.SNAPSHOT.exists(), reason="not in a source tree")
def test_nothing_of_the_snapshot_is_lost():
    pytest.importorskip("sklearn", reason="the estimators' names are looked up")
    whole = api_table.public(minikeras, whole=True)
    losses = api_parity.lost(whole, api_parity.snapshot()["api"])
    assert not losses, "\n".join(losses) + REFRESH


def test_lost_names_and_signatures_are_told():
    kept = {"ops.add": "(x1, x2)", "ops.gone": "(x)", "ops.abs": "(x)"}
    ours = {"ops.add": "(x1, x2, x3)", "ops.abs": "(x)", "ops.new": "()"}
    assert api_parity.lost(ours, kept) == [
        "ops.add(x1, x2) is now ops.add(x1, x2, x3)",
        "ops.gone(x) is now gone",
    ]


def test_signatures_are_text():
    def function(a, b=(1, 2), *rest, c="x", **more):
        return a, b, rest, c, more

    def named(a, /, b, *, c=None):
        return a, b, c

    assert api_table.signature(function) == "(a, b=(1, 2), *rest, c='x', **more)"
    assert api_table.signature(named) == "(a, /, b, *, c=None)"
    assert api_table.signature(named, bound=True) == "(b, *, c=None)"


class Base:
    size = 3

    def __init__(self, units, *, name=None):
        self.units = units

    @property
    def shape(self):
        return ()

    @property
    def name(self):
        return ""

    @name.setter
    def name(self, value):
        raise AttributeError

    def call(self, x, training=False):
        return x

    @classmethod
    def make(cls, config):
        return cls(config)

    @staticmethod
    def count(x, y=1):
        return x

    def _hidden(self):
        return 0


class Derived(Base):
    def call(self, x, training=False, mask=None):
        return x


def test_members_of_classes():
    known = {Base: "layers.Base", Derived: "layers.Derived"}
    assert api_table.of_class(Base, known) == {
        "layers.Base.call": "(x, training=False)",
        "layers.Base.count": "(x, y=1)",
        "layers.Base.make": "(config)",
        "layers.Base.name": "property, settable",
        "layers.Base.shape": "property",
    }
    assert api_table.members(Base)["units"] == api_table.ATTRIBUTE
    assert api_table.of_class(Derived, known) == {
        "layers.Derived.call": "(x, training=False, mask=None)",
        "layers.Derived <": "layers.Base",
    }
    assert "layers.Derived.make" in api_table.of_class(Derived, known, whole=True)


def test_what_serves():
    found = api_parity.Differences()
    found.add("a", None, "(x)")
    found.add("b", "(x)", "(x, y=1)")
    found.add("c", "attribute", "property, settable")
    found.add("d", "property", "property, settable")
    found.add("e", "(*args, **kwargs)", "(input_shape)")
    found.add("f", "attribute", "()")
    found.add("layers.JaxLayer", None, "()")
    assert found.missing == {"a": "(x)"} and [*found.different] == ["b", "d", "f"]
    known = {"missing": ["a"], "different": {"b": ["(x)", "(x, y=1)"], "d": ["", ""]}}
    assert [text.split(":")[1] for text in found.beyond(known)] == [" d", " f"]


@pytest.mark.skipif(not api_parity.SNAPSHOT.exists(), reason="not in a source tree")
def test_the_command(tmp_path, monkeypatch, capsys):
    pytest.importorskip("sklearn", reason="the estimators' names are looked up")
    assert api_parity.main(["--strict"]) == 0
    kept = api_parity.snapshot()
    kept["api"]["ops.gone"] = "(x)"
    monkeypatch.setattr(api_parity, "SNAPSHOT", tmp_path / "api.json")
    api_parity.SNAPSHOT.write_text(json.dumps(kept), "utf-8")
    assert api_parity.main(["--strict"]) == 1
    assert "ops.gone(x) is now gone" in capsys.readouterr().out


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore")
def test_differences_from_keras_are_those_of_the_snapshot(
    tmp_path, monkeypatch, capsys
):
    keras()
    assert api_parity.main([]) == 0, capsys.readouterr().err + REFRESH
    assert capsys.readouterr().out.splitlines()[-1].startswith("all ")
    kept = api_parity.snapshot()
    kept["missing"].pop()
    monkeypatch.setattr(api_parity, "SNAPSHOT", tmp_path / "api.json")
    api_parity.SNAPSHOT.write_text(json.dumps(kept), "utf-8")
    assert api_parity.main(["--json"]) == 1
    assert "not in the snapshot" in capsys.readouterr().err
    assert api_parity.main(["--write"]) == 0 and api_parity.main([]) == 0


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("namespace", WHOLE)
def test_nothing_of_keras_is_missing(namespace):
    found = api_parity.compare(minikeras, keras(), [namespace])
    assert found.counted and not found.missing and not found.different
