"""docs/differences.md: each row says why and names a test that exists.

The rows that no other test holds are tested here.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import minikeras as keras

ROOT = Path(__file__).parents[2]


def rows() -> list[list[str]]:
    text = (ROOT / "docs/differences.md").read_text(encoding="utf-8")
    cells = [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in text.splitlines()
        if line.startswith("|") and not line.startswith("|---")
    ]
    return [row for row in cells if row[-2:] != ["why", "test"]]


def test_every_row_says_why_and_names_a_test():
    found = rows()
    assert len(found) > 150
    for row in found:
        assert len(row) in (4, 5) and all(row[-2:]), row
        files = re.findall(r"`([^`]+)`", row[-1])
        assert files, row
        for name in files:
            assert (ROOT / name).is_file(), (name, row)


def test_the_mask_of_a_symbolic_result_is_no_output():
    inputs = keras.Input((3,))
    mask = keras.layers.Embedding(4, 2, mask_zero=True)(inputs)._keras_mask
    assert mask.shape == (None, 3) and mask.dtype == "bool"
    with pytest.raises(ValueError, match="which no call made"):
        keras.Model(inputs, mask)


def test_a_loss_says_which_crossentropy():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    with pytest.raises(ValueError, match="'BinaryCrossentropy'"):
        model.compile(loss="crossentropy")


@pytest.mark.parametrize("kind", ["sparse", "ragged"])
def test_tensors_are_dense(kind):
    for make in (keras.KerasTensor, keras.Input):
        with pytest.raises(ValueError, match="sparse and ragged"):
            make((2, 3), **{kind: True})


def test_adafactor_without_relative_steps_keeps_its_rate():
    moved = []
    for relative in (True, False):
        variable = keras.Variable(np.full(3, 100, "float32"))
        optimizer = keras.optimizers.Adafactor(4.0, relative_step=relative)
        optimizer.apply([np.full(3, 0.5, "float32")], [variable])
        moved.append(100 - variable.numpy()[0])
    assert moved[1] == pytest.approx(4 * moved[0], rel=1e-4)
