"""The Python blocks of every page run, in order, in an empty folder."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
if not DOCS.is_dir():
    pytest.skip("not in a source tree", allow_module_level=True)


def blocks(path):
    text = path.read_text("utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


# What a page shows as a warning to its reader may be one.
WARNINGS = ("-W", "error", "-W", "default::UserWarning")
PAGES = [p for p in sorted(DOCS.rglob("*.md")) if blocks(p)]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(DOCS).as_posix())
def test_code_runs(page, tmp_path):
    script = tmp_path / "page.py"
    script.write_text("\n\n".join(blocks(page)), "utf-8")
    path = os.pathsep.join(os.path.abspath(p) for p in sys.path if p)
    ran = subprocess.run(
        [sys.executable, *WARNINGS, script.name],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path, "MPLBACKEND": "Agg"},
    )
    last = (ran.stderr.splitlines() or [""])[-1]
    needs = re.search(r"pip install '?minikeras\[(\w+)\]", last)
    if ran.returncode and needs:  # an error of ours, which says what a page needs
        module = {"image": "PIL", "mpi": "mpi4py"}.get(needs[1], needs[1])
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"needs {module}")
    assert ran.returncode == 0, ran.stderr


def test_every_guide_has_code():
    assert [p.name for p in (DOCS / "guides").glob("*.md") if not blocks(p)] == []
