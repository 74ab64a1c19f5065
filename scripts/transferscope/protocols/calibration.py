"""Calibration of probes before and after temperature scaling."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import softmax

from transferscope.errors import InputError

BINS = 15
FOLDS = 5
# Search range: if all predictions are correct or all wrong, the likelihood has no finite optimum.
TEMPERATURE_RANGE = (1e-4, 1e4)


@dataclass(frozen=True)
class Reliability:
    """Reliability diagram with 15 equal-width confidence bins, each array [15]; 0 for empty bins."""

    count: np.ndarray
    confidence: np.ndarray  # mean confidence in the bin, in 0..1
    accuracy: np.ndarray  # accuracy in the bin, in 0..1

    @property
    def ece(self) -> float:
        """Expected calibration error in 0..1: mean |accuracy - confidence|, weighted by the counts."""
        return float(self.count @ np.abs(self.accuracy - self.confidence) / self.count.sum())


@dataclass(frozen=True)
class Calibration:
    """Calibration errors in 0..1, fitted temperatures, and reliability diagrams of the whole test set."""

    ece: float  # without temperature scaling
    ece_scaled: float  # temperature fitted on one fifth of test, error on the rest; mean of five folds
    ece_scaled_val: float  # temperature fitted on val, error on test
    temperatures: tuple[float, ...]  # of the five folds
    temperature_val: float
    before: Reliability
    after: Reliability  # at temperature_val


def reliability(logits: np.ndarray, labels: np.ndarray, temperature: float = 1.0) -> Reliability:
    """Reliability diagram of ``softmax(logits / temperature)`` (Guo et al. 2017, section 2).

    ``logits`` is [N, C], ``labels`` integers [N] in 0..C-1. Bins are ((m - 1) / M, m / M], as in the paper.
    Raises InputError if logits and labels are inconsistent.
    """
    _check(logits, labels)
    # In float64: at low temperatures a float32 softmax rounds most confidences to exactly 1.
    confidence = softmax(logits.astype(np.float64) / temperature, axis=1).max(axis=1)
    correct = logits.argmax(axis=1) == labels
    inner_edges = np.arange(1, BINS) / BINS
    bins = np.searchsorted(inner_edges, confidence, side="left")
    count = np.bincount(bins, minlength=BINS)
    divisor = np.maximum(count, 1)
    return Reliability(
        count=count,
        confidence=np.bincount(bins, weights=confidence, minlength=BINS) / divisor,
        accuracy=np.bincount(bins, weights=correct, minlength=BINS) / divisor,
    )


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Temperature T > 0 that minimises the mean negative log-likelihood (Guo et al. 2017, section 4.2).

    The objective is convex in 1/T, so T is the root of its derivative with respect to 1/T, the mean of
    expected logit minus label's logit. Without a root in TEMPERATURE_RANGE (e.g. if all predictions are
    correct), the nearer end is returned. ``logits`` is [N, C], ``labels`` integers [N] in 0..C-1. Raises
    InputError if they are inconsistent.
    """
    _check(logits, labels)
    logits = logits.astype(np.float64)
    # Subtract the label's logit first, to avoid cancellation of large logits.
    excess = logits - logits[np.arange(len(labels)), labels][:, None]

    def slope(log_temperature: float) -> float:
        return np.einsum("nc,nc->", softmax(excess / np.exp(log_temperature), axis=1), excess) / len(labels)

    sharpest, flattest = np.log(TEMPERATURE_RANGE)
    if slope(sharpest) <= 0:
        return TEMPERATURE_RANGE[0]
    if slope(flattest) >= 0:
        return TEMPERATURE_RANGE[1]
    return float(np.exp(brentq(slope, sharpest, flattest, xtol=1e-8)))


def calibrate(
    val_logits: np.ndarray,
    val_labels: np.ndarray,
    test_logits: np.ndarray,
    test_labels: np.ndarray,
    *,
    seed: int,
    folds: str,
) -> Calibration:
    """Calibration on test, with temperatures fitted on folds of test (as the authors) and on val.

    ``folds`` names one of ``CUT``. The validation logits must be of a probe not trained on val. Logits are
    [N, C], labels integers [N] in 0..C-1. Raises InputError if they are inconsistent or test has fewer than 5
    samples.
    """
    _check(val_logits, val_labels)
    _check(test_logits, test_labels)
    if len(test_labels) < FOLDS:
        raise InputError(
            f"the test set has {len(test_labels)} samples but calibration cuts it into {FOLDS} folds: "
            "give it at least as many"
        )
    temperatures, errors = [], []
    cut = CUT[folds](len(test_labels), seed)
    for number, fold in enumerate(cut):
        rest = np.concatenate([*cut[:number], *cut[number + 1 :]])
        temperatures.append(fit_temperature(test_logits[fold], test_labels[fold]))
        errors.append(reliability(test_logits[rest], test_labels[rest], temperatures[-1]).ece)
    temperature_val = fit_temperature(val_logits, val_labels)
    before = reliability(test_logits, test_labels)
    after = reliability(test_logits, test_labels, temperature_val)
    return Calibration(
        ece=before.ece,
        ece_scaled=float(np.mean(errors)),
        ece_scaled_val=after.ece,
        temperatures=tuple(temperatures),
        temperature_val=temperature_val,
        before=before,
        after=after,
    )


def _all_samples(count: int, seed: int) -> list[np.ndarray]:
    """A permutation of ``count`` samples, cut into five."""
    return np.array_split(np.random.default_rng(seed).permutation(count), FOLDS)


def _as_the_authors(count: int, seed: int) -> list[np.ndarray]:
    """As in Ericsson et al.'s code: five folds of equal size; up to four samples are in none."""
    order = np.random.RandomState(seed).permutation(count)
    return np.split(order[: count // FOLDS * FOLDS], FOLDS)


CUT = {"whole": _all_samples, "ericsson2021": _as_the_authors}
"""How a test set is cut into folds: its size and a seed to the samples of each."""


def _check(logits: np.ndarray, labels: np.ndarray) -> None:
    if logits.ndim != 2 or labels.shape != (len(logits),) or len(labels) == 0:
        raise InputError(
            f"logits {logits.shape} and labels {labels.shape} do not fit: give logits [N, C] and labels [N] "
            "of a single-label dataset"
        )
    if labels.min() < 0 or labels.max() >= logits.shape[1]:
        raise InputError(
            f"labels run from {labels.min()} to {labels.max()} but there are {logits.shape[1]} classes: "
            "number the classes from 0 and give a logit for each"
        )
    if not np.isfinite(logits).all():
        raise InputError("logits hold NaN or infinity; check the features and the fit that they come from")
