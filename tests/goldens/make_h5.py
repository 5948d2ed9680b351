"""`.h5` files that keras 3 writes: one for each class of layer, and one of a trained model.

    PYTHONPATH=.:backends python tests/goldens/make_h5.py

It writes `keras3_h5.zip`: `NUMBER.h5` for the cases of `tests.saving.h5_cases`, `mixed.h5`, and
`expected.npz` with what keras predicts for them.
"""

import io
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from tests.goldens.oracle import keras
from tests.layers.cases import data
from tests.saving import h5_cases

HERE = Path(__file__).parent


def main():
    library = keras()
    expected, files = {}, {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, case in enumerate(h5_cases.SAVED):
            model = h5_cases.one_layer(library, case)
            model.save(folder / f"{number}.h5")
            for i, leaf in enumerate(h5_cases.flat(model(data(case)))):
                expected[f"{number}|{i}"] = leaf
        model = h5_cases.compiled(library)
        model.save(folder / "mixed.h5")
        expected["mixed|0"] = model.predict(h5_cases.X, verbose=0)
        expected["mixed|losses"] = np.array(h5_cases.next_losses(model))
        for path in sorted(folder.iterdir()):
            files[path.name] = path.read_bytes()
    packed = io.BytesIO()
    np.savez(packed, **expected)
    files["expected.npz"] = packed.getvalue()
    goal = HERE / "keras3_h5.zip"
    with zipfile.ZipFile(goal, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as zipped:
        for name, content in files.items():
            member = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            zipped.writestr(member, content)
    print(f"{len(files)} files, {goal.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
