"""Recognition metrics against scikit-learn, torchmetrics, explicit loops and closed forms."""

import csv
import subprocess
import sys
from math import sqrt
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, balanced_accuracy_score, precision_recall_curve
from torchmetrics.functional.classification import multiclass_accuracy

from transferscope.errors import InputError
from transferscope.results import metrics
from transferscope.results.metrics import ci95, map11, map11_ericsson2021, mean_per_class, score, top1
from transferscope.study.metrics import METRICS

SCRIPTS = Path(__file__).parents[2] / "scripts"
PUBLISHED = sorted((Path(__file__).parents[2] / "config" / "published").glob("*.csv"))


@pytest.fixture
def recognition():
    """Scores [500, 7] and labels [500] of a probe that is right somewhat more often than not."""
    rng = np.random.default_rng(0)
    labels = rng.choice(7, 500, p=[0.4, 0.2, 0.15, 0.1, 0.08, 0.05, 0.02])
    scores = rng.normal(size=(500, 7))
    scores[np.arange(500), labels] += 2
    return scores, labels


@pytest.fixture
def multilabel():
    """Scores and labels [300, 6] with few positives, and no ties."""
    rng = np.random.default_rng(1)
    labels = (rng.random((300, 6)) < 0.1).astype(np.uint8)
    return rng.normal(size=(300, 6)) + 1.5 * labels, labels


def voc_devkit_average_precision(scores, labels):
    """The definition, threshold by threshold, on one class whose scores are all different."""
    ranked = labels[np.argsort(-scores)]
    points = []
    for cut in range(1, len(ranked) + 1):
        hits = int(ranked[:cut].sum())
        points.append((hits, hits / cut))
    total = 0.0
    for tenths in range(11):
        reached = [precision for hits, precision in points if 10 * hits >= tenths * int(labels.sum())]
        total += max(reached) / 11
    return total


@pytest.mark.parametrize("table", PUBLISHED, ids=lambda path: path.stem)
def test_every_published_metric_is_known(table):
    with table.open(newline="") as file:
        assert {row["metric"] for row in csv.DictReader(file)} <= set(METRICS)


def test_registry_says_how_each_metric_enters_a_correlation():
    assert all(name == metric.name for name, metric in METRICS.items())
    raw = {name for name, metric in METRICS.items() if not metric.bounded}
    angles = {"mean_angle_deg", "median_angle_deg"}
    invariances = {f"invariance_{name}" for name in ("crop", "colour", "blur", "rotation")}
    assert raw == angles | invariances | {"mse_red", "mse_green", "mse_blue", "depth_rmse"}
    assert {name for name, metric in METRICS.items() if metric.sign == -1} == angles
    distances = {"lpips_alex", "lpips_vgg", "lpips_squeeze", "perceptual"}
    assert {name for name, metric in METRICS.items() if metric.scale == 1} == raw | distances
    assert {metric.scale for metric in METRICS.values()} == {1, 100}
    errors = {"ece", "ece_scaled", "ece_scaled_val", "mse_red", "mse_green", "mse_blue", "depth_rmse"}
    errors |= angles | distances
    assert {name for name, metric in METRICS.items() if metric.higher_is_better is False} == errors
    neither = {name for name, metric in METRICS.items() if metric.higher_is_better is None}
    assert neither == invariances | {"attentive_diffusion"}
    assert all(("%" in metric.label) == (metric.scale == 100) for metric in METRICS.values())
    assert set(metrics.SCORERS) - set(metrics.AS_ERICSSON2021.values()) <= set(METRICS)


def test_top1_agrees_with_scikit_learn_and_torchmetrics(recognition):
    scores, labels = recognition
    assert top1(scores, labels) == pytest.approx(accuracy_score(labels, scores.argmax(1)))
    reference = multiclass_accuracy(torch.tensor(scores), torch.tensor(labels), 7, average="micro")
    assert top1(scores, labels) == pytest.approx(reference.item())


