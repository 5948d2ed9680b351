"""Ranks as actors of Ray; skipped where Ray is not installed (extra `ray`)."""

import importlib.util
import sys

import pytest

from minikeras.distribution import on_ray
from tests.distribution import started


def test_without_ray_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match=r"minikeras\[ray\]"):
        on_ray.run(print, 2)


def test_workers_train_one_model():
    if importlib.util.find_spec("ray") is None:
        pytest.skip("Ray is not installed (extra `ray`)")
    script = started.ROOT / "examples" / "distribution_on_ray.py"
    done = started.start([sys.executable, str(script), "2"], MINIKERAS_BACKEND="numpy")
    assert done.returncode == 0, done.stderr
    assert "all workers have the same: True" in done.stdout
