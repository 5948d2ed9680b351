"""Rows of files under memory maps: the right ones, and few of them in memory."""

import os
import sys

import numpy as np
import pytest

import minikeras as keras
from minikeras.training.data import ArrayAdapter, mapped
from minikeras.training.data.rows import rows_of
from tests.training.models import linear

VALUES = np.arange(40 * 6, dtype="float32").reshape(40, 6)

linux = pytest.mark.skipif(sys.platform != "linux", reason="pages stay elsewhere")


@pytest.fixture
def short(monkeypatch):
    """Files of every length are read as long ones are."""
    monkeypatch.setattr(mapped, "SHORT", 0)
    monkeypatch.setattr(mapped, "HELD", 100)


def stored(folder, values=VALUES):
    np.save(folder / "x.npy", values)
    return folder / "x.npy"


VIEWS = {
    "whole": lambda x: x,
    "from row 7": lambda x: x[7:],
    "some columns": lambda x: x[:, 1:4],
    "every second": lambda x: x[::2],
    "backwards": lambda x: x[::-1],
    "columns apart": lambda x: x[:, ::2],
    "a plain array": np.asarray,
    "pictures": lambda x: x.reshape(40, 3, 2),
    "one axis": lambda x: x[:, 2],
}


@linux
@pytest.mark.parametrize("mode", ["r", "r+", "c"])
@pytest.mark.parametrize("view", VIEWS)
def test_rows_are_those_of_the_map(view, mode, short, tmp_path):
    x = VIEWS[view](np.load(stored(tmp_path), mmap_mode=mode))
    expected = VIEWS[view](VALUES)
    rows = rows_of(x)
    order = np.random.default_rng(1).permutation(len(expected))
    for where in (order, order[:1], order[:0], np.sort(order), np.r_[3:9, 3, 2]):
        np.testing.assert_array_equal(rows.take(where), expected[where])
        np.testing.assert_array_equal(rows[2:12].take(where[where < 10]),
                                      expected[2:12][where[where < 10]])  # fmt: skip
    for start in range(0, len(expected), 4):
        np.testing.assert_array_equal(
            rows.read(start, start + 4), expected[start : start + 4]
        )


@linux
def test_changes_of_a_map_are_seen(short, tmp_path):
    path = stored(tmp_path)
    for mode in ("r+", "c"):  # in the file, and in memory alone
        x = np.load(path, mmap_mode=mode)
        rows = rows_of(x)
        x[5] = 7.0
        assert rows.take(np.array([5, 3]))[0].tolist() == [7.0] * 6
        for _ in range(3):
            assert rows.read(5, 6).tolist() == [[7.0] * 6]


@linux
def test_another_file_of_that_name_is_not_read(short, tmp_path):
    x = np.load(stored(tmp_path), mmap_mode="r")
    np.save(tmp_path / "other.npy", np.zeros_like(VALUES))
    os.replace(tmp_path / "other.npy", tmp_path / "x.npy")
    assert rows_of(x).take(np.array([9, 1])).tolist() == VALUES[[9, 1]].tolist()
    os.unlink(tmp_path / "x.npy")
    assert rows_of(x).take(np.array([9, 1])).tolist() == VALUES[[9, 1]].tolist()


@linux
def test_a_file_that_was_cut_off_is_told(short, tmp_path):
    path = stored(tmp_path)
    rows = rows_of(np.load(path, mmap_mode="r"))
    os.truncate(path, 500)
    with pytest.raises(OSError, match="shorter than it was"):
        rows.take(np.array([39, 3]))


def pages_in_memory():
    """Bytes of files that count as memory of this process."""
    with open("/proc/self/status") as lines:
        found = next(line for line in lines if line.startswith("RssFile"))
    return 1024 * int(found.split()[1])


@linux
@pytest.mark.parametrize("shuffle", [False, True, "batch"])
def test_pages_of_a_long_file_do_not_stay(shuffle, monkeypatch, tmp_path):
    monkeypatch.setattr(mapped, "SHORT", 1 << 20)
    monkeypatch.setattr(mapped, "HELD", 1 << 20)
    x = np.memmap(tmp_path / "x", "float32", "w+", shape=(1 << 16, 256))  # 64 MiB
    before, most = pages_in_memory(), 0
    for batch in ArrayAdapter(rows_of(x), batch_size=256, shuffle=shuffle).epoch():
        batch[0].sum()
        most = max(most, pages_in_memory())
    assert most - before < 16 << 20


def test_a_map_trains_as_its_array_does(short, tmp_path):
    x = np.load(stored(tmp_path, VALUES[:, :4] / 100), mmap_mode="r")
    y = VALUES[:, :1] / 100

    def history(x):
        keras.utils.set_random_seed(4)
        return linear().fit(x, y, epochs=2, verbose=0, batch_size=8).history

    assert history(x) == history(np.array(x))
