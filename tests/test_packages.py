"""Other people's packages run under Keras's name, where they are installed.

`MINIKERAS_PACKAGES` may name a folder that has them; see examples/packages.
"""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "examples/packages"
EXTRA = os.environ.get("MINIKERAS_PACKAGES")

FALLS = r"loss ([\d.]+) -> ([\d.]+)"
SCRIPTS = [
    ("efficient_kan", "keras_efficient_kan", FALLS),
    ("geometric_gcn", "keras_geometric", r"embeddings \(4, 16\)"),
    ("k3im_models", "k3im", r"weights, loss [\d.]+"),
    ("keras_hub_models", "keras_hub", FALLS),
    ("keras_rs_feature_cross", "keras_rs", FALLS),
    ("keras_sig_layer", "keras_sig", FALLS),
    ("keras_tuner_search", "keras_tuner", r"best: .*val_loss [\d.]+"),
    ("kerasfactory_layers", "kerasfactory", FALLS),
    ("kyolo_detect", "kyolo", FALLS),
    ("lime_tabular", "lime", r"most: \('.*\b1\b"),
    ("live_loss_plot", "livelossplot", r"loss [\d.]+"),
    ("mdn_layer", "keras_mdn_layer", FALLS),
    ("qkeras_quantized", "qkeras", FALLS),
    ("scikeras_grid_search", "scikeras", r"accuracy 0\.[89]"),
    ("shap_explainers", "shap", r"error 0\.00\d+, 0\.00\d+, 0\.[01]"),
    ("tcn_first_value", "tcn", FALLS),
    ("self_attention", "keras_self_attention", FALLS),
    ("visual_layers", "visualkeras", r"layers \d+ \d+\ngraph \d+ \d+"),
    ("saliency_maps", "tf_keras_vis", r"saliency \(2, 16, 16\)\ngradcam \(2, 16, 16\)"),
    ("liquid_networks", "ncps", FALLS),
    ("unet_collection", "keras_unet_collection", FALLS),
    ("vision_models", "keras_vision", r"scores \(4, 4\)"),
]
# keras-sig knows three backends and stops at any other name; it needs jax to be installed.
NAMES = {"keras_sig_layer": "tensorflow"}


def test_every_script_is_run():
    if not FOLDER.is_dir():
        pytest.skip("not in a source tree")
    assert {script for script, *_ in SCRIPTS} == {p.stem for p in FOLDER.glob("*.py")}


@pytest.mark.slow
@pytest.mark.parametrize(("script", "package", "pattern"), SCRIPTS)
def test_package(script, package, pattern):
    found = EXTRA and (Path(EXTRA) / package).is_dir()
    if not found and importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    path = [p for p in sys.path if p] + ([EXTRA] if EXTRA else [])
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path),
        "MINIKERAS_CHECK": "0",
        "MINIKERAS_KERAS_BACKEND_NAME": NAMES.get(script, "numpy"),
    }
    words = ["-m", "minikeras", "run", str(FOLDER / f"{script}.py")]
    ran = subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, env=environment
    )
    assert ran.returncode == 0, ran.stderr
    match = re.search(pattern, ran.stdout)
    assert match, ran.stdout
    if pattern is FALLS:
        assert float(match[2]) < float(match[1])
