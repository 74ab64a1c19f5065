"""Segmentation: UPerNet, the backbone trained too (Ericsson et al. 2021, section 4.4)."""

from functools import partial
from pathlib import Path

from transferscope.datasets.dense import DenseSamples
from transferscope.protocols.dense import classes
from transferscope.protocols.dense.resizing import Sizes, pillow, resized
from transferscope.protocols.dense.tasks import DenseTask, Sgd
from transferscope.protocols.openmmlab.backbone import STRIDES
from transferscope.protocols.openmmlab.segmentors import upernet


def task(
    samples: DenseSamples,
    backbone: str | Path,
    *,
    seed: int,
    iterations: int,
    channels: int,
    batch_size: int,
    train_scales: list[int],
    test_scales: list[int],
    longest_side: int,
    **sgd: float,
) -> DenseTask:
    """The task on ``samples`` of classes.

    Args:
        backbone: a canonical file.
        seed: nothing here is drawn.
        channels: of UPerNet's layers.
        train_scales, test_scales, longest_side: as of ``Sizes``.
        sgd: the other settings of ``Sgd``.
    """
    count = len(samples.class_names)
    network = upernet(backbone, classes=count, channels=channels)
    pictures = resized(
        samples,
        samples.target,
        network.backbone.metadata,
        Sizes(train_scales, test_scales, longest_side, multiple=STRIDES[-1], label_stride=STRIDES[0]),
        batch_size=batch_size,
        flip=True,
        resize=pillow,
    )
    return DenseTask(
        samples=samples,
        network=network,
        pictures=pictures,
        decode=classes.most_likely,
        score=partial(classes.ClassesScore, count),
        baseline=classes.most_common(samples),
        optimisation=Sgd(steps=iterations, batch_size=batch_size, **sgd),
        mode="finetune",
        kind="classes",
    )
