"""Linear probe: logistic regression on frozen features, with regularisation chosen on val.

Protocol of Ericsson et al. (CVPR 2021, Appendix A.2): raw features, 45 regularisation strengths, refit on
train and val at the best one, test. Mode ``converged`` solves every fit to a tolerance. Mode ``ericsson2021``
stops as early as the authors' code, which for weak regularisation is far from the minimum.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch

from transferscope.errors import InputError
from transferscope.features.store import Features
from transferscope.protocols.probes import splits
from transferscope.protocols.probes.ericsson2021 import EarlyStopped
from transferscope.protocols.probes.logistic import Solution, solve_path
from transferscope.protocols.probes.splits import Split
from transferscope.results.metrics import AS_ERICSSON2021, score
from transferscope.results.predictions import Predictions
from transferscope.results.run import Evaluation, measure

LAMBDAS = np.logspace(-6, 5, 45)
MODES = ("converged", "ericsson2021")


@dataclass(frozen=True)
class LinearProbe:
    """Result of a linear probe.

    ``val_scores``, ``iterations`` (of L-BFGS) and ``converged`` have one element per value of the ascending
    ``lambdas``. ``val_logits`` belong to the fit on train, ``test_logits`` to the refit on train and val;
    both float32 [N, C].
    """

    chosen_lambda: float
    lambdas: np.ndarray
    val_scores: np.ndarray
    iterations: np.ndarray
    converged: np.ndarray
    refit_converged: bool
    val_logits: np.ndarray = field(repr=False)
    test_logits: np.ndarray = field(repr=False)


def linear_probe(
    train: Split,
    val: Split,
    test: Split,
    *,
    metric: Callable[[np.ndarray, np.ndarray], float],
    num_classes: int,
    lambdas: np.ndarray = LAMBDAS,
    mode: str = "converged",
    device: str = "cpu",
) -> LinearProbe:
    """Fit on train at every lambda, choose by ``metric(logits, labels)`` on val, refit on both, predict test.

    Each split is ``(features, labels)``: float32 [N, D] and integers [N] in 0..C-1, or [N, C] of 0 and 1 for
    a multi-label dataset, which has one binary classifier per class and one common lambda. Ties are resolved
    in favour of the strongest regularisation; in mode ``ericsson2021`` of the weakest, as in the authors'
    loop. That mode uses scikit-learn and ignores ``device``.

    Raises InputError for an unknown mode, lambdas that are not positive, inconsistent splits, features that
    are not finite, and in mode ``ericsson2021`` for a class without training samples.
    """
    if mode not in MODES:
        raise InputError(f"the linear probe has no mode {mode!r}; choose one of {', '.join(MODES)}")
    lambdas = np.unique(np.asarray(lambdas, dtype=np.float64))
    if len(lambdas) == 0 or not (np.isfinite(lambdas) & (lambdas > 0)).all():
        raise InputError(
            f"the linear probe got the lambdas {lambdas}; give at least one, all positive and finite"
        )
    splits.check({"train": train, "val": val, "test": test}, num_classes)
    solver = _Converged(num_classes, device) if mode == "converged" else EarlyStopped(num_classes)
    features = torch.as_tensor(val[0], device=solver.device)
    best, best_score, val_logits = None, -np.inf, None
    history = {}
    for fit in solver.path(*train, lambdas):
        logits = _predict(fit, features)
        value = metric(logits, val[1])
        history[fit.lambda_] = value, fit.iterations, fit.converged
        if value > best_score:
            best, best_score, val_logits = fit, value, logits
    refit = solver.refit(*(np.concatenate(parts) for parts in zip(train, val, strict=True)), best)
    val_scores, iterations, converged = (
        np.array(column) for column in zip(*map(history.get, lambdas), strict=True)
    )
    return LinearProbe(
        chosen_lambda=best.lambda_,
        lambdas=lambdas,
        val_scores=val_scores,
        iterations=iterations,
        converged=converged,
        refit_converged=refit.converged,
        val_logits=val_logits,
        test_logits=_predict(refit, torch.as_tensor(test[0], device=solver.device)),
    )


def evaluate(
    features: Features, *, metric: str, classes: int, seed: int, device: str, mode: str, **labels
) -> Evaluation:
    """Evaluate by the probe in ``mode``, with predictions of val and test."""
    splits = features.read("train", "val", "test")
    computed = AS_ERICSSON2021.get(metric, metric) if mode == "ericsson2021" else metric
    probe = linear_probe(
        *((split.features, split.labels) for split in splits.values()),
        metric=partial(score, computed),
        num_classes=classes,
        mode=mode,
        device=device,
    )
    logits = {"val": probe.val_logits, "test": probe.test_logits}
    return Evaluation(
        mode=mode,
        n_test=len(splits["test"].ids),
        measurements=[
            measure(metric, probe.test_logits, splits["test"].labels, seed=seed, computed=computed)
        ],
        details={
            "lambda": float(probe.chosen_lambda),
            "lambdas": [float(value) for value in probe.lambdas],
            "val_scores": [float(value) for value in probe.val_scores],
        },
        predictions={
            name: Predictions(values, splits[name].labels, splits[name].ids)
            for name, values in logits.items()
        },
    )


class _Converged:
    """Fits to a tolerance, from the strongest lambda to the weakest."""

    def __init__(self, num_classes: int, device: str):
        self.num_classes = num_classes
        self.device = device

    def path(self, features: np.ndarray, labels: np.ndarray, lambdas: np.ndarray) -> Iterator[Solution]:
        return self._solve(features, labels, lambdas, None)

    def refit(self, features: np.ndarray, labels: np.ndarray, chosen: Solution) -> Solution:
        return next(self._solve(features, labels, [chosen.lambda_], chosen))

    def _solve(self, features, labels, lambdas, start) -> Iterator[Solution]:
        features, labels = (torch.as_tensor(part, device=self.device) for part in (features, labels))
        return solve_path(features, labels, lambdas, num_classes=self.num_classes, start=start)


def _predict(fit: Solution, features: torch.Tensor) -> np.ndarray:
    logits = torch.addmm(fit.bias, features.to(fit.weight.dtype), fit.weight)
    return logits.float().cpu().numpy()
