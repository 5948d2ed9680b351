"""Training on several ranks: what reductions cost, measured, and predicted for many more.

`python -m benchmarks.distribution` measures, by MPI on this machine and one thread a rank:

- the time of all_reduce by size, for each number of ranks;
- the time of a step of the workloads, each rank with the workload's batch, and the share
  of it that reductions take, waiting for the others included.

With `--delay MS` the ranks stand on two hosts, network namespaces of this machine, and
talk by TCP over a wire that adds that (`benchmarks/hosts.py`).

To the times of two ranks it fits `alpha + beta n`, n the bytes of a rank. What an exchange
of messages costs follows from how all_reduce is made (`minikeras/distribution/exchange.py`),
and with it the time on R ranks:

    small:  (R - 1) n to each, in log2 R rounds        a ceil(log2 R) + b (R - 1) n
    large:  two exchanges of n (R - 1) / R, in R - 1   2 (R - 1) (a + b n / R)
            messages each

The efficiency of R ranks is that of weak scaling, t(1) / (t(1) + all_reduce(R)): nothing
of a reduction is hidden behind the backward pass. Published beside it: Horovod, 90 % for
Inception V3 and ResNet-101 and 68 % for VGG-16 on 512 GPUs with 25 Gbit/s (Sergeev and
Del Balso, 2018); PyTorch DDP, which overlaps, near-linear on 256 GPUs (Li et al., 2020).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.hosts import Hosts
from minikeras.distribution.exchange import SMALL

RANKS = (2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class Network(NamedTuple):
    """What a message costs.

    Attributes:
        name: Where.
        a: Seconds of a message of nothing.
        b: Seconds for each byte.
    """

    name: str
    a: float
    b: float


# Round figures for what is usual; measure your own.
USUAL = (Network("10 Gbit/s Ethernet", 3e-5, 1 / 1.1e9),
         Network("200 Gbit/s InfiniBand", 2e-6, 1 / 22e9))  # fmt: skip


def fitted(sizes: list[int], seconds: list[float]) -> tuple[float, float]:
    """Alpha and beta of `alpha + beta n`, with errors relative to each time.

    >>> alpha, beta = fitted([0, 1000, 2000], [1.0, 3.0, 5.0])
    >>> round(alpha, 6), round(beta, 6)
    (1.0, 0.002)
    """
    n, t = np.array(sizes, float), np.array(seconds)
    rows = np.stack([np.ones_like(n), n], 1) / t[:, None]
    (alpha, beta), *_ = np.linalg.lstsq(rows, np.ones_like(t), rcond=None)
    return max(float(alpha), 0.0), max(float(beta), 0.0)


def network_of(sizes: list[int], seconds: list[float]) -> Network:
    """What messages cost, given times of all_reduce on two ranks.

    On two ranks a large one is two messages of half of it; packing and adding, which grow
    with the bytes too, are in the fitted beta.
    """
    large = [(n, t) for n, t in zip(sizes, seconds) if n > SMALL]
    alpha, _ = fitted([n for n in sizes if n <= SMALL],
                      [t for n, t in zip(sizes, seconds) if n <= SMALL])  # fmt: skip
    _, beta = fitted([n for n, _ in large], [t for _, t in large])
    return Network("this machine", alpha, beta)


def all_reduce(network: Network, ranks: int, size: int) -> float:
    """Seconds of an all_reduce of `size` bytes on so many ranks.

    >>> fast = Network("", 0.0, 1e-9)
    >>> all_reduce(fast, 2, 10**6), all_reduce(fast, 1000, 10**6) < 0.002
    (0.001, True)
    """
    if ranks == 1:
        return 0.0
    if size <= SMALL:
        rounds = math.ceil(math.log2(ranks))
        return network.a * rounds + network.b * (ranks - 1) * size
    return 2 * (ranks - 1) * (network.a + network.b * size / ranks)


def measured(
    ranks: int, rounds: int, workloads: list[str], hosts: Hosts | None = None
) -> list[dict[str, Any]]:
    """The lines of rank 0 of so many ranks, one thread each."""
    worker = [sys.executable, "-m", "benchmarks.distribution_worker", str(rounds)]
    several = hosts if ranks > 1 else None
    command = [
        *([] if several is None else several.words()), sys.executable, "-m", "minikeras",
        "launch", "-n", str(ranks), "--threads", "1",
        *([] if several is None else several.launch(ranks)), "--", *worker, *workloads,
    ]  # fmt: skip
    environment = {**os.environ, **({} if several is None else several.environment())}
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=True, env=environment
    )
    return [json.loads(line) for line in done.stdout.splitlines() if line[:1] == "{"]


def report(found: dict[int, list[dict[str, Any]]]) -> str:
    """What was measured and what it predicts, as Markdown.

    Args:
        found: Lines by number of ranks; those of 1 and 2 among them.
    """
    lines = [
        "| all_reduce, bytes | " + " | ".join(f"{r} ranks" for r in found if r > 1)
    ]
    lines += ["|---:|" + "---:|" * (len(found) - 1)]
    reduced = {r: {f["bytes"]: f["seconds"] for f in facts if f["what"] == "all_reduce"}
               for r, facts in found.items()}  # fmt: skip
    for size in reduced[2]:
        times = [f"{1e3 * reduced[r][size]:.3f} ms" for r in found if r > 1]
        lines.append(f"| {size:,} | " + " | ".join(times) + " |")
    sizes, seconds = list(reduced[2]), list(reduced[2].values())
    own = network_of(sizes, seconds)
    lines += ["", f"Fitted on 2 ranks: alpha = {1e6 * own.a:.0f} us, beta = 1 / "
                  f"({1e-9 / own.b if own.b else 0:.2f} GB/s).", ""]  # fmt: skip
    steps = {r: {f["workload"]: f for f in facts if f["what"] == "step"}
             for r, facts in found.items()}  # fmt: skip
    lines += [
        "| step | ranks | time | efficiency | reductions |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, alone in steps[1].items():
        for r in found:
            one = steps[r][name]
            efficiency = alone["seconds"] / one["seconds"]
            lines.append(f"| {name} | {r} | {1e3 * one['seconds']:.2f} ms | "
                         f"{efficiency:.0%} | {one['share'] if r > 1 else 0:.0%} |")  # fmt: skip
    lines += ["", "Predicted efficiency, a machine a rank:", ""]
    lines += ["| model, network | " + " | ".join(map(str, RANKS)) + " |"]
    lines += ["|---|" + "---:|" * len(RANKS)]
    for name, alone in steps[1].items():
        for network in USUAL:
            shown = [
                alone["seconds"]
                / (alone["seconds"] + all_reduce(network, r, alone["bytes"]))
                for r in RANKS
            ]
            cells = " | ".join(f"{e:.0%}" for e in shown)
            lines.append(
                f"| {name} ({alone['bytes'] / 1e6:.1f} MB), {network.name} | {cells} |"
            )
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser("python -m benchmarks.distribution")
    parser.add_argument("--ranks", default="1,2", help="numbers of ranks (1,2)")
    parser.add_argument(
        "--rounds", type=int, default=7, help="measurements of each (7)"
    )
    parser.add_argument(
        "--workloads", default="mlp,cnn", help="of benchmarks.workloads"
    )
    parser.add_argument(
        "--delay", type=float, metavar="MS",
        help="put ranks on two hosts, namespaces of this machine, with a wire between "
        "them that adds so many milliseconds each way (Linux, as root)",
    )  # fmt: skip
    options = parser.parse_args()
    names = [name for name in options.workloads.split(",") if name]
    counts = sorted({1, 2, *map(int, options.ranks.split(","))})
    with contextlib.ExitStack() as stack:
        hosts = None
        if options.delay is not None:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            hosts = stack.enter_context(Hosts(options.delay, Path(folder)))
        found = {r: measured(r, options.rounds, names, hosts) for r in counts}
    print(report(found))


if __name__ == "__main__":
    main()
