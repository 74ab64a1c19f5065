"""Whole files or none, and nothing beside them."""

import hashlib
import math
import multiprocessing
import os
import platform
import time
from multiprocessing.synchronize import Event as EventClass

import pytest

from transferscope import files
from transferscope.files import atomic_path, digest, sha256, write_json, write_text

SPAWN = multiprocessing.get_context("spawn")


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_when_it_is_whole(tmp_path):
    path = tmp_path / "new" / "a.png"
    with atomic_path(path) as temporary:
        assert temporary.suffix == ".png"
        assert temporary.parent == path.parent
        temporary.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert names(path.parent) == ["a.png"]


def test_a_folder_takes_the_place_of_the_one_before(tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set/old").touch()
    with atomic_path(tmp_path / "set") as temporary:
        temporary.mkdir()
        (temporary / "new").touch()
    assert names(tmp_path / "set") == ["new"]
    assert names(tmp_path) == ["set"]


def test_a_link_to_a_folder_is_replaced_and_the_folder_stays(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/mine").touch()
    (tmp_path / "set").symlink_to(tmp_path / "elsewhere")
    write_text(tmp_path / "set", "text")
    assert not (tmp_path / "set").is_symlink()
    assert names(tmp_path / "elsewhere") == ["mine"]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_fails_leaves_what_was_there(tmp_path, kind):
    (tmp_path / "a.txt").write_text("before")
    with pytest.raises(KeyboardInterrupt), atomic_path(tmp_path / "a.txt") as temporary:
        temporary.mkdir() if kind == "folder" else temporary.write_text("half")
        raise KeyboardInterrupt
    assert (tmp_path / "a.txt").read_text() == "before"
    assert names(tmp_path) == ["a.txt"]


def begin(path, kind: str, started, may_end) -> None:
    """A process that writes ``path`` and waits with half of it there."""
    with atomic_path(path) as temporary:
        if kind == "folder":
            temporary.mkdir()
            temporary = temporary / "content"
        temporary.write_text("whole"[:2])
        started.set()
        may_end.wait()
        temporary.write_text("whole")


@pytest.fixture
def another():
    """Start a process that writes a path; it is there, and ends when the event that comes with it is set."""
    begun = []

    def start(path, kind: str = "file") -> tuple[multiprocessing.Process, EventClass]:
        started, may_end = SPAWN.Event(), SPAWN.Event()
        process = SPAWN.Process(target=begin, args=(path, kind, started, may_end))
        process.start()
        begun.append(process)
        assert started.wait(60)
        return process, may_end

    yield start
    for process in begun:
        process.kill()
        process.join()


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_killed_writer_of_the_same_path_left_is_removed(tmp_path, another, kind):
    process, _ = another(tmp_path / "a.txt", kind)
    process.kill()
    process.join()
    (left,) = names(tmp_path)
    others = [left.replace(".a.", ".aa."), left.replace(".txt", ".json"), left.lstrip("."), ".a.txt"]
    for name in others:
        (tmp_path / name).touch()
    write_text(tmp_path / "a.txt", "new")
    assert names(tmp_path) == sorted([*others, "a.txt"])


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_of_two_writers_at_once_the_last_to_end_has_the_path(tmp_path, another, kind):
    path = tmp_path / "a.txt"
    process, may_end = another(path, kind)
    with atomic_path(path) as temporary:
        temporary.mkdir()
        (temporary / "mine").touch()
    assert names(path) == ["mine"]
    assert len(names(tmp_path)) == 2  # the other one still writes
    may_end.set()
    process.join()
    assert process.exitcode == 0
    assert (path if kind == "file" else path / "content").read_text() == "whole"
    assert names(tmp_path) == ["a.txt"]


def test_many_writers_of_one_folder_leave_a_whole_one(tmp_path):
    processes = [SPAWN.Process(target=write_often, args=(tmp_path / "set", name)) for name in "ab"]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert names(tmp_path) == ["set"]
    (name,) = {path.read_text() for path in (tmp_path / "set").iterdir()}
    assert names(tmp_path / "set") == [f"{name}{number}" for number in range(3)]


def write_often(path, name: str) -> None:
    for _ in range(200):
        with atomic_path(path) as temporary:
            temporary.mkdir()
            for number in range(3):
                (temporary / f"{name}{number}").write_text(name)


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_another_machines_is_left_until_it_has_not_grown_for_long(tmp_path, another, monkeypatch, kind):
    process, _ = another(tmp_path / "a.txt", kind)
    process.kill()
    process.join()
    monkeypatch.setattr(platform, "node", lambda: "another.one")
    (left,) = tmp_path.iterdir()
    write_text(tmp_path / "a.txt", "new")
    assert left.exists()
    long_ago = time.time() - files.ABANDONED_S - 60
    os.utime(left, (long_ago, long_ago))
    if kind == "folder":  # a file in it has grown since
        write_text(tmp_path / "a.txt", "new")
        assert left.exists()
        os.utime(left / "content", (long_ago, long_ago))
    write_text(tmp_path / "a.txt", "new")
    assert names(tmp_path) == ["a.txt"]


def test_json_has_no_nan(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"value": math.nan})
    assert names(tmp_path) == []
    write_json(tmp_path / "a.json", {"value": 1})
    assert (tmp_path / "a.json").read_text() == '{\n  "value": 1\n}\n'


def test_digests_are_those_of_the_content(tmp_path):
    write_text(tmp_path / "a.txt", "ä")
    assert sha256(tmp_path / "a.txt") == hashlib.sha256("ä".encode()).hexdigest()
    assert digest(tmp_path / "a.txt", "md5") == hashlib.md5("ä".encode()).hexdigest()
