"""The configuration, and the runs that it spans: what is wrong is said in one sentence that names the key."""

from pathlib import Path

import pandas as pd
import pytest
import yaml
from snakemake.utils import update_config

from transferscope.errors import InputError
from transferscope.study import catalogue, configuration, runs
from transferscope.study.protocols import read_protocols, settings

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "config" / "schemas"
CONFIG = SCHEMAS / "config.schema.yaml"
PUBLISHED = configuration.published_names(ROOT / "config" / "published")


def config() -> dict:
    return yaml.safe_load((ROOT / "config" / "config.yaml").read_text())


@pytest.mark.parametrize(
    "name",
    [
        *("demo.yaml", "published.yaml", "ericsson2021.yaml", "newell2020.yaml", "newell2020-small.yaml"),
        *("asano2020.yaml", "asano2020-cifar.yaml", "asano2020-small.yaml", "asano2020-published.yaml"),
    ],
)
def test_every_ready_study_is_valid(name):
    overlay = yaml.safe_load((ROOT / "config" / name).read_text())
    merged = config()
    update_config(merged, overlay)
    configuration.check_config(merged, CONFIG)
    configuration.check_published(merged, PUBLISHED)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"linear": {"mode": "fast"}}, "key linear.mode: 'fast' is not one of"),
        ({"colour": "red"}, "'colour' was unexpected"),
        ({"features": {"resolution": 0, "input": "study"}}, "key features.resolution"),
        ({"exclude": [{"model": "a"}]}, "key exclude.0: 'reason' is a required property"),
        ({"features": None}, "key features: None is not of type 'object'"),
        ({"finetune": 5}, "key finetune: 5 is not of type 'object'"),
        ({"seeds": [2**40]}, "key seeds.0: 1099511627776 is greater than the maximum"),
        ({"models": [False]}, "key models.0: False is not of type 'string'"),
        ({"pretrained_on": "all"}, "key pretrained_on: 'all' is not one of"),
        (
            {"efficiency": config()["efficiency"] | {"freeze": [0]}},
            "key efficiency.freeze.0: 'none' was expected",
        ),
        ({"invariance": {"images": True}}, "key invariance.images: True is not of type 'integer'"),
    ],
)
def test_a_bad_key_of_the_configuration_is_named(changes, sentence):
    with pytest.raises(InputError) as caught:
        configuration.check_config(config() | changes, CONFIG)
    assert sentence in str(caught.value)


TEMPERATURE = "knn: {{neighbours: [1], temperature: {}}}"
NEIGHBOURS = "knn: {{neighbours: [{}], temperature: 0.07}}"
IMAGES = "invariance: {{images: {}}}"


@pytest.mark.parametrize(
    ("setting", "written", "said", "right"),
    [
        (TEMPERATURE, "1e-3", "'1e-3' is text to YAML; write 1.0e-3", "1.0e-3"),
        (TEMPERATURE, "7E-2", "'7E-2' is text to YAML; write 7.0e-2", "7.0e-2"),
        (TEMPERATURE, "1.5e3", "'1.5e3' is text to YAML; write 1.5e+3", "1.5e+3"),
        (TEMPERATURE, "'0.07'", "'0.07' is text; write 0.07 without quotation marks", "0.07"),
        (TEMPERATURE, ".inf", "inf is not of type 'number'", "1"),
        (TEMPERATURE, ".nan", "nan is not of type 'number'", "1"),
        (TEMPERATURE, '"0,07"', "'0,07' is not of type 'number'", "0.07"),
        (NEIGHBOURS, "'5'", "'5' is text; write 5 without quotation marks", "5"),
        (IMAGES, "2e3", "'2e3' is text to YAML; write 2000", "2000"),
        (IMAGES, "2.0e+3", "2000.0 is no whole number to YAML; write 2000", "2000"),
        (IMAGES, "2.5", "2.5 is not of type 'integer'", "2"),
        ("seeds: [{}]", "1.0", "1.0 is no whole number to YAML; write 1", "1"),
    ],
)
def test_a_number_is_said_as_yaml_wants_it(setting, written, said, right):
    with pytest.raises(InputError) as caught:
        configuration.check_config(config() | yaml.safe_load(setting.format(written)), CONFIG)
    assert said in str(caught.value)
    configuration.check_config(config() | yaml.safe_load(setting.format(right)), CONFIG)


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
    published = configuration.published_names(tmp_path)
    configuration.check_published(config() | {key: "own2026"}, published)
    with pytest.raises(InputError, match=f"key {key}: '{value}' is not one of {allowed};"):
        configuration.check_published(config() | {key: value}, published)


