"""Are our ONNX files as fast as those that torch's exporter makes of the same model?

    python -m benchmarks.onnx_files [NAME ...] [--rounds N] [--batch N] [--python PYTHON]

Each workload is built by Keras on torch, given random weights and exported by both of torch's
exporters, the older and the newer; the same model, built here with the same weights, by
`model.export`. ONNX Runtime then runs the files in turns, on one thread. The ratio is that
of the faster of torch's two. PYTHON has keras and torch.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.report import geomean
from benchmarks.workloads import WORKLOADS, Workload

_TORCH = """
import sys, numpy as np, keras, torch
from benchmarks.workloads import WORKLOADS
name, weights, old, new, x = sys.argv[1:]
model = WORKLOADS[name].build(keras)
rng = np.random.default_rng(0)
made = [
    rng.uniform(0.5, 1.5, w.shape)
    if w.name in ("gamma", "moving_variance")
    else rng.normal(size=w.shape) * 0.05
    for w in model.weights
]
model.set_weights(made)
np.savez(weights, *made)
sample = torch.from_numpy(np.load(x))
model.eval()
batch = {0: torch.export.Dim("batch")}
ways = [
    (old, dict(dynamo=False, dynamic_axes={"x": {0: "batch"}})),
    (old, dict(dynamo=False)),  # a fixed batch, where the older one needs that
    (new, dict(dynamo=True, dynamic_shapes=((batch,),), external_data=False)),
    (new, dict(dynamo=True, external_data=False)),
]
done = set()
for path, options in ways:
    if path not in done:
        try:
            torch.onnx.export(model, (sample,), path, input_names=["x"], **options)
            done.add(path)
        except Exception as error:
            print(path, type(error).__name__, str(error)[:200], file=sys.stderr)
sys.exit(not done)
"""


def session(path: Path):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options)


def compared(
    work: Workload, folder: Path, batch: int, rounds: int, python: str
) -> tuple[list[float], float]:
    """Milliseconds of ours and of torch's two, and the largest difference of outputs."""
    import minikeras

    x, _ = work.load(batch, None)
    samples = folder / "x.npy"
    np.save(samples, x)
    weights, ours = folder / "w.npz", folder / "ours.onnx"
    theirs = [folder / "old.onnx", folder / "new.onnx"]
    command = [
        python,
        "-W",
        "ignore",
        "-c",
        _TORCH,
        work.name,
        weights,
        *theirs,
        samples,
    ]
    env = {**os.environ, "KERAS_BACKEND": "torch"}
    subprocess.run([str(c) for c in command], env=env, check=True, capture_output=True)
    model = work.build(minikeras)
    with np.load(weights) as file:
        model.set_weights([file[k] for k in file.files])
    model.export(ours)
    runs = [session(p) if p.exists() else None for p in (ours, *theirs)]
    best, outputs = [math.inf] * len(runs), []
    for turn in range(rounds + 1):
        for i, run in enumerate(runs):
            if run is None:
                continue
            feed = {run.get_inputs()[0].name: x}
            start = time.perf_counter()
            made = run.run(None, feed)[0]
            if turn:
                best[i] = min(best[i], time.perf_counter() - start)
            else:
                outputs.append(made)
    apart = max(float(np.abs(outputs[0] - other).max()) for other in outputs[1:])
    return [1e3 * b for b in best], apart


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.onnx_files")
    parser.add_argument("names", nargs="*", help="workloads; default: all")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--python", default=sys.executable, help="has keras and torch")
    options = parser.parse_args(arguments)
    print(
        f"{'workload':12} {'ours ms':>9} {'older ms':>9} {'newer ms':>9} {'ratio':>6}  difference"
    )
    ratios = []
    for work in WORKLOADS.values():
        if options.names and work.name not in options.names:
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                (ours, *theirs), apart = compared(
                    work, Path(folder), options.batch, options.rounds, options.python
                )
            except subprocess.CalledProcessError as error:
                last = error.stderr.decode().strip().splitlines()[-1]
                print(f"{work.name:12} torch does not export it: {last[:120]}")
                continue
        ratios.append(min(theirs) / ours)
        print(
            f"{work.name:12} {ours:9.2f} {theirs[0]:9.2f} {theirs[1]:9.2f} "
            f"{ratios[-1]:6.2f}  {apart:.1e}",
            flush=True,
        )
    if ratios:
        print(f"geometric mean of the ratios {geomean(ratios):.2f}")


if __name__ == "__main__":
    main()
