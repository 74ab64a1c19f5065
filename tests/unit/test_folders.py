"""Folders of pictures as people have them: what is passed over, and what is said in one sentence."""

import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from transferscope.datasets import image_folder
from transferscope.datasets.pictures import samples_of_files
from transferscope.errors import InputError
from transferscope.folders import check_folder
from transferscope.sources.archives import unpack
from transferscope.sources.fetching import place_dataset
from transferscope.sources.forms import split_sources

CLUTTER = ["__MACOSX/cat/._0.png", ".DS_Store", "Thumbs.db", "cat/desktop.ini", "cat/@eaDir/0.png/SYNO.jpg"]


def put(root: Path, *names: str) -> Path:
    """Pictures with these names below ``root``; an empty file where the name is of none."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix in (".png", ".jpg"):
            Image.new("RGB", (4, 4)).save(path)
        else:
            path.touch()
    return root


def packed(path: Path, names: list[str]) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, "content")
    else:
        with tarfile.open(path, "w") as archive:
            for name in names:
                member = tarfile.TarInfo(name)
                member.size = len("content")
                archive.addfile(member, io.BytesIO(b"content"))
    return path


@pytest.mark.parametrize("suffix", [".zip", ".tar"])
def test_what_a_file_manager_packed_too_is_passed_over(tmp_path, suffix):
    folder = tmp_path / "unpacked"
    folder.mkdir()
    names = ["cat/0.png", "__MACOSX/._cat", "__MACOSX/cat/._0.png", "cat/Thumbs.db", "cat/.hidden"]
    unpack(packed(tmp_path / f"a{suffix}", names), folder)
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
    assert found == {"cat", "cat/0.png", "cat/.hidden"}


def test_what_a_file_manager_left_in_folders_is_passed_over(tmp_path):
    put(tmp_path / "placed", "cat/0.png", "dog/0.png", *CLUTTER)
    assert image_folder.load(tmp_path / "placed").ids == ["cat/0.png", "dog/0.png"]
    place_dataset(tmp_path / "placed", tmp_path / "made")
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == ["cat", "dog"]
    put(tmp_path / "wrapped", "pets/cat/0.png", "__MACOSX/pets/._cat")
    assert image_folder.load(tmp_path / "wrapped").ids == ["pets/cat/0.png"]


BAD_FOLDERS = [
    (
        ["Training/cat/0.png", "Testing/cat/0.png"],
        "look like splits under other names; rename Testing to test, Training to train",
    ),
    (["train/cat/0.png", "validation/cat/0.png"], "rename validation to val"),
    (["Train/cat/0.png", "VAL/cat/0.png"], "rename Train to train, VAL to val"),
    (["training/cat/0.png"], "rename training to train"),
    (["pets/Training/cat/0.png", "pets/test/cat/0.png"], "pets look like splits under other names"),
    (
        ["animal/cat/0.png", "animal/dog/0.png", "plant/oak/0.png"],
        "cat is no picture but a folder in the class folder 'animal'; put its pictures there, or, if it is a",
    ),
    (
        ["train/animal/cat/0.png", "test/animal/cat/0.png"],
        "cat is no picture but a folder in the class folder",
    ),
    (["a/b/cat/0.png", "a/b/dog/0.png"], "cat is no picture but a folder in the class folder 'b'"),
    (
        ["cat/0.png", "cat/notes.txt", "dog/0.heic", "dog/1.png"],
        "the file cat/notes.txt is no picture (.bmp .gif .jpeg .jpg .pgm .png .ppm .tif .tiff .webp), and so "
        "it is with 1 more: dog/0.heic; move it out of its class folder",
    ),
    (["0.png", "1.png"], "0.png lies where class folders are expected; move the file away"),
    (["train/0.png", "test/0.png"], "test/0.png lies where class folders are expected; move the file away"),
    (["train/cat/0.png", "test/dog/0.png"], "the class 'cat' is not in every split"),
    (["train/cat/0.png", "extra/cat/0.png"], "holds the folder 'extra' beside its splits"),
]


@pytest.mark.parametrize(("names", "said"), BAD_FOLDERS)
def test_another_layout_is_said_with_what_to_do(tmp_path, names, said):
    with pytest.raises(InputError) as caught:
        image_folder.load(put(tmp_path, *names))
    assert said in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_a_class_may_be_called_as_a_split_is_if_it_holds_pictures(tmp_path):
    found = image_folder.load(put(tmp_path, "training/0.png", "boxing/0.png"))
    assert found.class_names == ["boxing", "training"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (b"cat/caf\xe9.png", r"the name cat/caf\xe9.png is not in UTF-8; rename the file, or the folder"),
        (b"caf\xe9/0.png", r"the name caf\xe9 is not in UTF-8; rename the file, or the folder"),
        (b"cat/\xff.txt", r"the name cat/\xff.txt is not in UTF-8"),
    ],
)
def test_a_name_that_is_not_in_utf8_is_named(tmp_path, name, said):
    put(tmp_path, "cat/0.png")
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
    path.parent.mkdir(exist_ok=True)
    path.touch()
    with pytest.raises(InputError) as caught:
        image_folder.load(tmp_path)
    assert said in str(caught.value)
    str(caught.value).encode()  # a log in UTF-8 takes it


def test_all_pictures_that_a_list_names_and_the_folder_lacks_are_named(tmp_path):
    put(tmp_path, "b.png")
    rows = [(name, 0, "train") for name in ("a.png", "b.png", "c.png")]
    with pytest.raises(InputError) as caught:
        samples_of_files(tmp_path, rows, ["cat"])
    assert str(caught.value) == (
        f"the dataset in {tmp_path} has no file a.png, and so it is with 1 more: c.png; fetch the dataset "
        "again"
    )


def test_a_path_with_blanks_is_one_source_where_it_exists(tmp_path, monkeypatch):
    (tmp_path / "my pictures").mkdir()
    whole = f"{tmp_path}/my pictures"
    assert split_sources(whole) == [whole]
    assert split_sources(f"{whole} of cats") == [f"{tmp_path}/my", "pictures", "of", "cats"]
    assert split_sources("https://host/a.zip  https://host/b.zip") == [
        "https://host/a.zip",
        "https://host/b.zip",
    ]
    monkeypatch.setenv("HOME", str(tmp_path))
    assert split_sources("~/my pictures") == [whole]
    assert split_sources("~/a.zip https://host/~/b.zip") == [f"{tmp_path}/a.zip", "https://host/~/b.zip"]
    assert split_sources("x" * 5000) == ["x" * 5000]


@pytest.mark.parametrize(
    ("rule", "names", "said"),
    [
        (
            "val20",
            ["train/cat/0.png", "train/dog/0.png", "train/dog/1.png"],
            "class 'cat' has 1 samples, and the",
        ),
        (
            "stratified",
            [f"cat/{number}.png" for number in range(4)],
            "class 'cat' has 4 samples, and the split",
        ),
        (
            "draw30",
            [f"cat/{number}.png" for number in range(30)],
            "class 'cat' has 30 samples, and the split",
        ),
        ("val20", ["Training/cat/0.png"], "rename Training to train"),
    ],
)
def test_what_a_split_rule_cannot_divide_shows_before_any_job(tmp_path, rule, names, said):
    put(tmp_path, *names, *(name.replace("train/", "test/") for name in names))
    with pytest.raises(InputError) as caught:
        check_folder(tmp_path, rule)
    assert said in str(caught.value)
    put(tmp_path / "right", "train/cat/0.png", "train/cat/1.png", "test/cat/0.png")
    check_folder(tmp_path / "right", "val20")
    check_folder(tmp_path / "right", "official")
