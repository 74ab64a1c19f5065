"""Parts of tasks with a class for every pixel: predictions, overlap with the truth."""

from collections.abc import Iterable

import numpy as np
import torch
from mmseg.evaluation import IoUMetric
from torch import Tensor

from transferscope.datasets.dense import IGNORED, DenseSamples


class ClassesScore:
    """Overlap of predicted classes uint8 [H, W] with the true ones, summed over all pictures."""

    def __init__(self, classes: int):
        self.classes = classes
        self.areas = [torch.zeros(classes, dtype=torch.float64) for _ in range(4)]

    def add(self, predicted: np.ndarray, truth: np.ndarray) -> None:
        found = IoUMetric.intersect_and_union(
            torch.from_numpy(predicted.copy()), torch.from_numpy(truth), self.classes, IGNORED
        )
        self.areas = [total + area for total, area in zip(self.areas, found, strict=True)]

    def metrics(self) -> dict[str, float]:
        """``mean_iou`` over the classes that occur, and ``pixel_accuracy``, both in percent."""
        intersection, union, _, labels = self.areas
        return {
            "mean_iou": 100 * float((intersection / union)[union > 0].mean()),
            "pixel_accuracy": 100 * float(intersection.sum() / labels.sum()),
        }


def most_likely(outputs: Iterable[Tensor]) -> Tensor:
    """The class of each pixel, uint8 [H, W], by the mean probability under logits [1, classes, H, W]."""
    return sum(logits[0].softmax(0) for logits in outputs).argmax(0).to(torch.uint8)


def most_common(samples: DenseSamples) -> np.ndarray:
    """The class, uint8, that most pixels of the training pictures have."""
    counts = np.zeros(IGNORED + 1, dtype=np.int64)
    for index in np.flatnonzero(samples.splits == "train"):
        counts += np.bincount(samples.target(index).ravel(), minlength=len(counts))
    return counts[:IGNORED].argmax().astype(np.uint8)
