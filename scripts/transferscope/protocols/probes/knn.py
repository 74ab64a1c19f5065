"""Weighted k-nearest-neighbour classification on frozen features."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from transferscope.errors import InputError
from transferscope.features.store import Features
from transferscope.protocols.probes import splits
from transferscope.protocols.probes.splits import Split
from transferscope.results.metrics import score
from transferscope.results.run import Evaluation, measure

# Numbers held at a time, similarities and the neighbours' label vectors together: 128 MiB of float32.
BLOCK = 2**25


@dataclass(frozen=True)
class KnnResult:
    """The chosen k, the val score of every k, and the class scores of the test set."""

    k: int
    val_scores: dict[int, float]  # by k, in the metric's unit
    test_scores: np.ndarray  # float32 [N, C], in 0..1


def knn_probe(
    train: Split,
    val: Split,
    test: Split,
    *,
    metric: Callable[[np.ndarray, np.ndarray], float],
    num_classes: int,
    ks: tuple[int, ...],
    temperature: float,
    device: str = "cpu",
) -> KnnResult:
    """Weighted k-nearest-neighbour classification (Wu et al. 2018, section 3.4; k and T as in DINO, 2021).

    A neighbour with cosine similarity s has weight exp(s / temperature); a sample's scores are the weighted
    mean of the (one-hot or multi-hot) label vectors of its k neighbours. k is chosen by
    ``metric(scores, labels)`` on val with train as the bank (the smallest of ties); test is scored with train
    and val as the bank. k is clipped to the size of train.

    Each split is ``(features, labels)``: float32 [N, D] and integers [N] in 0..C-1, or [N, C] of 0 and 1 for
    a multi-label dataset. Raises InputError if shapes or labels are inconsistent.
    """
    if not ks or min(ks) < 1:
        raise InputError(f"k-NN got k = {ks}; give at least one, each of 1 or more")
    splits.check({"train": train, "val": val, "test": test}, num_classes)
    train_features, val_features, test_features = (
        normalize(torch.as_tensor(features, device=device), dim=1) for features, _ in (train, val, test)
    )
    train_labels, val_labels = (torch.as_tensor(labels, device=device) for _, labels in (train, val))

    usable = sorted({min(k, len(train_features)) for k in ks})
    candidates = _class_scores(val_features, train_features, train_labels, usable, num_classes, temperature)
    val_scores = {k: metric(candidates[k], val[1]) for k in usable}
    best = max(usable, key=val_scores.get)  # the smallest of ties

    bank = torch.cat([train_features, val_features])
    labels = torch.cat([train_labels, val_labels])
    test_scores = _class_scores(test_features, bank, labels, [best], num_classes, temperature)[best]
    return KnnResult(k=best, val_scores=val_scores, test_scores=test_scores)


def evaluate(
    features: Features,
    *,
    metric: str,
    classes: int,
    seed: int,
    device: str,
    neighbours: list[int],
    temperature: float,
    **labels,
) -> Evaluation:
    """Evaluate by the probe, the number of ``neighbours`` chosen on val."""
    splits = features.read("train", "val", "test")
    probe = knn_probe(
        *((split.features, split.labels) for split in splits.values()),
        metric=partial(score, metric),
        num_classes=classes,
        ks=tuple(neighbours),
        temperature=temperature,
        device=device,
    )
    return Evaluation(
        mode="cosine",
        n_test=len(splits["test"].ids),
        measurements=[measure(metric, probe.test_scores, splits["test"].labels, seed=seed)],
        details={
            "k": int(probe.k),
            "val_scores": {str(k): float(value) for k, value in probe.val_scores.items()},
        },
    )


def _class_scores(
    queries: Tensor, bank: Tensor, labels: Tensor, ks: list[int], num_classes: int, temperature: float
) -> dict[int, np.ndarray]:
    """Scores float32 [N, C] of unit-length ``queries`` for each of the ascending ``ks``.

    One search with the largest k serves all; votes accumulate from one k to the next.
    """
    scores = {k: np.empty((len(queries), num_classes), dtype=np.float32) for k in ks}
    rows = max(1, BLOCK // (len(bank) + ks[-1] * num_classes))
    for start in range(0, len(queries), rows):
        similarity, neighbours = (queries[start : start + rows] @ bank.T).topk(ks[-1])
        # Relative to the nearest neighbour: cancels below and avoids overflow at any temperature. In float64,
        # so that unanimous neighbours give a score of exactly 1 and such samples stay tied.
        weights = ((similarity - similarity[:, :1]).double() / temperature).exp()
        votes = weights.new_zeros(len(weights), num_classes)
        for lower, upper in pairwise([0, *ks]):
            _add_votes(votes, weights[:, lower:upper], labels[neighbours[:, lower:upper]])
            total = weights[:, :upper].sum(dim=1, keepdim=True)
            scores[upper][start : start + rows] = (votes / total).cpu().numpy()
    return scores


def _add_votes(votes: Tensor, weights: Tensor, labels: Tensor) -> None:
    """Add the neighbours' ``weights`` [N, k] to ``votes`` [N, C] at their ``labels`` [N, k] or [N, k, C]."""
    if labels.ndim == 2:
        votes.scatter_add_(1, labels.long(), weights)
    else:
        votes += torch.einsum("nk,nkc->nc", weights, labels.to(weights.dtype))