def test_the_configuration_may_name_several_tables():
    tables = {"models": ["config/models.tsv", "config/models-extra.tsv"], "datasets": "config/datasets.tsv"}
    tables["protocols"] = "config/protocols.tsv"
    configuration.check_config(config() | {"tables": tables}, CONFIG)


def tables() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The project's own tables of models, datasets and protocols."""
    return (
        catalogue.read_models(ROOT / "config/models.tsv", SCHEMAS),
        catalogue.read_datasets(ROOT / "config/datasets.tsv", SCHEMAS),
        read_protocols(ROOT / "config/protocols.tsv", SCHEMAS),
    )


def test_choose_keeps_the_order():
    _, datasets, _ = tables()
    assert list(configuration.choose(datasets, ["scenes", "digits"]).index) == ["scenes", "digits"]
    assert len(configuration.choose(datasets, [])) == len(datasets)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"datasets": ["digit"]},
            "key datasets: 'digit' is no id of the table of datasets; did you mean 'digits'",
        ),
        ({"models": ["swan"]}, "key models: 'swan' is no id of the table of models; did you mean 'swav'"),
        (
            {"protocols": ["liner"]},
            "key protocols: 'liner' is no id of the table of protocols; did you mean 'linear'",
        ),
        ({"exclude": [{"dataset": "digit", "reason": "time"}]}, "key exclude: 'digit' is no id"),
        ({"exclude": [{"protocol": ["calibrations"], "reason": "time"}]}, "did you mean 'calibration'"),
    ],
)
def test_an_id_that_no_table_has_is_named(changes, sentence):
    configuration.check_names(config() | {"protocols": ["linear", "calibration"]}, *tables())
    with pytest.raises(InputError) as caught:
        configuration.check_names(config() | changes, *tables())
    assert sentence in str(caught.value)


def test_the_model_that_measures_perceptual_distances_is_one_of_the_table():
    settings = config()
    settings["reconstruction"]["perceptual"] = ["swan"]
    with pytest.raises(InputError, match=r"reconstruction\.perceptual: 'swan' is no id .* mean 'swav'"):
        configuration.check_names(settings, *tables())


def test_what_the_tables_name_wrongly_is_said():
    models, datasets, protocols = tables()
    protocols.at["knn", "settings"] = ["knn", "neighbours"]
    with pytest.raises(InputError, match=r"the protocol knn, column 'settings': .* no section 'neighbours'"):
        configuration.check_names(config(), models, datasets, protocols)
    datasets.at["digits", "without"] = ["liner"]
    with pytest.raises(InputError, match="the dataset digits, column 'without': 'liner' is no id"):
        configuration.check_names(config(), models, datasets, tables()[2])


@pytest.mark.parametrize("key", [*configuration.MOVED, *configuration.GONE])
def test_a_key_of_an_earlier_configuration_says_where_it_is_now(key):
    settings = config()
    section, _, name = key.rpartition(".")
    (settings.setdefault(section, {}) if section else settings)[name] = 1
    with pytest.raises(InputError, match=f"key {key}: (it moved; write|leave it out:) "):
        configuration.check_config(settings, CONFIG)


def planned(
    models, datasets, protocols, chosen, exclude=(), seeds=(0,), frozen=None, pretrained_on=runs.ANY
) -> pd.DataFrame:
    stages = [stage for stages in (frozen or {}).values() for stage in stages]
    variants = runs.variants(list(seeds), stages)
    return runs.plan_runs(
        models, datasets, protocols, list(chosen), list(exclude), variants, pretrained_on, frozen
    )


