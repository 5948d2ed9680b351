"""docs/differences.md: each row says why and names a test; tests of Keras stand there once.

The rows that no other test holds are tested here.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import re
from pathlib import Path

import numpy as np
import pytest

import minikeras as keras
from tests.docs import keras_tests
from tests.goldens.oracle import oracle

ROOT = Path(__file__).parents[2]
TEXT = keras_tests.DOCUMENT.read_text(encoding="utf-8")
LISTED = keras_tests.listed(TEXT)


def test_every_row_says_why_and_names_a_test():
    found = keras_tests.rows(TEXT)
    assert len(found) > 150
    for row in found:
        assert len(row) in (4, 5) and all(row[-2:]), row
        files = re.findall(r"`([^`]+)`", row[-1])
        assert files, row
        for name in files:
            assert (ROOT / name).is_file(), (name, row)


def test_tests_of_keras_are_listed_once_and_each_with_a_reason():
    assert len(LISTED) > 80
    for test, where in LISTED.items():
        assert len(where) == 1, test
        _, wanted, here, why, _ = where[0]
        assert all((wanted, here, why)), test
        assert re.fullmatch(r"[\w/*]+_test\.py(::[\w*]+)+(\[[\w-]+\])?", test), test
        same_file = [t for t in LISTED if t.split("::")[0] == test.split("::")[0]]
        assert keras_tests.covering(test, same_file)[0] == test, test


@oracle
def test_listed_tests_of_keras_exist():
    """By the names in the installed package; parameters stand behind those of functions."""
    spec = importlib.util.find_spec("keras")
    if spec is None:
        pytest.skip("keras is not installed")
    source = Path(spec.origin).parent / "src"
    for test in LISTED:
        path, *parts = test.split("::")
        stem = re.split(r"[*\[]", parts[-1])[0]
        found = [
            name
            for file in source.glob(path)
            for cls, name in names_in(file)
            if len(parts) == 1 or keras_tests.covering(cls, parts[:1])
        ]
        assert any(stem.startswith(n) or n.startswith(stem) for n in found), test


@functools.cache
def names_in(file: Path) -> list[tuple[str, str]]:
    """The tests of a module as classes and names."""
    found, cls = [], ""
    words = r"^(?:class (\w+)|( *)def (test\w*))"
    for opened, indent, name in re.findall(
        words, file.read_text("utf-8"), re.MULTILINE
    ):
        if opened:
            cls = opened
        else:
            found.append((cls if indent else "", name))
    return found


RESULTS = {
    "a_test.py::ATest::test_listed": "failed",
    "a_test.py::ATest::test_other[x1]": "error",
    "a_test.py::ATest::test_good": "passed",
    "b/c_test.py::CTest::test_fine": "passed",
    "b/c_test.py::CTest::test_left_out": "skipped",
}
IDS = [
    "a_test.py::ATest::test_li*",
    "b/c_test.py::CTest::test_fine",
    "d_test.py::test_d",
]


def junit() -> str:
    """The same results as pytest writes them."""
    tags = {"failed": "<failure/>", "error": "<error/>", "skipped": "<skipped/>"}
    cases = []
    for test, outcome in RESULTS.items():
        path, cls, name = f"keras/src/{test}".split("::")
        module = path.removesuffix(".py").replace("/", ".")
        inside = tags.get(outcome, "")
        cases.append(
            f'<testcase classname="{module}.{cls}" name="{name}">{inside}</testcase>'
        )
    return f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>"


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(
            {"files": {f"keras/src/{k}": [v, "why"] for k, v in RESULTS.items()}}
        ),
        json.dumps(RESULTS),
        junit(),
    ],
)
def test_a_run_of_keras_tests_is_held_against_the_list(
    text, tmp_path, monkeypatch, capsys
):
    (tmp_path / "results").write_text(text)
    found = keras_tests.outcomes(tmp_path / "results")
    assert found.keys() == RESULTS.keys()
    assert keras_tests.compare(found, IDS) == (
        ["a_test.py::ATest::test_other[x1]"],
        ["b/c_test.py::CTest::test_fine"],
    )
    listing = f"{keras_tests.HEADING}\n\n| `{IDS[0]}` | a | b | c | d |\n"
    (tmp_path / "list.md").write_text(f"# x\n\n{listing}\n## More\n| `{IDS[1]}` | |\n")
    monkeypatch.setattr(keras_tests, "DOCUMENT", tmp_path / "list.md")
    assert keras_tests.main([str(tmp_path / "results")]) == 1
    assert "not listed: a_test.py::ATest::test_other[x1]" in capsys.readouterr().out
    assert keras_tests.main([str(tmp_path / "results"), "b/"]) == 0


def test_a_text_of_ids_is_a_list_of_failures(tmp_path):
    (tmp_path / "ids").write_text("keras/src/a_test.py::test_x\n\n")
    assert keras_tests.outcomes(tmp_path / "ids") == {"a_test.py::test_x": "failed"}


def test_a_variable_made_in_a_stateless_scope_has_its_value():
    with keras.StatelessScope():
        made = keras.Variable("ones", shape=(2,), name="made")
        assert "value=[1. 1.]" in repr(made)
    np.testing.assert_array_equal(made.numpy(), [1.0, 1.0])


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


def test_averages_stay_averages_while_they_are_swapped_in():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile(keras.optimizers.SGD(0.1, use_ema=True), "mse")
    model.optimizer.build(model.trainable_variables)
    (average,) = model.optimizer._model_variables_moving_average
    average.assign([[9.0]])
    model.set_weights([np.full((1, 1), 2.0)])
    swap = keras.callbacks.SwapEMAWeights()
    swap.set_model(model)
    seen = []
    for move in (swap.on_test_begin, swap.on_test_end):
        move()
        seen.append((model.get_weights()[0].item(), average.numpy().item()))
    assert seen == [(9.0, 9.0), (2.0, 9.0)]


def test_dropout_keeps_the_mean_over_many_draws():
    x = np.ones((20, 500), "float32")
    layer = keras.layers.Dropout(0.5, seed=1337)
    means = [np.mean(layer(x, training=True)) for _ in range(100)]
    assert abs(np.mean(means) - 1) < 0.005 and np.std(means) < 0.02
