"""The benchmark of eager calls: its calls run on ours, and the table is right."""

import importlib

import pytest

import minikeras as keras

pytest.importorskip("benchmarks", reason="the benchmarks are not in the wheel")
eager = importlib.import_module("benchmarks.eager")
worker = importlib.import_module("benchmarks.eager_worker")


def test_every_call_runs():
    calls = worker.of_keras(keras)
    assert tuple(calls) == worker.NAMES
    for call in calls.values():
        assert worker.microseconds(call, seconds=1e-9) > 0


def test_the_least_time_of_the_rounds_counts(monkeypatch, capsys):
    class Worker:
        def __init__(self, engine, python, words):
            self.engine = engine
            self.said = iter([3.0, 2.0] if engine.ours else [None, 8.0])

        def listen(self):
            return {}

        def turn(self, name):
            return {"us": next(self.said)}

        def close(self):
            pass

    monkeypatch.setattr(eager, "Worker", Worker)
    monkeypatch.setattr(eager, "missing", lambda engine, python: [])
    words = ["--names", "add", "--rounds", "2", "--engines", "minikeras-numpy,torch"]
    assert eager.main([*words, "--python", "peers=a-python"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert [cell.strip() for cell in last.strip("|").split("|")] == [
        "add", "2.00", "8.00",
    ]  # fmt: skip
