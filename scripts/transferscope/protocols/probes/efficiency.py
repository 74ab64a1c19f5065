"""Logistic regression on the features of few labels (Newell and Deng, CVPR 2020, linear evaluation).

As the authors' code (util/helper.py): features that are rounded to float16 and not standardised, C = 1. They
stop scikit-learn's L-BFGS after 500 iterations; here every fit is solved to the tolerance of ``logistic``.
"""

import logging
from collections.abc import Callable

import numpy as np
import torch

from transferscope.errors import InputError
from transferscope.features import store
from transferscope.protocols.efficiency import subsets
from transferscope.protocols.probes import splits
from transferscope.protocols.probes.logistic import solve_path
from transferscope.results.run import Evaluation, measure

LAMBDA = 1.0  # 1 / C
SPLITS = ("val", "test")


def fit(
    features: np.ndarray, labels: np.ndarray, *, classes: int, device: str = "cpu"
) -> Callable[[np.ndarray], np.ndarray]:
    """Fit on few samples, of which some classes may have none.

    Args:
        features: float32 [N, D].
        labels: int64 [N], or uint8 [N, C] of 0 and 1 with a binary problem a class.

    Returns:
        Features [M, D] to logits float32 [M, C]; a class without samples is never the most likely.
    """
    several = labels.ndim == 2
    counts = labels.sum(0) if several else np.bincount(labels, minlength=classes)
    # Without any penalty on it, the bias of a class that occurs nowhere or everywhere has no best value.
    present = np.flatnonzero((counts > 0) & (counts < len(labels)) if several else counts > 0)
    known = labels[:, present] if several else np.searchsorted(present, labels)
    weight, bias = torch.zeros(features.shape[1], len(present)), torch.zeros(len(present))
    if len(present) > (0 if several else 1):
        tensors = (torch.as_tensor(part, device=device) for part in (features, known))
        (solution,) = solve_path(*tensors, [LAMBDA], num_classes=len(present))
        weight, bias = solution.weight.cpu(), solution.bias.cpu()
        if not solution.converged:
            logging.warning("the fit on %d samples stopped before it reached its tolerance", len(features))

    def logits(others: np.ndarray) -> np.ndarray:
        found = torch.addmm(bias, torch.as_tensor(others), weight).numpy()
        every = np.full((len(others), classes), found.min(initial=0) - 1, dtype=np.float32)
        every[:, present] = found
        return every

    return logits


def evaluate(
    features: store.Features,
    *,
    metric: str,
    classes: int,
    seed: int,
    device: str,
    subset: str,
    labels: list[int],
    subset_seed: int,
    evaluated_on: str,
    **others,
) -> Evaluation:
    """Fit on each number of labels that the training split allows.

    Args:
        subset: ``prefix``, the very samples that networks are finetuned on, or ``balanced``.
        labels: numbers of them.
        evaluated_on: the split behind the result's values; its details tell of both.

    Raises:
        InputError: the training split allows none of them.
    """
    read = {name: rounded(split) for name, split in features.read("train", *SPLITS).items()}
    splits.check(read, classes)
    train_features, train_labels = read["train"]
    found, refused = {}, None
    for count in sorted(labels):
        try:
            if subset == "balanced":
                chosen = subsets.balanced(count, train_labels, subset_seed)
            else:
                chosen = subsets.prefix(count, len(train_labels), subset_seed)
        except InputError as error:
            refused = refused or error
            continue
        logits = fit(train_features[chosen], train_labels[chosen], classes=classes, device=device)
        found[count] = {"samples": len(chosen)} | {
            split: [measure(metric, logits(read[split][0]), read[split][1], seed=seed)] for split in SPLITS
        }
    if not found:
        raise refused
    return Evaluation(
        mode=evaluated_on,
        n_test=len(read[evaluated_on][1]),
        measurements=[
            one | {"labels": count} for count, outcome in found.items() for one in outcome[evaluated_on]
        ],
        details={"fits": [{"labels": count} | outcome for count, outcome in found.items()]},
    )


def rounded(split: store.Split) -> splits.Split:
    """A split's features as float16 has them, float32 [N, D], and its labels."""
    return split.features.astype(np.float16).astype(np.float32), split.labels
