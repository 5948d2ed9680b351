"""Pictures for the workloads: Fashion-MNIST from its IDX files, else the digits.

The digits are read from their file, not through the package, so that a peer's
process never imports minikeras.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

DIGITS = Path(__file__).parents[1] / "minikeras/datasets/data/mnist5k.npz"
IDX = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")


def idx_array(path: Path) -> np.ndarray:
    """The array of an IDX file of bytes, gzipped or not."""
    raw = path.read_bytes()
    if raw[:2] == b"\x1f\x8b":
        raw = gzip.decompress(raw)
    if raw[:3] != b"\0\0\x08":
        raise ValueError(
            f"{path} begins with {raw[:3]!r}; expected an IDX file of bytes"
        )
    rank = raw[3]
    shape = np.frombuffer(raw, ">i4", rank, 4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(shape)


def pictures(count: int, folder: str | None = None) -> tuple[np.ndarray, np.ndarray]:
    """`count` pictures `(count, 28, 28)` from 0 to 1, float32, and labels, int32."""
    loaded = _idx(Path(folder)) if folder else None
    if loaded is None:
        with np.load(DIGITS, allow_pickle=False) as archive:
            loaded = archive["x"].reshape(-1, 28, 28), archive["y"]
        order = np.random.default_rng(0).permutation(len(loaded[0]))
        loaded = loaded[0][order], loaded[1][order]
    x, y = loaded
    rows = np.arange(count) % len(x)
    return x[rows].astype("float32") / 255, y[rows].astype("int32")


def _idx(folder: Path) -> tuple[np.ndarray, np.ndarray] | None:
    paths = []
    for name in IDX:
        found = [p for p in (folder / name, folder / f"{name}.gz") if p.is_file()]
        if not found:
            return None
        paths.append(found[0])
    return idx_array(paths[0]), idx_array(paths[1])
