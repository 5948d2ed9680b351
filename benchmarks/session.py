"""A run: one process an engine, taking turns."""

from __future__ import annotations

import json
import select
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.engines import ROOT, Engine, environment

Facts = dict[str, Any]


class WorkerError(RuntimeError):
    """An engine's process ended before it had said everything."""


class Worker:
    """One engine's process, and what it has said; of repeated figures the least."""

    def __init__(self, engine: Engine, python: str, words: Sequence[str]) -> None:
        """Start `python -m` with these words."""
        self.engine = engine
        self.facts: Facts = {}
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  until close()
        self._process = subprocess.Popen(
            [python, "-m", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            cwd=ROOT,
            env=environment(engine),
        )

    def listen(self, limit: float | None = None) -> Facts:
        """Take in the next line, which must come within `limit` seconds, where there is one."""
        assert self._process.stdout is not None
        if limit is not None:
            ready, _, _ = select.select([self._process.stdout], [], [], max(limit, 0))
            if not ready:
                raise WorkerError("the time of the run is over")
        text = self._process.stdout.readline()
        if not text:
            raise WorkerError(self._last_words())
        said: Facts = json.loads(text)
        for key, value in said.items():
            least = key.endswith("_ms") and key in self.facts
            self.facts[key] = min(value, self.facts[key]) if least else value
        return said

    def turn(self, word: str = "", limit: float | None = None) -> Facts:
        """Let it do one piece of work, and hear how it went."""
        self.tell(word)
        return self.listen(limit)

    def tell(self, word: str = "") -> None:
        """Let it do one piece of work."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(word + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise WorkerError(self._last_words()) from None

    def close(self, at_once: bool = False) -> None:
        """End it: it stops when its input does, or at once."""
        if at_once:
            self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            try:
                stream.close()
            except BrokenPipeError:  # it is gone already
                continue
        self._process.wait()
        self._errors.close()

    def _last_words(self) -> str:
        self._process.wait()
        self._errors.seek(0)
        lines = [line for line in self._errors.read().splitlines() if line.strip()]
        return lines[-1] if lines else f"exit status {self._process.returncode}"


def measure(
    workload: str,
    engines: Sequence[Engine],
    rounds: int,
    pythons: Mapping[str, str],
    folder: str | None = None,
) -> tuple[dict[str, Facts], dict[str, str]]:
    """One workload on the engines.

    Args:
        workload: Its name.
        engines: Which to compare.
        rounds: Epochs, and then rounds of predictions, of each.
        pythons: Interpreters of the engines that do not share ours.
        folder: Of IDX files, or None for the digits.

    Returns:
        What was measured, and why an engine has dropped out, by engine.
    """
    workers: list[Worker] = []
    failed: dict[str, str] = {}
    try:
        for engine in engines:
            python = pythons.get(engine.name, sys.executable)
            words = ["benchmarks.worker", engine.module, workload, str(rounds)]
            worker = Worker(engine, python, words + ([folder] if folder else []))
            workers.append(worker)
            _try(worker, worker.listen, failed)  # imports one after the other
        for _ in range(1 + 2 * rounds):
            for worker in workers:
                if worker.engine.name not in failed:
                    _try(worker, worker.turn, failed)
    finally:
        for worker in workers:
            worker.close()
    done = {w.engine.name: w.facts for w in workers if w.engine.name not in failed}
    return done, failed


def _try(worker: Worker, act: Any, failed: dict[str, str]) -> None:
    try:
        act()
    except WorkerError as error:
        failed[worker.engine.name] = str(error)
