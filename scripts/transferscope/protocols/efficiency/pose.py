"""How an object leans, in five directions, with few labels (Newell and Deng, CVPR 2020; util/helper.py)."""

from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from transferscope.datasets import load_task
from transferscope.errors import InputError
from transferscope.protocols.efficiency.tasks import Task
from transferscope.results.run import measure
from transferscope.training.augment import Augmentation

MIRRORED = (0, 3, 2, 1, 4)
"""What each pose is in the mirror: upright, left, away, right, towards the viewer."""


def task(root: str | Path, *, facts: dict, seed: int, pose_flip: str, **others) -> Task:
    """The poses of a dataset.

    Args:
        facts: of the dataset, as for ``load_task``.
        seed: of the intervals.
        pose_flip: ``swap``: a mirrored picture has the mirrored pose; ``as_released``: it keeps its own, a
            mistake of the authors' code; ``none``: no picture is mirrored.

    Raises:
        InputError: the dataset has other poses than these five.
    """
    samples = load_task("pose", root, **facts)
    if len(samples.class_names) != len(MIRRORED):
        raise InputError(
            f"{facts['dataset']} has {len(samples.class_names)} poses, where mirrored pictures ask for "
            f"{len(MIRRORED)}; correct what its loader returns"
        )
    labels = torch.from_numpy(samples.labels)
    return Task(
        read=samples.read,
        splits=samples.splits,
        targets=lambda indices: labels[indices],
        outputs=len(MIRRORED),
        maps=False,
        augment=Augmentation(flip=pose_flip != "none"),
        loss=partial(loss, swap=pose_flip == "swap"),
        measure=partial(scores, seed=seed),
    )


def loss(outputs: Tensor, labels: Tensor, flipped: Tensor, *, swap: bool) -> Tensor:
    """Cross-entropy, of mirrored pictures with the mirrored pose where ``swap``."""
    if swap:
        mirrored = torch.tensor(MIRRORED, device=labels.device)[labels]
        labels = torch.where(flipped, mirrored, labels)
    return nn.functional.cross_entropy(outputs, labels)


def scores(outputs: Tensor, labels: Tensor, *, seed: int) -> list[dict]:
    """Accuracy with its interval."""
    return [measure("accuracy", outputs.numpy(), labels.numpy(), seed=seed, computed="top1")]
