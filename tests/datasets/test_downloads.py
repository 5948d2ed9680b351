"""Datasets from files of their formats: found, checked, parsed, in Keras's order."""

import gzip
import hashlib
import importlib
import io
import json
import os
import pickle
import struct
import tarfile

import numpy as np
import pytest

import minikeras as keras
from minikeras.datasets import parsing, sources
from minikeras.utils.downloading import DownloadError
from tests.goldens import oracle

rng = np.random.default_rng(0)
CACHED = {
    "imdb_words": "imdb_word_index.json",
    "reuters_words": "reuters_word_index.json",
}


def texts(count):
    found = np.empty(count, object)
    found[:] = [rng.integers(1, 30, rng.integers(3, 9)).tolist() for _ in range(count)]
    return found


def images(count):
    return rng.integers(0, 256, (count, 28, 28), "uint8")


def labels(count):
    return rng.integers(0, 10, count).astype("uint8")


ARRAYS = {
    "mnist": {"x_train": images(5), "y_train": labels(5), "x_test": images(3),
              "y_test": labels(3)},
    "imdb": {"x_train": texts(6), "y_train": np.arange(6) % 2, "x_test": texts(4),
             "y_test": np.arange(4) % 2},
    "reuters": {"x": texts(11), "y": np.arange(11)},
    "boston_housing": {"x": rng.random((11, 13)), "y": np.arange(11.0)},
    "california_housing": {"x": rng.random((1010, 8)), "y": np.arange(1010.0)},
}  # fmt: skip
BATCHES = {
    "cifar10": [(f"data_batch_{i}", ["labels"], 4) for i in range(1, 6)]
    + [("test_batch", ["labels"], 3)],
    "cifar100": [
        ("train", ["fine_labels", "coarse_labels"], 6),
        ("test", ["fine_labels", "coarse_labels"], 2),
    ],
}


class OldPickler(pickle._Pickler):
    """Writes bytes as Python 2 wrote its strings."""

    dispatch = pickle._Pickler.dispatch.copy()

    def save_bytes(self, data):
        self.write(b"T" + struct.pack("<i", len(data)) + data)
        self.memoize(data)

    dispatch[bytes] = save_bytes


def old_pickle(value):
    stream = io.BytesIO()
    OldPickler(stream, 2).dump(value)
    return stream.getvalue()


def cifar(key):
    """The batches of an archive as Python 2 pickled them: keys of bytes."""
    made = {}
    for name, keys, count in BATCHES[key]:
        batch = {b"data": rng.integers(0, 256, (count, 3072), "uint8")}
        for label in keys:
            batch[label.encode()] = rng.integers(0, 10, count).tolist()
        made[name] = old_pickle(batch)
    return made


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache with small files in the formats of the datasets, whose hashes are the right ones."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(sources, "DEBIAN", tmp_path / "nowhere")
    folder = tmp_path / "datasets"
    folder.mkdir()
    for name, arrays in ARRAYS.items():
        np.savez(folder / f"{name}.npz", **arrays)
    (folder / "imdb_word_index.json").write_text(json.dumps({"the": 1, "größe": 2}))
    (folder / "reuters_word_index.json").write_text(json.dumps({"mln": 1}))
    for name, inside in (
        ("cifar10", "cifar-10-batches-py"),
        ("cifar100", "cifar-100-python"),
    ):
        with tarfile.open(folder / f"{inside}-target_archive", "w:gz") as archive:
            for batch, data in cifar(name).items():
                info = tarfile.TarInfo(f"{inside}/{batch}")
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    for key, source in sources.FILES.items():
        data = (folder / source.name).read_bytes()
        kind = "md5" if key.endswith("words") else "sha256"
        known = sources.Source(
            source.name, source.url, hashlib.new(kind, data).hexdigest()
        )
        monkeypatch.setitem(sources.FILES, key, known)
    return folder


def idx(array):
    return b"\0\0\x08" + bytes([array.ndim]) + struct.pack(
        f">{array.ndim}I", *array.shape
    ) + array.tobytes()  # fmt: skip


def put_idx(folder, key, monkeypatch, packed=True):
    """Four small IDX files, whose hashes become the right ones."""
    folder.mkdir(exist_ok=True)
    arrays = (images(5), labels(5), images(3), labels(3))
    known = []
    for name, array in zip(sources.IDX_NAMES, arrays):
        data = idx(array)
        known.append(hashlib.sha256(data).hexdigest())
        path = folder / (f"{name}.gz" if packed else name)
        path.write_bytes(gzip.compress(data) if packed else data)
    monkeypatch.setitem(sources.IDX, key, tuple(known))
    return arrays


