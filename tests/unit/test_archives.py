import errno
import io
import stat
import tarfile
import zipfile

import numpy as np
import pytest

from transferscope.errors import InputError
from transferscope.sources import archives
from transferscope.sources.archives import unpack


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "unpacked"
    folder.mkdir()
    return folder


def make_zip(path, entries):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return path


def make_tar(path, mode, *members):
    with tarfile.open(path, mode) as file:
        for member, content in members:
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
    return path


def regular(name):
    return tarfile.TarInfo(name)


def link(name, target, kind=tarfile.SYMTYPE):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


@pytest.mark.parametrize("name", ["a.zip", "a-1.0-py3-none-any.whl", "content"])
def test_zip(tmp_path, folder, name):
    unpack(make_zip(tmp_path / name, {"sub/one.txt": "1", "two.txt": "2"}), folder)
    assert (folder / "sub/one.txt").read_text() == "1"
    assert (folder / "two.txt").read_text() == "2"


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("a.tar", "w"),
        ("a.tar.gz", "w:gz"),
        ("a.tgz", "w:gz"),
        ("a.tar.xz", "w:xz"),
        ("a.tar.bz2", "w:bz2"),
        ("only.gz", "w:gz"),
        ("download", "w:gz"),
    ],
)
def test_tar(tmp_path, folder, name, mode):
    members = (regular("sub/one.txt"), b"1"), (link("sub/same.txt", "one.txt"), b"")
    unpack(make_tar(tmp_path / name, mode, *members), folder)
    assert (folder / "sub/one.txt").read_bytes() == b"1"
    assert (folder / "sub/same.txt").read_bytes() == b"1"


def test_other_files_are_copied_whole(tmp_path, folder):
    (tmp_path / "labels.mat").write_bytes(b"MATLAB")
    np.savez(tmp_path / "arrays.npz", a=np.zeros(3))
    for name in ("labels.mat", "arrays.npz"):
        unpack(tmp_path / name, folder)
        assert (folder / name).read_bytes() == (tmp_path / name).read_bytes()


def test_archives_inside_are_unpacked_where_they_lie(tmp_path, folder):
    deepest = make_zip(tmp_path / "deepest.zip", {"three.txt": "3"}).read_bytes()
    members = (regular("sub/two.txt"), b"2"), (regular("deepest.zip"), deepest)
    inner = make_tar(tmp_path / "inner.tar.gz", "w:gz", *members).read_bytes()
    entries = {"a/inner.tar.gz": inner, "a/._inner.tar.gz": "of macOS", "a/arrays.npz": deepest}
    for archive in (
        make_zip(tmp_path / "outer.zip", entries),
        make_tar(tmp_path / "outer.tar", "w", (regular("b/inner.tar.gz"), inner)),
    ):
        unpack(archive, folder)
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert found == {
        *("a/sub/two.txt", "a/deepest.zip", "a/._inner.tar.gz", "a/arrays.npz"),
        *("b/sub/two.txt", "b/deepest.zip"),
    }


def test_an_archive_inside_is_no_more_trusted(tmp_path, folder):
    inner = make_tar(tmp_path / "inner.tar", "w", (regular("../../out.txt"), b"x")).read_bytes()
    with pytest.raises(InputError, match=r"inner\.tar holds '\.\./\.\./out\.txt', which lies outside"):
        unpack(make_zip(tmp_path / "outer.zip", {"a/inner.tar": inner}), folder)
    with pytest.raises(InputError, match=r"inner\.tar cannot be unpacked"):
        unpack(make_zip(tmp_path / "outer.zip", {"a/inner.tar": inner[:100]}), folder)


@pytest.mark.parametrize("name", ["../out.txt", "/out.txt", "sub/../../out.txt", "..\\out.txt"])
def test_names_that_leave_the_folder(tmp_path, folder, name):
    for archive in (
        make_zip(tmp_path / "a.zip", {name: "x"}),
        make_tar(tmp_path / "a.tar", "w", (regular(name), b"x")),
    ):
        with pytest.raises(InputError, match="outside its own folder"):
            unpack(archive, folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar", "a.zip", "unpacked"]
    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    "member",
    [
        link("l", "../../etc"),
        link("l", "/etc/passwd"),
        link("l", "../x", tarfile.LNKTYPE),
        link("device", "", tarfile.CHRTYPE),
        link("pipe", "", tarfile.FIFOTYPE),
    ],
)
def test_tar_with_links_out_or_devices(tmp_path, folder, member):
    archive = make_tar(tmp_path / "a.tar.gz", "w:gz", (member, b""))
    with pytest.raises(InputError, match=r"a\.tar\.gz holds an unsafe entry"):
        unpack(archive, folder)
    assert not list(folder.iterdir())


def test_tar_that_writes_through_its_own_link(tmp_path, folder):
    outside = tmp_path / "outside"
    outside.mkdir()
    members = (link("l", str(outside)), b""), (regular("l/x"), b"x")
    with pytest.raises(InputError, match="unsafe entry"):
        unpack(make_tar(tmp_path / "a.tar", "w", *members), folder)
    assert not list(outside.iterdir())


