"""How scores of recognition become a metric's value with its 95% interval."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from transferscope.errors import InputError


def top1(scores: np.ndarray, labels: np.ndarray) -> float:
    """Top-1 accuracy in 0..1; of tied highest scores the first counts.

    ``scores`` is [N, C], ``labels`` integers [N] in 0..C-1. Raises InputError if they are inconsistent.
    """
    return float(_correct(scores, labels).mean())


def mean_per_class(scores: np.ndarray, labels: np.ndarray) -> float:
    """Mean of per-class top-1 accuracies over the classes that occur in ``labels``; in 0..1.

    ``scores`` is [N, C], ``labels`` integers [N] in 0..C-1. Raises InputError if they are inconsistent.
    """
    correct = _correct(scores, labels)
    hits = np.bincount(labels, weights=correct)
    counts = np.bincount(labels)
    present = counts > 0
    return float((hits[present] / counts[present]).mean())


def map11(scores: np.ndarray, labels: np.ndarray) -> float:
    """VOC 2007's 11-point interpolated average precision, averaged over classes; in 0..1.

    The mean of the maximum precision at recall >= 0, 0.1, ..., 1 (Everingham et al. 2010, section 4.2).
    Samples with tied scores are retrieved together, so their order does not matter. Classes without positive
    samples are excluded.

    ``scores`` is [N, C], ``labels`` [N, C] of 0 and 1. Raises InputError if they are inconsistent or no class
    has a positive sample.
    """
    _check_multilabel(scores, labels)
    once = np.ones((1, len(scores)), dtype=np.int64)
    return float(_weighted_map11(_rank(scores, labels), once, _average)[0])


def map11_ericsson2021(scores: np.ndarray, labels: np.ndarray) -> float:
    """``map11`` as the released code of Ericsson et al. (CVPR 2021) computes it; in 0..1.

    It interpolates scikit-learn's precision-recall curve, which ends in a point of recall 0 and precision 1,
    so that a class's precision at recall 0 is always 1. And it compares in floating point, where a recall of
    3 / 10 is less than the 0.30000000000000004 that ``numpy.linspace`` gives. Arguments and errors as for
    ``map11``.
    """
    _check_multilabel(scores, labels)
    once = np.ones((1, len(scores)), dtype=np.int64)
    return float(_weighted_map11(_rank(scores, labels), once, _average_ericsson2021)[0])


SCORERS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "top1": top1,
    "mean_per_class": mean_per_class,
    "map11": map11,
    "map11_ericsson2021": map11_ericsson2021,
}
AS_ERICSSON2021 = {"map11": "map11_ericsson2021"}
"""How that paper's code computes a metric, where it differs."""


def score(metric_name: str, scores: np.ndarray, labels: np.ndarray) -> float:
    """Compute a recognition metric by name (a key of SCORERS), in 0..1.

    ``scores`` is [N, C]; ``labels`` [N], or [N, C] for ``map11``. Raises InputError for an unknown name or
    inconsistent scores and labels.
    """
    _check_name(metric_name)
    return SCORERS[metric_name](scores, labels)


def ci95(
    metric_name: str, scores: np.ndarray, labels: np.ndarray, *, seed: int, resamples: int = 1000
) -> float:
    """Half-width of the metric's 95% interval in 0..1: 1.96 standard deviations over bootstrap resamples.

    Resamples the test images with the trained probe fixed (Efron and Tibshirani 1993, section 6.2).
    Deterministic given the seed. Arguments and errors as for ``score``.
    """
    _check_name(metric_name)
    rng = np.random.default_rng(seed)
    if metric_name in AVERAGES:
        _check_multilabel(scores, labels)
        replicates = _bootstrap_map11(scores, labels, AVERAGES[metric_name], rng, resamples)
    else:
        correct = _correct(scores, labels)
        # Top-1 is the accuracy of a single class with all images.
        groups = labels if metric_name == "mean_per_class" else np.zeros_like(labels)
        replicates = _bootstrap_group_accuracy(correct, groups, rng, resamples)
    return float(1.96 * replicates.std())


def _bootstrap_group_accuracy(
    correct: np.ndarray, groups: np.ndarray, rng: np.random.Generator, resamples: int
) -> np.ndarray:
    """Mean group accuracy in each of ``resamples`` draws of N images with replacement.

    Images with equal group and correctness are interchangeable, so a draw of N images is one multinomial draw
    over (group, correct) pairs: the same distribution at a cost independent of N.
    """
    frequencies = np.bincount(2 * groups.astype(np.int64) + correct, minlength=2 * (groups.max() + 1))
    drawn = rng.multinomial(len(correct), frequencies / len(correct), size=resamples).reshape(
        resamples, -1, 2
    )
    counts = drawn.sum(axis=2)
    accuracies = drawn[:, :, 1] / np.maximum(counts, 1)
    return accuracies.sum(axis=1) / np.count_nonzero(counts, axis=1)


