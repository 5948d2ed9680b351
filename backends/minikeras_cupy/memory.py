"""Memory of the device: a limit, giving back, and errors that say what was asked for."""

from __future__ import annotations

import os
from typing import Any

from minikeras.extend import BackendError, OutOfMemory


def set_limit(cp: Any) -> None:
    """Let CuPy's pool take at most MINIKERAS_GPU_MEMORY, in MiB.

    Raises:
        BackendError: If that is no positive whole number.
    """
    chosen = os.environ.get("MINIKERAS_GPU_MEMORY", "")
    if not chosen:
        return
    if not (chosen.isascii() and chosen.isdigit()) or int(chosen) < 1:
        raise BackendError(
            f"MINIKERAS_GPU_MEMORY is {chosen!r}; expected a whole number of MiB >= 1."
        )
    cp.get_default_memory_pool().set_limit(size=int(chosen) << 20)


def release(cp: Any) -> None:
    """Give back to the device what no array uses."""
    cp.get_default_memory_pool().free_all_blocks()
    cp.get_default_pinned_memory_pool().free_all_blocks()


def failure(cp: Any, what: str, nbytes: int) -> OutOfMemory:
    """The error of a failed allocation.

    Args:
        cp: The module cupy.
        what: What the memory was for.
        nbytes: How much was asked for; 0 where that is not known.
    """
    pool = cp.get_default_memory_pool()
    free, total = cp.cuda.runtime.memGetInfo()
    used, held = pool.used_bytes(), pool.total_bytes()
    limit = pool.get_limit()
    room = free + held - used
    if limit:
        room = min(room, limit - used)
    asked = f"{nbytes / 2**20:.1f} MiB" if nbytes else "memory"
    text = (
        f"the GPU has no room for {what}: asked for {asked}, {used / 2**20:.1f} MiB are in "
        f"use by arrays, {max(room, 0) / 2**20:.1f} MiB of {total / 2**20:.0f} are free."
    )
    if limit:
        text += f" MINIKERAS_GPU_MEMORY limits arrays to {limit / 2**20:.0f} MiB."
    text += " Use a smaller batch, or keras.utils.clear_session() between models."
    return OutOfMemory(text, nbytes, max(room, 0))