def flat(found):
    return [array for part in found for array in part]


CASES = {
    "mnist": [{}],
    "cifar10": [{}],
    "cifar100": [{}, {"label_mode": "coarse"}],
    "imdb": [
        {}, {"num_words": 15}, {"skip_top": 5}, {"maxlen": 9}, {"start_char": None},
        {"oov_char": None, "num_words": 10}, {"index_from": 0}, {"seed": 1},
    ],
    "reuters": [
        {}, {"num_words": 15}, {"skip_top": 5}, {"maxlen": 9}, {"start_char": None},
        {"oov_char": None, "num_words": 10}, {"index_from": 0}, {"test_split": 0.5},
    ],
    "boston_housing": [{}, {"test_split": 0.5, "seed": 3}, {"test_split": 0.0}],
    "california_housing": [{}, {"version": "small"}, {"test_split": 0.4}],
}  # fmt: skip


# Keras's loader of CIFAR-10 takes batches of 10,000 only.
@oracle.oracle
@pytest.mark.parametrize("name", [name for name in CASES if name != "cifar10"])
def test_the_same_arrays_as_keras_from_the_same_files(
    name, cache, tmp_path, monkeypatch
):
    theirs = oracle.keras()
    load = getattr(theirs.datasets, name).load_data
    module = importlib.import_module(load.__module__)

    def from_cache(fname=None, origin=None, extract=False, **kwargs):
        if not extract:
            return str(cache / fname)
        with tarfile.open(cache / f"{fname}_archive") as archive:
            archive.extractall(tmp_path / fname, filter="data")
        return str(tmp_path / fname)

    monkeypatch.setattr(module, "get_file", from_cache)
    for arguments in CASES[name]:
        expected = flat(load(**arguments))
        found = flat(getattr(keras.datasets, name).load_data(**arguments))
        for ours, their in zip(found, expected, strict=True):
            assert ours.dtype == their.dtype, arguments
            if ours.dtype == object:  # Keras makes a table of lists of equal length
                assert [list(t) for t in ours] == [list(t) for t in their], arguments
            else:
                np.testing.assert_array_equal(ours, their)


@pytest.mark.parametrize("name", CASES)
def test_samples_stay_with_their_labels(name, cache):
    (x_train, y_train), (x_test, y_test) = getattr(keras.datasets, name).load_data()
    assert len(x_train) == len(y_train) and len(x_test) == len(y_test)
    assert len(x_train) > len(x_test) > 0
    if name in ("boston_housing", "california_housing"):
        for x, y in ((x_train, y_train), (x_test, y_test)):
            np.testing.assert_array_equal(x, ARRAYS[name]["x"][y.astype(int)])
    if name == "reuters":
        for text, label in zip(x_test, y_test):
            assert len(text) == len(ARRAYS[name]["x"][label]) + 1
    if name.startswith("cifar"):
        assert x_train.shape[1:] == (32, 32, 3) and y_train.shape[1:] == (1,)


def test_word_numbers(cache):
    assert keras.datasets.imdb.get_word_index() == {"the": 1, "größe": 2}
    assert keras.datasets.reuters.get_word_index() == {"mln": 1}
    assert len(keras.datasets.reuters.get_label_names()) == 46


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize(
    ("key", "folder"),
    [("mnist", "mnist"), ("mnist", "."), ("fashion_mnist", "fashion-mnist")],
)
def test_idx_files_in_the_cache(key, folder, packed, cache, monkeypatch):
    (cache / "mnist.npz").unlink()
    arrays = put_idx(cache / folder, key, monkeypatch, packed)
    found = flat(getattr(keras.datasets, key).load_data())
    for ours, array in zip(found, arrays, strict=True):
        np.testing.assert_array_equal(ours, array)
        ours[...] = 0  # yours to change


def test_the_files_of_debian(cache, monkeypatch):
    arrays = put_idx(cache.parent / "debian", "fashion_mnist", monkeypatch)
    monkeypatch.setattr(sources, "DEBIAN", cache.parent / "debian")
    found = flat(keras.datasets.fashion_mnist.load_data())
    np.testing.assert_array_equal(found[0], arrays[0])


