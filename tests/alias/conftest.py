"""The alias for one test: what was imported before comes back."""

import sys

import pytest

from minikeras import alias


def _ours(name):
    return name.partition(".")[0] in alias.ROOTS


@pytest.fixture
def aliased():
    """`import keras` and `import tensorflow` mean minikeras."""
    before = {n: m for n, m in sys.modules.items() if _ours(n)}
    for name in before:
        del sys.modules[name]
    alias.install()
    yield
    alias.uninstall()
    for name in [n for n in sys.modules if _ours(n)]:
        del sys.modules[name]
    sys.modules.update(before)
