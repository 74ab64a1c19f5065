"""What a local dataset holds is an input: a change of it plans what reads it, and nothing else does."""

import os
import shutil
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image
from tests.workflow.conftest import Project, copy_of_the_project
from tests.workflow.test_datasets_by_hand import MINE

from transferscope.sources import index

STUDY = """
models: [random-mobilenetv2]
datasets: [mine, packed, placed]
protocols: [knn]
features: {resolution: 32}
"""
READ = {"extract_features": 1, "probe": 1}


def pictures(folder: Path) -> Path:
    """Two classes of eight pictures, all of the same size in bytes."""
    rng = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True)
        for number in range(8):
            pixels = rng.integers(0, 255, (40, 40, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.bmp")
    return folder


def pack(folder: Path, archive: Path, chosen: str = "*/*") -> Path:
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(folder.glob(chosen)):
            file.write(path, path.relative_to(folder))
    return archive


def copied_in_place(path: Path) -> None:
    """As `cp -r` does it: the same names and contents, other times."""
    copy = path.with_name("copy")
    if path.is_dir():
        shutil.copytree(path, copy, copy_function=shutil.copy)
        shutil.rmtree(path)
    else:
        shutil.copy(path, copy)
    copy.rename(path)


class Study:
    """A study on a local folder, a local archive, and a folder and an archive that a user placed."""

    def __init__(self, project: Project):
        self.project = project
        self.arguments = [*project.overlay(STUDY), "--", "knn"]
        data = project.folder / "data"
        self.mine = pictures(data / "mine")
        self.packed = pack(self.mine, data / "packed.zip")
        placed = project.folder / "resources/manual/placed"
        placed.mkdir(parents=True)
        self.cats = placed / "cat"
        shutil.copytree(self.mine / "cat", self.cats)
        self.dogs = pack(self.mine, placed / "dogs.zip", "dog/*")
        row = MINE | {"split_rule": "stratified"}
        for changes in (
            {},
            {"id": "packed", "source": "data/packed.zip"},
            {"id": "placed", "source": "manual", "manual": "the cats and dogs.zip"},
        ):
            project.append("datasets.tsv", row | changes)

    def planned(self) -> dict[str, int]:
        jobs = self.project.planned(*self.arguments)
        del jobs["knn"]  # the target
        return dict(jobs)

    def run(self) -> str:
        return self.project.snakemake(*self.arguments)


@pytest.fixture(scope="module")
def study(python, tmp_path_factory):
    study = Study(copy_of_the_project(tmp_path_factory.mktemp("local") / "project", python))
    study.run()
    return study


def test_nothing_runs_again_where_nothing_changed(study):
    assert "Nothing to be done" in study.run()
    for path in (study.mine, study.packed, study.cats, study.dogs):
        copied_in_place(path)
    (study.mine / ".DS_Store").touch()
    (study.cats.parent / "Thumbs.db").touch()
    assert study.planned() == {}
    assert "Nothing to be done" in study.run()


def overwritten(path: Path) -> None:
    """Other pixels in place: neither the folder's time nor the file's size changes."""
    size = path.stat().st_size
    Image.new("RGB", (40, 40), "red").save(path)
    assert path.stat().st_size == size


def replaced(archive: Path) -> None:
    """By another archive, which is older than what was made of the first one."""
    pictures = archive.with_name("pictures")
    with zipfile.ZipFile(archive) as file:
        file.extractall(pictures)
    overwritten(pictures / "dog/0.bmp")
    pack(pictures, archive)
    shutil.rmtree(pictures)
    os.utime(archive, (1_000_000_000, 1_000_000_000))


CHANGES = {
    "a picture added": (
        lambda study: shutil.copy(study.mine / "dog/0.bmp", study.mine / "cat/8.bmp"),
        READ,
    ),
    "a picture overwritten": (lambda study: overwritten(study.mine / "dog/3.bmp"), READ),
    "an archive replaced": (lambda study: replaced(study.packed), READ | {"download_dataset": 1}),
    "a placed picture overwritten": (
        lambda study: overwritten(study.cats / "0.bmp"),
        READ | {"place_dataset": 1},
    ),
    "a placed archive replaced": (lambda study: replaced(study.dogs), READ | {"place_dataset": 1}),
}


@pytest.fixture
def restored(study, tmp_path):
    """The study, whose data is afterwards as it was."""
    paths = [study.mine, study.packed, study.cats.parent]
    for path in paths:
        copy = shutil.copytree if path.is_dir() else shutil.copy2
        copy(path, tmp_path / path.name)
    yield study
    for path in paths:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.move(tmp_path / path.name, path)


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_plans_what_reads_that_dataset_and_nothing_else(restored, change):
    apply, expected = CHANGES[change]
    apply(restored)
    assert restored.planned() == expected


def test_a_change_is_computed_once_and_the_features_say_of_what(study):
    features = study.project.folder / "results/small/features/mine/random-mobilenetv2.h5"
    path = study.project.folder / "resources/indexes/mine.tsv"

    def stated() -> str:
        with h5py.File(features) as file:
            return file.attrs["dataset_contents"]

    assert study.planned() == {}  # all is as it was
    before = stated()
    assert before == index.summary(path).contents
    for number in range(8, 18):
        shutil.copy(study.mine / "dog/0.bmp", study.mine / f"cat/{number}.bmp")
    study.run()
    assert before != stated() == index.summary(path).contents
    with h5py.File(features) as file:
        assert sum(len(file[split]["ids"]) for split in ("train", "val", "test")) == 26
    assert "Nothing to be done" in study.run()
