"""Where the datasets come from: one table, and how a file of it is found and checked.

A file is used only if its SHA-256 is the one of the table. It is looked for in the cache
folder, `datasets` below `$KERAS_HOME` or `~/.keras`, as Keras keeps it; then fetched.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from dataclasses import dataclass
from pathlib import Path

from minikeras.utils.downloading import DownloadError, file_digest
from minikeras.utils.files import get_file, keras_home

_BUCKET = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_TORONTO = "https://www.cs.toronto.edu/~kriz/"
_DIGITS_HERE = (
    "Without a network, keras.datasets.mnist5k.load_data() gives 5,000 handwritten digits "
    "that come with the package."
)


@dataclass(frozen=True)
class Source:
    """A file of the table.

    Attributes:
        name: Its name in the cache.
        url: Where it is fetched from.
        sha256: Of the file; for `.gz` files of IDX arrays, of what is in them.
    """

    name: str
    url: str
    sha256: str


def _from_bucket(name: str, sha256: str) -> Source:
    return Source(name, _BUCKET + name, sha256)


FILES = {
    "mnist": _from_bucket(
        "mnist.npz", "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
    ),
    "cifar10": Source(
        "cifar-10-batches-py-target_archive",
        _TORONTO + "cifar-10-python.tar.gz",
        "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    ),
    "cifar100": Source(
        "cifar-100-python-target_archive",
        _TORONTO + "cifar-100-python.tar.gz",
        "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
    ),
    "imdb": _from_bucket(
        "imdb.npz", "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"
    ),
    "reuters": _from_bucket(
        "reuters.npz",
        "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916",
    ),
    "boston_housing": _from_bucket(
        "boston_housing.npz",
        "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5",
    ),
    "california_housing": _from_bucket(
        "california_housing.npz",
        "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f",
    ),
    # Keras knows these two by their MD5.
    "imdb_words": _from_bucket(
        "imdb_word_index.json", "bfafd718b763782e994055a2d397834f"
    ),
    "reuters_words": _from_bucket(
        "reuters_word_index.json", "4d44cc38712099c9e383dc6e5f11a921"
    ),
}

# The four arrays of a dataset in IDX files, `(x_train, y_train), (x_test, y_test)`: their
# names without `.gz`, and the SHA-256 of the unpacked files.
IDX_NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
IDX = {
    "mnist": (
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
    "fashion_mnist": (
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
}
# Where IDX files may lie: in the cache, and where Debian's dataset-fashion-mnist puts them.
_IDX_FOLDERS = {
    "mnist": ("mnist", "."),
    "fashion_mnist": ("fashion-mnist", "."),
}
DEBIAN = Path("/usr/share/datasets/fashion-mnist")


def fetched(key: str, name: str | None = None) -> str:
    """The path of a file of the table, fetched if it is not in the cache.

    Args:
        key: Its key in `FILES`.
        name: Another name in the cache, or an absolute path.

    Raises:
        DownloadError: If it is not there and cannot be fetched; says what to do.
        ValueError: If it has the wrong hash.
    """
    source = FILES[key]
    path = Path(name or source.name)
    if path.is_absolute():
        return _own_file(path, source)
    for other in _other_names(source) if name is None else ():
        there = keras_home() / "datasets" / other
        if there.is_file() and file_digest(there, "sha256") == source.sha256:
            return str(there)
    try:
        return get_file(str(path), source.url, file_hash=source.sha256)
    except DownloadError as error:
        raise offline(key, error, [(path.name, source.url)]) from None


def _other_names(source: Source) -> list[str]:
    """Names under which a file may lie in the cache too: its own, and that of Keras 2."""
    own = source.url.rpartition("/")[2]
    keras2 = source.name.replace("-target_archive", ".tar.gz")
    return [name for name in (own, keras2) if name != source.name]


def _own_file(path: Path, source: Source) -> str:
    """A file of the user's at an absolute path."""
    if not path.exists():
        return get_file(
            path.name, source.url, file_hash=source.sha256,
            cache_dir=path.parent, cache_subdir="",
        )  # fmt: skip
    algorithm = "md5" if len(source.sha256) == 32 else "sha256"
    found = file_digest(path, algorithm)
    if found != source.sha256:
        raise ValueError(
            f"{path} has the {algorithm} {found}; expected {source.sha256}. It is not used: "
            f"get it anew from {source.url}."
        )
    return str(path)


