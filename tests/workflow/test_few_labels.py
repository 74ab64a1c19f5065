"""A study of label efficiency, of a network that it pretrains: it ends, and changes cost what they should."""

import csv
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from tests.workflow.conftest import ROOT, copy_of_the_project, random_model
from tests.workflow.test_reruns import overlay, settings

TABLE = Path(__file__).with_name("reruns_few_labels.tsv")
with TABLE.open() as file:
    ROWS = list(csv.DictReader(file, delimiter="\t"))
ANALYSES = {"collect_costs", "collect_results", "measure_utility", "plot_costs"}
ANALYSES |= {"plot_label_efficiency", "plot_linear_rank", "plot_transfer_matrix", "plot_utility"}
ANALYSES |= {"plot_utility_tasks"}
SECTIONS = ("few_labels", "efficiency", "efficiency_maps", "efficiency_pose", "efficiency_depth", "utility")
MAPS = ("efficiency_segmentation", "efficiency_depth")
ALONE = ("efficiency_class", "efficiency_pose", *MAPS, "efficiency_linear", "efficiency_linear_balanced")

TRAINING = {"batch_size": 8, "steps": [{"labels": 160, "steps": 4}]}
STUDY = {
    "pathvars": {"results": "results/few"},
    "models": ["tiny-random", "tiny-rotation"],
    "datasets": ["factors-tiny", "factors-tiny-multi"],
    "protocols": list(ALONE),
    "exclude": [
        {
            "dataset": "factors-tiny-multi",
            "protocol": ["efficiency_class", "efficiency_linear"],
            "reason": "time",
        }
    ],
    "seeds": [0, 1],
    "features": {"resolution": 32},
    "few_labels": {"labels": [40, 160]},
    "efficiency": TRAINING,
    "efficiency_maps": TRAINING,
    "execution": {"labels_together": 40},
    "pretrain": {"smoke": {"steps": 4, "batch_size": 8}},
    "utility": {"resamples": 100},
    "threads": {"extraction": 1, "probes": 1},
    "plotting": {"dpi": 72},
}
FACTORS = {"loader": "factors", "version": "1", "classes": "10", "split_rule": "official", "licence": "CC0"}


@pytest.fixture(scope="module")
def few(tmp_path_factory, python):
    """The project with the whole of this study done."""
    copy = copy_of_the_project(tmp_path_factory.mktemp("few") / "project", python)
    (copy.folder / "config/small.yaml").write_text(yaml.safe_dump(STUDY))
    tiny = "selfstudy_resnet9?width=2&colours=factors"
    random = random_model("tiny-random", tiny) | {"normalisation": "none"}
    source = "pretrain:method=rotation&dataset=factors-tiny&profile=smoke&seed=0"
    learned = {"id": "tiny-rotation", "name": "Rotation", "source": source, "seed": "", "method": "rotation"}
    for row in (random, random | learned):
        copy.append("models.tsv", row)
    single = {
        "id": "factors-tiny",
        "name": "Tiny",
        "task": "recognition pose",
        "source": "render:variant=0011&layout=single&images=240&size=32&models=2&seed=0",
        "metric": "top1",
        **{"train": "200", "val": "20", "test": "20"},
    }
    several = {
        "id": "factors-tiny-multi",
        "name": "Tiny, multi-object",
        "task": "recognition segmentation depth",
        "source": "render:variant=0000&layout=multi&images=240&size=32&models=2&seed=0",
        "metric": "map11",
        **{"train": "200", "val": "20", "test": "20"},
    }
    for row in (single, several):
        copy.append("datasets.tsv", FACTORS | row)
    copy.snakemake()
    return copy


