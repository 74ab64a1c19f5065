"""Recognition with few labels: cross-entropy on the pooled feature (Newell and Deng, CVPR 2020)."""

from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from transferscope.datasets import load_dataset
from transferscope.protocols.efficiency.tasks import Task
from transferscope.results.run import measure
from transferscope.training.augment import Augmentation


def task(root: str | Path, *, facts: dict, seed: int, metric: str, **others) -> Task:
    """The classes of a dataset, one a picture or several.

    Args:
        facts: of the dataset, as for ``load_dataset``.
        seed: of the split, where it is drawn, and of the intervals.
        metric: the dataset's own.
    """
    samples = load_dataset(root=root, **facts, seed=seed)
    labels = torch.from_numpy(samples.labels)
    return Task(
        read=samples.read,
        splits=samples.splits,
        targets=lambda indices: labels[indices],
        outputs=len(samples.class_names),
        maps=False,
        augment=Augmentation(),
        loss=loss,
        measure=partial(scores, metric=metric, seed=seed),
    )


def loss(outputs: Tensor, labels: Tensor, flipped: Tensor) -> Tensor:
    """Cross-entropy; with several labels a picture, uint8 [B, C], one binary cross-entropy a class."""
    if labels.ndim == 2:
        return nn.functional.binary_cross_entropy_with_logits(outputs, labels.float())
    return nn.functional.cross_entropy(outputs, labels)


def scores(outputs: Tensor, labels: Tensor, *, metric: str, seed: int) -> list[dict]:
    """The metric with its interval."""
    return [measure(metric, outputs.numpy(), labels.numpy(), seed=seed)]
