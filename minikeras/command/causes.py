"""What MPI writes when a job fails: kept from the job's own output, and made one line."""

from __future__ import annotations

import codecs
import os
import re
import signal
import sys
from collections import deque
from typing import IO

# What MPI itself writes when a rank dies, of which one line is made.
_BANNER = re.compile(
    r"^-{20,}$|^=+( *BAD TERMINATION.*)?=*$|^= |MPI_ABORT was invoked|^ *Proc: \[|^ *Errorcode: "
    r"|NOTE: invoking MPI_ABORT|^You may or may not see|^exactly when Open MPI"
    r"|(prterun|mpirun|mpiexec|prun|prte) (noticed|has exited|detected)"
    r"|^.abort.\. This may have caused|^terminated by signals sent by|^YOUR APPLICATION"
    r"|^This typically refers|^Please see the FAQ|^application called MPI_Abort"
    r"|^Abort\(\d+\) on node|^(on )?signal \d+|^child process|^.*exited on\s*$"
    r"|^internal ABORT|^Exit code:|^CLEANING UP|^\[mpiexec@.*Exit codes:"
)
# The first line of what Open MPI writes between two rules.
_OPENING = re.compile(
    r"(prterun|mpirun|mpiexec|prun|prte) (noticed|has exited|detected)|MPI_ABORT was invoked"
)
_LEFT = re.compile(
    r"process rank (?P<rank>\d+).*? on node (?P<host>\S+) exiting\s+improperly"
)
_DEATHS = (
    re.compile(
        r"process rank (?P<rank>\d+).*? on\s+(?:node\s+)?(?P<host>\S+)"
        r".*?signal (?P<signal>\d+)",
        re.S,
    ),
    re.compile(
        r"PID (?P<pid>\d+) RUNNING AT (?P<host>\S+).*?EXIT CODE: (?P<signal>\d+)", re.S
    ),
)


def pass_on(source: IO[str], banner: deque[str]) -> None:
    """The job's error output, without what MPI writes at its end, which is kept."""
    inside = False
    for line in source:
        line = line.replace("\0", "")
        inside = not line.startswith("-" * 20) and (
            inside or _OPENING.search(line) is not None
        )
        if inside or _BANNER.search(line):
            banner.append(line)
        elif line.strip() or not banner:
            sys.stderr.write(line)
            sys.stderr.flush()


# How MPICH's banner begins.
_HYDRA = "=" * 83 + "\n=   BAD TERMINATION"


def pass_output_on(source: int, target: IO[str], banner: deque[str]) -> None:
    """The job's output as it comes, bars that are drawn anew too; MPICH's banner is kept."""
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    held = ""
    while chunk := os.read(source, 1 << 16):
        held += decode(chunk)
        at = held.find(_HYDRA)
        at = len(held) - _beginning(held) if at < 0 else at
        target.write(held[:at])
        target.flush()
        held = held[at:]
    for line in held.splitlines(keepends=True):
        ours = not held.startswith(_HYDRA) or line.strip()
        if ours and not _BANNER.search(line):
            target.write(line)
        else:
            banner.append(line)
    target.flush()


def _beginning(text: str) -> int:
    """How many characters at the end may be the beginning of MPICH's banner.

    >>> _beginning("a line\\n"), _beginning("a bar ====")
    (0, 4)
    """
    most = min(len(text), len(_HYDRA) - 1)
    sizes = range(most, 0, -1)
    return next((n for n in sizes if _HYDRA.startswith(text[-n:])), 0)


def _by_hydra(banner: str) -> str | None:
    """Who died, from what MPICH wrote: one rank alone has the status that it tells last.

    >>> _by_hydra("[mpiexec@a] Exit codes: [a] 0,9 [b] 11\\nEXIT STRING: x (signal 11)")
    'rank 2 on b was ended by signal 11 (SIGSEGV)'
    """
    codes = re.search(r"Exit codes: (.*)", banner)
    told = re.search(r"EXIT STRING: .*\(signal (\d+)\)", banner)
    told = told or re.search(r"EXIT CODE: (\d+)", banner)
    if codes is None or told is None:
        return None
    status = int(told[1])
    groups = re.findall(r"\[([^\]]+)\] ([\d,]+)", codes[1])
    hosts = [(host, int(c)) for host, listed in groups for c in listed.split(",")]
    found = [rank for rank, (_, code) in enumerate(hosts) if code == status]
    if len(found) != 1:
        return None
    return _ended_by(f"rank {found[0]}", hosts[found[0]][0], status)


def _ended_by(who: str, host: str, status: int) -> str:
    try:
        name = signal.Signals(status).name
    except ValueError:
        return f"{who} on {host} ended with status {status}"
    return f"{who} on {host} was ended by signal {status} ({name})"


def cause_of(banner: str, status: int) -> str:
    """Who died, in one line, from what MPI wrote.

    >>> cause_of("process rank 1 with PID 7 on node a exited on\\nsignal 9 (Killed).", 137)
    'rank 1 on a was ended by signal 9 (SIGKILL)'
    >>> cause_of("", 3)
    'the job failed with status 3'
    """
    left = _LEFT.search(banner)
    if left is not None:
        return (
            f"rank {left['rank']} on {left['host']} ended in the midst of the job (os._exit, "
            "or a library that ends the process)"
        )
    by_hydra = _by_hydra(banner)
    if by_hydra is not None:
        return by_hydra
    for pattern in _DEATHS:
        found = pattern.search(banner)
        if found is None:
            continue
        parts = found.groupdict()
        who = f"rank {parts['rank']}" if "rank" in parts else f"process {parts['pid']}"
        return _ended_by(who, parts["host"], int(parts["signal"]))
    return f"the job failed with status {status}"
