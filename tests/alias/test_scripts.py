"""Scripts in the style of the tutorials, as they stand, under `minikeras run`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples/tutorials"


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.py")))
def test_script(name):
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
        "MINIKERAS_CHECK": "0",
    }
    words = ["-W", "error", "-m", "minikeras", "run", str(FOLDER / f"{name}.py")]
    ran = subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, env=environment
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