def test_zip_with_a_link(tmp_path, folder):
    entry = zipfile.ZipInfo("l")
    entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr(entry, "/etc/passwd")
    with pytest.raises(InputError, match=r"a\.zip holds 'l', a link or device"):
        unpack(tmp_path / "a.zip", folder)


@pytest.mark.parametrize(
    ("name", "mode"), [("a.zip", None), ("a.tar", "w"), ("a.tgz", "w:gz"), ("a.tar.xz", "w:xz")]
)
def test_truncated(tmp_path, folder, name, mode):
    content = np.random.default_rng(0).bytes(50_000)
    path = tmp_path / name
    if mode:
        make_tar(path, mode, (regular("noise"), content))
    else:
        make_zip(path, {"noise": content})
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(InputError, match=f"{name} cannot be unpacked .* truncated"):
        unpack(path, folder)


def test_damaged(tmp_path, folder):
    path = make_zip(tmp_path / "a.zip", {"noise": np.random.default_rng(0).bytes(50_000)})
    content = bytearray(path.read_bytes())
    content[1000] ^= 255
    path.write_bytes(content)
    with pytest.raises(InputError, match="cannot be unpacked"):
        unpack(path, folder)
    (tmp_path / "b.tar.gz").write_bytes(b"<html>no archive</html>")
    with pytest.raises(InputError, match=r"b\.tar\.gz cannot be unpacked"):
        unpack(tmp_path / "b.tar.gz", folder)


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "links"])
def test_no_room_for_what_an_archive_declares(tmp_path, folder, monkeypatch, kind):
    zeros = bytes(1_000_000)
    if kind == "zip":
        archive = make_zip(tmp_path / "bomb.zip", {"zeros": zeros})
    else:
        members = [(regular("zeros"), zeros)]
        members += [(link(f"again-{i}", "zeros", tarfile.LNKTYPE), b"") for i in range(9)]
        members = members if kind == "links" else members[:1]
        archive = make_tar(tmp_path / "bomb.tar.gz", "w" if kind == "tar" else "w:gz", *members)
    room = 5_500_000 if kind == "links" else 1000

    def usage(_):
        used = sum(path.stat().st_size for path in folder.iterdir())
        return archives.shutil._ntuple_diskusage(room, used, room - used)

    monkeypatch.setattr(archives.shutil, "disk_usage", usage)
    with pytest.raises(InputError, match=r"no space left .*bomb\.\S+ needs"):
        unpack(archive, folder)
    assert sum(path.stat().st_size for path in folder.iterdir()) <= room


def twice(path, *entries):
    with zipfile.ZipFile(path, "w") as file:
        for name, content in entries:
            file.writestr(name or "nameless", content)
    # To zipfile a name ends at a zero.
    path.write_bytes(path.read_bytes().replace(b"nameless", b"\0ameless"))
    return path


UNUSUAL = [
    [("a", b"1"), ("a/b", b"2")],
    [("a/b", b"1"), ("a", b"2")],
    [(".", b"1")],
    [("./", b"1"), ("./.", b"1")],
    [("", b"1")],
    [("n" * 300, b"1")],
    [("/".join(["folder"] * 1000), b"1")],
    [("a/../b", b"1")],
]


@pytest.mark.parametrize("kind", ["zip", "tar"])
@pytest.mark.parametrize("entries", UNUSUAL, ids=lambda entries: entries[0][0][:10])
def test_names_that_no_folder_can_hold_are_one_sentence(tmp_path, folder, kind, entries):
    if kind == "zip":
        archive = twice(tmp_path / "a.zip", *entries)
    else:
        archive = make_tar(tmp_path / "a.tar", "w", *((regular(name), content) for name, content in entries))
    try:
        unpack(archive, folder)
    except InputError as error:
        assert str(error).startswith(str(archive)) and "\n" not in str(error)
    else:  # a name that zipfile leaves out
        assert all(path.is_dir() for path in folder.rglob("*"))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_archive_inside_that_is_there_twice_is_unpacked_once(tmp_path, folder):
    inner = make_zip(tmp_path / "inner.zip", {"one.txt": "1"}).read_bytes()
    unpack(twice(tmp_path / "a.zip", ("i.zip", inner), ("i.zip", inner), ("./i.zip", inner)), folder)
    assert [path.name for path in folder.iterdir()] == ["one.txt"]


def test_an_archive_inside_may_hold_its_own_name(tmp_path, folder):
    inner = make_zip(tmp_path / "inner.zip", {"i.zip": "no archive", "one.txt": "1"}).read_bytes()
    unpack(twice(tmp_path / "a.zip", ("i.zip", inner)), folder)
    assert (folder / "one.txt").read_text() == "1"
    assert (folder / "i.zip").read_text() == "no archive"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk(tmp_path, folder, monkeypatch, number):
    def full(*_):
        raise OSError(number, "No space left on device")

    (tmp_path / "labels.mat").write_bytes(b"MATLAB")
    monkeypatch.setattr(archives.shutil, "copyfile", full)
    with pytest.raises(InputError, match=r"no space left on the device for .*unpacked"):
        unpack(tmp_path / "labels.mat", folder)


def test_other_system_errors_are_not_called_damage(tmp_path, folder):
    with pytest.raises(FileNotFoundError):
        unpack(tmp_path / "absent.zip", folder)
