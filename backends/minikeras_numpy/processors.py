"""How many processors this process may use."""

from __future__ import annotations

import os

MAX_THREADS = 256


def _cgroup_limit() -> int | None:
    """Whole processors the control group (v2, then v1) allows, or None."""
    try:
        with open("/sys/fs/cgroup/cpu.max") as file:
            quota, period = file.read().split()
    except (OSError, ValueError):
        try:
            with open("/sys/fs/cgroup/cpu/cpu.cfs_quota_us") as file:
                quota = file.read().strip()
            with open("/sys/fs/cgroup/cpu/cpu.cfs_period_us") as file:
                period = file.read().strip()
        except OSError:
            return None
    if not quota.isdigit() or not period.isdigit() or int(period) == 0:
        return None
    return max(1, int(quota) // int(period))


def default_threads() -> int:
    """MINIKERAS_NUM_THREADS, else the processors this process may use."""
    chosen = os.environ.get("MINIKERAS_NUM_THREADS", "")
    if chosen:
        if not (chosen.isascii() and chosen.isdigit()) or int(chosen) < 1:
            raise ValueError(
                f"MINIKERAS_NUM_THREADS is {chosen!r}; expected a whole number >= 1."
            )
        return min(int(chosen), MAX_THREADS)
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    limit = _cgroup_limit()
    return min(count, limit or count, MAX_THREADS)
