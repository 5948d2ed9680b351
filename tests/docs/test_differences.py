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


def test_symbolic_calls_refuse_what_a_call_would():
    x = keras.KerasTensor((2, 3))
    for call in (
        lambda: keras.ops.nancumprod(x, axis=(0, 1)),
        lambda: keras.ops.argpartition(x, 3),
        lambda: keras.ops.image.gaussian_blur(keras.KerasTensor((4, 4, 3)), x, 1.0),
    ):
        with pytest.raises((TypeError, ValueError)):
            call()


def test_grouped_queries_and_values_of_other_widths():
    layer = keras.layers.GroupQueryAttention(2, 4, 2)
    assert layer.compute_output_shape((2, 3, 8), (2, 4, 7)) == (2, 3, 8)
    assert layer(np.ones((2, 3, 8)), np.ones((2, 4, 7))).shape == (2, 3, 8)


def test_a_mask_goes_through_a_pipeline():
    pipeline = keras.layers.Pipeline([keras.layers.Rescaling(2.0)])
    x = keras.layers.Masking()(np.ones((2, 3, 4), "float32"))
    np.testing.assert_array_equal(pipeline(x)._keras_mask, x._keras_mask)


def test_a_save_that_fails_leaves_what_was_there(tmp_path):
    class Failing(keras.layers.Layer):
        def save_own_variables(self, store):
            raise ValueError("not today")

    model = keras.Sequential([keras.Input((2,)), Failing()])
    (tmp_path / "old.keras").write_bytes(b"old")
    for name in ("old", "new"):
        with pytest.raises(ValueError, match="not today"):
            model.save(tmp_path / f"{name}.keras")
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"old"]


def test_dropout_keeps_the_mean_over_many_draws():
    x = np.ones((20, 500), "float32")
    layer = keras.layers.Dropout(0.5, seed=1337)
    means = [np.mean(layer(x, training=True)) for _ in range(100)]
    assert abs(np.mean(means) - 1) < 0.005 and np.std(means) < 0.02