def offline(key: str, error: Exception, wanted: list[tuple[str, str]]) -> DownloadError:
    """The error for a dataset that is not there and cannot be fetched."""
    folder = keras_home() / "datasets"
    name = key.removesuffix("_words")
    if name in _IDX_FOLDERS and len(wanted) > 1:
        folder = folder / _IDX_FOLDERS[name][0]
    listed = ", ".join(f"{file} (from {url})" for file, url in wanted)
    text = (
        f"keras.datasets.{name}: {error}. With no network, put into {folder}: {listed}."
    )
    wrong = _wrong_files(key, name)
    if wrong:
        text += f" Not used, since their contents are others: {', '.join(wrong)}."
    if name == "mnist":
        text += f" The four IDX files of MNIST will do as well. {_DIGITS_HERE}"
    elif name == "fashion_mnist":
        text += f" On Debian, `apt install dataset-fashion-mnist` brings them. {_DIGITS_HERE}"
    else:
        text += f" {_DIGITS_HERE}"
    return DownloadError(text)


def _wrong_files(key: str, name: str) -> list[str]:
    """Files of a dataset that are in the cache and are not the right ones."""
    cache = keras_home() / "datasets"
    found = []
    if key in FILES:
        names = [FILES[key].name, *_other_names(FILES[key])]
        found = [cache / file for file in names if (cache / file).exists()]
    for folder in _IDX_FOLDERS.get(name, ()):
        for file, sha256 in zip(IDX_NAMES, IDX[name]):
            there = [cache / folder / f for f in (f"{file}.gz", file)]
            if _good(cache / folder, file, sha256) is None:
                found += [path for path in there if path.exists()]
    return [str(path) for path in found]


def idx_bytes(key: str, fetch: bool) -> list[bytes] | None:
    """The contents of a dataset's four IDX files; None if they are not there.

    Args:
        key: `"mnist"` or `"fashion_mnist"`.
        fetch: Whether to fetch them where they are not in the cache.

    Raises:
        DownloadError: If they cannot be fetched.
        ValueError: If a fetched file has the wrong hash.
    """
    cache = keras_home() / "datasets"
    folders = [cache / name for name in _IDX_FOLDERS[key]]
    if key == "fashion_mnist":
        folders.append(DEBIAN)
    for folder in folders:
        found = [_good(folder, *pair) for pair in zip(IDX_NAMES, IDX[key])]
        if all(content is not None for content in found):
            return [content for content in found if content is not None]
    if not fetch:
        return None
    subdir = f"datasets/{_IDX_FOLDERS[key][0]}"
    wanted = [(f"{name}.gz", f"{_BUCKET}{name}.gz") for name in IDX_NAMES]
    try:
        for file, url in wanted:
            get_file(file, url, cache_subdir=subdir, force_download=True)
    except DownloadError as error:
        raise offline(key, error, wanted) from None
    found = [_good(folders[0], *pair) for pair in zip(IDX_NAMES, IDX[key])]
    for (file, url), content in zip(wanted, found):
        if content is None:
            (folders[0] / file).unlink(missing_ok=True)
            raise ValueError(
                f"keras.datasets.{key}: {url} gave a file with other contents than expected; "
                "it is not used."
            )
    return [content for content in found if content is not None]


def _good(folder: Path, name: str, sha256: str) -> bytes | None:
    """The content of an IDX file, packed or not, if it is the right one."""
    for path in (folder / f"{name}.gz", folder / name):
        try:
            content = path.read_bytes()
            if path.suffix == ".gz":
                content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error):
            continue
        if hashlib.sha256(content).hexdigest() == sha256:
            return content
    return None