def _bootstrap_map11(
    scores: np.ndarray, labels: np.ndarray, average: Callable, rng: np.random.Generator, resamples: int
) -> np.ndarray:
    """map11 of each of ``resamples`` draws of N images with replacement, in blocks to bound memory."""
    ranking = _rank(scores, labels)
    uniform = np.full(len(scores), 1 / len(scores))
    blocks = [
        _weighted_map11(
            ranking, rng.multinomial(len(scores), uniform, size=min(50, resamples - start)), average
        )
        for start in range(0, resamples, 50)
    ]
    return np.concatenate(blocks)


@dataclass(frozen=True)
class _ClassRanking:
    """Samples of one class in descending score order, shared by all resamples."""

    order: np.ndarray  # [N] sample indices by descending score
    positive: np.ndarray  # [P] sample indices of the positives by descending score
    retrieved: np.ndarray  # [P] number of samples retrieved up to the positive and its ties
    hits: np.ndarray  # [P] number of positives among them


def _rank(scores: np.ndarray, labels: np.ndarray) -> list[_ClassRanking]:
    """Rankings of the classes with positive samples."""
    rankings = []
    for class_scores, class_labels in zip(np.asarray(scores).T, np.asarray(labels).T, strict=True):
        order = np.argsort(-class_scores, kind="stable")
        positive = order[class_labels[order] == 1]
        if len(positive) > 0:
            negated, thresholds = -class_scores[order], -class_scores[positive]
            retrieved = np.searchsorted(negated, thresholds, side="right")
            hits = np.searchsorted(thresholds, thresholds, side="right")
            rankings.append(_ClassRanking(order, positive, retrieved, hits))
    return rankings


def _weighted_map11(rankings: list[_ClassRanking], weights: np.ndarray, average: Callable) -> np.ndarray:
    """map11 of B resampled test sets; ``weights`` [B, N] is the multiplicity of each sample."""
    total, classes = np.zeros(len(weights)), np.zeros(len(weights))
    for ranking in rankings:
        # The maximum precision at a recall is always reached at a positive sample.
        retrieved = weights[:, ranking.order].cumsum(axis=1)[:, ranking.retrieved - 1]
        hits = weights[:, ranking.positive].cumsum(axis=1)[:, ranking.hits - 1]
        precision = hits / np.maximum(retrieved, 1)
        interpolated = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        total += np.where(hits[:, -1] > 0, average(interpolated, hits), 0)
        classes += hits[:, -1] > 0
    return total / np.maximum(classes, 1)


def _average(interpolated: np.ndarray, hits: np.ndarray) -> np.ndarray:
    """Mean of the ``interpolated`` precision [B, P] at eleven recalls; ``hits`` [B, P] are recall times P."""
    # In integers, since 3 / 10 < 0.1 * 3 in floating point.
    reached = [10 * hits >= tenths * hits[:, -1:] for tenths in range(11)]
    return sum(_first(interpolated, where) for where in reached) / 11


def _average_ericsson2021(interpolated: np.ndarray, hits: np.ndarray) -> np.ndarray:
    """As ``_average``, by the authors' comparisons and with precision 1 at recall 0."""
    recall = hits / np.maximum(hits[:, -1:], 1)
    return (1 + sum(_first(interpolated, recall >= least) for least in np.linspace(0, 1, 11)[1:])) / 11


def _first(interpolated: np.ndarray, reached: np.ndarray) -> np.ndarray:
    """The precision [B] at the first element of each row that is ``reached`` [B, P]."""
    return np.take_along_axis(interpolated, reached.argmax(axis=1)[:, None], axis=1)[:, 0]


AVERAGES = {"map11": _average, "map11_ericsson2021": _average_ericsson2021}


def _check_name(metric_name: str) -> None:
    if metric_name not in SCORERS:
        raise InputError(
            f"metric {metric_name!r} is not one of recognition; name one of {', '.join(SCORERS)} instead"
        )


def _correct(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Whether each sample's top-1 prediction is correct: bool [N]."""
    if scores.ndim != 2 or labels.shape != (len(scores),) or len(labels) == 0:
        raise InputError(
            f"scores {scores.shape} and labels {labels.shape} do not fit: give scores [N, C] and labels [N]"
        )
    if labels.min() < 0 or labels.max() >= scores.shape[1]:
        raise InputError(
            f"labels run from {labels.min()} to {labels.max()} but there are {scores.shape[1]} classes: "
            "number the classes from 0 and give a score for each"
        )
    _check_finite(scores)
    return scores.argmax(axis=1) == labels


def _check_multilabel(scores: np.ndarray, labels: np.ndarray) -> None:
    if scores.ndim != 2 or labels.shape != scores.shape or len(labels) == 0:
        raise InputError(
            f"scores {scores.shape} and labels {labels.shape} do not fit: map11 takes both as [N, C]"
        )
    if not np.isin(labels, (0, 1)).all():
        raise InputError("map11 takes labels 0 and 1; mark every other value as one of these")
    if not labels.any():
        raise InputError("map11 needs a positive sample; no class has one, so check the labels")
    _check_finite(scores)


def _check_finite(scores: np.ndarray) -> None:
    if not np.isfinite(scores).all():
        raise InputError("scores hold NaN or infinity; check the features and the fit that they come from")
