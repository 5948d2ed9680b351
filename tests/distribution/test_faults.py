"""Ranks that die, hang, raise or differ, and jobs that are started anew."""

import io
import os
import pickle
import sys
import threading
import time
from collections import deque
from pathlib import Path

import numpy as np
import pytest

from minikeras.command import causes, launch
from tests.distribution import started

HERE = Path(__file__).parent


def _launch(*words, options=()):
    command = [sys.executable, "-m", "minikeras", "launch", "-n", "2", *options, "--"]
    script, *rest = words
    words = [*command, sys.executable, str(HERE / script), *rest]
    return started.start(words, MINIKERAS_BACKEND="numpy")


@pytest.fixture
def mpi():
    started.needs_mpi()


def test_a_killed_rank_ends_the_job_and_it_goes_on_to_the_bit(tmp_path, mpi):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir()
    broken.mkdir()
    assert _launch("resume.py", str(whole)).returncode == 0
    done = _launch("resume.py", str(broken), "1", options=["--max-restarts", "1"])
    assert done.returncode == 0, done.stderr
    assert "; the job starts anew (1 restart left)" in done.stderr
    if "rank 1" in done.stderr:  # Open MPI says who; MPICH says the process
        assert "signal 9 (SIGKILL)" in done.stderr
    found, wanted = (
        pickle.loads((f / "done.pkl").read_bytes()) for f in (broken, whole)
    )
    assert found[0] == wanted[0] and len(wanted[0]["loss"]) == 4
    for a, b in zip(found[1], wanted[1], strict=True):
        np.testing.assert_array_equal(a, b)
    assert not (broken / "backup").exists()  # the run is complete


def test_a_rank_that_hangs_is_named(mpi):
    done = _launch("faulty.py", "hang", options=["--timeout", "2"])
    assert done.returncode != 0
    assert "rank(s) 0 have waited for" in done.stderr
    assert "rank 1 (" in done.stderr and "time.sleep(60)" in done.stderr


def test_a_rank_that_raises_ends_the_job(mpi):
    done = _launch("faulty.py", "raise")
    assert done.returncode != 0
    assert "RuntimeError: no more rows in the cupboard" in done.stderr
    assert "rank 1 of 2" in done.stderr and "ended by RuntimeError" in done.stderr
    assert "MPI_ABORT" not in done.stderr  # one line of ours instead


def test_ranks_with_other_data_are_refused(mpi):
    done = _launch("faulty.py", "length")
    assert done.returncode != 0
    line = "number of samples: 10 on rank 1, 12 on rank 0"
    assert done.stderr.count(line) == 1, done.stderr


# --- the command, without processes


@pytest.mark.parametrize(
    ("banner", "status", "cause"),
    [
        ("prterun noticed that process rank 3 with PID 4 on node b exited on\nsignal 11 (x).",
         139, "rank 3 on b was ended by signal 11 (SIGSEGV)"),
        ("[mpiexec@vm] Exit codes: [vm] 0,9\nYOUR APPLICATION TERMINATED WITH THE EXIT STRING: "
         "Killed (signal 9)", 9, "rank 1 on vm was ended by signal 9 (SIGKILL)"),
        ("=   PID 7 RUNNING AT a\n=   EXIT CODE: 9\n[mpiexec@a] Exit codes: [a] 9,9 [b] 11\n"
         "EXIT STRING: Segmentation fault (signal 11)", 11,
         "rank 2 on b was ended by signal 11 (SIGSEGV)"),
        ("=   PID 14733 RUNNING AT vm\n=   EXIT CODE: 9\n", 9,
         "process 14733 on vm was ended by signal 9 (SIGKILL)"),
        ("=   PID 1 RUNNING AT vm\n=   EXIT CODE: 255\n", 255,
         "process 1 on vm ended with status 255"),
        ("", 4, "the job failed with status 4"),
        ("prterun has exited due to process rank 1 with PID 16225 on node b exiting\n"
         "improperly. There are three reasons", 1,
         "rank 1 on b ended in the midst of the job (os._exit, or a library that ends the "
         "process)"),
    ],
)  # fmt: skip
def test_what_mpi_says_becomes_a_line(banner, status, cause):
    assert causes.cause_of(banner, status) == cause


def test_what_mpi_writes_between_rules_is_kept_and_not_shown(capsys):
    rule = "-" * 74 + "\n"
    lines = ["mine\n", rule, "prterun has exited due to process rank 1 with\n", "\n",
             "1. whatever it says\n", rule, "\0\n", "mine too\n"]  # fmt: skip
    kept = deque()
    causes.pass_on(lines, kept)
    assert capsys.readouterr().err == "mine\nmine too\n"
    assert list(kept) == lines[1:6]


