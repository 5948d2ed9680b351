"""The models of the variety on our engine alone, and the arithmetic of their table."""

import importlib
import json

import numpy as np
import pytest

import minikeras as keras

pytest.importorskip("benchmarks", reason="the benchmarks are not in the wheel")
engines = importlib.import_module("benchmarks.engines")
models = importlib.import_module("benchmarks.variety_models")
variety = importlib.import_module("benchmarks.variety")


@pytest.mark.parametrize("name", models.VARIETIES)
def test_every_model_is_built_and_fits_its_data(name):
    found = models.VARIETIES[name]
    model = found.compiled(keras)
    x, y = found.data(3, np.random.default_rng(0))
    assert len(x) == len(y) == 3
    assert model.input_shape == (None, *x.shape[1:])
    assert model.inputs[0].dtype == x.dtype
    classes = found.loss == "sparse_categorical_crossentropy"
    if classes:
        y = y.reshape(3, *model.output_shape[1:-1])
        assert y.min() >= 0 and y.max() < model.output_shape[-1]
    else:
        assert model.output_shape == (None, *y.shape[1:])
    if found.loss == "binary_crossentropy":
        assert y.min() >= 0 and y.max() <= 1


@pytest.mark.parametrize("name", ["mlp_small", "lenet5", "recommender", "adamw_clip"])
def test_a_step_of_training(name):
    found = models.VARIETIES[name]
    model = found.compiled(keras)
    x, y = found.data(4, np.random.default_rng(0))
    before = [np.array(w) for w in model.get_weights()]
    history = model.fit(x, y, batch_size=4, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    changed = [np.any(a != b) for a, b in zip(before, model.get_weights(), strict=True)]
    assert any(changed)


def facts(train, predict):
    return {"train_ms": train, "predict_ms": predict, "first_step_s": 1.0}


MADE_UP = {
    "mlp_small": {
        "minikeras-numpy": facts(5.0, 4.0),
        "minikeras-numba": facts(2.0, 1.0),
        "keras-jax": facts(4.0, 3.0),
        "keras-torch": facts(6.0, 0.5),
    },
    "unet": {"minikeras-numba": facts(2.0, 1.0), "keras-jax": facts(1.0, 8.0)},
    "vit": {"minikeras-numba": facts(120.0, 1.0)},
    "lenet5": {"keras-jax": facts(1.0, 1.0)},
}


def test_rows_name_the_fastest_peer():
    assert variety.rows(MADE_UP, "train_ms") == [
        ["mlp_small", "2.00", "5.00", "keras-jax", "4.00", "2.00"],
        ["unet", "2.00", "", "keras-jax", "1.00", "0.50"],
        ["vit", "120", "", "", "", ""],
        ["lenet5", "", "", "keras-jax", "1.00", ""],
    ]
    first = variety.rows(MADE_UP, "predict_ms")[0]
    assert first == ["mlp_small", "1.00", "4.00", "keras-torch", "0.50", "0.50"]


def test_the_last_lines_sum_up():
    lines = variety.summary(MADE_UP).splitlines()
    found = [line for line in lines if line.startswith("minikeras-numba: ")]
    assert found == [
        "minikeras-numba: 1.00 times the fastest peer (geometric mean of 2 models), "
        "0.50 at least, 1 under 1.",
        "minikeras-numba: 2.00 times the fastest peer (geometric mean of 2 models), "
        "0.50 at least, 1 under 1.",
    ]
    assert lines[-1] == found[-1]


def test_ratios_are_of_numpy_where_it_alone_ran():
    made = {"unet": {"minikeras-numpy": facts(2.0, 1.0), "keras-jax": facts(6.0, 1.0)}}
    assert variety.rows(made, "train_ms")[0][-1] == "3.00"
    assert "minikeras-numpy: 3.00 times" in variety.summary(made)


def test_without_peers_there_is_no_ratio():
    made = {"unet": {"minikeras-numba": facts(2.0, 1.0)}}
    assert "times the fastest peer" not in variety.summary(made)


def test_a_run_in_processes(tmp_path, capsys):
    file = tmp_path / "figures.json"
    words = ["--engines", "minikeras-numpy", "--models", "mlp_small", "--json"]
    assert variety.main([*words, str(file)]) == 0
    assert "| mlp_small |" in capsys.readouterr().out
    read = json.loads(file.read_text(encoding="utf-8"))
    assert read["failures"] == {}
    got = read["models"]["mlp_small"]["minikeras-numpy"]
    assert set(got) == {"train_ms", "predict_ms", "first_step_s"}


def test_an_engine_that_fails_is_reported():
    broken = engines.Engine("broken", "no_such_module", {}, ())
    results, failures = variety.measure(["mlp_small"], [broken], {})
    assert results == {}
    assert "no_such_module" in failures["mlp_small"]["broken"]


def test_a_model_that_fails_leaves_the_process_to_the_next(tmp_path):
    """One raises, one ends its process, and the last is still measured."""
    module = tmp_path / "half_keras.py"
    module.write_text(
        "import os\n"
        "import minikeras\n"
        "def __getattr__(name):\n"
        "    return getattr(minikeras, name)\n"
        "class Sequential(minikeras.Sequential):\n"
        "    def compile(self, optimizer, loss):\n"
        "        if optimizer == 'rmsprop':\n"
        "            raise ValueError('not\\n this one')\n"
        "        if optimizer == 'sgd':\n"
        "            os._exit(3)\n"
        "        super().compile(optimizer, loss)\n",
        encoding="utf-8",
    )
    path = f"{tmp_path}:{engines.ROOT}:{engines.ROOT / 'backends'}"
    half = engines.Engine("half", "half_keras", {}, ())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "benchmarks.session.environment",
            lambda engine: engines.environment(engine) | {"PYTHONPATH": path},
        )
        names = ["mlp_bn", "groupnorm", "mlp_small"]
        results, failures = variety.measure(names, [half], {})
    assert failures == {
        "mlp_bn": {"half": "ValueError: not this one"},
        "groupnorm": {"half": "exit status 3"},
    }
    assert list(results) == ["mlp_small"]
