"""The notebooks' code runs from top to bottom, and they are stored without output."""

import json
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
if not NOTEBOOKS:
    pytest.skip("the notebooks are not in the sdist", allow_module_level=True)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebook(path, capsys):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert code
    names = {"__name__": "__main__"}
    for number, cell in enumerate(code):
        assert cell["outputs"] == []
        source = "".join(cell["source"])
        exec(compile(source, f"{path.name}[{number}]", "exec"), names)
    assert capsys.readouterr().out
