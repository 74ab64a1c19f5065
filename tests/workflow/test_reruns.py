"""What a change computes again: every setting of config.yaml in turn, and the versions of rows."""

import csv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from tests.workflow.conftest import ROOT

TABLE = Path(__file__).with_name("reruns.tsv")
with TABLE.open() as file:
    ROWS = list(csv.DictReader(file, delimiter="\t"))
# What follows from any new value; the table says "analyses" for all of these.
ANALYSES = {
    "collect_costs",
    "collect_results",
    "correlations",
    "plot_calibration_scatter",
    "plot_correlation_bars",
    "plot_correlation_scatter",
    "plot_costs",
    "plot_dataset_scatter",
    "plot_invariance",
    "plot_properties",
    "plot_rank_radar",
    "results_table",
    "task_pages",
}
# What the small study is made of, and what it is not: other rows are other runs, not other numbers.
CHOICES = {"pathvars", "tables", "models", "datasets", "protocols", "exclude", "trunks", "pretrain"}
# test_few_labels.py and test_layers.py have studies with these.
CHOICES |= {"few_labels", "efficiency", "efficiency_maps", "efficiency_pose", "efficiency_depth", "utility"}
CHOICES |= {"layerwise", "layerwise_cached", "layerwise_online"}


def settings(section: dict, *above: str) -> list[str]:
    """The names, with dots, of all settings below a section."""
    names = []
    for key, value in section.items():
        name = (*above, key)
        names += settings(value, *name) if isinstance(value, dict) else [".".join(name)]
    return names


def overlay(setting: str, value: str) -> str:
    """A configuration that sets one setting."""
    content = yaml.safe_load(value)
    for key in reversed(setting.split(".")):
        content = {key: content}
    return yaml.safe_dump(content)


def test_every_setting_is_in_the_table():
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    names = [name for name in settings(config) if name.partition(".")[0] not in CHOICES]
    assert sorted(names) == sorted(row["setting"] for row in ROWS)


@pytest.fixture(scope="module")
def planned(project) -> dict[str, set[str]]:
    """For each setting the rules that run again."""

    def plan(row: dict[str, str]) -> set[str]:
        path = project.folder / "config" / f"{row['setting']}.yaml"
        path.write_text(overlay(row["setting"], row["value"]))
        return set(project.planned("--configfile", "config/small.yaml", f"config/{path.name}"))

    with ThreadPoolExecutor(max_workers=2) as pool:
        return dict(zip([row["setting"] for row in ROWS], pool.map(plan, ROWS), strict=True))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["setting"])
def test_a_setting_computes_again_what_the_table_says(planned, row):
    expected = set(row["rules"].split())
    if "analyses" in expected:
        expected = expected - {"analyses"} | ANALYSES
    assert planned[row["setting"]] == expected, "if this is meant, write it into reruns.tsv"


def raised(project, table: str, row: str) -> dict[str, int]:
    """The jobs by rule once the version of a row is raised."""
    with project.edited(table) as path:
        header, *lines = path.read_text().splitlines()
        column = header.split("\t").index("version")
        for number, line in enumerate(lines):
            cells = line.split("\t")
            if cells[0] == row:
                cells[column] = "7"
                lines[number] = "\t".join(cells)
        path.write_text("\n".join([header, *lines]) + "\n")
        return project.planned()


def measuring(planned: dict[str, int]) -> dict[str, int]:
    """Without what is collected, printed and drawn."""
    return {
        rule: jobs for rule, jobs in planned.items() if rule not in ANALYSES and not rule.startswith("plot_")
    }


def test_the_version_of_a_dataset_computes_again_whatever_reads_it(project):
    found = measuring(raised(project, "datasets.tsv", "scenes-small-multi"))
    assert found == {
        "render_dataset": 1,
        "extract_features": 2,
        "probe": 2,
        "probe_with_predictions": 2,
        "train_detector": 1,
        "train_dense": 2,
        "measure_similarity": 1,
    }
    found = measuring(raised(project, "datasets.tsv", "scenes-small"))
    assert found["finetune_grid"] == 6
    assert found["finetune_refit"] == found["measure_invariance"] == found["measure_saliency"] == 2
    assert found["reconstruct_pictures"] == 2
    assert found["measure_calibration"] == 4


@pytest.mark.parametrize(
    ("protocol", "jobs"),
    [
        ("linear", {"probe_with_predictions": 10, "measure_calibration": 4}),
        ("knn", {"probe": 10}),
        ("fewshot", {"probe": 4}),
        ("finetune", {"finetune_grid": 6, "finetune_refit": 2, "measure_calibration": 2}),
        ("calibration_linear", {"measure_calibration": 4}),
        ("detection_frozen", {"train_detector": 1}),
        ("normals", {"train_dense": 1}),
        ("segmentation", {"train_dense": 1}),
        ("reconstruction", {"reconstruct_pictures": 2, "measure_reconstruction": 2}),
        ("saliency", {"measure_saliency": 2}),
        ("invariance", {"measure_invariance": 2}),
    ],
)
def test_the_version_of_a_protocol_computes_again_its_runs_and_what_follows(project, protocol, jobs):
    planned = raised(project, "protocols.tsv", protocol)
    assert measuring(planned) == jobs
    assert planned["collect_results"] == 1
