"""The index of a dataset: what makes its contents others, what is read for it, and what a dry-run may say."""

import os
import shutil

import pandas as pd
import pytest

from transferscope.errors import InputError
from transferscope.sources import index

NAMES = ["cat/0.jpg", "cat/1.PNG", "dog/deep/0.jpg", "list.txt"]


@pytest.fixture
def folder(tmp_path):
    for name in NAMES:
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "pictures"


def contents(folder, **options) -> str:
    return index.contents(index.listing([folder]), [folder], folder.parent / "index.tsv", **options)


@pytest.fixture
def read(monkeypatch):
    """The names of the files that are read."""
    names, sha256 = [], index.files.sha256

    def noted(path):
        names.append(path.name)
        return sha256(path)

    monkeypatch.setattr(index.files, "sha256", noted)
    return names


def overwrite(path, text: str) -> None:
    """In place, so that no folder's time changes, and later than before."""
    before = path.stat()
    with path.open("r+") as file:
        file.write(text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1_000_000))


CHANGES = {
    "added": lambda folder: (folder / "cat/2.jpg").write_text("new"),
    "removed": lambda folder: (folder / "dog/deep/0.jpg").unlink(),
    "renamed": lambda folder: (folder / "cat/0.jpg").rename(folder / "cat/2.jpg"),
    "renamed in its place": lambda folder: (folder / "cat/0.jpg").rename(folder / "cat/00.jpg"),
    "moved": lambda folder: (folder / "cat/0.jpg").rename(folder / "dog/0.jpg"),
    "longer": lambda folder: overwrite(folder / "cat/0.jpg", "cat/0.jpg and more"),
    "of the same size": lambda folder: overwrite(folder / "cat/0.jpg", "CAT/0.JPG"),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("dry", [False, True])
def test_a_change_makes_other_contents(folder, change, dry):
    before = contents(folder)
    CHANGES[change](folder)
    if dry:
        assert contents(folder, write=False) != before
        assert index.summary(folder.parent / "index.tsv").contents == before
    assert contents(folder) != before


def test_a_link_is_followed(folder):
    (folder.parent / "elsewhere").write_text("first")
    (folder / "cat/link.jpg").symlink_to(folder.parent / "elsewhere")
    before = contents(folder)
    overwrite(folder.parent / "elsewhere", "other")
    assert contents(folder) != before


def test_a_copy_and_another_order_have_the_same_contents(folder, monkeypatch):
    before = contents(folder)
    copy = folder.parent / "copy"
    shutil.copytree(folder, copy, copy_function=shutil.copy)
    shutil.rmtree(folder)
    copy.rename(folder)
    scandir = os.scandir

    class Reversed:
        def __init__(self, path):
            with scandir(path) as entries:
                self.entries = sorted(entries, key=lambda entry: entry.name, reverse=True)

        def __enter__(self):
            return self.entries

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(os, "scandir", Reversed)
    assert contents(folder, write=False) == before
    assert contents(folder) == before


def test_what_a_file_manager_leaves_and_empty_folders_are_no_contents(folder):
    before = contents(folder)
    for name in (".DS_Store", "cat/Thumbs.db", "__MACOSX/cat/._0.jpg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    (folder / "empty").mkdir()
    assert contents(folder) == before


def test_only_what_changed_is_read(folder, read):
    contents(folder)
    assert len(read) == len(NAMES)
    read.clear()
    contents(folder)
    contents(folder, write=False)
    assert not read
    overwrite(folder / "list.txt", "LIST.txt")
    contents(folder)
    assert read == ["list.txt"]


def test_where_nothing_changed_the_first_line_is_all_that_is_read(folder, monkeypatch):
    before = contents(folder)
    monkeypatch.setattr(index, "_known", None)
    assert contents(folder) == contents(folder, write=False) == before


def test_a_copy_is_read_once(folder, read):
    before = contents(folder)
    for name in NAMES:
        os.utime(folder / name)
    read.clear()
    assert contents(folder) == contents(folder) == before
    assert len(read) == len(NAMES)


def test_a_dry_run_reads_nothing_that_cannot_be_the_same(folder, read):
    assert contents(folder, write=False)
    assert not (folder.parent / "index.tsv").exists()
    contents(folder)
    read.clear()
    (folder / "cat/2.jpg").touch()
    contents(folder, write=False)
    assert not read


def test_pictures_are_counted_by_their_names(folder):
    for name in ("train/dog/2.tif", "dog/notes.txt", "__MACOSX/0.jpg", "cat/._0.jpg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    assert index.count_pictures(index.listing([folder])) == 4


def test_an_index_is_a_table_and_says_how_many_pictures(folder):
    (folder / 'cat/tab\t"quote"\n.jpg').write_text("x")
    found = contents(folder)
    path = folder.parent / "index.tsv"
    table = pd.read_csv(path, sep="\t", skiprows=1)
    assert sorted(table["name"]) == sorted([*NAMES, 'cat/tab\t"quote"\n.jpg'])
    assert table["size"].tolist() == [(folder / name).stat().st_size for name in table["name"]]
    assert table["sha256"].tolist() == [index.files.sha256(folder / name) for name in table["name"]]
    assert index.summary(path)[::2] == (found, 4)
    assert index.count_pictures(index.listing([folder])) == 4


def damaged(whole: bytes) -> list[bytes]:
    table = whole.partition(b"\n")[2]
    zeros = whole[:-30] + bytes(29) + b"\n"
    return [b"", whole[:-1000], whole[:-200], whole[:-30], table, zeros, b"# {}\n" + table]


@pytest.mark.parametrize("kind", range(7))
def test_a_damaged_index_is_written_again_and_nothing_of_it_is_taken(folder, kind):
    before = contents(folder)
    path = folder.parent / "index.tsv"
    whole = path.read_bytes()
    path.write_bytes(damaged(whole)[kind])
    assert contents(folder) == before
    copied = folder / "cat/0.jpg"
    times = copied.stat()
    os.utime(copied)
    assert contents(folder) == before
    os.utime(copied, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert contents(folder) == before
    assert path.read_bytes() == whole


def test_names_that_are_not_utf8(folder):
    try:
        os.close(os.open(os.fsencode(folder) + b"/cat/\xff.jpg", os.O_CREAT))
    except OSError:
        pytest.skip("this file system has no such names")
    assert contents(folder) == contents(folder)


def test_what_is_not_here_has_no_contents(folder):
    absent = folder / "nothing"
    assert index.listing([absent]) == []
    assert contents(absent) == contents(absent, write=False) == ""
    assert index.summary(absent) == ("", "", 0)


def test_archives_are_known_by_what_is_in_them(folder):
    archives = [folder / "list.txt", folder / "cat/0.jpg"]
    path = folder.parent / "index.tsv"

    def now():
        return index.contents(index.listing(archives), archives, path)

    before = now()
    (folder / "cat/1.PNG").unlink()  # beside them
    assert now() == before
    overwrite(archives[0], "LIST.txt")
    assert now() != before


def test_two_folders_of_one_dataset_are_both_read(folder, read):
    folders = [folder / "cat", folder / "dog"]
    path = folder.parent / "index.tsv"

    def now():
        return index.contents(index.listing(folders), folders, path)

    before = now()
    assert sorted(read) == ["0.jpg", "0.jpg", "1.PNG"]
    overwrite(folder / "dog/deep/0.jpg", "DOG/DEEP/0.JPG")
    assert now() != before


def test_a_file_that_cannot_be_read_is_named(folder):
    (folder / "cat/loop").symlink_to(folder / "cat/loop")
    with pytest.raises(InputError, match=r"cat/loop cannot be looked at \(.*\); correct what is there"):
        contents(folder)
