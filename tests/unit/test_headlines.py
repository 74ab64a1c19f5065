"""Three sentences of a study, from its tables."""

import pandas as pd
from studies import settings, study_of

from transferscope.results import headlines
from transferscope.results.correlation import MEAN

NAMES = {"imagenet_top1": "ImageNet top-1"}
MODELS = pd.DataFrame({"name": ["Model a", "Model b", "Model c"]}, pd.Index(list("abc"), name="id"))
STUDY = study_of(MODELS, pd.DataFrame({"name": ["Data X"]}, pd.Index(["x"], name="id")))


def coefficients(**changes: list) -> pd.DataFrame:
    rows = {
        "against": ["imagenet_top1"] * 3,
        "title": ["Linear", "k-NN", "Fine-tuned"],
        "dataset": [MEAN, MEAN, MEAN],
        "n": [12, 12, 7],
        "pearson": [0.81, 0.9, 0.99],
        "pearson_low": [0.5, 0.62, 0.8],
        "pearson_high": [0.94, 0.97, 1.0],
    }
    return pd.DataFrame(rows | changes)


def test_the_closest_setting_of_those_with_most_models():
    said = headlines.of_correlations(coefficients(), NAMES)
    assert said == "k-NN follows ImageNet top-1 with r = 0.90 (95 % interval 0.62 to 0.97) over 12 models"


def test_of_few_models_and_single_datasets_nothing_is_said():
    assert headlines.of_correlations(coefficients(n=[5, 5, 5]), NAMES) == ""
    assert headlines.of_correlations(coefficients(dataset=["digits"] * 3), NAMES) == ""
    assert "Linear" in headlines.of_correlations(coefficients(dataset=[MEAN, "digits", "digits"]), NAMES)


def test_the_best_mean_rank_is_named():
    results = pd.concat(
        settings(
            [
                {"protocol": protocol, "dataset": "x", "metric": "top1", "model": model, "value": value}
                for model, value in zip("abc", values, strict=True)
            ],
            STUDY,
            n_test=500,
        )
        for protocol, values in {"linear": [50.0, 70.0, 60.0], "knn": [60.0, 55.0, 50.0]}.items()
    )
    assert headlines.of_ranks(results, STUDY) == (
        "Model b transfers best: rank 1.5 of 3 on average over Linear, k-NN"
    )
    assert headlines.of_ranks(results[results["model"] == "a"], STUDY) == ""


def test_the_largest_share_of_labels_that_is_saved():
    saved = pd.DataFrame(
        {
            "model": ["a", "b", "c"],
            "dataset": "x",
            "target": [40.0, 50.0, 60.0],
            "baseline_labels": [400.0, 900.0, float("nan")],
            "model_labels": [100.0, 300.0, 200.0],
            "saved": [300.0, 600.0, float("nan")],
            "factor": [4.0, 3.0, float("nan")],
        }
    )
    assert headlines.of_labels(saved, STUDY) == (
        "Model a reaches 40.0 % on Data X with 100 labels, where random weights need 400"
    )
    assert headlines.of_labels(saved.assign(saved=-1.0), STUDY) == ""
