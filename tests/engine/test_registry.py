"""The backend registry: choice, errors, switching with live values."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import numpy as np
import pytest

from minikeras.engine import backend as registry
from minikeras.engine import config_file
from minikeras.engine.backend import BackendError
from minikeras.engine.compile import jit
from minikeras.engine.prims import add
from minikeras.engine.tensor import from_numpy
from minikeras.variable import Variable


@pytest.fixture
def clean(monkeypatch):
    for name in ("MINIKERAS_BACKEND", "KERAS_BACKEND"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(config_file, "file_value", lambda key: None)
    return monkeypatch


def test_choice_goes_by_environment_then_file_then_what_is_installed(clean):
    clean.setattr(registry, "installed", lambda name: True)
    assert registry.chosen_name() == "numba"
    clean.setattr(registry, "installed", lambda name: name == "numpy")
    assert registry.chosen_name() == "numpy"
    clean.setattr(config_file, "file_value", lambda key: "numba")
    assert registry.chosen_name() == "numba"
    clean.setenv("KERAS_BACKEND", "tensorflow")
    assert registry.chosen_name() == "numba"
    clean.setenv("KERAS_BACKEND", "cupy")
    assert registry.chosen_name() == "cupy"
    clean.setenv("MINIKERAS_BACKEND", "numpy")
    assert registry.chosen_name() == "numpy"


def test_an_unknown_backend_names_the_known_ones():
    with pytest.raises(
        BackendError, match=r"'torch' is not registered; expected one of .*numpy"
    ):
        registry.use("torch")


def test_a_missing_package_names_the_pip_line(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.delitem(registry._loaded, "numba", raising=False)
    with pytest.raises(BackendError, match=r"minikeras\[numba\]"):
        registry.load("numba")


def test_a_backend_that_breaks_is_one_error(monkeypatch):
    monkeypatch.setitem(registry.BUILT_IN, "broken", "no_such_module_anywhere:backend")
    with pytest.raises(
        BackendError, match="'broken' could not be started: ModuleNotFound"
    ):
        registry.load("broken")


def test_a_backend_may_lower_a_node_to_a_plain_function(monkeypatch):
    from minikeras_numpy import NumpyBackend

    class Plain(NumpyBackend):
        name = "plain"

        def lower(self, node, regs):
            step = super().lower(node, regs)
            return lambda registers: step(registers)

    monkeypatch.setitem(registry.BUILT_IN, "plain", "plain_backend:backend")
    monkeypatch.setitem(registry._loaded, "plain", Plain())
    with registry.using("plain"):
        doubled = jit(lambda x: add(add(x, x), x))
        x = from_numpy(np.arange(3.0))
        for _ in range(2):
            np.testing.assert_array_equal(doubled(x).numpy(), [0, 3, 6])
        (program,) = doubled.programs
        assert program.allocating_steps == 0  # nothing special is known of it


def test_failing_to_switch_keeps_the_old_backend():
    before = registry.active()
    with pytest.raises(BackendError):
        registry.use("nothing")
    assert registry.active() is before


def test_live_values_and_functions_move(backend):
    v = Variable(np.float32([1.0, 2.0]), name="v")
    step = jit(lambda x: v.assign(add(v.value, x)).value)
    step(np.float32([1.0, 1.0]))
    for name in registry.available():
        try:
            registry.load(name)
        except BackendError:
            continue
        with registry.using(name):
            step(np.float32([1.0, 1.0]))
            assert add(v.value, from_numpy(np.float32([0.0, 0.0]))).shape == (2,)
    assert registry.active().name == backend
    assert float(v.numpy()[0]) > 2.0


def test_the_environment_chooses_in_a_new_process():
    code = "from minikeras.engine import backend as b; print(b.active().name)"
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**__import__("os").environ, "MINIKERAS_BACKEND": "numpy"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == "numpy"
