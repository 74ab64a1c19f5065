"""The small study, copied with or without .snakemake and its times: nothing is repeated, nothing hidden."""

import json
import os
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from tests.workflow.conftest import Project

RESULT = "results/small/knn/digits/mobilenetv2.json"
TABLE = "results/small/tables/measured.tsv"


@pytest.fixture
def copy(project, python, tmp_path):
    """Copy the done study; ``times``: keep them, ``records``: keep ``.snakemake``."""

    def copy(*, times: bool, records: bool) -> Project:
        folder = tmp_path / "copy"
        subprocess.run(["cp", "-a", project.folder, folder], check=True)
        if not times:
            # The worst order: what comes first in the work gets the latest time.
            paths = sorted(path for top in ("results", "resources") for path in (folder / top).rglob("*"))
            paths.sort(key=lambda path: path.lstat().st_mtime_ns, reverse=True)
            for number, path in enumerate(paths):
                os.utime(path, (1_700_000_000 + number,) * 2, follow_symlinks=False)
        if not records:
            shutil.rmtree(folder / ".snakemake")
        return Project(folder, python)

    return copy


def measuring(planned: Counter) -> set[str]:
    """The rules that would run, without what is printed and drawn."""
    quick = ("plot_", "collect_", "resolve_", "correlations", "results_table", "task_pages")
    return {rule for rule in planned if not rule.startswith(quick)} - {"measure_similarity"}


SETTINGS = {
    "features.resolution": ("features: {resolution: 64}", "extract_features"),
    "finetune.steps": ("finetune: {steps: 5}", "finetune_grid"),
    "reconstruction.steps": ("reconstruction: {steps: 4}", "reconstruct_pictures"),
}


def raise_version(study: Project, table: str, row: str) -> None:
    path = study.folder / "config" / table
    header, *lines = path.read_text().splitlines()
    column = header.split("\t").index("version")
    cells = [line.split("\t") for line in lines]
    for line in cells:
        if line[0] == row:
            line[column] = "7"
    path.write_text("\n".join([header, *("\t".join(line) for line in cells)]) + "\n")


def test_a_whole_copy_has_nothing_to_do(copy):
    study = copy(times=True, records=True)
    assert "Nothing to be done" in study.snakemake()
    shutil.rmtree(study.folder / "resources")
    assert not study.planned()


def test_without_records_nothing_is_measured_again_and_nothing_is_hidden(project, copy):
    study = copy(times=True, records=False)
    planned = study.planned()
    assert planned
    assert not measuring(planned)
    overlays = []
    for name, (text, _) in SETTINGS.items():
        for folder in (project.folder, study.folder):
            (folder / "config" / f"{name}.yaml").write_text(text + "\n")
        overlays.append(["--configfile", "config/small.yaml", f"config/{name}.yaml"])
    for (_, rule), overlay in zip(SETTINGS.values(), overlays, strict=True):
        found = measuring(study.planned(*overlay))
        assert rule in found
        assert found == measuring(project.planned(*overlay))
    for table, row, rule in (
        ("protocols.tsv", "knn", "probe"),
        ("datasets.tsv", "digits", "extract_shard"),
    ):
        with project.edited(table), study.edited(table):
            for one in (project, study):
                raise_version(one, table, row)
            found = measuring(study.planned())
            assert found == measuring(project.planned())
            assert rule in found
    before = (study.folder / TABLE).read_text()
    study.snakemake("--", "tables")
    assert (study.folder / TABLE).read_text() == before
    assert not measuring(study.planned())


def test_of_a_copy_without_times_nothing_is_measured_again(copy):
    study = copy(times=False, records=False)
    before = (study.folder / TABLE).read_text()
    said = study.snakemake(fails=True)
    assert "would be computed again, though made from just the inputs that are there" in said
    assert "the same command with --touch" in said
    # What is outdated stays so: --touch sets times and notes nothing.
    overlay = study.overlay("knn: {temperature: 0.035}\n")
    study.snakemake(*overlay, "--touch")
    assert measuring(study.planned(*overlay)) == {"probe"}
    assert not measuring(study.planned())
    study.snakemake("--", "tables")
    assert (study.folder / TABLE).read_text() == before


def test_with_records_and_new_times_there_is_nothing_to_do_once_they_are_set(copy):
    study = copy(times=False, records=True)
    overlay = study.overlay("knn: {temperature: 0.035}\n")
    study.snakemake(*overlay, "--touch")
    assert measuring(study.planned(*overlay)) == {"probe"}
    assert "Nothing to be done" in study.snakemake()


def test_a_result_that_was_put_there_is_not_collected(copy):
    study = copy(times=True, records=True)
    path = study.folder / RESULT
    kept = path.read_text()
    path.write_text(kept.replace('"n_test": ', '"n_test": 1'))
    assert "was changed after it was written" in study.snakemake("--", TABLE, fails=True)
    path.write_text(json.dumps(json.loads(kept) | {"sha256": None, "version": 1}))
    path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != "sha256"}))
    said = study.snakemake("--", TABLE, fails=True)
    version = json.loads(kept)["version"]
    assert f"{RESULT} has version 1 and not {version}; remove them and run again: rm {RESULT}" in said
    path.write_text(kept)
    study.snakemake("--", TABLE)


def test_every_measured_file_says_what_it_was_made_from(project):
    from transferscope import made_from

    silent = {
        path.suffix
        for top in ("results/small", "resources")
        for path in (project.folder / top).rglob("*")
        if path.is_file() and not made_from.read(path) and "datasets" not in path.parts
    }
    assert silent <= {"", ".tsv", ".pdf", ".png", ".md", ".tex", ".txt", ".html", ".log"}
    assert made_from.read(Path(project.folder) / "resources/datasets/scenes-small")
