"""The examples run, and do what they say."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "examples"


@pytest.mark.parametrize(
    ("name", "pattern", "low", "high"),
    [
        ("mnist_cnn", r"test accuracy ([\d.]+)", 0.8, 1.0),
        ("functional_two_outputs", r"val_digit_accuracy ([\d.]+)", 0.8, 1.0),
        ("mnist_rows_gru", r"test accuracy ([\d.]+)", 0.7, 1.0),
        ("transformer_encoder", r"test accuracy ([\d.]+)", 0.7, 1.0),
        ("unet_segmentation", r"test IoU ([\d.]+)", 0.5, 1.0),
        ("custom_train_step", r"loss ([\d.]+) penalty", 0.0, 1.5),
    ],
)
def test_example(name, pattern, low, high):
    env = os.environ | {
        "EPOCHS": "2",
        "MINIKERAS_CHECK": "0",
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
    }
    ran = subprocess.run(
        [sys.executable, "-W", "error", str(FOLDER / f"{name}.py")],
        capture_output=True,
        text=True,
        env=env,
    )
    assert ran.returncode == 0, ran.stderr
    found = re.findall(pattern, ran.stdout)
    assert found, ran.stdout
    assert low <= float(found[-1]) <= high