def test_every_number_of_labels_is_a_row(few):
    table = pd.read_csv(few.folder / "results/few/tables/measured.tsv", sep="\t")
    found = table.groupby(["protocol", "metric"])[["labels", "seed", "model"]].agg(
        lambda values: sorted(set(values))
    )
    both = [[40, 160], [0, 1], ["tiny-random", "tiny-rotation"]]
    once = [[40, 160], [0], ["tiny-random", "tiny-rotation"]]
    assert {key: list(row) for key, row in found.iterrows()} == {
        ("efficiency_class", "top1"): both,
        ("efficiency_pose", "accuracy"): both,
        ("efficiency_segmentation", "cell_accuracy"): both,
        ("efficiency_segmentation", "mean_iou"): both,
        ("efficiency_depth", "within_1.25"): both,
        ("efficiency_depth", "within_1.1"): both,
        ("efficiency_depth", "depth_rmse"): both,
        ("efficiency_linear", "top1"): once,
        ("efficiency_linear_balanced", "top1"): once,
    }


def test_utility_is_of_each_pretrained_model_over_the_random_one(few):
    utility = pd.read_csv(few.folder / "results/few/tables/utility.tsv", sep="\t")
    learned = utility[utility["model"] == "tiny-rotation"]
    assert set(learned["baseline"]) == {"tiny-random"}
    assert set(learned["protocol"]) == set(ALONE)
    known = learned["utility"].notna()
    assert (known == learned["censored"].fillna("none").eq("none")).all()


def test_how_pretraining_went_is_told(few):
    history = json.loads((few.folder / "resources/backbones/tiny-rotation.history.json").read_text())
    assert history["dataset"] == "factors-tiny"
    assert len(history["loss"]) == 4
    figures = few.folder / "results/few/figures"
    drawn = {path.relative_to(figures).with_suffix("").as_posix() for path in figures.rglob("*.pdf")}
    assert {
        "pretraining",
        "linear_rank",
        "utility/efficiency_class",
        "label_efficiency/efficiency_depth",
    } <= drawn


def test_a_second_run_has_nothing_to_do(few):
    assert "Nothing to be done" in few.snakemake()


def test_every_setting_is_in_the_table():
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    names = [name for section in SECTIONS for name in settings(config[section], section)]
    assert sorted(names) == sorted(row["setting"] for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["setting"])
def test_a_setting_computes_again_what_the_table_says(few, row):
    (few.folder / "config/change.yaml").write_text(overlay(row["setting"], row["value"]))
    planned = few.planned("--configfile", "config/small.yaml", "config/change.yaml")
    rules = set(row["rules"].split())
    if "analyses" in rules:
        rules = rules - {"analyses"} | ANALYSES
    assert " ".join(sorted(planned)) == " ".join(sorted(rules)), "if this is meant, write it into the table"


@pytest.mark.parametrize(
    ("setting", "value"), [("steps", "5"), ("learning_rate", "0.1"), ("methods.rotation.weight_decay", "0.5")]
)
def test_a_changed_profile_pretrains_again_and_what_follows(few, setting, value):
    (few.folder / "config/change.yaml").write_text(overlay(f"pretrain.smoke.{setting}", value))
    planned = few.planned("--configfile", "config/small.yaml", "config/change.yaml")
    assert planned["pretrain"] == planned["extract_features"] == 1
    assert planned["train_budgets"] == 16


def test_what_a_profile_says_of_another_method_computes_nothing(few):
    (few.folder / "config/change.yaml").write_text(overlay("pretrain.smoke.methods.cmc.momentum", "0.9"))
    assert not few.planned("--configfile", "config/small.yaml", "config/change.yaml")


@pytest.fixture(scope="module")
def alone(few) -> str:
    """Another folder with all results, in which tables and figures may change."""
    shutil.copytree(few.folder / "results/few", few.folder / "results/alone")
    return "results/alone"


@pytest.mark.parametrize("protocol", ALONE)
def test_a_study_of_one_protocol_runs_to_its_end(few, alone, protocol):
    dataset = "factors-tiny-multi" if protocol in MAPS else "factors-tiny"
    study = {"datasets": [dataset], "protocols": [protocol], "exclude": [], "pathvars": {"results": alone}}
    few.snakemake(*few.overlay(yaml.safe_dump(study)))
    utility = pd.read_csv(few.folder / alone / "tables/utility.tsv", sep="\t")
    assert protocol in set(utility["protocol"])
