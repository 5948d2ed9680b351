"""No kernel touches memory beyond its arrays: see guard.py, which this runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from minikeras_numba.backend import LOWERINGS

ROOT = Path(__file__).parents[3]


@pytest.mark.skipif(os.name != "posix", reason="protects pages by mprotect")
def test_no_kernel_touches_what_is_not_its_own():
    """Rows of the table, random contractions, whole models; forward and gradients."""
    paths = os.pathsep.join([str(ROOT), str(ROOT / "backends")])
    ran = set()
    for share in "01":
        done = subprocess.run(
            [sys.executable, str(Path(__file__).with_name("guard.py")), share],
            env={**os.environ, "PYTHONPATH": paths},
            capture_output=True,
            text=True,
            timeout=300,
        )
        last = done.stdout.splitlines()[-1:]
        assert done.returncode == 0, f"{last}\n{done.stderr[-3000:]}"
        ran.update(last[0].split())
    assert set(LOWERINGS) <= ran, set(LOWERINGS) - ran
    assert "chain" in ran
