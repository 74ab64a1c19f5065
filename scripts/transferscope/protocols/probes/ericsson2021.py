"""Logistic regression as in the released code of Ericsson et al. (CVPR 2021), including its early stopping.

linear.py of linusericsson/ssl-transfer reuses one scikit-learn classifier for a whole run. Every fit (each
lambda from the weakest, each class of a multi-label dataset, the refit) is warm-started with the previous
coefficients and stops at scikit-learn's default tolerance or after 100 iterations.
"""

import warnings
from collections.abc import Iterator

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from transferscope.errors import InputError
from transferscope.protocols.probes.logistic import Solution

MAX_ITERATIONS = 100


class EarlyStopped:
    """Solver with the warm-started classifier of one run."""

    device = "cpu"

    def __init__(self, num_classes: int):
        self.num_classes = num_classes
        self.classifier = LogisticRegression(max_iter=MAX_ITERATIONS, warm_start=True)

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
        if labels.ndim == 2:
            targets, num_classes = list(labels.T), 2
        else:
            targets, num_classes = [labels], self.num_classes
        # The authors used multi_class="multinomial", with two weight vectors for two classes. Current
        # scikit-learn fits their difference, which has the same minimum at C = 2 / lambda.
        self.classifier.set_params(C=(2 if num_classes == 2 else 1) / lambda_)
        weights, biases, iterations = [], [], []
        for target in targets:
            if len(np.unique(target)) < num_classes:
                raise InputError(
                    f"only the labels {np.unique(target)} of {num_classes} occur in training, which mode "
                    "ericsson2021 cannot fit; use mode converged or more training samples"
                )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                self.classifier.fit(features, target)
            weights.append(self.classifier.coef_.T)
            biases.append(self.classifier.intercept_)
            iterations.append(int(self.classifier.n_iter_[0]))
        weight, bias = np.concatenate(weights, axis=1), np.concatenate(biases)
        if labels.ndim == 1 and num_classes == 2:
            weight, bias = (np.concatenate([-part / 2, part / 2], axis=-1) for part in (weight, bias))
        return Solution(
            lambda_,
            torch.as_tensor(weight, dtype=torch.float32),
            torch.as_tensor(bias, dtype=torch.float32),
            sum(iterations),
            max(iterations) < MAX_ITERATIONS,
        )
