"""Whole files or none, and nothing beside them."""

import hashlib
import math

import pytest

from transferscope.files import atomic_path, digest, sha256, write_json, write_text


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


def test_what_a_killed_writer_of_the_same_path_left_is_removed(tmp_path):
    (tmp_path / ".a.123.txt").touch()
    (tmp_path / ".a.456.txt").mkdir()
    others = [".a.txt", ".a.123.json", ".aa.123.txt", ".a.12b.txt", "a.123.txt"]
    for name in others:
        (tmp_path / name).touch()
    write_text(tmp_path / "a.txt", "new")
    assert names(tmp_path) == sorted([*others, "a.txt"])


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
