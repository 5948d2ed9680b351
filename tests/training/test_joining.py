"""Datasets made of several, in the order that TensorFlow gives them."""

import numpy as np
import pytest

from minikeras.utils import Dataset


def numbers(dataset):
    return [int(v) for v in dataset]


@pytest.mark.parametrize(
    ("count", "width", "block", "wanted"),
    [
        (5, 2, 2, [0, 0, 1, 1, 0, 1, 2, 2, 3, 3, 2, 3, 4, 4, 4]),
        (3, 1, 1, [0, 0, 0, 1, 1, 1, 2, 2, 2]),
        (2, 5, 1, [0, 1, 0, 1, 0, 1]),
        (0, 2, 1, []),
    ],
)
def test_interleave(count, width, block, wanted):
    made = Dataset.range(count).interleave(
        lambda v: Dataset.from_tensors(v).repeat(3), width, block
    )
    assert numbers(made) == numbers(made) == wanted


def test_interleave_of_uneven_ones():
    made = Dataset.range(3).interleave(lambda v: Dataset.range(v + 1), cycle_length=2)
    assert numbers(made) == [0, 0, 1, 0, 1, 2]


def test_sample_from_datasets():
    parts = [Dataset.range(100), Dataset.range(100, 200)]
    made = Dataset.sample_from_datasets(parts, [0.9, 0.1], seed=1)
    first, second = numbers(made), numbers(made)
    assert sorted(first) == list(range(200)) and first != second
    assert first == numbers(Dataset.sample_from_datasets(parts, [0.9, 0.1], seed=1))
    assert 80 < sum(v < 100 for v in first[:100]) < 98
    short = Dataset.sample_from_datasets(parts, [0.9, 0.1], 1, True)
    assert len(numbers(short)) < 200
    with pytest.raises(ValueError, match="weights of shape"):
        Dataset.sample_from_datasets(parts, [1.0])


def test_choose_take_while_and_scan():
    parts = [Dataset.range(3), Dataset.range(10, 13)]
    order = Dataset.from_tensor_slices(np.array([0, 1, 1, 0]))
    assert numbers(Dataset.choose_from_datasets(parts, order)) == [0, 10, 11, 1]
    assert numbers(Dataset.range(9).take_while(lambda v: v < 4)) == [0, 1, 2, 3]
    sums = Dataset.range(5).scan(np.int64(0), lambda s, e: (s + e, s + e))
    assert numbers(sums) == [0, 1, 3, 6, 10]


def test_list_files(tmp_path):
    for name in "cab":
        (tmp_path / f"{name}.txt").write_text(name)
    pattern = str(tmp_path / "*.txt")
    found = [str(p)[-5:] for p in Dataset.list_files(pattern, shuffle=False)]
    assert found == ["a.txt", "b.txt", "c.txt"]
    assert sorted(map(str, Dataset.list_files(pattern, seed=1))) == sorted(
        map(str, Dataset.list_files([pattern], shuffle=False))
    )
    with pytest.raises(ValueError, match="nothing fits"):
        Dataset.list_files(str(tmp_path / "*.csv"))
