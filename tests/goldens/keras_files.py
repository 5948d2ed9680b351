"""Makes tests/goldens/keras_files.tar.xz: model files that real Keras saved.

    KERAS_BACKEND=jax python -m tests.goldens.keras_files LABEL [CASE ...]

adds the files of this Keras under LABEL (such as "3.15-jax"), each with what the model
said and how it learnt on: `LABEL/CASE.keras` and `LABEL/CASE.npz`.
"""

import io
import pathlib
import sys
import tarfile
import tempfile

import numpy as np

ARCHIVE = pathlib.Path(__file__).with_name("keras_files.tar.xz")


def read():
    """The members of the archive, by name."""
    if not ARCHIVE.exists():
        return {}
    with tarfile.open(ARCHIVE) as archive:
        return {m.name: archive.extractfile(m).read() for m in archive.getmembers()}


def write(members):
    """Replace the archive."""
    with tarfile.open(ARCHIVE, "w:xz", preset=9) as archive:
        for name in sorted(members):
            info = tarfile.TarInfo(name)
            info.size = len(members[name])
            archive.addfile(info, io.BytesIO(members[name]))


def main():
    """Save all cases with the Keras that is installed."""
    import keras

    from tests.saving import both_ways

    label, *names = sys.argv[1:]
    members = read()
    for case in names or both_ways.CASES:
        try:
            model, x, y = both_ways.made(keras, case)
        except Exception as error:  # an older Keras has not got it, or fails
            print(f"{case}: left out: {str(error)[:200]}")
            continue
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "m.keras")
            model.save(path)
            members[f"{label}/{case}.keras"] = path.read_bytes()
        predictions = {
            f"prediction {i}": p for i, p in enumerate(both_ways.said(model, x))
        }
        out = io.BytesIO()
        np.savez(out, losses=both_ways.learnt(model, x, y), **predictions)
        members[f"{label}/{case}.npz"] = out.getvalue()
        print(case, len(members[f"{label}/{case}.keras"]))
    write(members)
    print(ARCHIVE.stat().st_size)


if __name__ == "__main__":
    main()
