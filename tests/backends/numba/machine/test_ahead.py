"""Kernels that are wanted together, compiled by other processes too."""

import os
import subprocess
import sys
from collections import deque
from pathlib import Path

import pytest
from minikeras_numba.machine import ahead, compiler, helpers, jit, team

ROOT = Path(__file__).parents[4]
PATHS = os.pathsep.join([str(ROOT), str(ROOT / "backends")])
TEXT = """
define void @{name}(ptr %regs, ptr %meta, i64 %a, i64 %b, i64 %t, i64 %n) {{
  store i64 {value}, ptr %meta
  ret void
}}
"""


def kernel(value, mark="ahead"):
    text = TEXT.format(name="ahead", value=value)
    return jit.WantedKernel(
        "ahead", text, f"{mark} {value} {os.getpid()}", False, False
    )


@pytest.fixture
def helper():
    host = jit.host()
    made = helpers.Helper(host.triple, host.cpu, host.features)
    yield made
    made.end()


@pytest.fixture
def two_cores(monkeypatch):
    monkeypatch.setattr(helpers, "default_threads", lambda: 2)
    helpers.end()
    yield
    helpers.end()


def test_a_helper_makes_the_same_objects(helper):
    for value, loops in ((1, False), (2, True)):
        text = kernel(value).text()
        assert helper.compile(text, loops) == compiler.emit(
            text, loops, jit._target_machine()
        )


def test_a_helper_goes_on_after_text_that_llvm_refuses(helper):
    assert helper.compile("define void @wrong() { ret i32 0 }", False) is None
    assert helper.compile(kernel(1).text(), False)


def test_helpers_work_from_the_far_end(helper):
    done = []
    jobs = deque(range(20))
    threads = helpers.share(
        jobs,
        lambda by, value: done.append((value, by.compile(kernel(value).text(), True))),
        [helper],
    )
    for thread in threads:
        thread.join()
    assert [value for value, _ in done] == list(reversed(range(20)))
    assert all(body for _, body in done)


def test_where_no_thread_can_be_started_this_one_does_all(two_cores, monkeypatch):
    def refused(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(helpers.threading.Thread, "start", refused)
    wanted = [kernel(value, "no threads") for value in range(8)]
    ahead.compile_all(wanted)
    assert all(k.id in jit._linked for k in wanted)


@pytest.mark.parametrize("dead", [False, True])
def test_all_are_linked(two_cores, dead):
    if dead:
        host = jit.host()
        for each in helpers.start(host.triple, host.cpu, host.features):
            each._process.kill()
    wanted = [kernel(value, f"linked {dead}") for value in range(30)]
    before = jit.stats.compiled
    ahead.compile_all(wanted)
    assert jit.stats.compiled == before + 30
    assert all(k.id in jit._linked for k in wanted)
    assert all(k.path.exists() for k in wanted)


def test_what_is_gathered_is_not_compiled():
    wanted = kernel(1, "gathered")
    before = jit.stats.compiled
    found = jit.gathered(lambda: jit.compile_ir("ahead", wanted.build, wanted.key))
    assert [k.id for k in found] == [wanted.id]
    assert jit.stats.compiled == before
    assert wanted.id not in jit._linked
    assert jit.compile_ir("ahead", wanted.build, wanted.key, loops=False)


def test_gathering_ends_with_an_interrupt():
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        jit.gathered(interrupted)
    wanted = kernel(2, "gathered")
    assert jit.compile_ir("ahead", wanted.build, wanted.key, loops=False) != 0


def test_the_first_miss_gathers_once():
    wanted = [kernel(value, "miss") for value in range(3)]
    asked = []

    def work():
        return [jit.compiled(k) for k in wanted]

    found = jit.foreseen(work, lambda: asked.append(list(jit._linked)))
    assert len(asked) == 1
    assert all(found)
    assert len(jit.foreseen(work, lambda: asked.append(1))) == 3
    assert len(asked) == 1


SCRIPT = """
import sys
import numpy as np
import minikeras as keras
from minikeras_numba.machine import helpers, jit
helpers._possible = lambda: int(sys.argv[1] == "helped")
if sys.argv[1] == "again":  # as where a helper was lost with what it was given
    text = jit.WantedKernel.text
    jit.WantedKernel.text = lambda kernel: (text(kernel), text(kernel))[1]
keras.utils.set_random_seed(0)
model = keras.Sequential([
    keras.Input((8, 8, 2)), keras.layers.Conv2D(4, 3, activation="relu"),
    keras.layers.Flatten(), keras.layers.Dropout(0.2), keras.layers.Dense(3)])
model.compile("adam", "mse")
x, y = np.ones((8, 8, 8, 2), "float32"), np.ones((8, 3), "float32")
model.fit(x, y, epochs=2, batch_size=4, verbose=0)
print(sorted(k[1] for k in jit._linked))
print(float(sum(abs(w).sum() for w in model.get_weights())).hex())
"""


def test_a_first_step_is_the_same_with_helpers_and_without_and_after_their_loss(
    tmp_path,
):
    told, ways = [], ("alone", "helped", "again")
    for way in ways:
        environment = {
            **os.environ,
            "MINIKERAS_BACKEND": "numba",
            "MINIKERAS_CACHE_DIR": str(tmp_path / way),
            "PYTHONPATH": PATHS,
        }
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", SCRIPT, way],
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert not done.stderr
        told.append(done.stdout)
    assert told[0] == told[1] == told[2]
    alone, helped, again = (
        {p.name: p.read_bytes() for p in (tmp_path / way).rglob("*.o")} for way in ways
    )
    assert len(alone) > 10
    assert alone == helped == again


FORK = """
import os
from minikeras_numba.machine import helpers, jit
helpers._possible = lambda: 1
host = jit.host()
(helper,) = helpers.start(host.triple, host.cpu, host.features)
text = "define void @f() { ret void }"
assert helper.compile(text, False)
child = os.fork()
if not child:
    os._exit(len(helpers._helpers))
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert helper.compile(text, False)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no forks")
def test_a_forked_child_leaves_the_helpers_to_its_parent():
    done = subprocess.run(
        [sys.executable, "-c", FORK],
        env={**os.environ, "PYTHONPATH": PATHS},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_helpers_are_called_early_where_nothing_is_there_yet(monkeypatch, tmp_path):
    called = []
    monkeypatch.setattr(ahead, "_start", lambda: called.append(1))
    monkeypatch.setattr(jit, "cache_dir", lambda: tmp_path)
    ahead.begin()
    assert called == [1]
    (tmp_path / "one.o").touch()
    ahead.begin()
    assert called == [1]
    monkeypatch.setattr(jit, "cache_dir", lambda: tmp_path / "missing")
    ahead.begin()
    assert called == [1, 1]


def test_counting_threads_compiles_nothing():
    made = team.Team()
    before = jit.stats.compiled + jit.stats.loaded
    assert made.threads >= 1
    assert "call" not in made.__dict__
    assert jit.stats.compiled + jit.stats.loaded == before
    made._forget()
    assert callable(made.call)
    with pytest.raises(AttributeError):
        made.another  # noqa: B018
