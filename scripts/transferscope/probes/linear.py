"""The linear probe: logistic regression on frozen features, its regularisation chosen on val.

Protocol of Ericsson et al. (CVPR 2021, Appendix A.2): raw features, 45 strengths, refit on train and val at the
best, test. ``converged`` solves every fit to a tolerance. ``ericsson2021`` stops where the authors' code
(linear.py of linusericsson/ssl-transfer) stopped, which for weak regularisation is far from the optimum.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch

from transferscope.errors import InputError
from transferscope.probes.logistic import solve_path

LAMBDAS = np.logspace(-6, 5, 45)
MODES = ("converged", "ericsson2021")

Split = tuple[np.ndarray, np.ndarray]
Scorer = Callable[[np.ndarray, np.ndarray], float]


@dataclass(frozen=True)
class LinearProbe:
    """What was chosen, why, and the logits that follow from it.

    ``val_scores``, ``iterations`` and ``converged`` have one element for each of ``lambdas``, which rise. The
    iterations are those of L-BFGS, for a multi-label dataset in mode ``ericsson2021`` of all classes together.
    ``val_logits`` are of the fit on train, ``test_logits`` of the refit on train and val; float32 [N, C].
    """

    mode: str
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
    metric: Scorer,
    num_classes: int,
    lambdas: np.ndarray = LAMBDAS,
    mode: str = "converged",
    device: str = "cpu",
) -> LinearProbe:
    """Fit on train at every lambda, choose by ``metric(logits, labels)`` on val, refit on both, predict test.

    Each split is ``(features, labels)``: float32 [N, D] and integers [N] in 0..C-1, or [N, C] of 0 and 1 for a
    multi-label dataset, which has one binary classifier a class and one lambda for all of them. Of equal scores
    the strongest regularisation wins; in mode ``ericsson2021`` the weakest, which the authors' loop met first.
    ``device`` is a torch device; mode ``ericsson2021`` runs scikit-learn on the CPU whatever it is.

    Raises InputError for an unknown mode, for lambdas that are not positive, for shapes, labels or features that
    cannot be, and in mode ``ericsson2021`` for a class that has no sample to train on.
    """
    if mode not in MODES:
        raise InputError(f"the linear probe has no mode {mode!r}; choose one of {', '.join(MODES)}")
    lambdas = np.unique(np.asarray(lambdas, dtype=np.float64))
    if len(lambdas) == 0 or not (lambdas > 0).all() or not np.isfinite(lambdas).all():
        raise InputError(f"the linear probe got lambdas {lambdas}; give at least one, all positive and finite")
    for name, split in (("train", train), ("val", val), ("test", test)):
        _check(name, split, train, num_classes)
    if mode == "converged":
        return _converged(train, val, test, metric, num_classes, lambdas, device)
    return _ericsson2021(train, val, test, metric, num_classes, lambdas)


def _converged(
    train: Split,
    val: Split,
    test: Split,
    metric: Scorer,
    num_classes: int,
    lambdas: np.ndarray,
    device: str,
) -> LinearProbe:
    def tensors(features: np.ndarray, labels: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.as_tensor(features, device=device), torch.as_tensor(labels, device=device)

    def logits(features: torch.Tensor, fit) -> np.ndarray:
        return torch.addmm(fit.bias, features, fit.weight).cpu().numpy()

    val_features, _ = tensors(*val)
    best, val_logits = None, None
    trail = []
    for fit in solve_path(*tensors(*train), lambdas, num_classes=num_classes):
        candidate = logits(val_features, fit)
        trail.append((metric(candidate, val[1]), fit.iterations, fit.converged))
        if best is None or trail[-1][0] > best_score:
            best, best_score, val_logits = fit, trail[-1][0], candidate
    both = tensors(*(np.concatenate(pair) for pair in zip(train, val, strict=True)))
    (refit,) = solve_path(*both, [best.lambda_], num_classes=num_classes, start=best)
