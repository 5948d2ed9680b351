"""`tf.summary` in a script, read by TensorBoard's own reader."""

import os
import subprocess
import sys

from tests.callbacks.test_tensorboard import board, events

__all__ = ["board"]  # a fixture

SUMMARIES = """
import sys

import numpy as np
import tensorflow as tf

writer = tf.summary.create_file_writer(sys.argv[1])
with writer.as_default():
    for step in range(3):
        tf.summary.scalar("loss", tf.constant(0.5) * step, step=step)
    tf.summary.histogram("weights", [1.0, 2.0], step=1)
    tf.summary.image("picture", np.ones((1, 4, 5, 1), "float32"), step=1)
    tf.summary.text("said", "hello", step=1)
writer.close()
assert tf.summary.scalar("outside", 1.0, step=1) is False
"""


def test_summaries(board, tmp_path):
    (tmp_path / "script.py").write_text(SUMMARIES)
    path = os.pathsep.join(p for p in sys.path if p)
    words = [
        "-m",
        "minikeras",
        "run",
        str(tmp_path / "script.py"),
        str(tmp_path / "logs"),
    ]
    ran = subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert ran.returncode == 0, ran.stderr
    found, _ = events(tmp_path / "logs")
    assert set(found) == {"loss", "weights", "picture", "said"}
    assert [float(value) for _, value in found["loss"]] == [0, 0.5, 1]
    assert found["said"][0][1].item() == b"hello"
    assert found["picture"][0][1][2].startswith(b"\x89PNG")
