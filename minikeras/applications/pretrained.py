"""Weights trained on ImageNet: which file, where it is fetched, where it is kept."""

from __future__ import annotations

import os
from dataclasses import dataclass

from minikeras.applications.options import Options
from minikeras.utils.downloading import DownloadError
from minikeras.utils.files import get_file, keras_home

_BUCKET = "https://storage.googleapis.com/tensorflow/"
_SUBDIR = "models"  # of the cache


@dataclass(frozen=True)
class Files:
    """The files of a network's trained weights, with the classifier and without it.

    Attributes:
        folder: Folder below the server's.
        names: The names there.
        hashes: MD5 or SHA-256 of the files; None where none was published.
        kept: Their names in the cache. Default: `names`.
        root: The server's folder.
    """

    folder: str
    names: tuple[str, str]
    hashes: tuple[str | None, str | None] = (None, None)
    kept: tuple[str, str] | None = None
    root: str = _BUCKET + "keras-applications/"

    def path(self, options: Options) -> str:
        """The file that the options ask for, fetched if it is not in the cache.

        Raises:
            DownloadError: If it cannot be fetched; says where to put it.
        """
        if options.weights != "imagenet":
            return os.fspath(options.weights)
        part = 0 if options.include_top else 1
        name = (self.kept or self.names)[part]
        folder = f"{self.folder}/" if self.folder else ""
        url = f"{self.root}{folder}{self.names[part]}"
        return fetched(options.owner, name, url, self.hashes[part])


def by_pattern(
    folder: str,
    pattern: str,
    hashes: tuple[str | None, str | None],
    without: str = "_notop",
) -> Files:
    """Files whose names differ in `{}`, which is empty or `without`."""
    return Files(folder, (pattern.format(""), pattern.format(without)), hashes)


def fetched(owner: str, name: str, url: str, digest: str | None) -> str:
    """The path of a file in the cache, fetched if it is not there.

    Raises:
        DownloadError: If it cannot be fetched; says where to put it.
    """
    try:
        return get_file(name, url, cache_subdir=_SUBDIR, file_hash=digest)
    except DownloadError as error:
        raise DownloadError(
            f"{owner}: {error}. With no network, get {url} elsewhere and put it, as {name}, "
            f"into {keras_home() / _SUBDIR}."
        ) from None