def test_mean_per_class_agrees_with_scikit_learn_and_torchmetrics(recognition):
    scores, labels = recognition
    assert mean_per_class(scores, labels) == pytest.approx(balanced_accuracy_score(labels, scores.argmax(1)))
    reference = multiclass_accuracy(torch.tensor(scores), torch.tensor(labels), 7, average="macro")
    assert mean_per_class(scores, labels) == pytest.approx(reference.item())


def test_mean_per_class_leaves_out_absent_classes():
    scores = np.eye(4)[[1, 1, 1, 2, 0]]
    labels = np.array([1, 1, 2, 2, 1])  # 2 of 3, and 1 of 2; none of classes 0 and 3
    assert mean_per_class(scores, labels) == pytest.approx((2 / 3 + 1 / 2) / 2)


def test_map11_hand_worked():
    # Ranked + - + - -: precision 1 up to recall 1/2 (six of the eleven points), then 2/3.
    scores = np.array([[0.9], [0.8], [0.7], [0.6], [0.5]])
    labels = np.array([[1], [0], [1], [0], [0]])
    assert map11(scores, labels) == pytest.approx((6 * 1 + 5 * 2 / 3) / 11)


def test_map11_meets_recalls_that_floating_point_misses():
    # Ten positives, three of them first: recall 3/10 is reached with precision 1, although 3 / 10 < 0.1 * 3.
    labels = np.array([1] * 3 + [0] * 3 + [1] * 7)[:, None]
    scores = -np.arange(13.0)[:, None]
    assert map11(scores, labels) == pytest.approx((4 * 1 + 7 * 10 / 13) / 11)


def test_map11_agrees_with_the_definition(multilabel):
    scores, labels = multilabel
    expected = np.mean([voc_devkit_average_precision(scores[:, c], labels[:, c]) for c in range(6)])
    assert map11(scores, labels) == pytest.approx(expected)


def test_map11_of_ericsson2021_is_read_off_scikit_learns_curve(multilabel):
    def average_precision(scores, labels):
        precision, recall, _ = precision_recall_curve(labels, scores)
        return np.mean([precision[recall >= least].max() for least in np.linspace(0, 1, 11)])

    scores, labels = multilabel
    scores = np.round(scores, 1)  # with ties
    expected = np.mean([average_precision(scores[:, c], labels[:, c]) for c in range(6)])
    assert map11_ericsson2021(scores, labels) == pytest.approx(expected, abs=1e-12)
    # Ten positives, three of them first: 3 / 10 does not reach linspace's 0.30000000000000004.
    labels = np.array([1] * 3 + [0] * 3 + [1] * 7)[:, None]
    scores = -np.arange(13.0)[:, None]
    assert map11_ericsson2021(scores, labels) == pytest.approx((3 * 1 + 8 * 10 / 13) / 11)
    # A weak classifier whose first picture is wrong: precision 1 at recall 0 all the same.
    assert map11_ericsson2021(np.array([[2.0], [1.0]]), np.array([[0], [1]])) == pytest.approx(6 / 11)
    interval = ci95("map11_ericsson2021", *multilabel, seed=0)
    assert interval == pytest.approx(ci95("map11", *multilabel, seed=0), rel=0.3)


def test_map11_does_not_depend_on_the_order_of_ties():
    rng = np.random.default_rng(2)
    scores = rng.integers(0, 4, size=(60, 2)).astype(float)
    labels = rng.integers(0, 2, size=(60, 2))
    shuffled = rng.permutation(60)
    assert map11(scores[shuffled], labels[shuffled]) == map11(scores, labels)
    # All tied: one threshold, whose precision is the share of positives.
    assert map11(np.zeros((4, 1)), np.array([[1], [0], [0], [0]])) == pytest.approx(1 / 4)


