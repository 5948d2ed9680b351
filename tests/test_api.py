"""No public name and no signature gets lost; the comparison with keras stays as it is."""

import json

import pytest

import minikeras
from minikeras.testing import api_parity
from tests.goldens.oracle import keras

# Complete: nothing of these is missing, and nothing may be.
WHOLE = ("activations", "constraints", "initializers", "losses", "metrics", "ops",
         "ops.image", "optimizers", "optimizers.schedules", "random", "regularizers",
         "tree")  # fmt: skip


@pytest.mark.skipif(not api_parity.SNAPSHOT.exists(), reason="not in a source tree")
def test_nothing_of_the_snapshot_is_lost():
    kept = json.loads(api_parity.SNAPSHOT.read_text("utf-8"))
    losses = api_parity.lost(api_parity.public(minikeras), kept)
    assert not losses, (
        "\n".join(losses)
        + "\nIf that is meant: python -m minikeras.testing.api_parity --write"
    )


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

    assert api_parity.signature(function) == "(a, b=(1, 2), *rest, c='x', **more)"


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("namespace", WHOLE)
def test_nothing_of_keras_is_missing(namespace):
    ours = api_parity.public(minikeras, [namespace])
    missing, _ = api_parity.compare(ours, api_parity.public(keras(), [namespace]))
    assert not missing


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("namespace", ["ops", "ops.image", "random", "activations"])
def test_signatures_of_functions_are_those_of_keras(namespace):
    ours = api_parity.public(minikeras, [namespace])
    _, different = api_parity.compare(ours, api_parity.public(keras(), [namespace]))
    assert not different
