"""A study of any one protocol and one dataset runs to its end, and so does one with several seeds."""

import csv
import re
import shutil

import pandas as pd
import pytest
import yaml
from tests.workflow.conftest import ROOT, copy_of_the_project

with (ROOT / "config/protocols.tsv").open() as file:
    # Of those that a study has to name test_few_labels.py and test_layers.py have a study.
    PROTOCOLS = {row["id"]: row for row in csv.DictReader(file, delimiter="\t") if not row["when"]}
# One dataset a protocol, with its runs in the small study.
DATASET = dict.fromkeys(("detection", "normals", "segmentation"), "scenes-small-multi")


@pytest.fixture(scope="module")
def copied(project, python, tmp_path_factory):
    """A copy of the project with all results of the small study, in which tables and figures may change."""
    copy = copy_of_the_project(tmp_path_factory.mktemp("alone") / "project", python)
    for folder in ("results", "resources"):
        shutil.copytree(project.folder / folder, copy.folder / folder, symlinks=True)
    for folder in ("tables", "figures"):
        shutil.rmtree(copy.folder / "results/small" / folder)
    return copy


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_study_of_one_protocol_runs_to_its_end(copied, protocol):
    dataset = DATASET.get(PROTOCOLS[protocol]["task"], "scenes-small")
    study = {"models": ["mobilenetv2"], "datasets": [dataset], "protocols": [protocol], "exclude": []}
    copied.snakemake(*copied.overlay(yaml.safe_dump(study)))
    tables = copied.folder / "results/small/tables"
    measured = pd.read_csv(tables / "measured.tsv", sep="\t")
    assert set(measured["protocol"]) == {protocol}
    assert (tables / "results.md").read_text().count("MobileNetV2") >= 1


def test_further_seeds_repeat_what_draws_and_print_their_deviation(copied):
    study = {
        "models": ["mobilenetv2"],
        "datasets": ["digits", "scenes-small"],
        "protocols": ["linear", "fewshot", "calibration"],
        "seeds": [0, 1],
        "pathvars": {"results": "results/seeds"},
        "features": {"resolution": 32},
    }
    overlay = copied.overlay(yaml.safe_dump(study))
    copied.snakemake(*overlay)
    measured = pd.read_csv(copied.folder / "results/seeds/tables/measured.tsv", sep="\t")
    repeated = measured.groupby(["protocol", "dataset"])["seed"].apply(lambda seeds: sorted(set(seeds)))
    assert repeated["linear", "digits"] == [0, 1]  # its splits are drawn
    assert repeated["linear", "scenes-small"] == [0]
    assert repeated["fewshot", "scenes-small"] == [0, 1]
    assert repeated["calibration_linear", "digits"] == [0, 1]
    linear = measured.query("protocol == 'linear' and dataset == 'digits' and model == 'mobilenetv2'")
    assert linear["value"].nunique() > 1
    results = (copied.folder / "results/seeds/tables/results.md").read_text()
    mean, deviation = f"{linear['value'].mean():.2f}", f"{linear['value'].std():.2f}"
    assert re.search(rf"{re.escape(mean)}(\*\*|</u>)? ± {re.escape(deviation)}", results)
    assert "standard deviation over 2 seeds" in results
    # One seed gives exactly the files and numbers of a study without others.
    (alone,) = measured.query(
        "protocol == 'linear' and dataset == 'digits' and model == 'mobilenetv2' and seed == 0"
    )["value"]
    one = yaml.safe_dump(study | {"seeds": [0], "pathvars": {"results": "results/seed"}})
    result = "results/seed/linear/digits/mobilenetv2.json"
    copied.snakemake(*copied.overlay(one), "--", result)
    assert yaml.safe_load((copied.folder / result).read_text())["measurements"][0]["value"] == alone
    assert not list((copied.folder / "results/seed").rglob("*@*"))
    copied.overlay(yaml.safe_dump(study))
    assert "Nothing to be done" in copied.snakemake(*overlay)
