"""Twenty training steps from equal weights agree with keras, step by step."""

import functools

import numpy as np
import pytest

import minikeras
from tests.goldens.make import load
from tests.goldens.oracle import keras
from tests.oracle.cases import CASES, MODELS, train


@functools.cache
def goldens():
    return load("oracle")


def agree(ours, expected):
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize(("model", "optimizer"), CASES)
def test_losses_and_metrics_follow_keras(model, optimizer):
    names, ours = train(minikeras, model, optimizer)
    assert names == goldens()[f"{model}-names"].tolist()
    assert ours[-2, names.index("loss")] < ours[0, names.index("loss")]
    agree(ours, goldens()[f"{model}-{optimizer}"])


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore")  # keras and JAX have some of their own
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("optimizer", ["nesterov", "adam"])
def test_the_goldens_are_what_keras_gives_now(model, optimizer):
    names, theirs = train(keras(), model, optimizer)
    assert names == goldens()[f"{model}-names"].tolist()
    agree(theirs, goldens()[f"{model}-{optimizer}"])


def test_run_eagerly_gives_the_same_losses(monkeypatch):
    build = MODELS["normalized"]
    compiled = train(minikeras, "normalized", "adam")[1]

    def eager(keras):
        model, arguments = build(keras)
        return model, {**arguments, "run_eagerly": True}

    monkeypatch.setitem(MODELS, "normalized", eager)
    agree(train(minikeras, "normalized", "adam")[1], compiled)
