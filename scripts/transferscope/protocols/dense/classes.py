"""Parts of tasks with a class for every pixel: training crops, predictions, overlap with the truth."""

from dataclasses import dataclass

import numpy as np
import torch
from mmcv.transforms import Compose, RandomFlip, RandomResize
from mmseg.datasets.transforms import PhotoMetricDistortion, RandomCrop
from mmseg.evaluation import IoUMetric
from torch import Tensor, nn

from transferscope.datasets.dense import IGNORED, DenseSamples


@dataclass(frozen=True, eq=False)
class ClassesDraw:
    """A sample's index to a crop of its picture, uint8 [3, S, S], and the classes there, uint8 [S, S].

    mmsegmentation's augmentation for ADE20K: scaled by 0.5 to 2, cropped, flipped, its colours jittered.
    """

    samples: DenseSamples
    size: int

    def __call__(self, index: int) -> tuple[Tensor, Tensor]:
        image = np.asarray(self.samples.read(index))[:, :, ::-1]  # the transforms take BGR
        augment = Compose(
            [
                RandomResize((4 * self.size, self.size), ratio_range=(0.5, 2.0), keep_ratio=True),
                RandomCrop((self.size, self.size), cat_max_ratio=0.75),
                RandomFlip(prob=0.5),
                PhotoMetricDistortion(),
            ]
        )
        drawn = augment(
            {
                "img": np.ascontiguousarray(image),
                "gt_seg_map": self.samples.target(index),
                "seg_fields": ["gt_seg_map"],
                "img_shape": image.shape[:2],
                "ori_shape": image.shape[:2],
            }
        )
        picture = torch.from_numpy(drawn["img"][:, :, ::-1].copy()).permute(2, 0, 1)
        classes = torch.from_numpy(np.ascontiguousarray(drawn["gt_seg_map"]))
        margin = (0, self.size - picture.shape[2], 0, self.size - picture.shape[1])
        return nn.functional.pad(picture, margin), nn.functional.pad(classes, margin, value=IGNORED)


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


def most_likely(outputs: Tensor) -> Tensor:
    """The class of each pixel, uint8 [H, W], from logits [1, classes, H, W]."""
    return outputs[0].argmax(0).to(torch.uint8)


def most_common(samples: DenseSamples) -> np.ndarray:
    """The class, uint8, that most pixels of the training pictures have."""
    counts = np.zeros(IGNORED + 1, dtype=np.int64)
    for index in np.flatnonzero(samples.splits == "train"):
        counts += np.bincount(samples.target(index).ravel(), minlength=len(counts))
    return counts[:IGNORED].argmax().astype(np.uint8)
