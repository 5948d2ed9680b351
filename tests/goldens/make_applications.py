"""What the networks of keras's `applications` look like: `applications.json`.

    PYTHONPATH=.:backends python tests/goldens/make_applications.py [NAME ...]

With names, only those are made anew; with `--lines NAME`, the lines of one of them and of
ours are written to `keras.txt` and `minikeras.txt`, to see where they differ. All take
minutes and some GB.
"""

import contextlib
import importlib
import json
import sys
import unittest.mock
from pathlib import Path

import minikeras
from tests.applications import outlines
from tests.goldens.oracle import keras

FILE = Path(__file__).with_name("applications.json")


def main(names):
    library = keras()
    table = json.loads(FILE.read_text()) if FILE.exists() else {}
    for name in names or outlines.names(library):
        for top in (True, False):
            with outlines.undrawn(library):
                outline = outlines.outline(outlines.built(library, name, top))
                outline["file"] = asked_for(library, name, top)
            table[outlines.key(name, top)] = outline
        print(name, outline["weights"], flush=True)
    rows = [f"{json.dumps(k)}: {json.dumps(table[k])}" for k in sorted(table)]
    FILE.write_text("{\n" + ",\n".join(rows) + "\n}\n")


def asked_for(library, name, top):
    """Name, address and hash of the file that keras asks for."""
    module = importlib.import_module("keras.src.utils.file_utils")
    with (
        unittest.mock.patch.object(module, "get_file", side_effect=EOFError) as get,
        contextlib.suppress(EOFError),
    ):
        getattr(library.applications, name)(include_top=top)
    (file, origin), options = get.call_args
    return [file, origin, options.get("file_hash")]


def write_lines(name, top=True):
    """Both outlines as text files, to compare."""
    for label, library in ("keras", keras()), ("minikeras", minikeras):
        with outlines.undrawn(library):
            text = "\n".join(outlines.lines(outlines.built(library, name, top)))
        Path(f"{label}.txt").write_text(text)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--lines"]:
        write_lines(sys.argv[2])
    else:
        main(sys.argv[1:])