def test_runs_are_what_the_rows_admit_less_what_is_excluded():
    models, datasets, protocols = tables()
    models, datasets = models.iloc[:3], datasets.loc[["digits", "scenes-multi"]]
    chosen = ["linear", "calibration"]
    every = planned(models, datasets, protocols, chosen)
    assert len(every) == 3 * 2 + 3  # calibration is not for several labels
    model = models.index[0]
    exclusion = {"model": model, "protocol": "linear", "reason": "for this test"}
    kept = planned(models, datasets, protocols, chosen, [exclusion])
    assert len(kept) == len(every) - 2
    assert not ((kept["model"] == model) & (kept["protocol"] == "linear")).any()
    # What is calibrated follows from what is predicted; the linear probe's predictions if nothing else.
    both = planned(models, datasets, protocols, [*chosen, "finetune"], [exclusion | {"protocol": "finetune"}])
    heads = both[both["protocol"].str.startswith("calibration")].groupby("model")["protocol"].apply(set)
    assert heads[model] == {"calibration_linear"}
    assert heads[models.index[1]] == {"calibration_linear", "calibration_finetune"}
    finetuned = planned(models, datasets, protocols, ["finetune", "calibration"])
    assert set(finetuned["protocol"]) == {"finetune", "calibration_finetune"}
    assert set(planned(models, datasets, protocols, ["calibration"])["protocol"]) == {"calibration_linear"}
    lists = {"model": list(models.index[:2]), "dataset": ["digits"], "reason": "for this test"}
    assert len(planned(models, datasets, protocols, ["linear"], [lists])) == 3 * 2 - 2
    group = {"model": model, "protocol": "calibration", "reason": "for this test"}
    assert len(planned(models, datasets, protocols, chosen, [group])) == len(every) - 1


def test_a_study_without_runs_is_refused():
    models, datasets, protocols = tables()
    with pytest.raises(InputError, match="the study has no run"):
        planned(models, datasets.loc[["digits"]], protocols, ["detection"])


def test_a_row_switches_a_protocol_or_a_group_off():
    models, datasets, protocols = tables()
    datasets = datasets.loc[["scenes"]]
    datasets.at["scenes", "without"] = ["detection", "knn"]
    left = set(planned(models, datasets, protocols, [])["protocol"])
    unnamed = protocols.index[protocols["when"] == ""]
    assert set(unnamed) - left == {"knn", "detection_frozen", "detection_finetune"}


def test_further_seeds_repeat_whatever_draws():
    models, datasets, protocols = tables()
    models, datasets = models.iloc[:2], datasets.loc[["digits", "scenes"]]
    every = planned(models, datasets, protocols, [], seeds=[3, 5, 8])
    assert every.groupby(runs.RUN_KEY).size().max() == 1
    seeds = every.groupby(["protocol", "dataset"])["seed"].apply(lambda found: sorted(set(found)))
    assert seeds["linear", "digits"] == seeds["calibration_linear", "digits"] == [3, 5, 8]  # splits are drawn
    assert seeds["linear", "scenes"] == seeds["knn", "scenes"] == [3]  # splits are official
    assert seeds["calibration_linear", "scenes"] == [3]
    for protocol in ("fewshot", "finetune", "calibration_finetune", "invariance", "reconstruction"):
        assert seeds[protocol, "scenes"] == [3, 5, 8]
    assert seeds["detection_frozen", "scenes"] == seeds["normals", "scenes"] == [3, 5, 8]
    assert seeds["saliency", "scenes"] == [3]
    assert dict(zip(every["seed"], every["at"], strict=True)) == {3: "", 5: "@seed-5", 8: "@seed-8"}
    first = every[(every["variant"] == runs.DEFAULT)]
    pd.testing.assert_frame_equal(
        first.reset_index(drop=True), planned(models, datasets, protocols, [], seeds=[3])
    )


