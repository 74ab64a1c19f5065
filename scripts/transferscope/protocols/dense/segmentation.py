"""Segmentation: UPerNet, the backbone trained too (Ericsson et al. 2021, section 4.4)."""

from functools import partial
from pathlib import Path

from transferscope.datasets.dense import DenseSamples
from transferscope.protocols.dense import classes
from transferscope.protocols.dense.tasks import DenseTask, Sgd
from transferscope.protocols.openmmlab.segmentors import upernet


def task(
    samples: DenseSamples,
    backbone: str | Path,
    *,
    seed: int,
    iterations: int,
    crop: int,
    channels: int,
    **sgd: float,
) -> DenseTask:
    """The task on ``samples`` of classes.

    Args:
        backbone: a canonical file.
        seed: nothing here is drawn.
        crop: pixels a side of the training pictures.
        channels: of UPerNet's layers.
        sgd: the other settings of ``Sgd``.
    """
    count = len(samples.class_names)
    return DenseTask(
        samples=samples,
        network=upernet(backbone, classes=count, channels=channels),
        draw=classes.ClassesDraw(samples, crop),
        decode=classes.most_likely,
        score=partial(classes.ClassesScore, count),
        baseline=classes.most_common(samples),
        optimisation=Sgd(steps=iterations, **sgd),
        mode="finetune",
        kind="classes",
    )
