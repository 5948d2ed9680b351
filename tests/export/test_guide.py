"""The guide's code runs."""

import re
from pathlib import Path

import pytest

pytest.importorskip("onnx")
GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "onnx.md"


def test_the_guide_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL):
        exec(block, names)
    assert capsys.readouterr().out == "True\n"
    assert sorted(p.name for p in (tmp_path / "digits").iterdir()) == [
        "features.onnx",
        "serve.onnx",
    ]
