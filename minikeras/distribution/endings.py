"""The end of a rank: an error ends the whole job, and a script that is over waits for all.

Without this, a rank that raises would leave the others waiting for it for ever.
"""

from __future__ import annotations

import atexit
import signal
import socket
import sys
import time
import types
from typing import TYPE_CHECKING, Any

from minikeras.distribution.watch import Watch
from minikeras.engine.agreement import RanksDifferError

if TYPE_CHECKING:
    from mpi4py import MPI

# Seconds that other ranks leave to rank 0, where all raise the same error.
_COURTESY = 1.0


def install(mpi: object, comm: Any, watch: Watch) -> None:
    """From now on an uncaught error ends all ranks, and the end of a script waits."""
    usual = sys.excepthook

    def ended(
        kind: type[BaseException],
        error: BaseException,
        trace: types.TracebackType | None,
    ) -> None:
        if comm.rank and not issubclass(kind, KeyboardInterrupt):
            time.sleep(_COURTESY)
        if issubclass(kind, RanksDifferError):
            sys.stderr.write(f"minikeras: {error}\n" if not comm.rank else "")
            sys.stderr.flush()
            comm.Abort(1)
        usual(kind, error, trace)
        sys.stderr.write(
            f"minikeras: rank {comm.rank} of {comm.size} ({socket.gethostname()}) ended by "
            f"{kind.__name__}, so the job ends.\n"
        )
        sys.stderr.flush()
        sys.stdout.flush()
        status = 128 + signal.SIGINT if issubclass(kind, KeyboardInterrupt) else 1
        comm.Abort(status)

    sys.excepthook = ended
    atexit.register(_leave, mpi, comm.Dup(), watch)


def _leave(mpi: Any, comm: MPI.Comm, watch: Watch) -> None:
    """Wait for the others, while the watch still answers for this rank."""
    if mpi.Is_finalized():
        return
    watch.ended = True
    done = comm.Ibarrier()
    pause = 0.001
    while not done.Test():
        time.sleep(pause)
        pause = min(2 * pause, 0.05)
    watch.stop()
