"""Are our ONNX files as fast as those that torch's exporter makes of the same model?

    python -m benchmarks.onnx_files [--rounds N] [--batch N] [--python PYTHON]

Each workload is built by Keras on torch, given random weights and exported by
`torch.onnx.export`; the same model, built here with the same weights, by `model.export`.
ONNX Runtime then runs both files in turns, on one thread. PYTHON has keras and torch.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.report import geomean
from benchmarks.workloads import WORKLOADS

_TORCH = """
import sys, numpy as np, keras, torch
from benchmarks.workloads import WORKLOADS
name, weights, path, x = sys.argv[1:]
model = WORKLOADS[name].build(keras)
rng = np.random.default_rng(0)
made = [rng.uniform(0.5, 1.5, w.shape) * 0.1 for w in model.get_weights()]
model.set_weights(made)
np.savez(weights, *made)
sample = torch.from_numpy(np.load(x)[:2])
model.eval()
try:
    torch.onnx.export(model, (sample,), path, dynamo=False, input_names=["x"],
                      dynamic_axes={"x": {0: "batch"}})
except Exception:  # the older exporter lacks some operators
    torch.onnx.export(model, (sample,), path, dynamo=True, input_names=["x"],
                      dynamic_shapes=({0: torch.export.Dim("batch")},), external_data=False)
"""


def session(path: Path):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options)


def compared(
    work, folder: Path, batch: int, rounds: int, python: str
) -> tuple[float, ...]:
    """Milliseconds of ours and of torch's, and the largest difference of outputs."""
    import minikeras

    x, _ = work.load(batch, None)
    samples = folder / "x.npy"
    np.save(samples, x)
    theirs, weights, ours = (folder / n for n in ("torch.onnx", "w.npz", "ours.onnx"))
    env = {**os.environ, "KERAS_BACKEND": "torch"}
    command = [
        python,
        "-W",
        "ignore",
        "-c",
        _TORCH,
        work.name,
        weights,
        theirs,
        samples,
    ]
    subprocess.run([str(c) for c in command], env=env, check=True, capture_output=True)
    model = work.build(minikeras)
    with np.load(weights) as file:
        model.set_weights([file[k] for k in file.files])
    model.export(ours)
    runs = [session(ours), session(theirs)]
    feeds = [{r.get_inputs()[0].name: x} for r in runs]
    outputs = [r.run(None, f)[0] for r, f in zip(runs, feeds)]
    best = [float("inf")] * 2
    for _ in range(rounds):
        for i, (run, feed) in enumerate(zip(runs, feeds)):
            start = time.perf_counter()
            run.run(None, feed)
            best[i] = min(best[i], time.perf_counter() - start)
    return best[0] * 1e3, best[1] * 1e3, float(np.abs(outputs[0] - outputs[1]).max())


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.onnx_files")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--python", default=sys.executable, help="has keras and torch")
    options = parser.parse_args(arguments)
    print(f"{'workload':12} {'ours ms':>9} {'torch ms':>9} {'ratio':>6}  difference")
    ratios = []
    for work in WORKLOADS.values():
        with tempfile.TemporaryDirectory() as folder:
            try:
                ours, theirs, apart = compared(
                    work, Path(folder), options.batch, options.rounds, options.python
                )
            except subprocess.CalledProcessError as error:
                last = error.stderr.decode().strip().splitlines()[-1]
                print(f"{work.name:12} torch does not export it: {last[:120]}")
                continue
        ratios.append(theirs / ours)
        print(
            f"{work.name:12} {ours:9.2f} {theirs:9.2f} {theirs / ours:6.2f}  {apart:.1e}"
        )
    if ratios:
        print(f"geometric mean of the ratios {geomean(ratios):.2f}")


if __name__ == "__main__":
    main()
