"""The code of the guide about saving runs, block by block."""

import re
from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "saving.md"


@pytest.mark.skipif(not GUIDE.exists(), reason="not in a source tree")
def test_the_guide_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    assert len(blocks) >= 4
    names = {"__name__": "guide"}
    for block in blocks:
        if "skip_mismatch" in block:
            with pytest.warns(UserWarning, match="could not be loaded"):
                exec(block, names)
        else:
            exec(block, names)
    assert {"model.keras", "scaled.keras"} <= {p.name for p in tmp_path.iterdir()}