def test_output_comes_at_once_and_the_banner_of_mpich_not_at_all():
    source, end = os.pipe()
    target, kept = io.StringIO(), deque()
    reader = threading.Thread(
        target=causes.pass_output_on, args=(source, target, kept), daemon=True
    )
    reader.start()

    def written(text, wanted):
        os.write(end, text.encode())
        until = time.monotonic() + 30
        while target.getvalue() != wanted and time.monotonic() < until:
            time.sleep(0.002)
        assert target.getvalue() == wanted

    written("a bar \r█", "a bar \r█")
    written(" ==", "a bar \r█ ")  # may be the banner's beginning
    written(">\n", "a bar \r█ ==>\n")
    rule = "=" * 83
    os.write(
        end, f"{rule}\n=   BAD TERMINATION OF ONE\n=   EXIT CODE: 9\n{rule}\n".encode()
    )
    os.write(end, b"[mpiexec@vm] Exit codes: [vm] 0,9\nlate\n")
    os.close(end)
    reader.join()
    assert target.getvalue() == "a bar \r█ ==>\nlate\n"
    assert (
        causes.cause_of("".join(kept), 9)
        == "rank 1 on vm was ended by signal 9 (SIGKILL)"
    )


def test_words_of_the_command(capsys, monkeypatch):
    from minikeras.__main__ import main

    assert main(["launch", "-n", "2"]) == 2
    assert "expected a command after --" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:  # as argparse does for all options
        main(["launch", "-n", "0", "--", "true"])
    assert ended.value.code == 2
    assert "-n: got '0'; expected a whole number from 1" in capsys.readouterr().err
    monkeypatch.setattr(launch, "_mpiexec", lambda: None)
    assert main(["launch", "-n", "2", "--", "true"]) == 1
    assert "pip install 'minikeras[mpi]'" in capsys.readouterr().err


def test_failed_jobs_are_started_as_often_as_allowed(tmp_path, capfd):
    fake = tmp_path / "mpiexec"
    fake.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && exit 0\necho run >> "$COUNT"\nexit 3\n'
    )
    fake.chmod(0o755)
    count = tmp_path / "count"
    options = ["--mpiexec", str(fake), "--max-restarts", "1"]
    done = started.start(
        [sys.executable, "-m", "minikeras", "launch", "-n", "1", *options, "--", "x"],
        COUNT=str(count),
    )
    assert done.returncode == 3 and count.read_text().split() == ["run", "run"]
    assert done.stderr.splitlines() == [
        "minikeras launch: the job failed with status 3; the job starts anew (1 restart left)",
        "minikeras launch: the job failed with status 3; the job has ended",
    ]


def test_other_machines_get_the_settings():
    import argparse

    options = argparse.Namespace(n=4, hosts="a:2,b:2")
    given = {"MINIKERAS_NUM_THREADS": "2", "PYTHONPATH": "x", "HOME": "y"}
    found = launch._starting(launch.Starter("mpiexec", "open"), options, given)
    assert found[found.index("--host") + 1 :] == [
        "a:2,b:2", "-x", "MINIKERAS_NUM_THREADS", "-x", "PYTHONPATH",
        "-x", "MINIKERAS_RESTARTS",
    ]  # fmt: skip
    other = launch._starting(launch.Starter("mpiexec", "mpich"), options, given)
    assert other == ["mpiexec", "-n", "4", "-hosts", "a:2,b:2"]


def test_processors_are_divided(monkeypatch):
    import argparse

    for name in ("MINIKERAS", "OMP", "OPENBLAS", "MKL"):
        monkeypatch.delenv(f"{name}_NUM_THREADS", raising=False)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(8), raising=False)
    options = argparse.Namespace(n=4, hosts=None, threads=None, timeout=9.0)
    found = launch._environment(options)
    assert found["MINIKERAS_NUM_THREADS"] == found["OMP_NUM_THREADS"] == "2"
    assert found["MINIKERAS_DISTRIBUTION_TIMEOUT"] == "9"
    options = argparse.Namespace(n=4, hosts="a:1,b:3", threads=None, timeout=None)
    assert launch._environment(options)["MINIKERAS_NUM_THREADS"] == "2"
    options.threads = 5
    assert launch._environment(options)["MINIKERAS_NUM_THREADS"] == "5"
