"""A made-up dense protocol, as somebody would add it: does a pixel show an object?"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from transferscope.datasets.dense import DenseSamples
from transferscope.protocols.dense import classes
from transferscope.protocols.dense.resizing import Sizes, pillow, resized
from transferscope.protocols.dense.tasks import DenseTask, Sgd
from transferscope.protocols.openmmlab.segmentors import pspnet


def task(
    samples: DenseSamples,
    backbone: str | Path,
    *,
    seed: int,
    iterations: int,
    size: int,
    channels: int,
    batch_size: int,
    **sgd: float,
) -> DenseTask:
    """The task on ``samples`` of classes; class 0 is the background."""
    samples = replace(samples, target=_Foreground(samples.target), class_names=["background", "object"])
    network = pspnet(backbone, outputs=2, head="PSPHead", channels=channels)
    sizes = Sizes([size], [size], longest_side=2 * size, multiple=8, label_stride=8)
    pictures = resized(
        samples,
        samples.target,
        network.backbone.metadata,
        sizes,
        batch_size=batch_size,
        flip=True,
        resize=pillow,
    )
    return DenseTask(
        samples=samples,
        network=network,
        pictures=pictures,
        decode=classes.most_likely,
        score=_Score,
        baseline=classes.most_common(samples),
        optimisation=Sgd(steps=iterations, batch_size=batch_size, **sgd),
        mode="frozen",
        kind="classes",
    )


@dataclass(frozen=True)
class _Foreground:
    classes: Callable[[int], np.ndarray]

    def __call__(self, index: int) -> np.ndarray:
        return (self.classes(index) > 0).astype(np.uint8)


class _Score:
    def __init__(self):
        self.intersection = self.union = 0

    def add(self, predicted: np.ndarray, truth: np.ndarray) -> None:
        self.intersection += np.count_nonzero(predicted & truth)
        self.union += np.count_nonzero(predicted | truth)

    def metrics(self) -> dict[str, float]:
        return {"foreground_iou": 100 * self.intersection / self.union}
