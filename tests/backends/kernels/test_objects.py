"""Object files: only what this user wrote, whole and under its own name, is run."""

import os

import pytest
from minikeras_kernels import objects

pytest.importorskip("llvmlite")

from minikeras_numba.machine import jit

TEXT = """
define void @kernel(ptr %regs, ptr %meta, i64 %a, i64 %b, i64 %t, i64 %n) {
  store i64 VALUE, ptr %meta
  ret void
}
"""
posix = pytest.mark.skipif(os.name != "posix", reason="modes and pipes of POSIX")


@pytest.fixture
def cache(monkeypatch, tmp_path):
    """The folder of a cache of its own."""
    monkeypatch.setenv("MINIKERAS_CACHE_DIR", str(tmp_path / "cache"))
    objects.usable.cache_clear()
    yield jit.cache_dir()
    objects.usable.cache_clear()


def compiled(key, monkeypatch, text=TEXT):
    """(compiled, loaded) by a process that has forgotten the kernel."""
    monkeypatch.setattr(jit, "_linked", {})
    before = jit.stats.compiled, jit.stats.loaded
    assert jit.compile_ir("kernel", text.replace("VALUE", key), key)
    return jit.stats.compiled - before[0], jit.stats.loaded - before[1]


def test_an_object_is_found_again(cache, monkeypatch):
    assert compiled("11", monkeypatch) == (1, 0)
    assert compiled("11", monkeypatch) == (0, 1)


def test_objects_that_changed_names_are_not_run(cache, monkeypatch):
    compiled("21", monkeypatch)
    compiled("22", monkeypatch)
    one, other = sorted(cache.iterdir())
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)
    assert compiled("21", monkeypatch) == (1, 0)
    assert compiled("22", monkeypatch) == (1, 0)
    assert compiled("22", monkeypatch) == (0, 1)


@pytest.mark.parametrize("other", [TEXT.replace("@kernel", "@stranger"), None])
def test_an_object_that_cannot_be_linked_is_compiled_anew(cache, monkeypatch, other):
    compiled("31", monkeypatch)
    (path,) = cache.iterdir()
    body = b"no object at all"
    if other:
        machine = jit._target_machine()
        body = machine.emit_object(jit.optimise(other.replace("VALUE", "1")))
    objects.write(path, body)
    assert compiled("31", monkeypatch) == (1, 0)
    assert compiled("31", monkeypatch) == (0, 1)


@posix
@pytest.mark.parametrize(
    "make", [os.mkfifo, os.mkdir, lambda p: os.symlink("/dev/zero", p)]
)
def test_what_is_no_file_is_left_alone(cache, monkeypatch, make):
    compiled("41", monkeypatch)
    (path,) = cache.iterdir()
    path.unlink()
    make(path)
    assert compiled("41", monkeypatch) == (1, 0)


@posix
def test_a_folder_that_others_may_write_to_is_refused(cache, monkeypatch):
    compiled("51", monkeypatch)
    assert cache.stat().st_mode & 0o777 == 0o700
    cache.chmod(0o777)
    objects.usable.cache_clear()
    with pytest.warns(RuntimeWarning, match="is not used: another user owns it"):
        assert compiled("51", monkeypatch) == (1, 0)
    assert compiled("51", monkeypatch) == (1, 0)  # and says so once


@posix
def test_a_folder_or_file_of_another_user_is_refused(cache, monkeypatch):
    compiled("52", monkeypatch)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    status = cache.stat()
    assert objects._private(status) == (status.st_uid == 0)
    (path,) = cache.iterdir()
    path.chmod(0o666)
    assert objects.read(path) is None


def test_a_home_is_expanded(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("MINIKERAS_CACHE_DIR", "~/kernels")
    assert jit.cache_dir().is_relative_to(tmp_path / "kernels")
    monkeypatch.delenv("MINIKERAS_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", "~/x")
    assert jit.cache_dir().is_relative_to(tmp_path / "x" / "minikeras")
