"""The whole study of Ericsson et al. (2021), planned without any of its data."""

import csv
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
import yaml
from tests.workflow.conftest import copy_of_the_project

from transferscope.cluster import events, progress
from transferscope.cluster.sizes import read_sizes
from transferscope.study import catalogue
from transferscope.study.configuration import choose
from transferscope.study.protocols import read_protocols
from transferscope.study.runs import plan_runs, variants

ROOT = Path(__file__).parents[2]
STUDY = "config/ericsson2021.yaml"
JOBS = ROOT / "docs/ericsson2021_jobs.tsv"


@pytest.fixture(scope="module")
def whole(tmp_path_factory, python):
    """The project before anything is run, and the jobs of the whole study."""
    copy = copy_of_the_project(tmp_path_factory.mktemp("whole") / "project", python)
    return copy, copy.planned("--configfile", STUDY)


def test_the_dry_run_has_the_committed_jobs(whole):
    _, planned = whole
    with JOBS.open() as file:
        committed = {row["rule"]: int(row["jobs"]) for row in csv.DictReader(file, delimiter="\t")}
    assert dict(planned) == committed, f"if the change is meant, write it into {JOBS.name}"


def test_the_study_has_the_papers_40_tasks():
    config = yaml.safe_load((ROOT / STUDY).read_text())
    schemas = ROOT / "config/schemas"
    models = choose(catalogue.read_models(ROOT / "config/models.tsv", schemas), config["models"])
    datasets = choose(catalogue.read_datasets(ROOT / "config/datasets.tsv", schemas), config["datasets"])
    protocols = read_protocols(ROOT / "config/protocols.tsv", schemas)
    runs = plan_runs(models, datasets, protocols, config["protocols"], [], variants([0]))
    planned = Counter(run.protocol for run in runs[["dataset", "protocol"]].drop_duplicates().itertuples())
    del planned["calibration_linear"], planned["calibration_finetune"]  # of predictions, not tasks
    # What the features keep is told by one picture, or by the pictures, of each dataset for recognition.
    assert [planned.pop(name) for name in ("reconstruction", "saliency", "invariance")] == [15] * 3
    assert planned == {
        "linear": 11,
        "finetune": 11,
        "fewshot": 14,
        "detection_frozen": 1,
        "detection_finetune": 1,
        "normals": 1,
        "segmentation": 1,
    }
    assert (len(models), planned.total()) == (14, 40)

    # The same tasks as published, shot by shot, with the same metrics.
    published = pd.read_csv(ROOT / "config/published/ericsson2021.csv")
    for protocol in ("linear", "finetune"):
        rows = published[published["protocol"] == protocol]
        metrics = rows.drop_duplicates("dataset").set_index("dataset")["metric"]
        ours = datasets.loc[runs.loc[runs["protocol"] == protocol, "dataset"].unique(), "metric"]
        assert metrics.to_dict() == ours.to_dict()
    for protocol in ("detection_frozen", "detection_finetune", "normals", "segmentation"):
        rows = published[published["protocol"] == protocol]
        assert set(rows["dataset"]) == set(runs.loc[runs["protocol"] == protocol, "dataset"])
    fewshot = datasets.loc[runs.loc[runs["protocol"] == "fewshot", "dataset"].unique()]
    for shots in (5, 20, 50):
        rows = published[(published["protocol"] == "fewshot") & (published["shots"] == shots)]
        assert set(rows["ways"]) == {5}
        assert set(rows["dataset"]) == {
            name for name, row in fewshot.iterrows() if str(shots) in row["shots"]
        }


def test_on_slurm_every_job_asks_for_what_it_needs(fresh, monkeypatch):
    path = fresh.folder / "events.jsonl"
    monkeypatch.setenv("TRANSFERSCOPE_EVENTS", str(path))
    fresh.snakemake("-n", "--profile", "profiles/slurm", "--configfile", STUDY)
    jobs = progress.planned(events.read(path)).values()
    assert {job.rule for job in jobs if job.gpu} == {
        "extract_features",
        "finetune_grid",
        "finetune_refit",
        "train_detector",
        "train_dense",
        "reconstruct_pictures",
        "measure_saliency",
        "measure_invariance",
    }
    # Not cut to the cores of the machine on which Snakemake runs.
    assert {job.threads for job in jobs if job.rule == "extract_features"} == {8}
    submitted = read_sizes(ROOT / "config/job_sizes.tsv").index.get_level_values("rule")
    assert all(job.minutes >= 15 and job.mem_mb >= 800 for job in jobs if job.rule in submitted)
    # More pictures and classes take longer: SUN397 has the most of both.
    minutes = {Path(job.benchmark).parts[-2]: job.minutes for job in jobs if job.protocol == "linear"}
    assert max(minutes, key=minutes.get) == "sun397"


def test_each_option_adds_its_jobs_for_each_model_and_dataset_and_no_others(whole):
    project, before = whole
    config = yaml.safe_load((ROOT / STUDY).read_text())
    (project.folder / "config/more.yaml").write_text(
        yaml.safe_dump({"protocols": [*config["protocols"], "efficiency_linear", "layerwise"]})
    )
    after = project.planned("--configfile", STUDY, "config/more.yaml")
    # Eleven datasets have splits; one of these several labels a picture, so no balanced subsets.
    efficiency = {
        "probe": 14 * (11 + 10),
        "measure_utility": 1,
        "plot_label_efficiency": 2,
        "plot_utility": 2,
    }
    layers = {"extract_layers": 14 * 11, "probe_layers": 14 * 11}
    layers |= {"measure_layer_similarity": 11, "plot_layer_similarity": 11}
    layers |= {"plot_layers": 1, "plot_layer_curves": 1, "plot_layer_gaps": 1, "plot_filters": 1}
    assert after - before == efficiency | layers
    assert not before - after
