"""Correlations against SciPy, against closed forms, and against what the paper printed."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from studies import CONFIG, READY, ericsson, imagenet, over_seeds, settings, study_of, with_protocol

from transferscope.errors import InputError
from transferscope.results import correlation, scores
from transferscope.results.resolved import Study, with_settings


@pytest.fixture(scope="module")
def published() -> pd.DataFrame:
    table = correlation.correlations(ericsson(), READY, imagenet(READY))
    return with_settings(table, READY)


def rows_of(values: dict[str, list[float]], metric="top1", protocol="linear", **facts) -> list[dict]:
    """Rows of models m0, m1, ... with one list of values a dataset."""
    return [
        facts
        | {"protocol": protocol, "dataset": name, "metric": metric, "model": f"m{index}", "value": value}
        for name, column in values.items()
        for index, value in enumerate(column)
    ]


def long_table(*arguments, study: Study = READY, **facts) -> pd.DataFrame:
    """The rows of ``rows_of`` by setting."""
    return settings(rows_of(*arguments, **facts), study)


def some_models(top1: list[float], kinds: list[str] | None = None) -> Study:
    ids = [f"m{index}" for index in range(len(top1))]
    kinds = kinds or ["self-supervised"] * len(top1)
    models = {"name": ids, "supervision": kinds, "imagenet_top1": top1}
    return study_of(pd.DataFrame(models, index=pd.Index(ids, name="id")))


@pytest.mark.parametrize(
    ("against", "setting", "metric", "printed"),
    [
        ("imagenet_top1", "calibration_linear", "ece", -0.77),
        ("imagenet_top1", "calibration_linear", "ece_scaled", -0.59),
        ("imagenet_top1", "calibration_finetune", "ece", -0.90),
        ("imagenet_top1", "calibration_finetune", "ece_scaled", -0.60),
        ("imagenet_top1", "reconstruction", "lpips_alex", -0.49),
        ("imagenet_top1", "reconstruction", "lpips_vgg", -0.69),
        ("imagenet_top1", "reconstruction", "lpips_squeeze", -0.57),
        ("imagenet_top1", "reconstruction", "mse_red", -0.56),
        ("imagenet_top1", "reconstruction", "mse_green", -0.11),
        ("imagenet_top1", "reconstruction", "mse_blue", -0.22),
        ("imagenet_top1", "saliency", "attentive_diffusion", 0.09),
        ("linear", "saliency", "attentive_diffusion", 0.38),
    ],
)
def test_the_published_numbers_give_the_published_coefficients(published, against, setting, metric, printed):
    row = published.query("against == @against and setting == @setting and metric == @metric")
    row = row[row["dataset"] == correlation.MEAN]
    assert row["pearson"].item() == pytest.approx(printed, abs=0.005)
    assert row["n"].item() == 14


def test_transfer_is_less_predictable_the_further_it_is_from_imagenet(published):
    whole = published[(published["against"] == "imagenet_top1") & (published["dataset"] == correlation.MEAN)]
    r = whole.drop_duplicates("setting").set_index("setting")["pearson"]
    assert r["linear"] > r["fewshot_ways5_shots20"] > r["detection_frozen"] > r["normals"] > r["segmentation"]


def test_coefficients_and_p_values_are_those_of_scipy():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=12), rng.normal(size=12).round(1)
    ours = correlation.correlate(x, y)
    assert (ours["pearson"], ours["pearson_p"]) == pytest.approx(tuple(stats.pearsonr(x, y)))
    assert (ours["spearman"], ours["spearman_p"]) == pytest.approx(tuple(stats.spearmanr(x, y)))


def test_the_interval_of_pearson_is_scipys():
    rng = np.random.default_rng(5)
    x = rng.normal(size=14)
    y = x + rng.normal(size=14)
    ours = correlation.correlate(x, y)
    reference = stats.pearsonr(x, y).confidence_interval()
    assert (ours["pearson_low"], ours["pearson_high"]) == pytest.approx(tuple(reference), abs=1e-6)


@pytest.mark.parametrize("y", [[1.0, 2.0], [1.0, 1.0, 1.0, 1.0]])
def test_no_coefficient_of_two_models_or_of_a_constant(y):
    ours = correlation.correlate(np.arange(len(y)), np.array(y))
    assert ours.pop("n") == len(y)
    assert np.isnan(list(ours.values())).all()


def test_few_models_have_a_coefficient_and_no_interval():
    x = np.arange(6.0)
    y = np.array([0.0, 2, 1, 4, 3, 5])
    five = correlation.correlate(x[:5], y[:5])
    assert np.isfinite(five["pearson"])
    assert np.isnan([five["pearson_low"], five["spearman_high"]]).all()
    six = correlation.correlate(x, y)
    for name in ("pearson", "spearman"):
        assert six[f"{name}_low"] < six[name] < six[f"{name}_high"]


def test_scores_follow_the_rules_of_the_metrics():
    table = pd.concat(
        [
            long_table({"a": [50.0, 90.0]}),
            long_table({"a": [0.5, 0.9]}, metric="lpips_vgg", protocol="reconstruction"),
            long_table({"a": [30.0, 20.0]}, metric="mean_angle_deg", protocol="normals"),
            long_table({"a": [2592.0, 3000.0]}, metric="mse_red", protocol="reconstruction"),
        ]
    )
    nine = np.log(9)
    assert scores.add_scores(table)["score"].tolist() == pytest.approx(
        [0, nine, 0, nine, -30, -20, 2592, 3000]
    )


def test_a_perfect_score_is_half_a_test_sample_short_of_it():
    found = scores.add_scores(long_table({"a": [100.0, 0.0, 99.0]}, n_test=200))["score"]
    assert found.tolist() == pytest.approx([np.log(399), -np.log(399), np.log(99)])
    unknown = scores.add_scores(long_table({"a": [100.0]}))["score"].item()
    assert np.isfinite(unknown) and unknown > scores.logit(0.9999)


def test_a_setting_is_the_mean_of_the_logits():
    table = long_table({"a": [50.0, 90.0], "b": [90.0, 50.0]})
    table["metric"] = table["dataset"].map({"a": "top1", "b": "mean_per_class"})
    scores = correlation.setting_scores(table)
    assert scores["metric"].tolist() == [correlation.OWN] * 2
    assert scores["score"].tolist() == pytest.approx([np.log(9) / 2] * 2)


def test_a_model_without_one_of_the_datasets_has_no_mean():
    table = long_table({"a": [50.0, 90.0, 80.0, 70.0], "b": [60.0, 70.0, 75.0, 80.0]}).iloc[:-1]
    assert correlation.setting_scores(table).set_index("model")["score"].isna()["m3"]
    study = some_models([60.0, 70.0, 75.0, 76.0])
    rows = correlation.correlations(table, study, imagenet(study))
    rows = rows[rows["against"] == "imagenet_top1"].set_index("dataset")
    assert rows.loc[correlation.MEAN, "left_out"] == "m3"
    assert rows["n"].to_dict() == {"a": 4, "b": 3, correlation.MEAN: 3}


def test_models_without_imagenet_accuracy_and_random_ones_are_left_out_and_listed():
    kinds = ["self-supervised"] * 4 + ["random"]
    models = some_models([60.0, 70.0, 75.0, np.nan, 50.0], kinds)
    values = {"a": [50.0, 60.0, 65.0, 70.0, 10.0]}
    table = pd.concat([long_table(values), long_table(values, protocol="knn")])
    rows = correlation.correlations(table, models, imagenet(models))
    rows = rows[rows["dataset"] == "a"].set_index(["against", "protocol"])
    assert rows.loc[("imagenet_top1", "knn"), "left_out"] == "m3,m4"
    assert rows.loc[("imagenet_top1", "knn"), "n"] == 3
    # Against the linear probes only the random baseline is out.
    assert rows.loc[("linear", "knn"), "left_out"] == "m4"
    assert ("linear", "linear") not in rows.index


def test_a_model_that_the_table_of_models_lacks_is_named():
    study = some_models([60.0])
    with pytest.raises(InputError, match="name model m1"):
        correlation.correlations(long_table({"a": [50.0, 60.0]}), study, imagenet(study))


def test_the_band_is_that_of_ordinary_least_squares():
    rng = np.random.default_rng(0)
    x, at = rng.normal(size=9), np.array([-1.0, 0.0, 2.0])
    y = 2 * x + rng.normal(size=9)
    line, half_width = correlation.regression_band(x, y, at)
    fit = stats.linregress(x, y)
    assert line == pytest.approx(fit.intercept + fit.slope * at)
    # At x = 0 the line is the intercept, whose standard error SciPy gives.
    assert half_width[1] == pytest.approx(stats.t.ppf(0.975, 7) * fit.intercept_stderr)


def test_printed_coefficients_stand_beside_the_computed_ones(published, tmp_path):
    printed = correlation.read_printed(CONFIG / "published" / "correlations" / "ericsson2021.csv")
    table = correlation.add_printed(published, printed)
    assert len(table) == len(published)
    both = table.dropna(subset="printed")
    assert len(both) == len(printed)
    assert (both["dataset"] == correlation.MEAN).all()
    # The paper's inputs are printed with two digits; its coefficients are of the unrounded ones.
    np.testing.assert_allclose(both["pearson"], both["printed"], atol=0.025)
    lines = correlation.summary(table, READY, imagenet(READY)).splitlines()
    assert next(line[-6:] for line in lines if "LPIPS, AlexNet" in line) == " -0.51"
    (tmp_path / "other.csv").write_text("setting,pearson\n")
    with pytest.raises(InputError, match="has the columns setting, pearson; it needs against"):
        correlation.read_printed(tmp_path / "other.csv")


def test_the_summary_has_a_line_a_setting(published):
    lines = correlation.summary(published, READY, imagenet(READY)).splitlines()
    assert lines[0].startswith("Correlation with ImageNet top-1")
    assert sum(line.startswith("Calibration, linear: ECE (%)") and "-0.77" in line for line in lines) == 1
    assert sum(line.startswith("Detection, frozen  ") for line in lines) == 2
    assert len({len(line) for line in lines if line}) == 1


def test_a_table_of_coefficients_survives_a_round_trip(published, tmp_path):
    plain = published.drop(columns=["setting", "title", "family"])
    correlation.write_correlations(tmp_path / "table.tsv", plain)
    read = correlation.read_correlations(tmp_path / "table.tsv", READY)
    pd.testing.assert_frame_equal(read, published, rtol=1e-5, check_dtype=False)
    assert read["title"].unique()[2] == "5-way 5-shot"


def test_seeds_are_correlated_by_their_mean_and_keep_their_deviation():
    rows = rows_of({"a": [50.0, 90.0], "b": [50.0, 60.0]})
    several = settings(over_seeds(rows, 1.0), READY)
    one = settings(rows, READY)
    assert several["value"].tolist() == one["value"].tolist()
    assert several["interval"].tolist() == [1.0] * 4
    means, alone = correlation.setting_scores(several), correlation.setting_scores(one)
    assert means["score"].tolist() == pytest.approx(alone["score"].tolist())
    assert alone["deviation"].isna().all()
    # Near one half, the log-odds grow by 4 a unit of the share; two datasets halve the variance of the mean.
    assert means.loc[0, "deviation"] == pytest.approx(4 * 0.01 / np.sqrt(2), rel=1e-3)


def test_a_protocol_s_row_says_whether_and_by_which_metric_it_judges_transfer():
    values = {"a": [20.0, 30.0, 40.0]}
    study = with_protocol(some_models([60.0, 70.0, 75.0]), "depth", family="transfer", metric="mean_iou")
    table = pd.concat(
        [
            long_table(values, metric="mean_iou", protocol="depth", study=study),
            long_table(values, metric="ece", protocol="depth", study=study),
            long_table(values, metric="pixel_accuracy", protocol="depth", study=study),
            long_table(values, metric="ece", protocol="calibration_linear", study=study),
            long_table(values, protocol="knn", study=study),
        ]
    )
    whole = correlation.transfer_scores(table, study)
    assert whole.groupby("setting")["metric"].first().to_dict() == {
        "depth": "mean_iou",
        "knn": correlation.OWN,
    }
    rows = correlation.correlations(table, study, imagenet(study))
    whole = rows[rows["dataset"] == correlation.MEAN]
    # What another metric represents has no row of a whole setting; its dataset has one.
    assert "pixel_accuracy" in set(rows["metric"]) and "pixel_accuracy" not in set(whole["metric"])
    lines = [line[:40].strip() for line in correlation.summary(rows, study, imagenet(study)).splitlines()[1:]]
    assert lines == ["depth", "depth: ECE (%)", "Calibration, linear: ECE (%)", "k-NN"]


def test_an_error_falls_where_a_model_is_better():
    directions = [
        correlation.direction(name) for name in (correlation.OWN, "ap50", "mean_angle_deg", "mse_red")
    ]
    assert directions == [1, 1, 1, -1]


def test_a_place_on_an_axis_is_a_setting_of_its_own_that_no_printed_coefficient_is_of():
    study = some_models([60.0, 70.0, 75.0])
    whole = long_table({"a": [50.0, 60.0, 65.0]}, study=study)
    few = long_table({"a": [20.0, 40.0, 45.0]}, study=study, labels="100")
    rows = correlation.correlations(pd.concat([whole, few]), study, imagenet(study))
    rows = rows[rows["dataset"] == correlation.MEAN]
    # The linear probe of all labels is what the other one is also correlated with.
    assert rows[["against", "protocol", "labels"]].values.tolist() == [
        ["imagenet_top1", "linear", ""],
        ["imagenet_top1", "linear", "100"],
        ["linear", "linear", "100"],
    ]
    printed = pd.DataFrame([("imagenet_top1", "linear", correlation.OWN, 0.5)])
    printed.columns = correlation.PRINTED_COLUMNS
    beside = correlation.add_printed(rows, printed)["printed"]
    assert beside.isna().tolist() == [False, True, True]
