"""The class of every cell of a network's map with few labels (Newell and Deng, CVPR 2020)."""

from functools import partial
from pathlib import Path

import numpy as np
from torch import Tensor, nn

from transferscope.datasets import load_dense
from transferscope.datasets.dense import IGNORED
from transferscope.features.memory import load_labels
from transferscope.protocols.efficiency.tasks import Task, cells
from transferscope.results.run import measurements
from transferscope.training.augment import Augmentation


def task(root: str | Path, *, facts: dict, size: int, **others) -> Task:
    """The classes of a dataset's pixels.

    Args:
        facts: of the dataset, as for ``load_dense``.
        size: of the pictures, pixels a side.
    """
    samples = load_dense("segmentation", root, **facts)
    return Task(
        read=samples.read,
        splits=samples.splits,
        targets=partial(load_labels, samples.target, size=size),
        outputs=len(samples.class_names),
        maps=True,
        augment=Augmentation(cutout=False),
        loss=loss,
        measure=scores,
    )


def loss(outputs: Tensor, target: Tensor, flipped: Tensor) -> Tensor:
    """Mean cross-entropy over the cells that have a label; of none of them 0."""
    classes = cells(target, *outputs.shape[2:]).long()
    total = nn.functional.cross_entropy(outputs, classes, ignore_index=IGNORED, reduction="sum")
    return total / (classes != IGNORED).sum().clamp(min=1)


def scores(outputs: Tensor, target: Tensor) -> list[dict]:
    """The share of cells that are right, and mean intersection over union, in percent.

    The latter is over the classes that occur in the truth or the prediction; cells without a label count
    nowhere.
    """
    truth = cells(target, *outputs.shape[2:])
    known = (truth != IGNORED).numpy()
    truth, predicted = truth.numpy()[known].astype(np.int64), outputs.argmax(1).numpy()[known]
    count = outputs.shape[1]
    table = np.bincount(truth * count + predicted, minlength=count**2).reshape(count, count)
    right = table.diagonal()
    union = table.sum(0) + table.sum(1) - right
    overlap = (right[union > 0] / union[union > 0]).mean()
    return measurements({"cell_accuracy": 100 * right.sum() / table.sum(), "mean_iou": 100 * overlap})
