"""Ranks under MPI train what one process trains."""

import pickle
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import BACKENDS
from tests.distribution import started

SCRIPT = str(Path(__file__).with_name("train.py"))


def _read(folder, count):
    return [pickle.loads((folder / f"{r}.pkl").read_bytes()) for r in range(count)]


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    started.needs_mpi()
    folder = tmp_path_factory.mktemp("one")
    done = started.start([sys.executable, SCRIPT, str(folder), BACKENDS[-1], "one"])
    assert done.returncode == 0, done.stderr
    return _read(folder, 1)[0]


@pytest.fixture(scope="module", params=[2, 4])
def several(request, one, tmp_path_factory):
    count = request.param
    folder = tmp_path_factory.mktemp(f"ranks{count}")
    done = started.ranks(count, SCRIPT, str(folder), BACKENDS[-1])
    assert done.returncode == 0, done.stderr
    return done, _read(folder, count)


@pytest.mark.parametrize("model", ["mlp", "cnn", "lstm", "kept"])
def test_ranks_train_as_one_process(one, several, model):
    _, found = several
    wanted = one[model]
    assert len(wanted["steps"]) >= 18
    assert (
        len(wanted.get("stopped", range(5))) == 5
    )  # one rank stops: after 3, and after 2
    for key, value in wanted.items():
        if key != "weights":
            _compare(found[0][model][key], value, key)
    for other in found[1:]:  # replicas are equal to the bit
        _equal(other[model], found[0][model])


def _compare(found, wanted, key):
    if isinstance(wanted, dict):
        assert list(found) == list(wanted)
        for name, value in wanted.items():
            _compare(found[name], value, (key, name))
        return
    within = 1e-6 if key == "steps" or "loss" in key else 1e-5
    np.testing.assert_allclose(found, wanted, rtol=0, atol=within, err_msg=str(key))


def _equal(found, wanted):
    if isinstance(wanted, dict):
        for name, value in wanted.items():
            _equal(found[name], value)
    else:
        for a, b in zip(found, wanted):
            np.testing.assert_array_equal(a, b)


def test_batches_by_number_are_made_once(one, several):
    _, found = several
    size = len(found)
    assert one["made"] == sorted(list(range(21)) * 2)
    assert sorted(n for other in found for n in other["made"]) == one["made"]
    counts = [len(other["made"]) for other in found]
    assert counts == [2 * len(range(rank, 21, size)) for rank in range(size)]


def test_only_rank_0_prints(several):
    done, found = several
    assert done.stdout.count("Total params") == 1
    assert not done.stderr.strip(), done.stderr
    assert found[0]["devices"] == [f"cpu:{r}" for r in range(len(found))]
