"""The backend over arrays of another kind, as the page writes it, does what it says there."""

import re
from pathlib import Path

import numpy as np
import pytest

import minikeras as keras
from minikeras.engine import backend as registry
from minikeras.testing import backend_contract

PAGE = Path(__file__).parents[2] / "docs" / "add-a-backend.md"
if not PAGE.is_file():
    pytest.skip("not in a source tree", allow_module_level=True)


@pytest.fixture
def ledger(monkeypatch):
    *_, block = re.findall(
        r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.S | re.M
    )
    names = {"np": np}
    exec(block, names)
    monkeypatch.setitem(registry.BUILT_IN, "ledger", "minikeras_ledger:backend")
    monkeypatch.setitem(registry._loaded, "ledger", names["Ledger"]())
    with registry.using("ledger") as backend:
        yield backend


def test_it_passes_the_suite(ledger):
    backend_contract.check_memory("ledger")
    backend_contract.check_table(ledger.kernels)
    cases = backend_contract.cases()
    for case, dtype in cases[::20]:  # the page's reader runs all of them
        backend_contract.check_case("ledger", case, dtype)


def test_it_trains_as_numpy_does(ledger):
    x = np.random.default_rng(0).normal(size=(24, 6, 3)).astype("float32")
    weights = {}
    for name in ("ledger", "numpy"):
        with registry.using(name):
            keras.utils.set_random_seed(4)
            layers = [
                keras.layers.LSTM(4),
                keras.layers.Dropout(0.2),
                keras.layers.Dense(1),
            ]
            model = keras.Sequential([keras.Input((6, 3)), *layers])
            model.compile("adam", "mse")
            model.fit(x, x[:, 0, :1], batch_size=10, epochs=2, verbose=0)
            weights[name] = model.get_weights()
    for a, b in zip(weights["ledger"], weights["numpy"], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
