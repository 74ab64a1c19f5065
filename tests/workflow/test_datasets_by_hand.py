"""Datasets that the user has to obtain: said before any job where one is needed, placed where it is there."""

import pytest
from tests.unit.official_layouts import isic
from tests.workflow.conftest import random_model

from transferscope.datasets import load_dataset
from transferscope.study import catalogue

BY_HAND = "{models: [random-mobilenetv2], datasets: [cars, isic], protocols: [fewshot]}"
ISIC = "resources/datasets/isic"


@pytest.fixture
def study_by_hand(fresh):
    return fresh, fresh.overlay(BY_HAND)


def test_a_dry_run_needs_no_data(study_by_hand):
    project, overlay = study_by_hand
    planned = project.planned(*overlay)
    assert planned["place_dataset"] == planned["probe"] == 2


def test_what_is_absent_is_said_before_any_job_and_only_where_it_is_needed(study_by_hand):
    project, overlay = study_by_hand
    folder = project.folder / "resources/manual/isic"
    output = project.snakemake(*overlay, "--", ISIC, fails=True)
    assert "the dataset isic has to be obtained by hand: put ISIC2018_Task3_Training_Input.zip and" in output
    assert "into resources/manual/isic/, as downloaded" in output
    assert "Traceback" not in output
    assert not (project.folder / "results").exists()

    folder.mkdir(parents=True)
    isic(folder)
    project.snakemake(*overlay, "--", ISIC)
    config = project.folder / "config"
    row = catalogue.read_datasets(config / "datasets.tsv", config / "schemas").loc["isic"]
    samples = load_dataset(
        "isic",
        project.folder / ISIC,
        loader=row["loader"],
        split_rule=row["split_rule"],
        seed=0,
        classes=int(row["classes"]),
        counts={},
    )
    assert samples.read(0).mode == "RGB"
    assert "Nothing to be done" in project.snakemake(*overlay, "--", ISIC)


MINE = {
    "id": "mine",
    "name": "Mine",
    "task": "recognition",
    "loader": "image_folder",
    "version": "1",
    "source": "data/mine",
    "classes": "2",
    "metric": "top1",
    "split_rule": "official",
    "licence": "mine",
}


def test_a_local_file_or_folder_that_is_absent_is_said(fresh):
    fresh.append("datasets.tsv", MINE)
    fresh.append("datasets.tsv", MINE | {"id": "packed", "source": "data/my pictures.zip"})
    checkpoint = {"source": "data/mine.pth", "format": "pytorch", "match": "names", "seed": ""}
    fresh.append("models.tsv", random_model("mine") | checkpoint)
    overlay = fresh.overlay(
        "{models: [random-mobilenetv2, mine], datasets: [mine, packed, digits], protocols: [knn]}"
    )
    for target, what in (
        ("results/small/features/mine/random-mobilenetv2.h5", "the dataset mine has no folder data/mine"),
        ("resources/datasets/packed", "the dataset packed has no file data/my pictures.zip, nor data/my"),
        ("resources/backbones/mine.safetensors", "the model mine has no file data/mine.pth"),
    ):
        output = fresh.snakemake("-n", *overlay, "--", target, fails=True)
        assert f"{what}; put it there, or correct the source of its row" in output
        assert "Traceback" not in output
    assert "place_dataset" not in fresh.planned(*overlay, "--", "resources/datasets/digits")
