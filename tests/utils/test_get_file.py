"""get_file: the cache, hashes, broken connections, archives that are not safe."""

import functools
import hashlib
import http.server
import io
import os
import stat
import tarfile
import threading
import warnings
import zipfile

import pytest

import minikeras as keras
from minikeras.saving.limits import FileError
from minikeras.utils import archives, downloading
from minikeras.utils.downloading import DownloadError

CONTENT = bytes(range(256)) * 4000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
get_file = keras.utils.get_file


class Server(http.server.ThreadingHTTPServer):
    """Serves `files`; `plan` says what goes wrong with the next requests."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {"/a.bin": CONTENT}
        self.plan = []
        self.requests = []
        self.tag = '"1"'

    def url(self, name):
        return f"http://127.0.0.1:{self.server_port}/{name}"


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        server = self.server
        asked = self.headers.get("Range")
        server.requests.append(asked)
        fault = server.plan.pop(0) if server.plan else None
        content = server.files.get(self.path.partition("?")[0])
        if isinstance(fault, int):
            return self.send_error(fault)
        if content is None:
            return self.send_error(404)
        start = 0
        if asked and self.headers.get("If-Range") == server.tag and fault != "whole":
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            if start > len(content):
                return self.send_error(416)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        if server.tag:
            self.send_header("ETag", server.tag)
        self.end_headers()
        end = start + (len(content) - start) // 2 if fault == "break" else len(content)
        self.wfile.write(content[start:end])
        return None


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=functools.partial(server.serve_forever, 0.01))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A cache of its own, and no pauses between tries."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(downloading, "_PAUSE", 0.0)
    return tmp_path / "home" / "datasets"


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def test_a_file_is_fetched_once(server, home, capsys):
    path = get_file("b.bin", server.url("a.bin"), file_hash=SHA256)
    assert path == str(home / "b.bin") and names(home) == ["b.bin"]
    assert (home / "b.bin").read_bytes() == CONTENT
    assert "Downloading data from http" in capsys.readouterr().out
    md5 = hashlib.md5(CONTENT).hexdigest()
    assert get_file("b.bin", server.url("a.bin"), md5_hash=md5.upper()) == path
    assert len(server.requests) == 1
    get_file("b.bin", server.url("a.bin"), force_download=True)
    assert len(server.requests) == 2


def test_names_and_folders(server, home, tmp_path):
    assert get_file(origin=server.url("a.bin?x=1")) == str(home / "a.bin")
    for wrong in ("x/y", "..", "", "/x"):
        with pytest.raises(ValueError, match="without folders"):
            get_file(wrong, server.url("a.bin"))
    path = get_file(
        "c", server.url("a.bin"), cache_dir=tmp_path / "new", cache_subdir="s"
    )
    assert path == str(tmp_path / "new" / "s" / "c")
    with pytest.raises(ValueError, match="origin is None"):
        get_file("c")
    with pytest.raises(ValueError, match="ends in no name"):
        get_file(origin=server.url(""))
    with pytest.raises(ValueError, match="scheme 'javascript'"):
        get_file("d", "javascript:1")
    with pytest.raises(ValueError, match="hash_algorithm='sha1'"):
        get_file("d", server.url("a.bin"), hash_algorithm="sha1")
    with pytest.raises(ValueError, match="3 digits"):
        get_file("d", server.url("a.bin"), file_hash="abc")


def test_a_wrong_hash_leaves_nothing(server, home):
    with pytest.raises(ValueError, match=f"has the sha256 {SHA256}; expected 000"):
        get_file("a.bin", server.url("a.bin"), file_hash="0" * 64)
    assert names(home) == []
    (home / "a.bin").write_bytes(b"old")
    get_file("a.bin", server.url("a.bin"), file_hash=SHA256)
    assert (home / "a.bin").read_bytes() == CONTENT
    with pytest.raises(ValueError, match="expected 000"):
        get_file("a.bin", server.url("a.bin"), file_hash="0" * 64)


def test_a_broken_connection_is_taken_up_again(server, home):
    server.plan = ["break", "break", 503]
    get_file("a.bin", server.url("a.bin"), file_hash=SHA256)
    half, more = len(CONTENT) // 2, len(CONTENT) * 3 // 4
    assert server.requests == [
        None,
        f"bytes={half}-",
        f"bytes={more}-",
        f"bytes={more}-",
    ]
    assert names(home) == ["a.bin"]


def test_what_is_left_is_used_by_the_next_call(server, home):
    server.plan = ["break"] * downloading.TRIES
    with pytest.raises(DownloadError, match="the connection broke after"):
        get_file("a.bin", server.url("a.bin"))
    assert not (home / "a.bin").exists()
    server.requests.clear()
    get_file("a.bin", server.url("a.bin"))
    assert server.requests[0] is not None and names(home) == ["a.bin"]
    assert (home / "a.bin").read_bytes() == CONTENT


def test_another_file_of_that_name_is_fetched_from_its_start(server, home):
    server.plan = ["break"] * downloading.TRIES
    with pytest.raises(DownloadError):
        get_file("a.bin", server.url("a.bin"))
    server.files["/a.bin"] = CONTENT[::-1]
    server.tag = '"2"'
    get_file("a.bin", server.url("a.bin"))
    assert (home / "a.bin").read_bytes() == CONTENT[::-1]


@pytest.mark.parametrize("tag", ["", 'W/"1"'])
def test_a_server_without_marks_begins_anew(server, home, tag):
    server.tag = tag
    server.plan = ["break"]
    get_file("a.bin", server.url("a.bin"), file_hash=SHA256)
    assert server.requests == [None, None]


def test_pieces_that_do_not_fit_are_fetched_anew(server, home):
    server.plan = ["break"] * downloading.TRIES
    with pytest.raises(DownloadError):
        get_file("a.bin", server.url("a.bin"))
    part = home / ".a.bin.part"
    part.write_bytes(b"x" * part.stat().st_size)  # the server's mark is still right
    get_file("a.bin", server.url("a.bin"), file_hash=SHA256)
    assert (home / "a.bin").read_bytes() == CONTENT
    part.write_bytes(CONTENT * 2)
    (home / ".a.bin.json").write_text(
        f'{{"origin": "{server.url("a.bin")}", "mark": "\\"1\\""}}'
    )
    get_file("a.bin", server.url("a.bin"), force_download=True)
    assert (home / "a.bin").read_bytes() == CONTENT and names(home) == ["a.bin"]


def test_errors_are_told_apart(server, home):
    with pytest.raises(DownloadError, match="404"):
        get_file("x", server.url("none"))
    assert len(server.requests) == 1
    server.plan = [500] * downloading.TRIES
    with pytest.raises(DownloadError, match=r"500 .*tried 4 times"):
        get_file("x", server.url("a.bin"))
    with pytest.raises(DownloadError, match=r"(?i)refused"):
        get_file("x", "http://127.0.0.1:9/x")
    with pytest.raises(DownloadError):
        get_file("x", (home / "nothing").as_uri())
    assert names(home) == []


def test_two_at_a_time_do_not_write_into_one_file(server, home):
    home.mkdir(parents=True)
    first = downloading._Part(home / "a.bin")
    try:
        get_file("a.bin", server.url("a.bin"), file_hash=SHA256)
    finally:
        first.close()
    assert first.path.name == ".a.bin.part" and names(home) == ["a.bin"]


def test_a_home_that_cannot_be_written(server, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "tmp"))
    with pytest.warns(UserWarning, match="Set KERAS_HOME"):
        path = get_file("a.bin", server.url("a.bin"))
    assert path.startswith(str(tmp_path / "tmp"))


# --- archives


def tar(path, *members, mode="w:gz"):
    """A tar file of `(name, content)` or TarInfos."""
    with tarfile.open(path, mode) as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
                continue
            info = tarfile.TarInfo(member[0])
            info.size = len(member[1])
            archive.addfile(info, io.BytesIO(member[1]))
    return path


def link(name, target, kind=tarfile.SYMTYPE):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def files(folder):
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in folder.rglob("*")
        if p.is_file()
    }


def test_archives_are_unpacked(tmp_path, home):
    wanted = {"in/a.txt": b"a", "in/b/c.txt": b"c" * 3000000}
    source = tar(tmp_path / "t.tar.gz", *wanted.items())
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.mkdir("in")
        for name, content in wanted.items():
            archive.writestr(name, content)
    folders = {
        get_file("t.tar.gz", source.as_uri(), extract=True): "t_extracted",
        get_file("t", source.as_uri(), untar=True): "t",
        get_file("z", (tmp_path / "z.zip").as_uri(), extract=True): "z",
    }
    for path, name in folders.items():
        assert path == str(home / name) and files(home / name) == wanted
    assert names(home) == [
        "t", "t.tar.gz", "t_archive", "t_extracted", "z", "z_archive"
    ]  # fmt: skip
    source.unlink()
    assert get_file("t", source.as_uri(), extract=True) == str(home / "t")
    (home / "t" / "in" / "a.txt").write_text("changed")
    tar(source, ("new", b"n"))
    get_file("t", source.as_uri(), extract=True, force_download=True)
    assert files(home / "t") == {"new": b"n"}


def test_links_inside_become_copies(tmp_path):
    source = tar(
        tmp_path / "t.tar",
        ("d/a", b"a"),
        link("d/b", "a"),
        link("c", "d/a", tarfile.LNKTYPE),
        mode="w",
    )
    archives.unpack(source, tmp_path / "out", "tar")
    assert files(tmp_path / "out") == {"d/a": b"a", "d/b": b"a", "c": b"a"}
    assert not any(p.is_symlink() for p in (tmp_path / "out").rglob("*"))


def test_links_to_folders_to_links_and_to_nothing(tmp_path):
    source = tar(
        tmp_path / "t.tar",
        link("first", "second"),
        link("second", "d"),
        link("around", "about"),
        link("about", "around"),
        ("d/e/a", b"a"),
        link("d/gone", "missing"),
        mode="w",
    )
    with pytest.warns(
        UserWarning, match=r"3 links point to nothing.*around, about, gone"
    ):
        archives.unpack(source, tmp_path / "out", "tar")
    assert files(tmp_path / "out") == {
        f"{folder}/e/a": b"a" for folder in ("d", "first", "second")
    }
    for endless in (link("d/e/up", ".."), link("d/self", "../d")):
        source = tar(tmp_path / "t.tar", ("d/e/a", b"a"), endless, mode="w")
        with pytest.raises(FileError, match="has no end"):
            archives.unpack(source, tmp_path / "out", "tar")


def test_a_file_that_is_a_folder_too_is_refused(tmp_path):
    for members in ([("a", b"x"), ("a/b", b"x")], [("a/b", b"x"), ("a", b"x")]):
        source = tar(tmp_path / "t.tar", *members, mode="w")
        with pytest.raises(FileError, match="of a file and of a folder"):
            archives.unpack(source, tmp_path / "out", "tar")
    assert names(tmp_path) == ["t.tar"]


def test_folders_have_the_names_that_keras_gives(tmp_path, home):
    source = tar(tmp_path / "t.tar.gz", ("a", b"a"))
    uri = source.as_uri()
    assert get_file(origin=uri, extract=True) == str(home / "t.tar.gz")
    assert get_file("b.TAR.GZ", uri, extract=True) == str(home / "b_extracted")
    assert get_file("c.data", uri, untar=True) == str(home / "c_extracted")
    assert get_file("d.v1.tgz", uri, untar=True) == str(home / "d.v1_extracted")
    assert names(home) == [
        "b.TAR.GZ", "b_extracted", "c.data", "c_extracted", "d.v1.tgz", "d.v1_extracted",
        "t.tar.gz", "t.tar.gz_archive",
    ]  # fmt: skip


DEVICE = tarfile.TarInfo("device")
DEVICE.type = tarfile.CHRTYPE
UNSAFE = {
    "up": ("../evil", b"x"),
    "deep": ("a/../../evil", b"x"),
    "absolute": ("/tmp/minikeras-evil", b"x"),
    "backslash": ("..\\evil", b"x"),
    "drive": ("C:evil", b"x"),
    "link": link("a", "/etc/passwd"),
    "link up": link("a/b", "../../evil"),
    "hard link": link("a", "/etc/passwd", tarfile.LNKTYPE),
    "device": DEVICE,
}


@pytest.mark.parametrize("case", UNSAFE)
def test_members_that_are_not_safe_are_refused(case, tmp_path):
    source = tar(tmp_path / "t.tar", ("good", b"g"), UNSAFE[case], mode="w")
    inside = tmp_path / "place"
    inside.mkdir()
    with pytest.raises(FileError, match=r"t\.tar"):
        archives.unpack(source, inside / "out", "tar")
    assert names(inside) == [] and names(tmp_path) == ["place", "t.tar"]


def test_zip_files_that_are_not_safe_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "up.zip", "w") as archive:
        archive.writestr("../evil", "x")
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        info = zipfile.ZipInfo("link")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    for name in ("up.zip", "link.zip"):
        with pytest.raises(FileError):
            archives.unpack(tmp_path / name, tmp_path / "out", "zip")
    assert names(tmp_path) == ["link.zip", "up.zip"]


def test_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "SLACK_BYTES", 1000)
    source = tar(tmp_path / "t.tar.gz", ("zeros", bytes(3_000_000)))
    with pytest.raises(FileError, match="made to fill a disk"):
        archives.unpack(source, tmp_path / "out", "tar")
    monkeypatch.setattr(archives, "MAX_MEMBERS", 2)
    source = tar(tmp_path / "m.tar", ("a", b""), ("b", b""), ("c", b""), mode="w")
    with pytest.raises(FileError, match="more than 2 files"):
        archives.unpack(source, tmp_path / "out", "tar")
    assert not (tmp_path / "out").exists()


def test_no_archive(tmp_path, home):
    (tmp_path / "a.txt").write_text("text")
    uri = (tmp_path / "a.txt").as_uri()
    with pytest.raises(FileError, match="is no archive"):
        get_file("x", uri, extract=True)
    with pytest.raises(ValueError, match="archive_format='rar'"):
        get_file("x", uri, extract=True, archive_format="rar")
    whole = tar(tmp_path / "t.tar.gz", ("a", os.urandom(100_000)))
    whole.write_bytes(whole.read_bytes()[:60_000])
    with pytest.raises(FileError, match="damaged"):
        archives.unpack(whole, home / "out", "tar")


def test_nothing_is_drawn_where_logging_is_off(server, capsys):
    keras.utils.disable_interactive_logging()
    try:
        with warnings.catch_warnings():
            get_file("a.bin", server.url("a.bin"))
    finally:
        keras.utils.enable_interactive_logging()
    assert capsys.readouterr().out == ""
