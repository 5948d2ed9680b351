"""The cupy backend over its stand-in."""

import pytest

from minikeras import config
from minikeras.engine import backend as registry
from tests.backends.cupy import fake_cupy
from tests.backends.kernels import lockstep

needs_compiler = pytest.mark.skipif(
    lockstep.compiler() is None, reason="needs a C++ compiler"
)


@pytest.fixture
def standing_in(monkeypatch):
    """The backend in use, over a stand-in of its own."""
    before = config.backend()
    fake_cupy.installed(monkeypatch, fake_cupy.make())
    yield registry.use("cupy")
    config.set_backend(before)
    registry._loaded.pop("cupy", None)