@pytest.mark.skipif(not sources.DEBIAN.exists(), reason="needs dataset-fashion-mnist")
def test_the_real_files_of_debian(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (x, y), (x_test, y_test) = keras.datasets.fashion_mnist.load_data()
    assert x.shape == (60000, 28, 28) and x_test.shape == (10000, 28, 28)
    assert np.bincount(y).tolist() == [6000] * 10 and len(y_test) == 10000


@pytest.fixture
def no_network(monkeypatch):
    """Every connection fails."""

    def fail(request, timeout=None):
        raise DownloadError("Name or service not known")

    monkeypatch.setattr("urllib.request.urlopen", fail)
    monkeypatch.setattr("minikeras.utils.downloading._PAUSE", 0.0)


@pytest.mark.parametrize("name", [*CASES, "fashion_mnist"])
def test_without_a_network_one_error_says_what_to_do(
    name, tmp_path, monkeypatch, no_network
):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(sources, "DEBIAN", tmp_path / "nowhere")
    with pytest.raises(DownloadError) as caught:
        getattr(keras.datasets, name).load_data()
    text = str(caught.value)
    assert text.startswith(f"keras.datasets.{name}: ") and "mnist5k" in text
    assert str(tmp_path / "datasets") in text and "https://" in text
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


@pytest.mark.parametrize("name", CASES)
def test_a_file_with_another_hash_is_never_used(name, cache, no_network):
    source = sources.FILES[name]
    path = cache / source.name
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(DownloadError, match=rf"contents are others: {path}\."):
        getattr(keras.datasets, name).load_data()
    if name not in ("cifar10", "cifar100"):
        with pytest.raises(ValueError, match="It is not used"):
            getattr(keras.datasets, name).load_data(path=str(path))


def test_idx_files_with_another_hash_are_never_used(cache, monkeypatch, no_network):
    put_idx(cache / "fashion-mnist", "fashion_mnist", monkeypatch)
    (cache / "fashion-mnist" / "t10k-labels-idx1-ubyte.gz").write_bytes(
        gzip.compress(b"x")
    )
    wrong = (
        r"contents are others: \S+t10k-labels-idx1-ubyte\.gz\. .*dataset-fashion-mnist"
    )
    with pytest.raises(DownloadError, match=wrong):
        keras.datasets.fashion_mnist.load_data()
    damaged = cache / "fashion-mnist" / "train-labels-idx1-ubyte.gz"
    damaged.write_bytes(damaged.read_bytes()[:12] + b"\xff" * 12)
    with pytest.raises(
        DownloadError, match=r"others: \S+train-labels\S+, \S+t10k-labels"
    ):
        keras.datasets.fashion_mnist.load_data()


@pytest.mark.parametrize(
    ("name", "file"),
    [("cifar10", "cifar-10-python.tar.gz"), ("cifar10", "cifar-10-batches-py.tar.gz"),
     ("cifar100", "cifar-100-python.tar.gz")],
)  # fmt: skip
def test_archives_go_by_their_own_names_too(name, file, cache, no_network):
    expected = flat(getattr(keras.datasets, name).load_data())
    os.replace(cache / sources.FILES[name].name, cache / file)
    for found, wanted in zip(flat(getattr(keras.datasets, name).load_data()), expected):
        np.testing.assert_array_equal(found, wanted)


def test_wrong_arguments(cache):
    datasets = keras.datasets
    for call, text in (
        (lambda: datasets.cifar100.load_data("x"), "label_mode='x'"),
        (lambda: datasets.california_housing.load_data("x"), "version='x'"),
        (lambda: datasets.boston_housing.load_data(test_split=1.0), "test_split=1.0"),
        (lambda: datasets.imdb.load_data(maxlen=2), "maxlen=2"),
    ):
        with pytest.raises(ValueError, match=text):
            call()
    with pytest.raises(TypeError, match="foo"):
        datasets.imdb.load_data(foo=1)


def test_pickles_run_no_code(tmp_path):
    class Evil:
        def __reduce__(self):
            return (print, ("run",))

    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        data = pickle.dumps({b"data": Evil()})
        info = tarfile.TarInfo("train")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    with pytest.raises(pickle.UnpicklingError, match=r"print has no place"):
        parsing.cifar_batches(str(tmp_path / "a.tar"), ["train"], "labels")
    with pytest.raises(ValueError, match="begins with 0, 0, 8"):
        parsing.idx_array(b"\0\0\x0d\x01")
