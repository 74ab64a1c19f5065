"""Tables of utility and of labels saved from a long table: whose baseline is whose, what is left empty."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml
from label_curves import CLASS, LINEAR, POSE, SCRATCH, growing, rows, runs, study
from scripts.measure_utility import main
from studies import CONFIG, SCHEMAS, long_table

from transferscope.errors import InputError
from transferscope.results import efficiency, linear_rank
from transferscope.results.long_table import write_table
from transferscope.results.resolved import read_settings, read_study, resolve, write_study
from transferscope.study import catalogue, configuration

SETTINGS = {"baseline": "common", "interpolation": "linear", "monotone": "none", "resamples": 200}
BUDGETS = (100, 200, 400, 800, 1600)
ACCURACIES = (20, 35, 50, 60, 65)
TWICE = (35, 50, 60, 65, 65)
KNOWN = study({"random": SCRATCH, "cmc": {}})


def a_table(*groups: list[dict], known=KNOWN, **settings) -> pd.DataFrame:
    return efficiency.utility_table(runs(*groups), known, **(SETTINGS | settings))


def curve(model: str, accuracies=ACCURACIES, **facts) -> list[dict]:
    return rows(model, accuracies, budgets=BUDGETS, **facts)


def of(table: pd.DataFrame, model: str) -> pd.DataFrame:
    return table[table["model"] == model].set_index("labels")


def test_a_row_has_accuracy_utility_and_how_it_came_about():
    table = a_table(curve("random", seeds=(0, 0, 0)), curve("cmc", TWICE, seeds=(0, 0)))
    assert list(table.columns) == efficiency.UTILITY_COLUMNS
    row = of(table, "cmc").loc[200]
    assert row[["utility", "n_hat", "limit", "value", "mean", "std", "low", "high"]].tolist() == [
        1,
        400,
        7,
        50,
        1,
        0,
        1,
        1,
    ]
    assert row[["seeds", "seeds_of_baseline", "baseline"]].tolist() == [2, 3, "random"]
    assert row[["place", "censored", "mean_is", "interpolation", "monotone"]].tolist() == [
        *("inside", "none", "measured", "linear", "none")
    ]
    baseline = of(table, "random").loc[200]
    assert baseline[["value", "deviation", "baseline"]].tolist() == [35, 0, ""]
    assert np.isnan(baseline["utility"])


def test_deviations_are_of_the_population_as_the_authors_have_them():
    table = a_table(curve("random"), curve("cmc", TWICE, seeds=(-1, 1)))
    assert of(table, "cmc")["deviation"].tolist() == [1] * 5
    assert np.isnan(of(table, "random")["deviation"]).all()
    assert np.isnan(of(table, "cmc")["low"]).all()  # one seed of the baseline


def test_the_end_of_a_curve_is_a_row_between_two_budgets():
    found = of(a_table(curve("random"), curve("cmc", (35, 60, 70, 80, 90))), "cmc")
    assert found["place"].tolist() == ["inside", "inside", "end", "beyond", "beyond", "beyond"]
    assert found.index[2] == pytest.approx(300)
    end = found.iloc[2]
    assert end[["value", "n_hat", "utility"]].tolist() == pytest.approx([65, 1600, 1600 / 300 - 1])
    assert end["utility"] == end["limit"]
    assert np.isnan(end["mean"])


def test_of_an_error_less_is_better():
    known = study({"random": SCRATCH, "cmc": {}}, protocols={"finetuned": CLASS | {"metric": "mse_red"}})
    errors = [
        curve(model, [100 - a for a in values], metric="mse_red")
        for model, values in (("random", ACCURACIES), ("cmc", TWICE))
    ]
    found = of(a_table(*errors, known=known), "cmc")
    assert found["value"].tolist() == [65, 50, 40, 35, 35]
    assert found["utility"].tolist() == [1, 1, 1, 1, 0]
    saved = efficiency.saved_table(runs(*errors), known, targets=[50], **SETTINGS)
    assert saved[["target", "baseline_labels", "model_labels", "saved"]].values.tolist() == [
        [50, 400, 200, 200]
    ]


MODELS = {
    "other": {"arch": "pair"},
    "random": SCRATCH,
    "random-2": SCRATCH | {"arch": "net"},
    "random-pair": SCRATCH | {"arch": "pair"},
    "cmc": {"arch": "pair", "baseline": "random"},
    "vae": {},
    "alone": {"arch": "another"},
}


def test_a_baseline_is_random_and_of_the_same_architecture_or_of_the_column():
    models = study(MODELS).models
    common = efficiency.baselines(models, "common")
    assert common == {"other": "random-pair", "random-2": "random", "cmc": "random", "vae": "random"}
    assert efficiency.baselines(models, "same_architecture") == common | {"cmc": "random-pair"}


def test_a_model_without_a_baseline_has_accuracies_alone():
    known = study({"random": SCRATCH, "alone": {"arch": "another"}, "cmc": {}})
    table = a_table(curve("alone"), known=known)
    assert table["value"].tolist() == list(ACCURACIES)
    assert table["utility"].isna().all() and (table["baseline"] == "").all()
    # Its baseline was not run on this dataset.
    elsewhere = a_table(curve("random", dataset="other"), curve("cmc"), known=known)
    assert (of(elsewhere, "cmc")["baseline"] == "").all()


def test_frozen_models_are_compared_with_the_whole_of_scratch():
    table = a_table(
        curve("random"), curve("random", (10, 10, 10, 10, 10), freeze="1"), curve("cmc", TWICE, freeze="1")
    )
    found = of(table, "cmc")
    assert (found["freeze"] == "1").all()
    assert found["utility"].tolist() == [1, 1, 1, 1, 0]


def test_a_baseline_that_falls_may_be_made_monotone():
    falling = curve("random", (20, 50, 40, 60, 55))
    as_it_is, monotone = (
        of(a_table(falling, curve("cmc", (45, 45, 45, 45, 45)), monotone=kind), "cmc")
        for kind in ("none", "isotonic")
    )
    assert as_it_is.loc[400, "n_hat"] == pytest.approx(100 + 100 * 25 / 30)
    assert monotone.loc[400, "n_hat"] == 400
    assert (monotone["monotone"] == "isotonic").all()


def test_labels_saved_at_shares_of_the_way_and_at_targets():
    groups = curve("random", seeds=(-1, 1)), curve("cmc", TWICE, seeds=(-1, 1))
    table = efficiency.saved_table(runs(*groups), KNOWN, targets=[], **SETTINGS)
    assert list(table.columns) == efficiency.SAVED_COLUMNS
    assert table["target"].tolist() == pytest.approx([42.5, 53.75, 60.5])
    first = table.iloc[0]
    assert first[["baseline_labels", "model_labels", "saved", "factor"]].tolist() == pytest.approx(
        [300, 150, 150, 2]
    )
    assert first["saved_low"] < 150 < first["saved_high"] and first["factor_low"] < 2 < first["factor_high"]
    [row] = efficiency.saved_table(runs(*groups), KNOWN, targets=[90], **SETTINGS).to_dict("records")
    assert row["censored"] == "both"
    assert np.isnan([row["saved"], row["baseline_labels"], row["saved_bound"]]).all()
    [row] = efficiency.saved_table(runs(*groups), KNOWN, targets=[30], **SETTINGS).to_dict("records")
    assert (row["censored"], row["factor_bound"]) == ("right", pytest.approx(5 / 3))


def test_utility_is_in_every_metric_and_labels_saved_in_the_one_that_judges():
    groups = [
        curve(model, metric=metric) for metric in ("top1", "mean_per_class") for model in ("random", "cmc")
    ]
    assert set(a_table(*groups)["metric"]) == {"top1", "mean_per_class"}
    saved = efficiency.saved_table(runs(*groups), KNOWN, targets=[50], **SETTINGS)
    assert saved["metric"].tolist() == ["top1"]


@pytest.fixture
def files(tmp_path):
    """Write a long table and a study; the script's main on them."""

    def write(known, *groups: list[dict]) -> dict:
        write_study(tmp_path / "study.json", resolve(known.models, known.datasets, known.protocols))
        write_table(tmp_path / "table.tsv", long_table([row for group in groups for row in group]))
        return {"table": tmp_path / "table.tsv", "study": tmp_path / "study.json"}

    return write


