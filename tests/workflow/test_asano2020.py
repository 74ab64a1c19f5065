"""The studies of Asano et al. (2020): planned without any of their data; drawn from printed numbers."""

import csv
import re

import pandas as pd
import pytest
from PIL import Image
from tests.workflow.conftest import ROOT

JOBS = ROOT / "docs/asano2020_jobs.tsv"


@pytest.mark.parametrize("study", ["asano2020", "asano2020-cifar", "asano2020-small"])
def test_the_dry_run_has_the_committed_jobs(fresh, study):
    planned = fresh.planned("--configfile", f"config/{study}.yaml")
    with JOBS.open() as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["study"] == study]
    committed = {row["rule"]: int(row["jobs"]) for row in rows}
    assert dict(planned) == committed, f"if the change is meant, write it into {JOBS.name}"


def test_printed_accuracies_of_layers_stand_in_for_measured_ones(fresh):
    fresh.snakemake("--configfile", "config/asano2020-published.yaml")
    results = fresh.folder / "results/asano2020-published"
    table = pd.read_csv(results / "tables/asano2020.tsv", sep="\t")
    assert (len(table), set(table["mode"])) == (45, {"published"})
    drawn = {path.relative_to(results / "figures").as_posix() for path in results.rglob("*.pdf")}
    assert drawn == {f"{name}/layerwise_online.pdf" for name in ("layers", "layer_curves", "layer_gaps")}


def test_the_page_on_your_own_picture(fresh):
    page = (ROOT / "docs/one_picture.md").read_text().partition("## Your own picture")[2]
    *files, command = re.findall(r"```\w+\n(.*?)```", page, re.DOTALL)[:4]
    folder = fresh.folder / "my"
    folder.mkdir()
    for name, text in zip(("datasets.tsv", "models.tsv", "study.yaml"), files, strict=True):
        (folder / name).write_text(text)
    Image.new("RGB", (100, 80)).save(folder / "picture.jpg")
    planned = fresh.planned(*command.split()[1:])
    assert (planned["crop_pictures"], planned["pretrain"], planned["draw_backbone"]) == (2, 3, 1)
    assert planned["extract_layers"] == planned["probe_layers"] == 4
