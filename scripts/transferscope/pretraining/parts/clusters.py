"""Clusters of features, as DeepCluster makes them (Caron et al., ECCV 2018, section 3, and their code).

Their code clusters by the package faiss; what matters of its k-means is said at the functions.
"""

import torch
from torch import Tensor

SMALLEST = 1e-6  # variance of a component, over the largest, below which it is rounding
SCORES = 2**26  # of points and centres that are held at once
APART = 1 / 1024  # by which two centres are moved apart, of their values


def whiten(features: Tensor, width: int) -> Tensor:
    """Principal components, each of mean 0 and variance 1.

    Components of a variance that is mere rounding are 0.

    Args:
        features: float32 [N, D].
        width: at most so many components.

    Returns:
        float32 [N, min(width, D)], the largest variance first.
    """
    mean = features.mean(0, dtype=torch.float64)
    covariance = torch.zeros(len(mean), len(mean), dtype=torch.float64, device=features.device)
    for part in features.split(SCORES // len(mean) + 1):
        centred = part - mean
        covariance += centred.T @ centred / len(features)
    variances, axes = torch.linalg.eigh(covariance)
    variances, axes = variances.flip(0)[:width], axes.flip(1)[:, :width]
    known = variances > SMALLEST * variances[0]
    axes = axes * torch.where(known, variances, torch.inf).rsqrt()
    return (features - mean.float()) @ axes.float()


def k_means(points: Tensor, clusters: int, *, iterations: int = 20) -> Tensor:
    """Lloyd's algorithm from random points (faiss, Clustering.cpp).

    A cluster without a point takes a copy of the centre of another one, the two moved apart a little; the
    other one is drawn, the more probably the more points it has. Some may be empty in the end all the same.

    Args:
        points: float32 [N, D], at least as many as clusters.

    Returns:
        The cluster of each point, int64 [N].
    """
    start = torch.randperm(len(points))[:clusters]
    centres = points[start.to(points.device)]
    for _ in range(iterations):
        labels = nearest(points, centres)
        counts = torch.bincount(labels, minlength=clusters)
        sums = torch.zeros_like(centres).index_add_(0, labels, points)
        centres = _split(sums / counts.clamp(min=1)[:, None], counts.tolist())
    return nearest(points, centres)


def nearest(points: Tensor, centres: Tensor) -> Tensor:
    """The centre that is nearest to each point, int64 [N]."""
    halves = centres.square().sum(1) / 2
    parts = points.split(SCORES // len(centres) + 1)
    return torch.cat([(part @ centres.T - halves).argmax(1) for part in parts])


def _split(centres: Tensor, counts: list[int]) -> Tensor:
    """Centres of which none is of an empty cluster, given how many points each has."""
    apart = torch.full_like(centres[0], APART)
    apart[1::2] *= -1
    for empty in [cluster for cluster, count in enumerate(counts) if not count]:
        weights = torch.tensor(counts, dtype=torch.float64).sub(1).clamp(min=0)
        full = int(torch.multinomial(weights, 1))
        centres[empty], centres[full] = centres[full] * (1 + apart), centres[full] * (1 - apart)
        counts[empty] = counts[full] // 2
        counts[full] -= counts[empty]
    return centres


def balanced(labels: Tensor, count: int) -> Tensor:
    """Points in random order, of which every cluster that is not empty has as many (UnifLabelSampler).

    A cluster with too few gives some more than once.

    Args:
        labels: int64 [N].
        count: of the points that are drawn.

    Returns:
        Their indices, int64 [count].
    """
    sizes = labels.bincount()
    members = [part for part in labels.argsort(stable=True).split(sizes.tolist()) if len(part)]
    each = count // len(members) + 1
    drawn = torch.cat(
        [
            part[torch.randperm(len(part))[:each] if len(part) > each else torch.randint(len(part), (each,))]
            for part in members
        ]
    )
    return drawn[torch.randperm(len(drawn))[:count]]