def test_the_script_writes_what_figures_read(files, tmp_path):
    paths = files(
        KNOWN,
        curve("random", seeds=(0, 1)),
        curve("cmc", TWICE, seeds=(0, 1), freeze="2"),
        curve("cmc", TWICE, metric="mean_per_class"),
    )
    outputs = {name: tmp_path / f"{name}.tsv" for name in ("utility", "saved")}
    main(**paths, **outputs, settings=SETTINGS | {"targets": []})
    known = read_study(paths["study"])
    pd.testing.assert_frame_equal(known.models, KNOWN.models, check_dtype=False)
    table = efficiency.read_utility(outputs["utility"], known)
    assert set(table["metric"]) == {"top1"}
    assert set(table["freeze"]) == {"", "2"} and set(table["censored"]) == {"", "none"}
    assert of(table, "cmc")["utility"].tolist() == pytest.approx([1, 1, 1, 1, 0], abs=1e-5)
    assert pd.read_csv(outputs["saved"], sep="\t")["factor"].tolist() == pytest.approx([2, 2, 2], abs=1e-5)


def test_curves_are_no_settings_of_the_other_analyses(files):
    known = study(
        {"random": SCRATCH, "cmc": {}},
        protocols={"finetuned": CLASS, "knn": {"title": "k-NN", "family": "transfer"}},
    )
    one = [{"protocol": "knn", "dataset": "d", "metric": "top1", "model": "cmc", "value": 50.0}]
    paths = files(known, curve("cmc"), one)
    assert read_settings(paths["table"], known)["protocol"].tolist() == ["knn"]
    assert set(efficiency.read_runs(paths["table"], known)["protocol"]) == {"finetuned"}
    with pytest.raises(InputError, match="curves over numbers of labels or layers alone; `snakemake utility"):
        read_settings(files(known, curve("cmc"))["table"], known)
    with pytest.raises(
        InputError, match=r"table\.tsv has no result with a number of labels; .* finetuned to"
    ):
        efficiency.read_runs(files(known, one)["table"], known)


