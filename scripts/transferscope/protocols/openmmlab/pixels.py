"""Training a segmentor, and what it says of the test pictures, one at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from mmcv.transforms import Compose, RandomFlip, RandomResize
from mmseg.datasets.transforms import PhotoMetricDistortion, RandomCrop
from mmseg.evaluation import IoUMetric
from torch import Tensor, nn
from torch.optim import SGD
from torch.optim.lr_scheduler import PolynomialLR

from transferscope.datasets.dense import DenseSamples
from transferscope.features.images import to_uint8
from transferscope.models.backbones import Metadata
from transferscope.protocols.dense.normals import IGNORED, AngularErrors, angles, encode
from transferscope.protocols.openmmlab.segmentors import SegmentorLoss, predict
from transferscope.results import examples
from transferscope.training.loop import Trained, train
from transferscope.training.resume import Resume
from transferscope.training.stream import Stream, batches


@dataclass(frozen=True, eq=False)
class NormalsDraw:
    """A sample's index to its picture, uint8 [3, H, W], and what is learned of it, without augmentation.

    With a ``codebook`` [codes, 3] that is the nearest direction, uint8 [H, W], else the normal itself,
    float32 [3, H, W].
    """

    samples: DenseSamples
    codebook: np.ndarray | None

    def __call__(self, index: int) -> tuple[Tensor, Tensor]:
        target = self.samples.target(index)
        target = target.transpose(2, 0, 1) if self.codebook is None else encode(target, self.codebook)
        return to_uint8(self.samples.read(index)), torch.from_numpy(np.ascontiguousarray(target))


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


class NormalsScore:
    """Angular errors of predicted normals float32 [H, W, 3]."""

    def __init__(self):
        self.errors = AngularErrors()

    def add(self, predicted: np.ndarray, truth: np.ndarray) -> None:
        self.errors.add(angles(predicted, truth))

    def metrics(self) -> dict[str, float]:
        """See ``AngularErrors.metrics``."""
        return self.errors.metrics()


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


@dataclass(frozen=True)
class Outcome:
    """What a training came to: metrics of the test split, and the same for the trivial prediction."""

    trained: Trained
    metrics: dict[str, float]
    trivial: dict[str, float]
    examples: list[examples.Example]


def train_and_test(
    network: nn.Module,
    samples: DenseSamples,
    draw: Callable[[int], tuple[Tensor, Tensor]],
    metadata: Metadata,
    *,
    decode: Callable[[Tensor], Tensor],
    score: Callable[[], NormalsScore | ClassesScore],
    trivial: np.ndarray,
    steps: int,
    settings: dict,
    seed: int,
    device: str,
    workers: int,
    resume: Resume,
    checkpoint_steps: int,
) -> Outcome:
    """Train by SGD, its learning rate falling to zero as a power of what is left, and test.

    Args:
        draw: a training sample's index to its picture, uint8 [3, H, W], and its target.
        decode: the network's outputs [1, outputs, H, W] to the prediction [H, W] or [H, W, 3].
        score: makes an empty score.
        trivial: one pixel's prediction by whom all pixels look alike.
        settings: ``batch_size``, ``learning_rate``, ``power``, ``momentum`` and ``weight_decay``.
    """
    stream = Stream(np.flatnonzero(samples.splits == "train"), draw, seed=seed)
    trained = train(
        network,
        lambda start: batches(
            stream,
            batch_size=settings["batch_size"],
            start=start,
            stop=steps,
            workers=workers,
            pin_memory=device == "cuda",
        ),
        SegmentorLoss(metadata.mean, metadata.std),
        steps=steps,
        optimiser=partial(
            SGD,
            lr=settings["learning_rate"],
            momentum=settings["momentum"],
            weight_decay=settings["weight_decay"],
        ),
        schedule=partial(PolynomialLR, total_iters=steps, power=settings["power"]),
        device=device,
        seed=seed,
        state=resume.training,
        save=resume.save_training,
        checkpoint_steps=checkpoint_steps,
    )
    learned, alike, kept = score(), score(), []
    with torch.inference_mode(), torch.autocast(device, dtype=torch.float16, enabled=device == "cuda"):
        tested = np.flatnonzero(samples.splits == "test").tolist()
        shown = examples.draw(tested, examples.COUNT)
        for index in tested:
            picture, truth = samples.read(index), samples.target(index)
            pixels = to_uint8(picture)[None].to(device)
            predicted = decode(predict(trained.network, pixels, metadata.mean, metadata.std)).cpu().numpy()
            learned.add(predicted, truth)
            alike.add(np.broadcast_to(trivial, truth.shape), truth)
            if index in shown:
                kept.append((samples.ids[index], np.asarray(picture), truth, predicted))
    return Outcome(trained, learned.metrics(), alike.metrics(), kept)
