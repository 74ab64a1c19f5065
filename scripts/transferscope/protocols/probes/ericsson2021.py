"""Logistic regression as the released code of Ericsson et al. (CVPR 2021) ran it, under scikit-learn 0.22.

linear.py of linusericsson/ssl-transfer reuses one scikit-learn classifier for a whole run. Every fit (each
lambda from the weakest, each class of a multi-label dataset, the refit) sets out from the coefficients of the
one before and ends after 100 iterations at the latest. The authors' readme names scikit-learn 0.22.2, which
minimised the objective summed over the samples; from version 1.2 on scikit-learn divides it by their number,
so that the same tolerance stops a fit as many times earlier. Here is what 0.22.2 computed, by SciPy.
"""

from collections.abc import Iterator

import numpy as np
import torch
from scipy.optimize import minimize

from transferscope.errors import InputError
from transferscope.protocols.probes.logistic import Solution

MAX_ITERATIONS = 100
TOLERANCE = 1e-4  # of the largest element of the gradient, scikit-learn's default


class EarlyStopped:
    """Solver with the warm-started classifier of one run."""

    device = "cpu"

    def __init__(self, num_classes: int):
        self.num_classes = num_classes
        self.parameters = None  # of the last fit, [classes, D + 1] with the biases last

    def path(self, features: np.ndarray, labels: np.ndarray, lambdas: np.ndarray) -> Iterator[Solution]:
        """Yield the fit at every lambda, from the weakest to the strongest.

        ``features`` is float32 [N, D], ``labels`` int [N] in 0..C-1, or [N, C] of 0 and 1; multi-label fits
        report the total iterations over classes. Raises InputError if a class has no training samples (or, in
        the multi-label case, only positive ones), since scikit-learn cannot fit it.
        """
        for lambda_ in sorted(lambdas):
            yield self._fit(features, labels, lambda_)

    def refit(self, features: np.ndarray, labels: np.ndarray, chosen: Solution) -> Solution:
        """Fit at the chosen lambda, warm-started from the last fit of the path."""
        return self._fit(features, labels, chosen.lambda_)

    def _fit(self, features: np.ndarray, labels: np.ndarray, lambda_: float) -> Solution:
        features = features.astype(np.float64)
        if labels.ndim == 1:
            parameters, iterations = self._minimise(features, labels, self.num_classes, lambda_)
            parameters, iterations = parameters.T, [iterations]
        else:
            # Two weight vectors a class, as multi_class="multinomial" has them: their difference decides.
            fits = [self._minimise(features, target, 2, lambda_) for target in labels.T]
            parameters = np.stack([positive - negative for (negative, positive), _ in fits], axis=1)
            iterations = [count for _, count in fits]
        return Solution(
            lambda_,
            torch.as_tensor(parameters[:-1]),
            torch.as_tensor(parameters[-1]),
            sum(iterations),
            max(iterations) < MAX_ITERATIONS,
        )

    def _minimise(
        self, features: np.ndarray, labels: np.ndarray, num_classes: int, lambda_: float
    ) -> tuple[np.ndarray, int]:
        """The parameters [num_classes, D + 1] where L-BFGS stops, and its iterations."""
        present = np.unique(labels)
        if len(present) < num_classes:
            raise InputError(
                f"only the labels {present} of {num_classes} occur in training, which mode ericsson2021 "
                "cannot fit; use mode converged or more training samples"
            )
        features, labels = torch.as_tensor(features), torch.as_tensor(labels)
        targets = torch.nn.functional.one_hot(labels.long(), num_classes).double()

        def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
            parameters = torch.as_tensor(flat).view(num_classes, -1)
            weight, bias = parameters[:, :-1], parameters[:, -1]
            log_shares = torch.addmm(bias, features, weight.T).log_softmax(dim=1)
            residual = log_shares.exp() - targets
            loss = lambda_ / 2 * weight.square().sum() - (targets * log_shares).sum()
            weight_gradient = residual.T @ features + lambda_ * weight
            gradient = torch.cat([weight_gradient, residual.sum(dim=0)[:, None]], dim=1)
            return loss.item(), gradient.flatten().numpy()

        start = self.parameters
        if start is None:
            start = np.zeros((num_classes, features.shape[1] + 1))
        options = {"gtol": TOLERANCE, "maxiter": MAX_ITERATIONS}
        found = minimize(objective, start.ravel(), jac=True, method="L-BFGS-B", options=options)
        self.parameters = found.x.reshape(num_classes, -1)
        return self.parameters, min(found.nit, MAX_ITERATIONS)