def test_a_network_is_frozen_only_where_the_protocol_varies_in_it():
    models, datasets, protocols = tables()
    models, datasets = models.iloc[:1], datasets.loc[["scenes"]]
    named = ["efficiency_class", "efficiency_linear", "finetune", "calibration_finetune", "knn"]
    configured = config()
    configured["efficiency"]["freeze"] = ["none", 0, 2]
    configured["finetune"]["freeze"] = ["none", 2, 1]
    frozen = configuration.frozen(configured, protocols)
    assert frozen["efficiency_class"] == frozen["efficiency_depth"] == [0, 2] and frozen["finetune"] == [2, 1]
    every = planned(models, datasets, protocols, named, seeds=[0, 1], frozen=frozen)
    found = every.groupby("protocol")["at"].apply(list).to_dict()
    assert sorted(found["efficiency_class"]) == [
        *("", "@frozen-0", "@frozen-0-seed-1", "@frozen-2", "@frozen-2-seed-1", "@seed-1")
    ]
    assert sorted(found["finetune"]) == [
        *("", "@frozen-1", "@frozen-1-seed-1", "@frozen-2", "@frozen-2-seed-1", "@seed-1")
    ]
    assert found["calibration_finetune"] == ["", "@seed-1"]
    assert found["efficiency_linear"] == found["efficiency_linear_balanced"] == found["knn"] == [""]
    frozen = every[every["variant"] == "frozen-0-seed-1"].iloc[0]
    assert (frozen["seed"], frozen["freeze"], frozen["labels"]) == (1, 0, "")


def test_what_is_frozen_is_no_setting_that_a_run_depends_on():
    _, _, protocols = tables()
    plain, frozen = config(), config()
    frozen["finetune"]["freeze"] = ["none", 1]
    row = protocols.loc["finetune"]
    assert settings(row, plain) == settings(row, frozen)
    assert "freeze" not in settings(row, plain) and settings(row, plain)["steps"] == 5000
    assert configuration.frozen(plain, protocols)["finetune"] == []


def test_a_protocol_that_varies_in_what_is_frozen_needs_a_list_of_stages():
    _, _, protocols = tables()
    protocols.at["knn", "varies"] = ["freeze"]
    with pytest.raises(InputError, match=r"protocol knn, column .varies.: .* \(knn\) has a list `freeze`"):
        configuration.frozen(config(), protocols)


def test_what_params_state_of_a_run_is_what_it_was_where_nothing_is_frozen():
    table = runs.variants([3], [0]).to_dict("index")
    assert runs.stated(table["default"]) == {"seed": 3, "labels": "", "layer": ""}
    assert runs.stated(table["frozen-0"]) == {"seed": 3, "labels": "", "layer": "", "freeze": 0}


def test_protocols_that_a_study_has_to_name_are_in_no_other():
    models, datasets, protocols = tables()
    every = planned(models.iloc[:1], datasets.loc[["scenes", "scenes-multi"]], protocols, [])
    assert not every["protocol"].str.startswith("efficiency").any()
    named = planned(
        models.iloc[:1], datasets.loc[["scenes", "scenes-multi"]], protocols, ["efficiency_linear"]
    )
    assert list(zip(named["dataset"], named["protocol"], strict=True)) == [
        ("scenes", "efficiency_linear"),
        ("scenes", "efficiency_linear_balanced"),
        ("scenes-multi", "efficiency_linear"),
    ]


def test_a_backbone_may_be_evaluated_where_it_was_pretrained_alone():
    models, datasets, protocols = tables()
    models, datasets = models.iloc[:3].copy(), datasets.loc[["digits", "scenes"]]
    models["pretrained_on"] = ["digits", "scenes", ""]
    first, second, third = models.index
    every = planned(models, datasets, protocols, ["knn"])
    assert len(every) == 6
    same = planned(models, datasets, protocols, ["knn"], pretrained_on=runs.SAME)
    assert set(zip(same["model"], same["dataset"], strict=True)) == {
        (first, "digits"),
        (second, "scenes"),
        (third, "digits"),
        (third, "scenes"),
    }


def test_a_path_is_that_of_a_study_without_variants_but_for_the_variants_part():
    run = {"protocol": "linear", "dataset": "digits", "model": "swav", "at": ""}
    assert runs.path_of(run) == "linear/digits/swav"
    assert runs.path_of(run | {"at": "@seed-1"}) == "linear/digits/swav@seed-1"


def test_episodes_that_cannot_be_drawn_are_named():
    models, datasets, protocols = tables()
    datasets = datasets.loc[["digits", "elpv"]]  # elpv has four classes, and no few-shot
    every = planned(models, datasets, protocols, [])
    configuration.check_episodes(every, datasets, protocols, 10)
    with pytest.raises(InputError, match="the dataset digits has 10 classes and few-shot episodes need 11"):
        configuration.check_episodes(every, datasets, protocols, 11)
