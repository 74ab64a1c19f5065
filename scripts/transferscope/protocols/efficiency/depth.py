"""The depth of every cell of a network's map with few labels (Newell and Deng, CVPR 2020; tasks/depth.py)."""

from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from transferscope.datasets import load_dense
from transferscope.features.memory import load_labels
from transferscope.protocols.efficiency.tasks import Task, cells
from transferscope.results.run import measurements
from transferscope.training.augment import Augmentation

LEAST = 0.01
"""What a predicted depth is at least in a test: with a negative one both of its ratios would be negative, and
less than any bound."""
NEAR, NEARER = 1.25, 1.1


def task(root: str | Path, *, facts: dict, size: int, depth_loss: str, **others) -> Task:
    """The depths of a dataset's pixels, in its own unit; 0 where there is none.

    Args:
        facts: of the dataset, as for ``load_dense``.
        size: of the pictures, pixels a side.
        depth_loss: of the difference, ``absolute`` or ``squared``.
    """
    samples = load_dense("depth", root, **facts)
    return Task(
        read=samples.read,
        splits=samples.splits,
        targets=partial(load_labels, samples.target, size=size),
        outputs=1,
        maps=True,
        augment=Augmentation(crop=False, cutout=False),
        loss=partial(loss, power={"absolute": 1, "squared": 2}[depth_loss]),
        measure=scores,
    )


def loss(outputs: Tensor, target: Tensor, flipped: Tensor, *, power: int) -> Tensor:
    """Mean of the difference to the ``power``, over all cells."""
    return (outputs[:, 0] - _filled(target, outputs)).abs().pow(power).mean()


def scores(outputs: Tensor, target: Tensor) -> list[dict]:
    """Shares of cells within a factor of 1.25 and of 1.1, in percent, and the RMSE."""
    truth, predicted = _filled(target, outputs), outputs[:, 0].clamp(min=LEAST)
    ratio = torch.maximum(predicted / truth, truth / predicted)
    return measurements(
        {
            "within_1.25": 100 * (ratio < NEAR).double().mean().item(),
            "within_1.1": 100 * (ratio < NEARER).double().mean().item(),
            "depth_rmse": (predicted - truth).double().square().mean().sqrt().item(),
        }
    )


def _filled(target: Tensor, outputs: Tensor) -> Tensor:
    """The depth of each cell; where there is none, the greatest of all, which is that of the background."""
    depth = cells(target, *outputs.shape[2:])
    return torch.where(depth > 0, depth, depth.max())
