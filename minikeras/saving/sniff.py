"""What kind of file this is, by its first bytes: names lie."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from minikeras.saving.limits import FileError

Kind = Literal["zip", "hdf5", "folder", "saved_model", "safetensors", "json", "pickle",
               "other"]  # fmt: skip

_HDF5 = b"\x89HDF\r\n\x1a\n"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")


def kind_of(file: Any) -> Kind:
    """The kind of a file or folder.

    Args:
        file: A path, or an open binary file.

    Raises:
        FileNotFoundError: If there is nothing at the path.
    """
    if hasattr(file, "read"):
        place = file.tell()
        head = file.read(16)
        file.seek(place)
        return _by_head(head)
    path = Path(file)
    if path.is_dir():
        if (path / "saved_model.pb").exists() or (path / "saved_model.pbtxt").exists():
            return "saved_model"
        return "folder"
    if not path.is_file() and path.exists():
        raise FileError(f"{os.fspath(file)!r} is no file but a pipe or a device.")
    with open(path, "rb") as opened:
        head = opened.read(16)
        if head.startswith(_ZIP):  # whose weights may begin at one of the offsets below
            return "zip"
        # HDF5 lets users put something of theirs before it, at these offsets.
        for offset in (512, 1024, 2048):
            opened.seek(offset)
            if opened.read(8) == _HDF5:
                return "hdf5"
    return _by_head(head)


def _by_head(head: bytes) -> Kind:
    if head.startswith(_HDF5):
        return "hdf5"
    if head.startswith(_ZIP):
        return "zip"
    if head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "pickle"
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 2**40:
        return "safetensors"
    if head.lstrip()[:1] in (b"{", b'"', b"["):
        return "json"
    return "other"


def saved_model_error(path: str | os.PathLike[str]) -> FileError:
    """What to say of a folder in TensorFlow's format."""
    return FileError(
        f"{os.fspath(path)!r} is a TensorFlow SavedModel: a program for TensorFlow, not a "
        "Keras model. Load it there with keras.layers.TFSMLayer, or save the model again "
        "as model.save('name.keras') where it was made."
    )


def is_hugging_face(config: object) -> bool:
    """Whether the `config.json` of a folder is of Hugging Face's libraries, not Keras's."""
    return isinstance(config, dict) and bool(
        config.keys() & {"model_type", "architectures"}
    )


def refuse_address(path: object, owner: str) -> None:
    """Refuse what is an address and no path: nothing is fetched.

    Raises:
        FileError: If it begins as `hf://` or `https://` do.
    """
    scheme, found, _ = str(path).partition("://")
    if found and scheme.isalnum() and len(scheme) > 1:  # one letter is a disk
        how = (
            "huggingface_hub.hf_hub_download"
            if scheme == "hf"
            else "keras.utils.get_file"
        )
        raise FileError(
            f"{owner}: {str(path)[:200]!r} is an address; expected a path. Nothing is fetched "
            f"here: download the file, for example with {how}, and pass its path."
        )