def test_the_linear_order_beside_the_finetuned_one():
    known = study(
        {"random": SCRATCH, **{name: {} for name in "abc"}},
        ("d", "e"),
        {"linear": LINEAR, "finetuned": CLASS, "pose": POSE},
    )
    groups = [
        rows(model, [value], budgets=[100], protocol=protocol, dataset=dataset, metric=metric)
        for protocol, metric, dataset, values in (
            ("linear", "top1", "d", (10, 20, 30, 40)),
            ("finetuned", "top1", "d", (90, 60, 50, 70)),
            ("linear", "top1", "e", (10, 20, 30, 30)),
            ("finetuned", "top1", "e", (90, 60, 60, 60)),
            ("pose", "accuracy", "d", (1, 2, 3, 4)),
        )
        for model, value in zip(known.models.index, values, strict=True)
    ]
    groups += [rows("a", [1], budgets=[250], protocol="linear")]  # not finetuned on as many
    both = linear_rank.pairs(a_table(*groups, known=known), known)
    assert both["model"].tolist() == [*"abc", *"abc"]
    assert both[both["dataset"] == "d"][["x", "y"]].values.tolist() == [[20, 60], [30, 50], [40, 70]]
    table = linear_rank.coefficients(both)
    assert table[["linear", "finetuned", "dataset", "labels", "models"]].values.tolist() == [
        ["linear", "finetuned", "d", 100, 3],
        ["linear", "finetuned", "e", 100, 3],
    ]
    assert table.loc[0, ["spearman", "kendall", "flipped"]].tolist() == pytest.approx([0.5, 1 / 3, 1 / 3])
    assert table.loc[1, ["spearman", "kendall"]].isna().all() and table.loc[1, "flipped"] == 0


@pytest.mark.parametrize(("baseline", "accepted"), [("r", True), ("", True), ("a", False), ("nobody", False)])
def test_a_model_is_compared_with_a_random_one(tmp_path, baseline, accepted):
    columns = ["id", "name", "arch", "source", "format", "match", "normalisation", "method"]
    columns += ["pretraining_data", "seed", "baseline"]
    lines = [
        ["r", "R", "resnet18", "random", "", "", "none", "none", "none", "0", ""],
        ["a", "A", "resnet18", "a.pth", "pytorch", "names", "none", "cmc", "d", "", baseline],
    ]
    path = tmp_path / "models.tsv"
    path.write_text("\n".join("\t".join(line) for line in [columns, *lines]) + "\n")
    if accepted:
        assert catalogue.read_models(path, SCHEMAS)["baseline"].tolist() == ["", baseline]
    else:
        with pytest.raises(InputError, match=f"the model a, column 'baseline': '{baseline}' is no random"):
            catalogue.read_models(path, SCHEMAS)


def test_what_was_pretrained_elsewhere_has_no_dataset_of_its_own():
    models = catalogue.read_models(CONFIG / "models.tsv", SCHEMAS)
    assert (
        not models["pretrained_on"].any() and not models["unlabelled"].any() and not models["baseline"].any()
    )


def test_the_study_has_what_utility_needs(tmp_path):
    known = study({"random": SCRATCH, "cmc": {"pretrained_on": "d", "unlabelled": 50}})
    rows = resolve(known.models, known.datasets, known.protocols)
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows
    assert rows["models"]["pretrained_on"] == ["", "d"] and rows["models"]["unlabelled"] == [0, 50]


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({"baseline": "mine"}, "key utility.baseline: 'mine' is not one of ['common', 'same_architecture']"),
        ({"interpolation": "cubic"}, "key utility.interpolation: 'cubic' is not one of ['linear', 'log']"),
        ({"monotone": True}, "key utility.monotone: True is not one of ['none', 'isotonic']"),
        ({"targets": [50, 50]}, "key utility.targets"),
        ({"targets": ["5e1"]}, "key utility.targets.0: '5e1' is text to YAML; write 5.0e+1"),
        ({"resamples": 10}, "key utility.resamples: 10 is less than the minimum of 100"),
        ({"target": [50]}, "key utility: Additional properties are not allowed ('target' was unexpected)"),
    ],
)
def test_a_bad_setting_is_named(setting, sentence):
    config = yaml.safe_load((CONFIG / "config.yaml").read_text())
    config["utility"] |= setting
    with pytest.raises(InputError) as caught:
        configuration.check_config(config, SCHEMAS / "config.schema.yaml")
    assert sentence in str(caught.value)


def test_growing_curves_are_half_way_at_half():
    assert growing(100, 80)[0] == 40
