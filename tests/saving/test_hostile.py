"""Hostile and damaged files: each is refused with one clear error, and does nothing."""

import json
import subprocess
import sys

import pytest

from tests.saving import hostile

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="processes and memory are those of Linux"
)


@pytest.fixture(scope="module")
def results():
    done = subprocess.run(
        [sys.executable, "-m", "tests.saving.hostile"],
        capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", sorted(hostile.all_files()))
def test_it_is_refused(name, results):
    found = results[name]
    if name == "many_names":  # the extra that reads it
        pytest.importorskip("safetensors")
    assert "ValueError" in found["kinds"], found
    assert 20 < len(found["text"]) < 2000, found["text"]
    assert not found["owned"]
    assert found["mebibytes"] < 300
