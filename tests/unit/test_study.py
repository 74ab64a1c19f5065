"""The configuration, and the runs that it spans: what is wrong is said in one sentence that names the key."""

from pathlib import Path

import pytest
import yaml

from transferscope.errors import InputError
from transferscope.study import catalogue
from transferscope.study import configuration as study

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "config" / "schemas"
CONFIG = SCHEMAS / "config.schema.yaml"
PUBLISHED = study.published_names(ROOT / "config" / "published")


def config() -> dict:
    return yaml.safe_load((ROOT / "config" / "config.yaml").read_text())


@pytest.mark.parametrize("name", ["demo.yaml", "published.yaml"])
def test_every_ready_study_is_valid(name):
    overlay = yaml.safe_load((ROOT / "config" / name).read_text())
    merged = config()
    for key, value in overlay.items():
        merged[key] = merged[key] | value if isinstance(value, dict) else value
    study.check_config(merged, CONFIG)
    study.check_published(merged, PUBLISHED)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"linear": {"mode": "fast"}}, "key linear.mode: 'fast' is not one of"),
        ({"protocols": ["linear", "svm"]}, "key protocols.1: 'svm' is not one of"),
        ({"colour": "red"}, "'colour' was unexpected"),
        ({"features": {"resolution": 0, "batch_size": 1, "shard_images": 1}}, "key features.resolution"),
        ({"exclude": [{"model": "a"}]}, "key exclude.0: 'reason' is a required property"),
    ],
)
def test_a_bad_key_of_the_configuration_is_named(changes, sentence):
    with pytest.raises(InputError) as caught:
        study.check_config(config() | changes, CONFIG)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("results_from", "ericson2021", "measured, ericsson2021, own2026"),
        ("results_from", "none", "measured, ericsson2021, own2026"),
        ("compare", "measured", "none, ericsson2021, own2026"),
    ],
)
def test_unknown_published_results_are_named_with_what_there_is(tmp_path, key, value, allowed):
    for name in ("own2026.csv", "ericsson2021.csv", "README.md"):
        (tmp_path / name).touch()
    published = study.published_names(tmp_path)
    study.check_published(config() | {key: "own2026"}, published)
    with pytest.raises(InputError, match=f"key {key}: '{value}' is not one of {allowed};"):
        study.check_published(config() | {key: value}, published)


def test_the_configuration_may_name_several_tables():
    tables = {"models": ["config/models.tsv", "config/models-extra.tsv"], "datasets": "config/datasets.tsv"}
    study.check_config(config() | {"tables": tables}, CONFIG)


def test_choose_keeps_the_order_and_names_a_stranger():
    datasets = catalogue.read_datasets(ROOT / "config" / "datasets.tsv", SCHEMAS)
    assert list(study.choose(datasets, ["scenes", "digits"], "datasets").index) == ["scenes", "digits"]
    assert len(study.choose(datasets, [], "datasets")) == len(datasets)
    with pytest.raises(InputError, match=r"'digit' is no id .* did you mean 'digits'"):
        study.choose(datasets, ["digit"], "datasets")


def test_runs_are_what_the_rows_admit_less_what_is_excluded():
    models = catalogue.read_models(ROOT / "config" / "models.tsv", SCHEMAS).iloc[:3]
    datasets = study.choose(
        catalogue.read_datasets(ROOT / "config" / "datasets.tsv", SCHEMAS),
        ["digits", "scenes-multi"],
        "datasets",
    )
    protocols = ["linear", "calibration"]
    runs = study.plan_runs(models, datasets, protocols, [])
    assert len(runs) == 3 * 2 + 3  # calibration is not for several labels
    model = models.index[0]
    exclusion = {"model": model, "protocol": "linear", "reason": "for this test"}
    kept = study.plan_runs(models, datasets, protocols, [exclusion])
    assert len(kept) == len(runs) - 2
    assert not ((kept["model"] == model) & (kept["protocol"] == "linear")).any()
    # What is calibrated follows from what is predicted; the linear probe's predictions if nothing else.
    both = study.plan_runs(
        models, datasets, [*protocols, "finetune"], [{**exclusion, "protocol": "finetune"}]
    )
    heads = both[both["protocol"].str.startswith("calibration")].groupby("model")["protocol"].apply(set)
    assert heads[model] == {"calibration_linear"}
    assert heads[models.index[1]] == {"calibration_linear", "calibration_finetune"}
    assert set(study.plan_runs(models, datasets, ["calibration"], [])["protocol"]) == {"calibration_linear"}
    lists = {"model": list(models.index[:2]), "dataset": ["digits"], "reason": "for this test"}
    kept = study.plan_runs(models, datasets, ["linear"], [lists])
    assert len(kept) == 3 * 2 - 2
    study.check_exclusions([exclusion, lists], models, datasets)
    with pytest.raises(InputError, match=r"key exclude: 'digit' is no id .* did you mean 'digits'"):
        study.check_exclusions([{"dataset": "digit", "reason": "a misspelling"}], models, datasets)


@pytest.mark.parametrize(("ways", "shots"), [(11, ["5"]), (5, [])])
def test_episodes_that_cannot_be_drawn_are_named(ways, shots):
    datasets = catalogue.read_datasets(ROOT / "config" / "datasets.tsv", SCHEMAS).loc[["digits", "elpv"]]
    study.check_episodes(datasets, 10)  # elpv has four classes, and no few-shot
    datasets.at["digits", "shots"] = shots
    with pytest.raises(InputError, match=r"the dataset digits has 10 classes and . numbers of `shots`"):
        study.check_episodes(datasets, ways)


def test_the_model_that_measures_perceptual_distances_is_one_of_the_table():
    models = catalogue.read_models(ROOT / "config" / "models.tsv", SCHEMAS)
    study.check_perceptual(models, [])
    study.check_perceptual(models, ["swav"])
    with pytest.raises(InputError, match=r"reconstruction\.perceptual: 'swan' is no id .* mean 'swav'"):
        study.check_perceptual(models, ["swan"])
