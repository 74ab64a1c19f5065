"""Correlations against SciPy, against closed forms, and against what the paper printed."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from transferscope.errors import InputError
from transferscope.results import correlation
from transferscope.results import long_table as results
from transferscope.results.names import read_models

CONFIG = Path(__file__).parents[2] / "config"


@pytest.fixture(scope="module")
def published() -> pd.DataFrame:
    models = read_models(CONFIG / "models.tsv")
    table = results.published(CONFIG / "published" / "ericsson2021.csv", models)
    return correlation.correlations(table, models, resamples=50, seed=0)


def long_table(values: dict[str, list[float]], metric="top1", setting="linear", n_test=None) -> pd.DataFrame:
    """A long table of models m0, m1, ... with one list of values a dataset."""
    rows = [
        {"setting": setting, "dataset": dataset, "metric": metric, "model": f"m{index}", "value": value}
        for dataset, column in values.items()
        for index, value in enumerate(column)
    ]
    table = pd.DataFrame(rows).assign(ci95=np.nan, protocol=setting, mode="x", version=1, seed=0)
    return table.assign(n_test=pd.array([n_test] * len(table), dtype="Int64"))


def some_models(top1: list[float], kinds: list[str] | None = None) -> pd.DataFrame:
    ids = [f"m{index}" for index in range(len(top1))]
    kinds = kinds or ["self-supervised"] * len(top1)
    return pd.DataFrame({"name": ids, "kind": kinds, "imagenet_top1": top1}, index=pd.Index(ids, name="id"))


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
    assert r["linear"] > r["fewshot_5w20s"] > r["detection_frozen"] > r["normals"] > r["segmentation"]


def test_coefficients_and_p_values_are_those_of_scipy():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=12), rng.normal(size=12).round(1)
    ours = correlation.correlate(x, y, resamples=10, seed=0)
    assert (ours["pearson"], ours["pearson_p"]) == pytest.approx(tuple(stats.pearsonr(x, y)))
    assert (ours["spearman"], ours["spearman_p"]) == pytest.approx(tuple(stats.spearmanr(x, y)))


def test_the_interval_is_the_percentile_bootstrap_over_models():
    rng = np.random.default_rng(5)
    x = rng.normal(size=14)
    y = x + rng.normal(size=14)
    ours = correlation.correlate(x, y, resamples=4000, seed=1)
    for name, statistic in (("pearson", stats.pearsonr), ("spearman", stats.spearmanr)):
        reference = stats.bootstrap(
            (x, y),
            lambda a, b, statistic=statistic: statistic(a, b).statistic,
            paired=True,
            vectorized=False,
            n_resamples=4000,
            method="percentile",
            rng=2,
        ).confidence_interval
        assert (ours[f"{name}_low"], ours[f"{name}_high"]) == pytest.approx(tuple(reference), abs=0.04)


def test_the_same_seed_gives_the_same_interval():
    x, y = np.arange(6.0), np.array([0.0, 2, 1, 4, 3, 5])
    first, second, other = (correlation.correlate(x, y, resamples=200, seed=seed) for seed in (1, 1, 2))
    assert first == second
    assert first["pearson_low"] != other["pearson_low"]


@pytest.mark.parametrize("y", [[1.0, 2.0], [1.0, 1.0, 1.0, 1.0]])
def test_no_coefficient_of_two_models_or_of_a_constant(y):
    ours = correlation.correlate(np.arange(len(y)), np.array(y), resamples=10, seed=0)
    assert ours.pop("n") == len(y)
    assert np.isnan(list(ours.values())).all()


def test_constant_resamples_are_left_out():
    # Five of the six share their x, so many resamples are constant in it and have no coefficient.
    x, y = np.array([0.0, 0, 0, 0, 0, 1]), np.array([0.0, 1, 2, 3, 4, 9])
    ours = correlation.correlate(x, y, resamples=500, seed=0)
    assert 0 < ours["pearson_low"] <= ours["pearson"] <= ours["pearson_high"] <= 1


def test_few_models_have_a_coefficient_and_no_interval():
    x = np.arange(6.0)
    y = np.array([0.0, 2, 1, 4, 3, 5])
    five = correlation.correlate(x[:5], y[:5], resamples=100, seed=0)
    assert np.isfinite(five["pearson"])
    assert np.isnan([five["pearson_low"], five["spearman_high"]]).all()
    six = correlation.correlate(x, y, resamples=100, seed=0)
    assert six["pearson_low"] < six["pearson"] < six["pearson_high"]


def test_scores_follow_the_rules_of_the_metrics():
    table = pd.concat(
        [
            long_table({"a": [50.0, 90.0]}),
            long_table({"a": [0.5, 0.9]}, metric="lpips_vgg", setting="reconstruction"),
            long_table({"a": [30.0, 20.0]}, metric="mean_angle_deg", setting="normals"),
            long_table({"a": [2592.0, 3000.0]}, metric="mse_red", setting="reconstruction"),
        ]
    )
    nine = np.log(9)
    assert correlation.add_scores(table)["score"].tolist() == pytest.approx(
        [0, nine, 0, nine, -30, -20, 2592, 3000]
    )


def test_a_perfect_score_is_half_a_test_sample_short_of_it():
    scores = correlation.add_scores(long_table({"a": [100.0, 0.0, 99.0]}, n_test=200))["score"]
    assert scores.tolist() == pytest.approx([np.log(399), -np.log(399), np.log(99)])
    unknown = correlation.add_scores(long_table({"a": [100.0]}))["score"].item()
    assert np.isfinite(unknown) and unknown > correlation.logit(0.9999)


def test_a_setting_is_the_mean_of_the_logits():
    table = long_table({"a": [50.0, 90.0], "b": [90.0, 50.0]})
    table["metric"] = table["dataset"].map({"a": "top1", "b": "mean_per_class"})
    scores = correlation.setting_scores(table)
    assert scores["metric"].tolist() == [correlation.OWN] * 2
    assert scores["score"].tolist() == pytest.approx([np.log(9) / 2] * 2)


def test_a_model_without_one_of_the_datasets_has_no_mean():
    table = long_table({"a": [50.0, 90.0, 80.0, 70.0], "b": [60.0, 70.0, 75.0, 80.0]}).iloc[:-1]
    assert correlation.setting_scores(table).set_index("model")["score"].isna()["m3"]
    rows = correlation.correlations(table, some_models([60.0, 70.0, 75.0, 76.0]), resamples=10, seed=0)
    rows = rows[rows["against"] == "imagenet_top1"].set_index("dataset")
    assert rows.loc[correlation.MEAN, "left_out"] == "m3"
    assert rows["n"].to_dict() == {"a": 4, "b": 3, correlation.MEAN: 3}


def test_models_without_imagenet_accuracy_and_random_ones_are_left_out_and_listed():
    kinds = ["self-supervised"] * 4 + ["random"]
    models = some_models([60.0, 70.0, 75.0, np.nan, 50.0], kinds)
    linear = long_table({"a": [50.0, 60.0, 65.0, 70.0, 10.0]})
    table = pd.concat([linear, linear.assign(setting="knn")])
    rows = correlation.correlations(table, models, resamples=10, seed=0)
    rows = rows[rows["dataset"] == "a"].set_index(["against", "setting"])
    assert rows.loc[("imagenet_top1", "knn"), "left_out"] == "m3,m4"
    assert rows.loc[("imagenet_top1", "knn"), "n"] == 3
    # Against the linear probes only the random baseline is out.
    assert rows.loc[("linear", "knn"), "left_out"] == "m4"
    assert ("linear", "linear") not in rows.index


def test_a_model_that_the_table_of_models_lacks_is_named():
    with pytest.raises(InputError, match="name model m1"):
        correlation.correlations(long_table({"a": [50.0, 60.0]}), some_models([60.0]), resamples=10, seed=0)


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
    lines = correlation.summary(table).splitlines()
    assert next(line[-6:] for line in lines if "LPIPS, AlexNet" in line) == " -0.51"
    (tmp_path / "other.csv").write_text("setting,pearson\n")
    with pytest.raises(InputError, match="has the columns setting, pearson; it needs against"):
        correlation.read_printed(tmp_path / "other.csv")


def test_the_summary_has_a_line_a_setting(published):
    lines = correlation.summary(published).splitlines()
    assert lines[0].startswith("Correlation with ImageNet top-1")
    assert sum(line.startswith("Calibration, linear: ECE (%)") and "-0.77" in line for line in lines) == 1
    assert len({len(line) for line in lines if line}) == 1