def test_map11_leaves_out_classes_without_positives(multilabel):
    scores, labels = multilabel
    labels = labels.copy()
    labels[:, 2] = 0
    kept = [0, 1, 3, 4, 5]
    assert map11(scores, labels) == map11(scores[:, kept], labels[:, kept])


def test_score_and_ci95_refuse_what_does_not_fit(recognition, multilabel):
    scores, labels = recognition
    for function in (score, lambda *given: ci95(*given, seed=0)):
        with pytest.raises(InputError, match=r"'mean_iou'.*top1"):
            function("mean_iou", scores, labels)
        with pytest.raises(InputError, match="do not fit"):
            function("top1", scores, labels[:-1])
        with pytest.raises(InputError, match="from 0 to 6 but there are 5 classes"):
            function("mean_per_class", scores[:, :5], labels)
        with pytest.raises(InputError, match="NaN"):
            function("top1", np.full_like(scores, np.nan), labels)
        with pytest.raises(InputError, match="do not fit"):
            function("map11", scores, labels)
        with pytest.raises(InputError, match="0 and 1"):
            function("map11", multilabel[0], multilabel[1] - 1.0)
        with pytest.raises(InputError, match="no class has one"):
            function("map11", multilabel[0], np.zeros_like(multilabel[1]))


def test_top1_interval_has_the_binomial_width(recognition):
    scores, labels = recognition
    accuracy = top1(scores, labels)
    expected = 1.96 * sqrt(accuracy * (1 - accuracy) / len(labels))
    assert ci95("top1", scores, labels, seed=0, resamples=20_000) == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("name", ["top1", "mean_per_class", "map11"])
def test_interval_agrees_with_resampling_the_images(name, recognition, multilabel):
    scores, labels = multilabel if name == "map11" else recognition
    rng = np.random.default_rng(3)
    resampled = []
    for _ in range(2000):
        drawn = rng.integers(0, len(labels), len(labels))
        resampled.append(score(name, scores[drawn], labels[drawn]))
    expected = 1.96 * np.std(resampled)
    assert ci95(name, scores, labels, seed=0, resamples=4000) == pytest.approx(expected, rel=0.08)


def test_interval_with_a_weight_of_one_each_is_the_score(multilabel):
    scores, labels = multilabel
    copies = np.ones((3, len(scores)), dtype=int)
    copies[1] = 2  # every sample twice changes nothing
    copies[2, :100] = 0  # and a weight of 0 is an absence
    weighted = metrics._weighted_map11(metrics._rank(scores, labels), copies, metrics._average)
    expected = [map11(scores, labels), map11(scores, labels), map11(scores[100:], labels[100:])]
    assert weighted == pytest.approx(expected)


@pytest.mark.parametrize("resamples", [30, 50, 120])
def test_there_are_as_many_resamples_as_asked_for(multilabel, recognition, resamples):
    rng = np.random.default_rng(0)
    assert metrics._bootstrap_map11(*multilabel, metrics._average, rng, resamples).shape == (resamples,)
    correct = metrics._correct(*recognition)
    assert metrics._bootstrap_group_accuracy(correct, recognition[1], rng, resamples).shape == (resamples,)


def test_interval_is_deterministic_and_narrows_to_nothing_when_all_is_right(recognition):
    scores, labels = recognition
    assert ci95("mean_per_class", scores, labels, seed=5) == ci95("mean_per_class", scores, labels, seed=5)
    assert ci95("mean_per_class", scores, labels, seed=5) != ci95("mean_per_class", scores, labels, seed=6)
    assert ci95("top1", np.eye(7)[labels], labels, seed=0) == 0
    rare = np.array([0, 0, 0, 0, 1])  # the second class is absent from a third of the resamples
    assert ci95("mean_per_class", np.eye(2)[rare], rare, seed=0) == 0


def test_importing_metrics_stays_light():
    heavy = (
        "import sys, transferscope.results.metrics; "
        "sys.exit(bool({'torch', 'scipy', 'sklearn'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", heavy], cwd=SCRIPTS).returncode == 0
