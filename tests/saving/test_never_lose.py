"""A kill or a full disk while saving never harms the file that is there."""

import errno
import importlib.util
import json
import os
import pathlib
import subprocess
import sys

import pytest

from minikeras.saving import atomic
from tests.saving import killed_saves

linux = pytest.mark.skipif(sys.platform != "linux", reason="forks, limits and mounts")


def run(script, *words, prefix=()):
    return subprocess.run(
        [*prefix, sys.executable, "-c", script, *map(str, words)],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


@linux
def test_forty_kills():
    done = subprocess.run(
        [sys.executable, "-m", "tests.saving.killed_saves", "40"],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "40"


# The limit on the size of a file acts as a full disk does: writing fails half-way.
LIMITED = """
import json, pathlib, resource, signal, sys
from tests.saving import killed_saves
folder = pathlib.Path(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for name in killed_saves.TARGETS:
    killed_saves.save(killed_saves._model(1), folder / name)
before = sorted(p.name for p in folder.iterdir())
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, hard))
raised = {}
for name in killed_saves.TARGETS:
    try:
        killed_saves.save(killed_saves._model(2), folder / name)
    except OSError as error:
        raised[name] = str(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
values = {name: list(killed_saves.values(folder / name)) for name in killed_saves.TARGETS}
after = sorted(p.name for p in folder.iterdir())
print(json.dumps([raised, values, before == after]))
"""


@linux
def test_writing_that_fails_leaves_all_as_it_was(tmp_path):
    done = run(LIMITED, tmp_path)
    assert done.returncode == 0, done.stderr
    raised, values, nothing_stray = json.loads(done.stdout.splitlines()[-1])
    assert set(raised) == set(killed_saves.TARGETS)
    assert values == {name: [1.0] for name in killed_saves.TARGETS}
    assert nothing_stray


FULL = """
import os, pathlib, subprocess, sys
from tests.saving import killed_saves
folder = pathlib.Path(sys.argv[1])
if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", folder]).returncode:
    sys.exit(77)
targets = [*killed_saves.TARGETS, *sys.argv[2:]]
for name in targets:
    killed_saves.save(killed_saves._model(1), folder / name)
(folder / "other").write_bytes(bytes(4096))
try:
    for _ in range(500):
        with open(folder / "other", "ab") as other:
            other.write(bytes(4096))
except OSError:
    pass
before = sorted(folder.rglob("*"))
for name in targets:
    try:
        killed_saves.save(killed_saves._model(2), folder / name)
    except OSError as error:
        print(error.errno, str(folder / name.split(".")[0]) in str(error))
    assert killed_saves.values(folder / name) == {1.0}, name
    assert sorted(folder.rglob("*")) == before, name
"""


@linux
def test_a_full_disk_leaves_all_as_it_was(tmp_path):
    more = ["w.safetensors"] if importlib.util.find_spec("safetensors") else []
    done = run(FULL, tmp_path, *more, prefix=("unshare", "-m"))
    if done.returncode and ("unshare" in done.stderr or done.returncode in (77, 1)):
        if "Traceback" not in done.stderr:
            pytest.skip("no file system can be mounted here")
    assert done.returncode == 0, done.stderr
    targets = len(killed_saves.TARGETS) + len(more)
    assert done.stdout.splitlines() == [f"{errno.ENOSPC} True"] * targets


READ_ONLY = """
import os, pathlib, subprocess, sys
from tests.saving import killed_saves
folder = pathlib.Path(sys.argv[1])
path = folder / "m.keras"
killed_saves.save(killed_saves._model(1), path)
mount = ["mount", "-o"]
if subprocess.run([*mount, "bind", folder, folder]).returncode:
    sys.exit(77)
if subprocess.run([*mount, "remount,bind,ro", folder]).returncode:
    sys.exit(77)
try:
    killed_saves.save(killed_saves._model(2), path)
except OSError as error:
    print(error.errno, error.filename == str(path))
assert killed_saves.values(path) == {1.0}
assert [p.name for p in folder.iterdir()] == ["m.keras"]
"""


@linux
def test_a_folder_that_is_read_only_is_named_by_the_file_asked_for(tmp_path):
    done = run(READ_ONLY, tmp_path, prefix=("unshare", "-m"))
    if done.returncode and ("unshare" in done.stderr or done.returncode in (77, 1)):
        if "Traceback" not in done.stderr:
            pytest.skip("no file system can be mounted here")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(errno.EROFS), "True"]


@pytest.mark.parametrize("replaced", [atomic.replaced_file, atomic.replaced_folder])
def test_an_error_names_the_file_asked_for(tmp_path, monkeypatch, replaced):
    def refuse(*args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied", "/some/.part")

    for name in ("mkstemp", "mkdtemp"):
        monkeypatch.setattr(atomic.tempfile, name, refuse)
    goal = tmp_path / "m.keras"
    with pytest.raises(PermissionError, match=r"m\.keras"), replaced(goal):
        pass


def test_a_replaced_file_keeps_its_permissions_and_links(tmp_path):
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_text("old")
    os.chmod(real, 0o640)
    link.symlink_to(real)
    with atomic.replaced_file(link) as part:
        part.write_text("new")
    assert link.is_symlink() and real.read_text() == "new"
    assert real.stat().st_mode & 0o777 == 0o640


def test_an_error_while_writing_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")

    def write_half():
        with atomic.replaced_file(path) as part:
            part.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    folder = tmp_path / "f"
    for text in ("one", "two"):
        with atomic.replaced_folder(folder) as part:
            pathlib.Path(part, text).write_text(text)
    assert [p.name for p in folder.iterdir()] == ["two"]

    def fail():
        with atomic.replaced_folder(folder):
            raise OSError

    with pytest.raises(OSError):
        fail()
    assert os.listdir(tmp_path) == ["f"]
    assert [p.name for p in folder.iterdir()] == ["two"]
